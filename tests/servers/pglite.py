"""PGlite, a PostgreSQL whose clients share one session: npm's packages, run by Node."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from recorder.packages import npm
from servers.postgres import LOOPBACK, PATIENCE, free_port

PACKAGES = ("@electric-sql/pglite@0.5.14", "@electric-sql/pglite-socket@0.2.17")
MAIN = """
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
const [host, port] = process.argv.slice(2)
await new PGLiteSocketServer({ db: await PGlite.create(), host, port: Number(port), maxConnections: 10 }).start()
"""


class PGlite:
    """A server on a free loopback port, its one database in memory; everybody is its superuser."""

    def __init__(self, folder: Path) -> None:
        npm(folder, *PACKAGES)
        self._main = folder / "main.mjs"
        self._main.write_text(MAIN, encoding="utf-8")
        self.port = free_port()
        self.url = f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres?sslmode=disable"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(["node", self._main.resolve(), LOOPBACK, str(self.port)])
        deadline = time.monotonic() + 4 * PATIENCE  # it makes its data anew, in WebAssembly
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError("PGlite did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0
