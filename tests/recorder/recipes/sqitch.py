"""sqitch, which is a Debian package and calls psql or mysql. Its registry tells what is deployed, tags, and events.

A change that fails is among the events only. By default sqitch then reverts the whole run, with `--mode change` it does
not. On MariaDB the registry, by default a database of its own, is put beside the application's tables here.
"""

import shutil
import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has, has_all, has_both, lacks, nothing
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("sqitch.projects", "sqitch.changes", "sqitch.tags", "sqitch.events")
DATABASES = ("postgresql", "mariadb", "mysql")
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
*_, _AGAIN = REWORKED


class Sqitch(Tool):
    """The program, run in a new folder each time: a project's plan and scripts are what it works with."""

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
        return self.recording.start(
            [*self.program, *args, "--target", target, *registry], self.project(files), environment
        )

    def last_id(self, files: Mapping[str, str]) -> str:
        """Return the id of the last change of a project's plan."""
        return self.recording.run([*self.program, "plan", "--format", "format:%H"], self.project(files)).split()[-1]


def record(recording: Recording) -> None:
    """Record the common story, tags, reverts, failures, a renamed and a reworked change, and two projects."""
    if not shutil.which("sqitch"):
        raise RuntimeError(
            "sqitch is not installed; write for example: apt-get install sqitch libdbd-pg-perl libdbd-mysql-perl"
        )
    recording.version = recording.run(["sqitch", "--version"], recording.cache).split()[-1].removeprefix("v")
    recording.write_migrations(project("shop", PLAN))
    recording.write_migrations(project("shop", REWORKED), "migrations-reworked")
    if recording.dialect == "mysql":
        recording.tables = tuple(table.removeprefix("sqitch.") for table in TABLES)
        recording.options = "--table changes"
    with scratch() as folder:
        sqitch = Sqitch(recording, folder, ["sqitch"])
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
        has("shop:price"),
        has("shop:@v1.0"),
        awaits("shop:stock"),
        awaits(identity),
        lacks("shop:stock"),
    )
    sqitch.run(done, shop(4), "deploy")
    recording.save(
        "deployed-again",
        "the last of three changes was deployed, reverted and deployed again",
        done,
        has("shop:stock"),
        has(identity),
        has_all(),
    )
    sqitch.run(done, shop(4), "revert", "-y")
    recording.save(
        "all-rolled-back",
        "all three were deployed, then all were reverted",
        done,
        nothing("shop:product"),
        nothing("shop:@v1.0"),
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
        has("shop:price"),
        awaits("shop:stock"),
        ("--migrations migrations", "timed out", "awaiting "),
    )
    sqitch.run(database, shop(4), "deploy")
    recording.save(
        "done",
        "all three changes are deployed",
        database,
        has("shop:stock"),
        has_both("shop:price", "shop:stock"),
        has_all(),
    )
    return database


def record_failures(recording: Recording, sqitch: Sqitch) -> None:
    """Record a tag, a change that fails in either mode, and its repair by another name or by the same."""
    identity = sqitch.last_id(shop(4))
    failed = sqitch.database(shop(3), "deploy")
    recording.save(
        "tagged",
        "two of three changes are deployed, and the tag after them",
        failed,
        has("shop:@v1.0"),
        ("--revision shop:@v1.0 --revision shop:stock", "timed out", "awaiting shop:stock"),
        awaits("shop:@v2.0"),
    )
    sqitch.run(failed, shop(4, stock=BROKEN), "deploy", "--mode", "change", fails=True)
    recording.save(
        "failed",
        "the last of three changes has failed, in mode `change`",
        failed,
        ("--revision shop:stock", "refused", "shop:stock has failed"),
        (f"--revision {identity}", "refused", "shop:stock has failed"),
        has("shop:price"),
        has("shop:@v1.0"),
        ("--migrations migrations", "refused", "shop:stock has failed"),
        ("--revision shop:stock --on-failure wait", "timed out", "shop:stock has failed"),
        awaits("blog:stock"),
    )
    renamed = {"quantity" if line == "stock" else line: sql for line, sql in PLAN.items()}
    sqitch.run(failed, project("shop", renamed), "deploy")
    recording.save(
        "failed-and-renamed",
        "the last change failed, was renamed in the plan, and then deployed",
        failed,
        has("shop:quantity"),
        awaits("shop:stock"),
    )

    reverted = sqitch.database(shop(4, stock=BROKEN), "deploy", fails=True)
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
        has("shop:stock"),
        has_all(),
    )


def record_projects(recording: Recording, sqitch: Sqitch) -> None:
    """Record two projects in one registry."""
    both = sqitch.database(shop(3), "deploy")
    sqitch.run(both, project("blog", BLOG), "deploy")
    recording.save(
        "two-projects",
        "of one project two of three changes are deployed, of another all, one of them with the third's name",
        both,
        awaits("shop:stock"),
        has("blog:stock"),
        awaits("blog:price"),
        awaits("blog:@v1.0"),
        has_both("shop:@v1.0", "blog:stock"),
        lacks("shop:stock"),
    )
    sqitch.run(both, project("blog", {**BLOG, "reader": BROKEN}), "deploy", fails=True)
    recording.save(
        "two-projects-failed",
        "of one project two of three changes are deployed, of another a change has failed",
        both,
        awaits("shop:stock"),
        has("shop:price"),
        ("--revision blog:reader", "refused", "blog:reader has failed"),
        has("blog:stock"),
    )


def record_reworked(recording: Recording, sqitch: Sqitch) -> None:
    """Record a name that recurs in the plan: it tells only that one of the two is deployed, the id tells which."""
    reworked = project("shop", REWORKED)
    again = sqitch.last_id(reworked)
    database = sqitch.database(project("shop", dict(list(REWORKED.items())[:-1])), "deploy")
    recording.save(
        "reworked-part-way",
        "a change recurs in the plan, reworked, and only the first of the two is deployed; its name cannot tell",
        database,
        has("shop:product"),
        awaits(again),
        ("--migrations migrations-reworked", "timed out", "awaiting "),
    )
    sqitch.run(database, reworked, "deploy")
    recording.save(
        "reworked",
        "a change recurs in the plan, reworked, and both are deployed",
        database,
        has("shop:product"),
        has(again),
        has_all("migrations-reworked"),
    )
    sqitch.run(database, reworked, "revert", "--to", "@v2.0", "-y")
    recording.save(
        "reworked-and-reverted",
        "a reworked change is reverted to its form before, so that the name of both tells nothing",
        database,
        ("--revision shop:product", "timed out", "shop:product is deployed, and a rework of it is not"),
        awaits(again),
        has("shop:@v2.0"),
        has("shop:stock"),
        has_all(),
        ("--migrations migrations-reworked", "timed out", "awaiting "),
    )
    sqitch.run(database, project("shop", {**REWORKED, _AGAIN: BROKEN}), "deploy", fails=True)
    recording.save(
        "reworked-and-failed",
        "a rework has failed, so that the name of it and of the form before tells nothing",
        database,
        ("--revision shop:product", "refused", "shop:product has failed"),
        (f"--revision {again}", "refused", "shop:product has failed"),
        has("shop:@v2.0"),
        has("shop:stock"),
        has_all(),
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
