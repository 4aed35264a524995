"""A real pgbouncer in front of a PostgreSQL server: Debian's package pgbouncer."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from servers.postgres import LOOPBACK, NOBODY, PATIENCE, Postgres, free_port

REQUIRE_TLS = """
client_tls_sslmode = require
client_tls_cert_file = {0}/crt
client_tls_key_file = {0}/key
"""


class PgBouncer:
    """Pools the connections to a server, one for each database; roles and passwords are the server's.

    With a certificate and its key it requires TLS.
    """

    host = LOOPBACK

    def __init__(self, server: Postgres, mode: str, tls: tuple[Path, Path] | None = None) -> None:
        self.port = free_port()
        self._server = server
        self._mode = mode
        self._tls = tls

    def __enter__(self) -> Self:
        program = shutil.which("pgbouncer")
        if not program:
            raise RuntimeError("pgbouncer is not installed; write for example: apt-get install pgbouncer")
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        users = [f'"{user}" "{password}"' for user, password in self._server._passwords.items()]
        (self._folder / "users").write_text("\n".join(users))
        for name, file in zip(("crt", "key"), self._tls or (), strict=False):
            shutil.copy(file, self._folder / name)
        (self._folder / "ini").write_text(
            f"""
            [databases]
            * = host={self._server.host} port={self._server.port}
            [pgbouncer]
            listen_addr = {self.host}
            listen_port = {self.port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {self._folder}/users
            pool_mode = {self._mode}
            default_pool_size = 1
            server_login_retry = 0.2
            query_wait_timeout = 1
            server_idle_timeout = 1
            """
            + (REQUIRE_TLS.format(self._folder) if self._tls else "")
        )
        unprivileged = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        for path in (self._folder, *self._folder.iterdir()):
            path.chmod(0o700)
            os.chown(path, unprivileged.get("user", -1), -1)
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [program, self._folder / "ini"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            **unprivileged,
        )
        try:
            self._await_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the URL of one of the server's databases, through the pool."""
        return self._server.url(database, user).replace(f":{self._server.port}/", f":{self.port}/")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                raise RuntimeError(f"pgbouncer did not start:\n{self._log.read().decode()}")
            time.sleep(0.02)
