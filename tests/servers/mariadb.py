"""A real MariaDB server that leaves nothing behind. Its programs are the system's: Debian's package mariadb-server."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import pymysql

from servers.postgres import NOBODY, PATIENCE, free_port

# Waits until the other end of its standard input is closed, which happens however the test process ends.
KEEPER = """
read -r _
read -r pid < "$0/pid"
while [ -e "$0/pid" ] && kill -KILL "$pid" 2> /dev/null; do sleep 0.1; done
rm -rf "$0"
"""


class Server:
    """A server that somebody runs, and its administrator."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.host, self.port, self.user, self.password = host, port, user, password
        self._passwords = {user: password}

    def url(self, database: str = "mysql", user: str = "", password: str | None = None) -> str:
        """Return the URL of a database, as the administrator or as a user that was created here."""
        user = user or self.user
        secret = self._passwords[user] if password is None else password
        return f"mysql://{quote(user, '')}:{quote(secret, '')}@{self.host}:{self.port}/{quote(database, '')}"

    def connect(self, database: str | None = None, **kwargs: Any) -> pymysql.Connection:
        """Open an autocommit connection as the administrator, or as the keyword arguments say."""
        given = {"user": self.user, "password": self.password, "autocommit": True, **kwargs}
        return pymysql.connect(host=self.host, port=self.port, database=database, **given)

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        self.execute(f"CREATE DATABASE `{name}`")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database."""
        self.execute(f"DROP DATABASE `{name}`")

    def create_user(self, name: str, password: str, *grants: str) -> None:
        """Create a user; each grant is what stands between GRANT and TO."""
        self.execute(f"CREATE USER `{name}`@`%%` IDENTIFIED BY %s", password)
        for grant in grants:
            self.execute(f"GRANT {grant} TO `{name}`@`%`")
        self._passwords[name] = password

    def drop_users(self) -> None:
        """Drop the users created here."""
        for name in set(self._passwords) - {self.user}:
            self.execute(f"DROP USER `{name}`@`%`")
            del self._passwords[name]

    def execute(self, statement: str, *parameters: object, database: str | None = None) -> tuple[Any, ...]:
        """Run one statement as the administrator and return its rows."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()


class MariaDB(Server):
    """A server on a free loopback port and on a unix socket; keyword arguments are MariaDB's own settings."""

    name = "MariaDB"

    def __init__(self, **settings: object) -> None:
        # The password has in it what a URL must encode.
        super().__init__("127.0.0.1", free_port(), "root", secrets.token_urlsafe() + "@:/%")
        self._settings = {
            "skip-name-resolve": 1,
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "32M",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._find()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name.lower()}-"))
        self.log = self.folder / "log"
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, self.folder],
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
        settings += [f"--init-file={self.folder}/init.sql", f"--pid-file={self.folder}/pid"]
        settings += [f"--port={self.port}", f"--bind-address={self.host}", f"--socket={self.folder}/socket"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._server(), f"--datadir={self.folder}/data", *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                **self._unprivileged(),
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server; the data is kept."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)
            (self.folder / "pid").unlink(missing_ok=True)
            self._process = None

    def pause(self) -> None:
        """Make the server fall silent, with its connections open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # else a thread of it may answer once more

    def resume(self) -> None:
        """Let the server go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with contextlib.suppress(pymysql.OperationalError), contextlib.closing(self.connect()):
            return True
        return False

    def _initialise(self) -> None:
        """Make the data directory, owned by the user that runs the server."""
        (self.folder / "init.sql").write_text(
            "DROP USER IF EXISTS root@localhost, root@'127.0.0.1', root@'::1';\n"
            f"CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n"
        )
        (self.folder / "init.sql").chmod(0o600)
        if os.getuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        done = subprocess.run(
            [*self._installer(), f"--datadir={self.folder}/data"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd=self.folder,
            **self._unprivileged(),
        )
        if done.returncode:
            raise RuntimeError(f"{self.name} could not make its data directory:\n{done.stdout.decode()}")

    def _find(self) -> None:
        """See that the programs are there."""
        if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
            raise RuntimeError("MariaDB's server is not installed; write for example: apt-get install mariadb-server")

    def _server(self) -> list[str | Path]:
        """Return the command of the server; it must not read the machine's settings."""
        return ["mariadbd", "--no-defaults"]

    def _installer(self) -> list[str | Path]:
        """Return the command that makes a data directory."""
        return ["mariadb-install-db", "--no-defaults", "--skip-test-db"]

    @staticmethod
    def _unprivileged() -> dict[str, Any]:
        """Return what makes a server program, which should not run as root, run as somebody else."""
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
