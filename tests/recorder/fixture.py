"""A fixture: the tables that a migration tool left in a database, and what a gate is to conclude of them.

Its file begins with comments::

    -- golang-migrate 4.20.1 on PostgreSQL 18.6
    -- how: run
    -- the last of three migrations has failed
    -- gate: --revision 3 => timed out: version 3 is marked dirty
    -- gate: --migrations migrations => timed out: version 3 is marked dirty

A first line of `flyway 13.12.0 and 9.16.3 on ...` tells that the older release left the same. `how` is `run` for what a
tool left, `documented` for what was written from a tool's documented DDL. The paths that
follow --migrations are below the fixture's folder.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

HISTORIES = Path(__file__).parents[1] / "fixtures" / "histories"


@dataclass(frozen=True)
class Gate:
    """The arguments of a gate on the fixture, and what it is to end with."""

    args: str
    outcome: str
    """The word that its termination message begins with."""
    reason: str
    """What the message must contain."""

    def argv(self, folder: Path) -> list[str]:
        """Return the arguments; a fixture is looked at once unless it says otherwise."""
        args = shlex.split(self.args)
        for index, arg in enumerate(args[:-1]):
            if arg == "--migrations":
                args[index + 1] = str(folder / args[index + 1])
        return args if "--timeout" in args else [*args, "--timeout", "0"]


@dataclass(frozen=True)
class Fixture:
    """What a tool left in a database."""

    tool: str
    database: str
    """"postgresql", "mariadb" or "mysql"."""
    scenario: str
    versions: str
    """The tool's version and the database's, for people."""
    how: str
    what: str
    """What happened before, in one sentence without a full stop."""
    gates: tuple[Gate, ...]
    sql: str

    @property
    def path(self) -> Path:
        return HISTORIES / self.tool / f"{self.database}-{self.scenario}.sql"

    def beside(self, release: str, passing: str) -> "Fixture":
        """Return what is kept of an older release: the newest one's fixture, which names both, or one of its own.

        `passing` is a pattern of what differs from run to run.
        """
        newest = read(self.path)
        if newest.gates != self.gates or re.sub(passing, "", newest.sql) != re.sub(passing, "", self.sql.strip()):
            return replace(self, scenario=f"{self.scenario}-{release}")
        releases, _, database = newest.versions.partition(" on ")
        names = releases if releases.endswith(f" {release}") else f"{releases} and {release}"
        return replace(newest, versions=f"{names} on {database}")

    def write(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        gates = [f"-- gate: {gate.args} => {gate.outcome}: {gate.reason}" for gate in self.gates]
        head = [f"-- {self.versions}", f"-- how: {self.how}", f"-- {self.what}", *gates]
        self.path.write_text("\n".join([*head, self.sql.strip()]).strip() + "\n", encoding="utf-8")


def read(path: Path) -> Fixture:
    """Read a fixture's file."""
    head, body = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        (head if line.startswith("-- ") and not body else body).append(line)
    versions, how, what, *gates = (line.removeprefix("-- ") for line in head)
    database, _, scenario = path.stem.partition("-")
    return Fixture(
        path.parent.name,
        database,
        scenario,
        versions,
        how.removeprefix("how: "),
        what,
        tuple(Gate(*re.fullmatch(r"gate: (.*) => ([a-z ]+): ?(.*)", gate).groups()) for gate in gates),
        "\n".join(body),
    )


def read_all() -> list[Fixture]:
    """Read all fixtures, in the order of tool, database and scenario."""
    return [read(path) for path in sorted(HISTORIES.glob("*/*.sql"))]


def proven(fixtures: Iterable[Fixture]) -> dict[str, dict[str, list[str]]]:
    """Return each tool's releases that were run, with their databases; none where all is from its documentation."""
    runs: dict[str, dict[str, list[str]]] = {}
    for fixture in fixtures:
        versions = runs.setdefault(fixture.tool, {})
        if fixture.how == "run":
            releases, _, database = fixture.versions.removeprefix(f"{fixture.tool} ").partition(" on ")
            for release in releases.split(" and "):
                databases = versions.setdefault(release, [])
                databases += [database] if database not in databases else []
    return {
        tool: {version: sorted(runs[tool][version], reverse=True) for version in sorted(runs[tool])}
        for tool in sorted(runs)
    }
