"""The tools, as they are asked: apply so many of a directory to a database, and say what is pending then."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from recorder import golang, packages

HERE = Path(__file__).parent
GO_MODULES = (
    "github.com/golang-migrate/migrate/v4@v4.20.1",
    "github.com/pressly/goose/v3@v3.29.0",
    "github.com/rubenv/sql-migrate@v1.8.1",
    "github.com/uptrace/bun@v1.3.0",
    "github.com/uptrace/bun/dialect/pgdialect@v1.3.0",
    "github.com/lib/pq@v1.10.9",
)
NODE_PACKAGES = (
    "@prisma/adapter-pg@7.10.0",
    "@prisma/driver-adapter-utils@7.10.0",
    "@prisma/schema-engine-wasm@8.1.0-2.59be4fda12412a79eeb9c2ae727b6aa723593323",
    "dbmate@2.36",
    "knex@3.3.0",
    "kysely@0.28.18",
    "node-pg-migrate@9.0.0",
    "pg@8.23.1",
    "sequelize@6.37.8",
    "sequelize-cli@6.6.5",
)
JARS = (
    "org.flywaydb:flyway-core:13.12.0",
    "org.flywaydb:flyway-database-postgresql:13.12.0",
    "org.liquibase:liquibase-core:5.0.4",
    "org.yaml:snakeyaml:2.5",
    "org.postgresql:postgresql:42.7.14",
)
PYTHON_PACKAGES = (
    "alembic==1.20.1",
    "sqlalchemy==2.1.9",
    "Django==5.2.19",
    "yoyo-migrations==9.0.0",
    "setuptools==80.9.0",
    "psycopg2-binary==2.9.13",
)
CARGO_PACKAGES = {
    "sqlx": ("sqlx-cli@0.9.0", "rustls,postgres"),
    "diesel": ("diesel_cli@2.3.14", "postgres"),  # which needs libpq-dev
}
"""What has the program of a tool, and its features."""


@dataclass(frozen=True)
class Answer:
    """What a tool says."""

    pending: tuple[str, ...] = ()
    """What it would apply, as it calls them."""
    refusal: str = ""
    """Why it would not."""


class Tool(Protocol):
    """A tool."""

    def ask(self, database: str, directory: Path, *, apply: bool = False, count: int = 0) -> Answer:
        """Apply the first so many that are pending, 0 for all, or nothing; and say what is pending then."""

    def close(self) -> None:
        """End what runs for it."""


class Helper:
    """A process that answers for several tools: a line of JSON in, a line of JSON out."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def ask(self, **request: object) -> Answer:
        """Ask it; a tool that ends its process has refused."""
        if self._process is None or self._process.poll() is not None:  # a tool may end it after it has answered
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            self.close()
            return Answer(refusal="its process has ended")
        answer = json.loads(line)
        return Answer(tuple(answer["pending"]), answer["error"])

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.communicate()
            self._process = None


@dataclass(frozen=True)
class Helped:
    """A tool for which a helper answers."""

    name: str
    helper: Helper

    def ask(self, database: str, directory: Path, *, apply: bool = False, count: int = 0) -> Answer:
        url = urlsplit(database)
        return self.helper.ask(
            tool=self.name,
            database=database,
            jdbc=f"jdbc:postgresql://{url.hostname}:{url.port}{url.path}",
            user=url.username,
            password=url.password,
            directory=str(directory),
            apply=apply,
            count=count,
        )

    def close(self) -> None:
        self.helper.close()


@dataclass(frozen=True)
class Commands:
    """A tool with commands, one that applies all and one that says what is pending."""

    program: Path
    arguments: Callable[[str, str, Path], Sequence[str | Path]]
    """Command, database and directory -> arguments."""
    up: str
    status: str
    pending: Callable[[str], Sequence[str]]
    """What the status says -> names."""
    folder: Path

    def ask(self, database: str, directory: Path, *, apply: bool = False, count: int = 0) -> Answer:
        for command in (*([self.up] if apply else []), self.status):
            done = subprocess.run(
                [self.program, *self.arguments(command, database, directory)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return Answer(refusal=done.stdout + done.stderr)
        return Answer(tuple(self.pending(done.stdout)))

    def close(self) -> None:
        """Nothing runs on."""


class Sqitch:
    """sqitch, whose status names what is undeployed, once anything is deployed."""

    def ask(self, database: str, directory: Path, *, apply: bool = False, count: int = 0) -> Answer:
        url = urlsplit(database)
        target = f"db:pg://{url.username}@{url.hostname}:{url.port}{url.path}"

        def run(*command: str) -> subprocess.CompletedProcess[str]:
            named = {"SQITCH_FULLNAME": "Ann", "SQITCH_EMAIL": "ann@example.com", "SQITCH_PASSWORD": url.password or ""}
            return subprocess.run(
                ["sqitch", *command],
                cwd=directory,
                env={**os.environ, **named},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

        if apply and (done := run("deploy", "--target", target)).returncode:
            return Answer(refusal=done.stdout + done.stderr)
        status = run("status", "--target", target)
        if re.search("No changes deployed|has not been initialized", status.stdout + status.stderr):
            status = run("plan", "--format", "format:  * %n")
        if status.returncode or "Cannot find" in status.stdout + status.stderr:
            return Answer(refusal=status.stdout + status.stderr)
        return Answer(tuple(re.findall(r"(?m)^  \* (\S+)", status.stdout)))

    def close(self) -> None:
        """Nothing runs on."""


def installed(cache: Path) -> dict[str, Callable[[], Tool]]:
    """Return each tool by name; what it needs is installed when it is asked for."""

    def go() -> Helper:
        return Helper([golang.build(cache / "go", (HERE / "main.go").read_text(), *GO_MODULES)], cache)

    def node() -> Helper:
        packages.npm(cache / "node", *NODE_PACKAGES)
        return Helper(["node", HERE / "node_tools.mjs"], cache / "node")

    def python() -> Helper:
        programs = packages.venv(cache / "python", *PYTHON_PACKAGES)
        return Helper([programs / "python", HERE / "python_tools.py"], cache)

    def java() -> Helper:
        class_path = packages.jars(cache, *JARS)
        subprocess.run(["javac", "-cp", class_path, "-d", cache / "java", HERE / "Main.java"], check=True)
        return Helper(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{class_path}:{cache / 'java'}", "Main"], cache)

    tools = {
        name: lambda name=name, helper=helper: Helped(name, helper())
        for helper, names in {
            go: ("golang-migrate", "goose", "goose-provider", "sql-migrate", "bun"),
            node: ("knex", "kysely", "node-pg-migrate", "prisma"),
            python: ("alembic", "django", "yoyo"),
            java: ("flyway", "liquibase"),
        }.items()
        for name in names
    }
    return {**tools, **_with_commands(cache), "sqitch": Sqitch}


def _with_commands(cache: Path) -> dict[str, Callable[[], Tool]]:
    def npm(name: str) -> Path:
        return packages.npm(cache / "node", *NODE_PACKAGES) / ".bin" / name

    def cargo(name: str) -> Path:
        package, features = CARGO_PACKAGES[name]
        options = ["--no-default-features", "--features", features]
        return packages.cargo(cache / "cargo" / name, package, *options) / name

    return {
        "dbmate": lambda: Commands(npm("dbmate"), _dbmate, "up", "status", _unticked, cache),
        "sequelize": lambda: Commands(
            npm("sequelize-cli"), _sequelize, "db:migrate", "db:migrate:status", _down, cache / "node"
        ),
        "sqlx": lambda: Commands(cargo("sqlx"), _sqlx, "run", "info", _pending, cache),
        "diesel": lambda: Commands(cargo("diesel"), _diesel, "run", "list", _uncrossed, cache),
    }


def _dbmate(command: str, database: str, directory: Path) -> Sequence[str | Path]:
    return ["--url", database, "--migrations-dir", directory, "--no-dump-schema", command]


def _sequelize(command: str, database: str, directory: Path) -> Sequence[str | Path]:
    return [command, "--url", database, "--migrations-path", directory]


def _sqlx(command: str, database: str, directory: Path) -> Sequence[str | Path]:
    return ["migrate", command, "--database-url", database, "--source", directory]


def _diesel(command: str, database: str, directory: Path) -> Sequence[str | Path]:
    return ["migration", command, "--database-url", database, "--migration-dir", directory]


def _unticked(text: str) -> list[str]:
    """Return what `dbmate status` shows with an empty box."""
    return [line.removeprefix("[ ] ") for line in text.splitlines() if line.startswith("[ ] ")]


def _down(text: str) -> list[str]:
    """Return what `sequelize db:migrate:status` shows as down."""
    return [line.removeprefix("down ") for line in text.splitlines() if line.startswith("down ")]


def _pending(text: str) -> list[str]:
    """Return what `sqlx migrate info` shows as such."""
    return re.findall(r"(?m)^(-?\d+)/pending\b", text)


def _uncrossed(text: str) -> list[str]:
    """Return what `diesel migration list` shows with an empty box."""
    return re.findall(r"(?m)^ *\[ \] (.+)$", text)
