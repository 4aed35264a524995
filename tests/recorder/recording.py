"""What a recipe records with: databases, the tool's processes, a migration that pauses, and fixtures."""

import contextlib
import os
import secrets
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from recorder.fixture import HISTORIES, Fixture, Gate
from recorder.gates import Line, part_way
from servers.gate import GateProcess
from servers.mariadb import MariaDB
from servers.mysql import MySQL
from servers.postgres import Postgres

T = TypeVar("T", str, tuple[str, str])
PATIENCE = 120.0
GATES = 5
"""How many gates look at a database beside a tool that migrates it."""
PAUSE = {
    "postgresql": "SELECT pg_advisory_xact_lock(20261121)",
    "mysql": "DO GET_LOCK('recorder', 120), RELEASE_LOCK('recorder')",
}
"""The statement at which a migration waits for as long as Recording.pause holds its lock. Else it does nothing.

No colon, question mark or percent sign is in it, which tools take for parameters.
"""


@dataclass(frozen=True)
class Database:
    """One database of the server; its URL has a user and password without special characters."""

    name: str
    url: str

    @property
    def parts(self) -> dict[str, str]:
        """Return host, port, user, password and name for tools that want them apart."""
        url = urlsplit(self.url)
        return {
            "host": url.hostname or "",
            "port": str(url.port),
            "user": url.username or "",
            "password": url.password or "",
            "name": self.name,
        }


class Server(Protocol):
    """A database server, as the recorder needs it."""

    kind: str
    version: str

    def create(self, name: str) -> str:
        """Create a database and return a URL for the tool, whose user may do everything in it."""

    def execute(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL, which may be several statements without rows or one with."""

    def hold(self) -> contextlib.AbstractContextManager[Any]:
        """Hold the lock of PAUSE."""

    def waiting(self, database: str) -> bool:
        """Whether a session of this database waits for it."""

    def waits_for_gate(self, database: str) -> list[tuple[Any, ...]]:
        """Return the statements that wait for a lock that a gate holds."""

    def dump(self, database: str, tables: Sequence[str]) -> str:
        """Return SQL that makes these tables as they are, without those that do not exist."""


class PostgresServer(Postgres):
    """PostgreSQL, whose password needs no encoding: tools differ in what they bear."""

    kind = "postgresql"

    def __init__(self) -> None:
        super().__init__(timezone="UTC")
        self.password = self._passwords["postgres"] = secrets.token_hex()

    @property
    def version(self) -> str:
        [(number,)] = self.execute("postgres", "SHOW server_version")
        return f"PostgreSQL {number.split()[0]}"

    def create(self, name: str) -> str:
        return f"{self.create_database(name)}?sslmode=disable"

    def execute(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        # An advisory lock belongs to one database; the tool's is not known yet, so each gets one.
        names = [name for (name,) in self.execute("postgres", "SELECT datname FROM pg_database WHERE datallowconn")]
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(self.connect(name)).execute(PAUSE["postgresql"].replace("_xact", ""))
            yield

    def waiting(self, database: str) -> bool:
        return bool(self.execute(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    def waits_for_gate(self, database: str) -> list[tuple[Any, ...]]:
        return self.execute(
            database,
            "SELECT a.query FROM pg_stat_activity a, pg_stat_activity g WHERE a.wait_event_type = 'Lock' "
            "AND g.application_name = 'gatekeeper' AND g.pid = ANY (pg_blocking_pids(a.pid))",
        )

    def dump(self, database: str, tables: Sequence[str]) -> str:
        text = ""
        for table in tables:
            schema, _, name = table.rpartition(".")
            query = f"SELECT 1 FROM pg_tables WHERE schemaname = '{schema or 'public'}' AND tablename = '{name}'"
            if self.execute(database, query):
                pattern = ".".join(f'"{part}"' for part in table.split("."))
                if "." in table and not text:  # pg_dump --table leaves it out
                    text = f'CREATE SCHEMA IF NOT EXISTS "{table.partition(".")[0]}";\n'
                text += self._dump(database, "--table", pattern)
        return text

    def _dump(self, database: str, *options: str) -> str:
        command = [self._programs / "pg_dump", "--no-owner", "--no-privileges", "--no-comments", "--inserts"]
        command += ["--dbname", database]
        done = subprocess.run(
            [*command, *options],
            env={**self.environment(database), "PGTZ": "UTC"},
            capture_output=True,
            text=True,
            check=True,
        )
        noise = ("--", "SET ", "SELECT pg_catalog.set_config", "\\")
        lines = [line for line in done.stdout.splitlines() if line and not line.startswith(noise)]
        return "".join(f"{line}\n" for line in lines)


class MariaDBServer(MariaDB):
    """MariaDB, whose password needs no encoding: tools differ in what they bear."""

    kind = "mariadb"
    dump_command: Sequence[str | Path] = ("mariadb-dump", "--no-defaults")

    def __init__(self) -> None:
        super().__init__(**{"default-time-zone": "+00:00", "character-set-server": "utf8mb4"})
        self.password = self._passwords["root"] = secrets.token_hex()

    @property
    def version(self) -> str:
        [(number,)] = super().execute("SELECT version()")
        return f"{self.name} {number.split('-')[0]}"

    def create(self, name: str) -> str:
        return self.create_database(name)

    def execute(self, database: str, sql: str) -> list[tuple[Any, ...]]:  # type: ignore[override]
        return list(super().execute(sql, database=database))

    def create_database(self, name: str) -> str:
        super().execute(f"CREATE DATABASE `{name}`")
        return self.url(name)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK('recorder', 0)")
            yield

    def waiting(self, database: str) -> bool:
        return bool(
            super().execute(
                "SELECT 1 FROM information_schema.processlist WHERE db = %s AND state = 'User lock'", database
            )
        )

    def waits_for_gate(self, database: str) -> list[tuple[Any, ...]]:
        # Whose lock it is cannot be seen; a tool alone in its database waits for nobody else's. A SELECT that waits is
        # a gate's own, or behind a statement of the tool's: what a gate holds lets every other reader pass.
        query = "SELECT info FROM information_schema.processlist WHERE db = %s AND state LIKE 'Waiting for %%lock'"
        return [row for row in super().execute(query, database) if not row[0].lstrip().upper().startswith("SELECT")]

    def dump(self, database: str, tables: Sequence[str]) -> str:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        there = {name for (name,) in super().execute(query, database)}
        kept = [table for table in tables if table in there]
        if not kept:
            return ""
        command = [*self.dump_command, "--compact", "--skip-extended-insert", "--single-transaction"]
        command += ["--hex-blob", f"--host={self.host}", f"--port={self.port}", "--user=root", database, *kept]
        environment = {**os.environ, "MYSQL_PWD": self.password}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return "".join(f"{line}\n" for line in done.stdout.splitlines() if line and not line.startswith("/*"))


class MySQLServer(MariaDBServer, MySQL):
    """MySQL, likewise."""

    kind = "mysql"

    @property
    def dump_command(self) -> Sequence[str | Path]:  # type: ignore[override]
        return [*self.program("bin/mysqldump"), "--no-defaults", "--set-gtid-purged=OFF"]


@dataclass
class Recording:
    """One tool on one server."""

    tool: str
    tables: Sequence[str]
    server: Server
    cache: Path
    """Where the tool is installed; kept from run to run."""
    version: str = ""
    """The tool's version; the recipe sets it."""
    watched: bool = True
    """Whether a gate is held while the tool migrates."""
    options: str = ""
    """What every gate needs beside, such as a --table; the recipe sets it."""
    clean: Callable[[str], str] = str
    """Takes host names and the like out of a dump; the recipe sets it."""
    beside: str = ""
    """While an older release runs, a pattern of what differs from run to run: see Fixture.beside."""
    databases: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Return "postgresql", "mariadb" or "mysql"."""
        return self.server.kind

    @property
    def dialect(self) -> str:
        """Return "postgresql" or "mysql", which most tools take MariaDB for."""
        return "postgresql" if self.kind == "postgresql" else "mysql"

    @property
    def pause_statement(self) -> str:
        """Return the SQL statement, without a semicolon, at which a migration waits while `paused`."""
        return PAUSE[self.dialect]

    @property
    def fixtures(self) -> Path:
        """Return the tool's folder of fixtures, where its migrations directory may be kept too."""
        return HISTORIES / self.tool

    def write_migrations(self, files: Mapping[str, str], directory: str = "migrations") -> None:
        """Write a directory of the fixtures: path in it -> text, without anything that pauses."""
        write(self.fixtures / directory, files)

    def database(self) -> Database:
        """Create a database."""
        # Always of the same length and shape: some tools make a lock's key of it.
        name = f"app_{len(self.databases):02}_{secrets.token_hex(2)}"
        self.databases.append(name)
        return Database(name, self.server.create(name))

    def query(self, database: Database, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL as the administrator."""
        return self.server.execute(database.name, sql)

    def start(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start the tool."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        command: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        fails: bool = False,
    ) -> str:
        """Run the tool to its end, which is to be a failure or not, and return what it printed."""
        return self.ended(self.start(command, folder, environment), fails=fails)

    def after(
        self, start: Callable[..., subprocess.Popen[str]], *args: Any, fails: bool = False, **options: Any
    ) -> Database:
        """Return a new database on which the tool, started by `start(database, ...)`, was run to its end."""
        database = self.database()
        self.ended(start(database, *args, **options), fails=fails)
        return database

    @staticmethod
    def ended(process: subprocess.Popen[str], *, fails: bool = False) -> str:
        """Wait for a process that was started, and return what it printed."""
        output, _ = process.communicate(timeout=900)
        if bool(process.returncode) is not fails:
            raise RuntimeError(f"{process.args} ended with {process.returncode}:\n{output}")
        return output

    @contextlib.contextmanager
    def paused(self, database: Database, start: Callable[[], subprocess.Popen[str]]) -> Iterator[subprocess.Popen[str]]:
        """Start the tool and yield when a migration of it waits at the pause statement; then it may go on."""
        with self.server.hold():
            process = start()
            try:
                self._await_pause(database, process)
                yield process
            except BaseException:
                process.kill()
                raise

    def _await_pause(self, database: Database, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.server.waiting(database.name):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"it never paused:\n{process.communicate()[0]}")
            time.sleep(0.05)

    def watch(
        self,
        database: Database,
        gate: str,
        start: Callable[[], subprocess.Popen[str]],
        is_done: Callable[[], bool],
        seconds: float = 3,
    ) -> float:
        """Hold a gate while the tool migrates, its last migration paused for some seconds.

        `is_done` asks the tool's own status command whether all is applied. Returns for how long the gate held on
        after the tool had ended. Raises AssertionError if the gate opened before that command said so.
        """
        argv = ["schema", "--tool", self.tool, *shlex.split(gate), *self.options.split(), "--timeout", "60s"]
        with GateProcess(*argv, environment={"DATABASE_URL": database.url}) as held:
            held.until("waiting:")
            with self.paused(database, start) as process:
                time.sleep(seconds)
                assert " opened:" not in held.log, held.log
                assert not is_done(), "the tool says that it is done while its last migration waits"
            self.ended(process)
            ended = time.monotonic()
            assert is_done(), "the tool has ended, and says that it is not done"
            opened = held.until(" opened:", 15)
            assert held.end() == 0
        return opened.at - ended

    def story(
        self,
        revisions: tuple[str, str, str],
        migrate: Callable[[Database, int], subprocess.Popen[str]],
        is_done: Callable[[Database], bool],
        normal: tuple[str, str, str] | None = None,
        *,
        options: str = "",
        has_files: bool = True,
    ) -> Database:
        """Record what every tool goes through, on three migrations of which the last waits while paused.

        `revisions` are as a user writes them, `normal` as the gate tells them, where that differs. `migrate` starts the
        tool so that it applies the first so many migrations; `is_done` asks the tool itself whether all three are
        applied. The directory `migrations` of the fixtures holds the three, unless the tool has no files. `options` go
        to each gate. Returns the database, all applied.
        """
        _, second, third = (f"{revision} {options}".strip() for revision in revisions)
        _, has, awaited = normal or revisions
        listed = f"--migrations migrations {options}".strip()
        database = self.database()
        self.save(
            "before", "nothing has run", database, (f"--revision {third}", "timed out", "there is no history table")
        )
        self.ended(migrate(database, 2))
        self.save(
            "part-way",
            "two of three migrations are applied",
            database,
            (f"--revision {second}", "opened", f"has {has} applied"),
            (f"--revision {third}", "timed out", f"awaiting {awaited}"),
            *([(listed, "timed out", "awaiting ")] if has_files else []),
        )
        with self.paused(database, lambda: migrate(database, 3)) as process:
            self.save(
                "running",
                "the last of three migrations is running",
                database,
                (f"--revision {third}", "timed out", ""),
                *([(listed, "timed out", "")] if has_files else []),
            )
        self.ended(process)
        self.save(
            "done",
            "all three migrations are applied",
            database,
            (f"--revision {third}", "opened", f"has {awaited} applied"),
            (f"--revision {second} --revision {third}", "opened", ""),
            *([(listed, "opened", "")] if has_files else []),
        )
        if self.watched:
            another = self.database()
            late = self.watch(another, f"--revision {third}", lambda: migrate(another, 3), lambda: is_done(another))
            alone, beside = self.race(migrate, f"--revision {third}")
            print(
                f"{self.tool}: on {self.kind} a gate opened {late:.1f} s after the tool had ended, "
                f"which took {alone:.2f} s alone and {beside:.2f} s beside {GATES} gates",
                flush=True,
            )
        return database

    def race(self, migrate: Callable[[Database, int], subprocess.Popen[str]], gate: str) -> tuple[float, float]:
        """Return the seconds that the tool takes alone, and beside gates, for none of which it ever waits."""
        databases = self.database(), self.database()
        seconds = []
        for database, gates in zip(databases, (0, GATES), strict=True):
            argv = ["schema", "--tool", self.tool, *shlex.split(gate), "--timeout", "60s"]
            with contextlib.ExitStack() as stack:
                held = [
                    stack.enter_context(GateProcess(*argv, environment={"DATABASE_URL": database.url}))
                    for _ in range(gates)
                ]
                for each in held:
                    each.until("waiting:")
                began = time.monotonic()
                process = migrate(database, 3)
                while process.poll() is None:
                    waits = self.server.waits_for_gate(database.name)
                    assert not waits, f"the tool waits for a gate: {waits}"
                    time.sleep(0.01)
                seconds.append(time.monotonic() - began)
                self.ended(process)
                assert [each.end() for each in held] == [0] * gates
        return seconds[0], seconds[1]

    def save(self, scenario: str, what: str, database: Database, *gates: Line, how: str = "run") -> None:
        """Write a fixture of what is in the database now. Each gate is (arguments, outcome, part of the reason)."""
        sql = self.server.dump(database.name, self.tables)
        if self.dialect == "mysql":  # no fixture depends on the name of its database
            sql = sql.replace(database.name, "app")
        sql = self.clean(sql)
        versions = f"{self.tool} {self.version} on {self.server.version}"
        lines = tuple(Gate(f"{args} {self.options}".strip(), outcome, reason) for args, outcome, reason in gates)
        fixture = Fixture(self.tool, self.kind, scenario, versions, how, what, lines, sql)
        (fixture.beside(self.version, self.beside) if self.beside else fixture).write()
        print(f"{self.tool}: {self.kind}-{scenario}", flush=True)

    def save_rolled_back(
        self, database: Database, second: str, third: str, how: str = "rolled back", directory: str = "migrations"
    ) -> None:
        """Save where the last of three migrations was taken back."""
        what = f"all three were applied, then the last was {how}"
        self.save("rolled-back", what, database, *part_way(second, third, directory))

    def save_failed(self, database: Database, trace: str, *gates: Line) -> None:
        """Save where the last of three migrations has failed; `trace` tells in words what that has left."""
        self.save("failed", f"the last of three migrations has failed, {trace}", database, *gates)

    def first(self, files: Mapping[str, T], count: int) -> dict[str, T]:
        """Return the first so many of three migrations, each SQL, or SQL up and down; the third pauses."""
        chosen = dict(list(files.items())[:count])
        if count == 3:
            name, sql = list(chosen.items())[2]
            pause = f"{self.pause_statement};\n"
            chosen[name] = pause + sql if isinstance(sql, str) else (pause + sql[0], *sql[1:])
        return chosen


@dataclass
class Tool:
    """A tool as it is run on the databases of a recording, each time with the files of a new folder."""

    recording: Recording
    folder: Path
    program: Sequence[str | Path]
    """The command that it is started by, without its own arguments."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start it."""
        raise NotImplementedError

    def run(self, database: Database, files: Mapping[str, str], *args: str, fails: bool = False) -> str:
        """Run it to its end."""
        return self.recording.ended(self.start(database, files, *args), fails=fails)

    def database(self, files: Mapping[str, str], *args: str, fails: bool = False) -> Database:
        """Return a new database on which this was run."""
        return self.recording.after(self.start, files, *args, fails=fails)

    def project(self, files: Mapping[str, str]) -> Path:
        """Write files into a new folder, and return it."""
        return write_new(self.folder, files)


def servers(kinds: Sequence[str]) -> Iterator[Server]:
    """Yield the servers of these kinds, one after the other."""
    for server in (PostgresServer, MariaDBServer, MySQLServer):
        if server.kind in kinds:
            with server() as running:
                yield running


def cache_folder(tool: str) -> Path:
    """Return where a tool is installed."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "gatekeeper" / "tools" / tool
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty folder."""
    with tempfile.TemporaryDirectory(prefix="recorder-") as folder:
        yield Path(folder)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, path below the folder -> text, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def write_new(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files into a new folder below this one, and return it."""
    return write(Path(tempfile.mkdtemp(dir=folder)), files)


def with_semicolon(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of migrations that are one statement each."""
    return {name: f"{sql};\n" for name, sql in files.items()}
