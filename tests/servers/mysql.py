"""A real MySQL server that leaves nothing behind.

Its programs are Debian's, of the suite that has MySQL: apt fetches and verifies them with all their libraries, and they
are unpacked beside the system, which is not changed.
"""

import os
import subprocess
import sys
from pathlib import Path

from servers.cache import kept
from servers.mariadb import MariaDB

SUITE = "sid"
PACKAGES = ("mysql-server-core", "mysql-client-core")
SOURCES = """\
Types: deb
URIs: {mirror}
Suites: {suite}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
CONFIGURATION = """\
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Install-Recommends "0";
APT::Sandbox::User "";
Acquire::Languages "none";
"""


class MySQL(MariaDB):
    """A server as MariaDB's is; keyword arguments are MySQL's own settings."""

    name = "MySQL"

    def __init__(self, **settings: object) -> None:
        quick = {
            "innodb-flush-method": "nosync",
            "innodb-redo-log-capacity": "8M",
            "disable-log-bin": 1,
            "mysqlx": "OFF",
        }
        super().__init__(**{"secure-file-priv": "NULL", **quick, **settings})

    def program(self, path: str) -> list[str | Path]:
        """Return the command that runs a program of the packages with their own libraries."""
        [loader] = self._root.glob("usr/lib/*-linux-gnu/ld-linux*.so.?")
        return [loader, "--library-path", loader.parent, self._root / "usr" / path]

    def _find(self) -> None:
        self._root = kept("mysql", _unpack)

    def _server(self) -> list[str | Path]:
        usr = self._root / "usr"
        share = usr / "share/mysql"
        paths = (f"--basedir={usr}", f"--lc-messages-dir={share}", f"--character-sets-dir={share}/charsets")
        return [*self.program("sbin/mysqld"), "--no-defaults", *paths, f"--plugin-dir={usr}/lib/mysql/plugin"]

    def _installer(self) -> list[str | Path]:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return [*self._server(), "--initialize-insecure", *settings]


def _unpack(folder: Path) -> Path:
    """Fetch the packages, and return the folder that they are unpacked into."""
    print(f"fetching {' and '.join(PACKAGES)} from Debian {SUITE}, once: 70 MB", file=sys.stderr, flush=True)
    configuration = folder / "apt.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder))
    for name in ("sources", "lists/partial", "cache/archives/partial", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources/debian.sources").write_text(SOURCES.format(mirror=_mirror(), suite=SUITE))
    environment = os.environ | {"APT_CONFIG": str(configuration)}
    _run("apt-get", "update", "--error-on=any", env=environment)
    _run("apt-get", "install", "--yes", "--download-only", *PACKAGES, env=environment)
    for package in (folder / "cache/archives").glob("*.deb"):
        _run("dpkg-deb", "--extract", package, folder / "root")
    return folder / "root"


def _mirror() -> str:
    """Return where the machine has Debian from."""
    targets = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian")
    if not targets:
        raise RuntimeError(
            "MySQL's server comes from Debian, and apt knows no mirror; write for example: apt-get update"
        )
    return targets.splitlines()[0]


def _run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise RuntimeError(f"MySQL's server comes from Debian, whose {command[0]} is not here") from error
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
