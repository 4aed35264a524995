"""Drizzle, in the two forms that it has had: 0.x keeps the time of a journal's entry, 1.0 the name of a folder.

Either runs all migrations in one transaction, which on MariaDB the first DDL ends, and takes no lock. It has no
command that tells what is applied, so the last migration's column does.
"""

import json
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from recorder.gates import awaits, has, has_all, has_both, lacks, missing
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write

TABLES = ("drizzle.__drizzle_migrations", "__drizzle_migrations")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSIONS = ("0.45.4", "1.0.0-rc.5")
DRIVERS = ("pg@8.23.1", "mysql2@3.24.5")
STATEMENTS = {
    "20240101000001_create_product": "CREATE TABLE product (id int)",
    "20240102000002_add_price": "ALTER TABLE product ADD price int",
    "20240103000003_add_stock": "ALTER TABLE product ADD stock int",
}
LATE = "20240102120000_add_weight"
WITH_LATE = {**STATEMENTS, LATE: "ALTER TABLE product ADD weight int"}
TIMES = {
    "20240101000001_create_product": 1704067201000,
    "20240102000002_add_price": 1704153602000,
    "20240102120000_add_weight": 1704196800000,
    "20240103000003_add_stock": 1704240003000,
}
PROGRAM = """\
const {{ drizzle }} = require("drizzle-orm/{module}");
const {{ migrate }} = require("drizzle-orm/{module}/migrator");

migrate(drizzle(process.env.DATABASE_URL), {{ migrationsFolder: process.argv[2] }})
  .then(() => process.exit(0), (error) => {{ console.error(error); process.exit(1); }});
"""


def record(recording: Recording) -> None:
    """Record the common story and what 0.x skips, then 1.0 from the beginning and on a table of 0.x."""
    recording.write_migrations(journal(STATEMENTS))
    recording.write_migrations(journal(WITH_LATE), "migrations-late")
    recording.write_migrations(folders(STATEMENTS), "migrations-1.0")
    recording.write_migrations(folders(WITH_LATE), "migrations-1.0-late")
    with scratch() as folder:
        for version in VERSIONS:
            install(recording, version, folder / version)
        record_old(recording, folder / VERSIONS[0])
        record_new(recording, folder / VERSIONS[1], upgrading_from=folder / VERSIONS[0])


def record_old(recording: Recording, project: Path) -> None:
    """Record 0.x."""
    recording.version = VERSIONS[0]
    first, second, third = (str(TIMES[name]) for name in STATEMENTS)
    late = str(TIMES[LATE])
    two, paused, broken = variants(recording)
    directories = {2: write(project / "two", journal(two)), 3: write(project / "three", journal(paused))}

    def is_done(database: Database) -> bool:
        schema = {"postgresql": "current_schema()", "mysql": "database()"}[recording.dialect]
        query = "SELECT 1 FROM information_schema.columns WHERE table_name = 'product' AND column_name = 'stock'"
        return bool(recording.query(database, f"{query} AND table_schema = {schema}"))

    done = recording.story(
        (first, second, third), lambda database, count: migrate(recording, database, directories[count]), is_done
    )
    recording.save(
        "ahead",
        "all three migrations are applied, and the release before knows only two",
        done,
        (f"--revision {second}", "opened", ""),
    )
    recording.ended(migrate(recording, done, write(project / "late", journal(WITH_LATE))))
    recording.save(
        "late",
        "an entry older than the newest one applied was merged late, and a run since has skipped it silently",
        done,
        *missing(late, third),
    )
    database = recording.after(partial(migrate, recording), write(project / "failing", journal(broken)), fails=True)
    stands = standing(recording, second)
    recording.save_failed(
        database, "which leaves no trace of it", awaits(third), ("--migrations migrations", "timed out", stands)
    )


def record_new(recording: Recording, project: Path, upgrading_from: Path) -> None:
    """Record 1.0."""
    first, second, third = STATEMENTS
    two, paused, broken = variants(recording)
    directories = {2: write(project / "two", folders(two)), 3: write(project / "three", folders(paused))}

    database = recording.after(partial(migrate, recording), upgrading_from / "two")
    recording.save(
        "not-upgraded",
        "two of three migrations were applied by 0.x, and the release to come has 1.0",
        database,
        awaits(third),
        ("--migrations migrations-1.0", "timed out", "awaiting "),
    )
    recording.version = VERSIONS[1]
    recording.ended(migrate(recording, database, directories[3]))
    recording.save(
        "upgraded",
        "two migrations were applied by 0.x, the third by 1.0, which gave the older rows their names",
        database,
        has_both(second, third, f"has {second}, {third} applied"),
        (f"--revision {first}", "opened", ""),
        has_all("migrations-1.0"),
    )

    database = recording.after(partial(migrate, recording), directories[2])
    recording.save(
        "1.0-part-way",
        "two of three migrations are applied, by 1.0",
        database,
        has(second),
        awaits(third),
        lacks(third, "migrations-1.0"),
    )
    with recording.paused(database, lambda: migrate(recording, database, directories[3])) as process:
        recording.save(
            "1.0-running",
            "the last of three migrations is running, by 1.0",
            database,
            awaits(third),
            lacks(third, "migrations-1.0"),
        )
    recording.ended(process)
    recording.save(
        "1.0-done",
        "all three migrations are applied, by 1.0",
        database,
        has(third),
        (f"--revision {second}", "opened", ""),
        has_all("migrations-1.0"),
        lacks(LATE, "migrations-1.0-late"),
    )
    recording.ended(migrate(recording, database, write(project / "late", folders(WITH_LATE))))
    recording.save(
        "1.0-late-applied",
        "a folder with a date before the third's was merged late, and 1.0 has run it",
        database,
        has_both(LATE, third),
        has_all("migrations-1.0-late"),
    )
    database = recording.after(partial(migrate, recording), write(project / "failing", folders(broken)), fails=True)
    stands = standing(recording, second)
    recording.save(
        "1.0-failed",
        "the last of three migrations has failed in 1.0, which leaves no trace of it",
        database,
        awaits(third),
        ("--migrations migrations-1.0", "timed out", stands),
    )


def install(recording: Recording, version: str, project: Path) -> None:
    """Install a version, and make a project with a program that runs its migrator."""
    modules = npm(recording.cache / version, f"drizzle-orm@{version}", *DRIVERS)
    project.mkdir()
    (project / "node_modules").symlink_to(modules)
    module = {"postgresql": "node-postgres", "mysql": "mysql2"}[recording.dialect]
    (project / "migrate.js").write_text(PROGRAM.format(module=module))


def migrate(recording: Recording, database: Database, directory: Path) -> subprocess.Popen[str]:
    """Start the migrator of the project that the migrations folder is in."""
    return recording.start(["node", "migrate.js", directory], directory.parent, {"DATABASE_URL": database.url})


def variants(recording: Recording) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the first two migrations; all three, the last of which pauses; all three, the last of which fails."""
    third, sql = list(STATEMENTS.items())[2]
    two = {name: text for name, text in STATEMENTS.items() if name != third}
    pausing = f"{recording.pause_statement};\n--> statement-breakpoint\n{sql}"
    failing = f"{sql};\n--> statement-breakpoint\nALTER TABLE no_such_table ADD x int"
    return two, {**two, third: pausing}, {**two, third: failing}


def standing(recording: Recording, second: str) -> str:
    """Return what is left of a run that failed in its third migration."""
    return f"is at {second}" if recording.dialect == "mysql" else "has nothing applied"


def journal(statements: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a migrations folder of 0.x: its journal, and SQL by the journal's tags."""
    tags = {f"{index:04}_{name.partition('_')[2]}": name for index, name in enumerate(statements)}
    entries = [
        {"idx": index, "version": "7", "when": TIMES[name], "tag": tag, "breakpoints": True}
        for index, (tag, name) in enumerate(tags.items())
    ]
    text = json.dumps({"version": "7", "dialect": "postgresql", "entries": entries}, indent=2)
    return {"meta/_journal.json": f"{text}\n", **{f"{tag}.sql": f"{statements[name]};\n" for tag, name in tags.items()}}


def folders(statements: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a migrations folder of 1.0."""
    return {f"{name}/migration.sql": f"{sql};\n" for name, sql in statements.items()}
