"""sqitch, which is a Debian package and calls psql or mysql. Its registry tells what is deployed, tags, and events.

A change that fails is among the events only. By default sqitch then reverts the whole run, with `--mode change` it does
not. On MariaDB the registry, by default a database of its own, is put beside the application's tables here.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("sqitch.projects", "sqitch.changes", "sqitch.tags", "sqitch.events")
DATABASES = ("postgresql", "mariadb")
PLAN = {
    "product": "CREATE TABLE product (id int)",
    "price": "ALTER TABLE product ADD price int",
    "@v1.0": "",
    "stock": "ALTER TABLE product ADD stock int",
}
REVERT = {
    "product": "DROP TABLE product",
    "price": "ALTER TABLE product DROP price",
    "stock": "ALTER TABLE product DROP stock",
}
BLOG = {"author": "CREATE TABLE author (id int)", "stock": "CREATE TABLE photo (id int)"}
BROKEN = "ALTER TABLE prodcut ADD stock int"
REWORKED = {**PLAN, "@v2.0": "", "product [product@v2.0]": "ALTER TABLE product ADD colour int"}
"""The plan with a second `product`. Before it must stand a tag, after which the older script is named."""


@dataclass(frozen=True)
class Sqitch:
    """The program, run in a new folder each time: a project's plan and scripts are what it works with."""

    recording: Recording
    folder: Path

    def project(self, files: Mapping[str, str]) -> Path:
        """Return a new folder with a project's files."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        write(folder, files)
        return folder

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start a command of it."""
        parts = database.parts
        engine, *registry = ("pg",) if self.recording.kind == "postgresql" else ("mysql", "--registry", database.name)
        target = f"db:{engine}://{parts['user']}@{parts['host']}:{parts['port']}/{parts['name']}"
        environment = {
            "SQITCH_FULLNAME": "Ann",
            "SQITCH_EMAIL": "ann@example.com",
            "SQITCH_PASSWORD": parts["password"],
        }
        return self.recording.start(["sqitch", *args, "--target", target, *registry], self.project(files), environment)

    def run(self, database: Database, files: Mapping[str, str], *args: str, fails: bool = False) -> str:
        """Run a command of it to its end."""
        return self.recording.ended(self.start(database, files, *args), fails=fails)

    def deployed(self, files: Mapping[str, str]) -> Database:
        """Return a new database with all of a project deployed."""
        database = self.recording.database()
        self.run(database, files, "deploy")
        return database

    def last_id(self, files: Mapping[str, str]) -> str:
        """Return the id of the last change of a project's plan."""
        return self.recording.run(["sqitch", "plan", "--format", "format:%H"], self.project(files)).split()[-1]


def record(recording: Recording) -> None:
    """Record the common story, tags, reverts, failures, a renamed and a reworked change, and two projects."""
    if not shutil.which("sqitch"):
        raise RuntimeError(
            "sqitch is not installed; write for example: apt-get install sqitch libdbd-pg-perl libdbd-mysql-perl"
        )
    recording.version = recording.run(["sqitch", "--version"], recording.cache).split()[-1].removeprefix("v")
    recording.write_migrations(project("shop", PLAN))
    write(recording.fixtures / "migrations-reworked", project("shop", REWORKED))
    if recording.kind == "mariadb":
        recording.tables = tuple(table.removeprefix("sqitch.") for table in TABLES)
        recording.options = "--table changes"
    with scratch() as folder:
        sqitch = Sqitch(recording, folder)
        record_story(recording, sqitch)
        record_failures(recording, sqitch)
        record_projects(recording, sqitch)
        record_reworked(recording, sqitch)


def record_story(recording: Recording, sqitch: Sqitch) -> None:
    """Record the common story, then reverts and another deploy."""

    def migrate(database: Database, count: int) -> subprocess.Popen[str]:
        paused = f"{recording.pause_statement};\n{PLAN['stock']}"
        return sqitch.start(database, shop(2) if count < 3 else shop(4, stock=paused), "deploy")

    def is_done(database: Database) -> bool:
        return "Nothing to deploy" in sqitch.run(database, shop(4), "status")

    identity = sqitch.last_id(shop(4))
    if recording.kind == "postgresql":
        done = recording.story(("shop:product", "shop:price", "shop:stock"), migrate, is_done)
    else:
        done = record_before_and_after(recording, sqitch)
    sqitch.run(done, shop(4), "revert", "--to", "price", "-y")
    recording.save(
        "rolled-back",
        "all three were deployed, then the last was reverted",
        done,
        ("--revision shop:price", "opened", "has shop:price applied"),
        ("--revision shop:@v1.0", "opened", "has shop:@v1.0 applied"),
        ("--revision shop:stock", "timed out", "awaiting shop:stock"),
        (f"--revision {identity}", "timed out", f"awaiting {identity}"),
        ("--migrations migrations", "timed out", "awaiting shop:stock"),
    )
    sqitch.run(done, shop(4), "deploy")
    recording.save(
        "deployed-again",
        "the last of three changes was deployed, reverted and deployed again",
        done,
        ("--revision shop:stock", "opened", "has shop:stock applied"),
        (f"--revision {identity}", "opened", f"has {identity} applied"),
        ("--migrations migrations", "opened", ""),
    )
    sqitch.run(done, shop(4), "revert", "-y")
    recording.save(
        "all-rolled-back",
        "all three were deployed, then all were reverted",
        done,
        ("--revision shop:product", "timed out", "has nothing applied; awaiting shop:product"),
        ("--revision shop:@v1.0", "timed out", "has nothing applied; awaiting shop:@v1.0"),
    )


def record_before_and_after(recording: Recording, sqitch: Sqitch) -> Database:
    """Record the common story but for what runs: on MariaDB sqitch then locks its tables, and nobody can read them."""
    database = recording.database()
    recording.save(
        "before", "nothing has run", database, ("--revision shop:stock", "timed out", "there is no history table")
    )
    sqitch.run(database, shop(2), "deploy")
    recording.save(
        "part-way",
        "two of three changes are deployed",
        database,
        ("--revision shop:price", "opened", "has shop:price applied"),
        ("--revision shop:stock", "timed out", "awaiting shop:stock"),
        ("--migrations migrations", "timed out", "awaiting "),
    )
    sqitch.run(database, shop(4), "deploy")
    recording.save(
        "done",
        "all three changes are deployed",
        database,
        ("--revision shop:stock", "opened", "has shop:stock applied"),
        ("--revision shop:price --revision shop:stock", "opened", ""),
        ("--migrations migrations", "opened", ""),
    )
    return database


def record_failures(recording: Recording, sqitch: Sqitch) -> None:
    """Record a tag, a change that fails in either mode, and its repair by another name or by the same."""
    identity = sqitch.last_id(shop(4))
    failed = sqitch.deployed(shop(3))
    recording.save(
        "tagged",
        "two of three changes are deployed, and the tag after them",
        failed,
        ("--revision shop:@v1.0", "opened", "has shop:@v1.0 applied"),
        ("--revision shop:@v1.0 --revision shop:stock", "timed out", "awaiting shop:stock"),
        ("--revision shop:@v2.0", "timed out", "awaiting shop:@v2.0"),
    )
    sqitch.run(failed, shop(4, stock=BROKEN), "deploy", "--mode", "change", fails=True)
    recording.save(
        "failed",
        "the last of three changes has failed, in mode `change`",
        failed,
        ("--revision shop:stock", "refused", "shop:stock has failed"),
        (f"--revision {identity}", "refused", "shop:stock has failed"),
        ("--revision shop:price", "opened", "has shop:price applied"),
        ("--revision shop:@v1.0", "opened", "has shop:@v1.0 applied"),
        ("--migrations migrations", "refused", "shop:stock has failed"),
        ("--revision shop:stock --on-failure wait", "timed out", "shop:stock has failed"),
        ("--revision blog:stock", "timed out", "awaiting blog:stock"),
    )
    renamed = {"quantity" if line == "stock" else line: sql for line, sql in PLAN.items()}
    sqitch.run(failed, project("shop", renamed), "deploy")
    recording.save(
        "failed-and-renamed",
        "the last change failed, was renamed in the plan, and then deployed",
        failed,
        ("--revision shop:quantity", "opened", "has shop:quantity applied"),
        ("--revision shop:stock", "timed out", "awaiting shop:stock"),
    )

    reverted = recording.database()
    sqitch.run(reverted, shop(4, stock=BROKEN), "deploy", fails=True)
    recording.save(
        "failed-and-reverted",
        "the last of three changes has failed, in the default mode, which reverted the other two",
        reverted,
        ("--revision shop:stock", "refused", "shop:stock has failed"),
        ("--revision shop:product", "refused", "shop:stock has failed"),
        ("--revision shop:@v1.0", "refused", "shop:stock has failed"),
        ("--migrations migrations", "refused", "shop:stock has failed"),
    )
    sqitch.run(reverted, shop(4), "deploy")
    recording.save(
        "failed-and-repaired",
        "the last of three changes failed, was repaired, and all were deployed",
        reverted,
        ("--revision shop:stock", "opened", "has shop:stock applied"),
        ("--migrations migrations", "opened", ""),
    )


def record_projects(recording: Recording, sqitch: Sqitch) -> None:
    """Record two projects in one registry."""
    both = sqitch.deployed(shop(3))
    sqitch.run(both, project("blog", BLOG), "deploy")
    recording.save(
        "two-projects",
        "of one project two of three changes are deployed, of another all, one of them with the third's name",
        both,
        ("--revision shop:stock", "timed out", "awaiting shop:stock"),
        ("--revision blog:stock", "opened", "has blog:stock applied"),
        ("--revision blog:price", "timed out", "awaiting blog:price"),
        ("--revision blog:@v1.0", "timed out", "awaiting blog:@v1.0"),
        ("--revision shop:@v1.0 --revision blog:stock", "opened", ""),
        ("--migrations migrations", "timed out", "awaiting shop:stock"),
    )
    sqitch.run(both, project("blog", {**BLOG, "reader": BROKEN}), "deploy", fails=True)
    recording.save(
        "two-projects-failed",
        "of one project two of three changes are deployed, of another a change has failed",
        both,
        ("--revision shop:stock", "timed out", "awaiting shop:stock"),
        ("--revision shop:price", "opened", "has shop:price applied"),
        ("--revision blog:reader", "refused", "blog:reader has failed"),
        ("--revision blog:stock", "opened", "has blog:stock applied"),
    )


def record_reworked(recording: Recording, sqitch: Sqitch) -> None:
    """Record a name that recurs in the plan: it tells only that one of the two is deployed, the id tells which."""
    reworked = project("shop", REWORKED)
    again = sqitch.last_id(reworked)
    database = sqitch.deployed(project("shop", dict(list(REWORKED.items())[:-1])))
    recording.save(
        "reworked-part-way",
        "a change recurs in the plan, reworked, and only the first of the two is deployed; its name cannot tell",
        database,
        ("--revision shop:product", "opened", "has shop:product applied"),
        (f"--revision {again}", "timed out", f"awaiting {again}"),
        ("--migrations migrations-reworked", "timed out", "awaiting "),
    )
    sqitch.run(database, reworked, "deploy")
    recording.save(
        "reworked",
        "a change recurs in the plan, reworked, and both are deployed",
        database,
        ("--revision shop:product", "opened", "has shop:product applied"),
        (f"--revision {again}", "opened", f"has {again} applied"),
        ("--migrations migrations-reworked", "opened", ""),
    )


def shop(count: int, **changed: str) -> dict[str, str]:
    """Return a project of the plan's first so many lines, with other SQL for some."""
    return project("shop", {**dict(list(PLAN.items())[:count]), **changed})


def project(name: str, plan: Mapping[str, str]) -> dict[str, str]:
    """Return a project's files: each line of the plan is a tag, or a change with the SQL that deploys it."""
    files = {"sqitch.conf": "[core]\n\tengine = pg\n"}
    lines = [f"%syntax-version=1.0.0\n%project={name}\n"]
    for day, (line, sql) in enumerate(plan.items(), 1):
        label = line.split()[0]
        lines.append(f"{line} 2024-01-{day:02}T00:00:00Z Ann <ann@example.com> # {label}")
        if label.startswith("@"):
            continue
        if label != line:
            tag = line.partition("@")[2].rstrip("]")
            files |= {f"{folder}/{label}@{tag}.sql": files[f"{folder}/{label}.sql"] for folder in ("deploy", "revert")}
        files[f"deploy/{label}.sql"] = f"{sql};\n"
        files[f"revert/{label}.sql"] = f"{REVERT.get(label, 'SELECT 1')};\n"
    return {**files, "sqitch.plan": "\n".join(lines) + "\n"}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files: path in the folder -> text."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
