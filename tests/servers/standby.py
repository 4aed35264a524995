"""A hot standby of a PostgreSQL server: a base backup that streams what the primary writes."""

import os
import subprocess

from psycopg.conninfo import make_conninfo

from servers.postgres import NOBODY, Postgres


class Standby(Postgres):
    """Follows a running primary until it is promoted; its roles and passwords are the primary's."""

    def __init__(self, primary: Postgres, **settings: object) -> None:
        super().__init__(**settings)
        self._primary = primary
        self.password = primary.password
        self._passwords = primary._passwords

    def promote(self) -> None:
        """Make it a primary of its own, and wait until it is."""
        with self.connect("postgres") as connection:
            connection.execute("SELECT pg_promote()")

    def _initialise(self) -> None:
        self._programs = self._primary._programs
        passfile = self.socket_directory / "passfile"
        escaped = self.password.replace("\\", "\\\\").replace(":", "\\:")
        passfile.write_text(f"*:*:*:*:{escaped}")
        passfile.chmod(0o600)
        if os.getuid() == 0:
            for path in (self.socket_directory, passfile):
                os.chown(path, NOBODY, NOBODY)
        given = {"host": self._primary.host, "port": self._primary.port, "user": "postgres", "passfile": passfile}
        folder = self.socket_directory / "data"
        backup = ("-D", folder, "-d", make_conninfo(**given), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        with self._popen("pg_basebackup", *backup, stdout=subprocess.PIPE) as run:
            output, _ = run.communicate()
        if run.returncode:
            raise RuntimeError(f"pg_basebackup failed:\n{output.decode()}")
