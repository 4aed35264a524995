"""node-pg-migrate, for PostgreSQL only, which keeps a file's name without its extension.

A run is one transaction unless it is told otherwise, and holds a session's advisory lock.
"""

import subprocess
from pathlib import Path

from recorder.gates import awaits, has, has_both, no_table
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch
from recorder.scripts import Scripts

TABLES = ("pgmigrations", "ops.pgmigrations")
DATABASES = ("postgresql",)
VERSION = "9.0.0"
PACKAGES = (f"node-pg-migrate@{VERSION}", "pg@8.23.1")
FILES = ("1704067201000_create-product.js", "1704153602000_add-price.sql", "1704240003000_add-stock.js")
_, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("1704196803000_add-weight.js", "ALTER TABLE product ADD weight int", "")


def record(recording: Recording) -> None:
    """Record the common story, a down, a fake run, two kinds of failure, a late file and another schema."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = VERSION

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def migrate(database: Database, directory: Path, *args: str) -> subprocess.Popen[str]:
            command = [modules / ".bin/node-pg-migrate", *(args or ("up",)), "--migrations-dir", directory]
            return recording.start(command, folder, {"DATABASE_URL": database.url})

        def is_done(database: Database) -> bool:
            status = migrate(database, scripts.three, "up", "--dry-run", "--no-lock")
            return "No migrations to run" in recording.ended(status)

        scripts = Scripts(recording, folder, migrate, text, FILES, LATE)
        done = scripts.story(is_done)
        scripts.save_ahead(done, has_both(f"{SECOND}.sql", f"{THIRD}.ts", f"has {SECOND}, {THIRD} applied"))
        recording.ended(migrate(done, scripts.three, "down"))
        recording.save_rolled_back(done, SECOND, THIRD, "taken down")
        recording.ended(migrate(done, scripts.three, "up", "--fake"))
        recording.save("fake", "the last was recorded by a fake run, which looks like any other", done, has(THIRD))

        what = "the last of three migrations has failed, and the run's transaction with it"
        scripts.save_failed(at_once=True, what=what)
        database = recording.after(migrate, scripts.failing, "up", "--no-single-transaction", fails=True)
        recording.save(
            "failed-singly",
            "the last of three migrations, each in a transaction of its own, has failed",
            database,
            has(SECOND),
            awaits(THIRD, SECOND),
        )

        scripts.save_late(
            lambda database, directory: migrate(database, directory, "up", "--no-check-order"),
            what="three migrations are applied, and one of before the third was merged since, "
            "which the tool will not run",
            then="the one merged late is applied too, with --no-check-order",
        )
        schema = ["--migrations-schema", "ops", "--create-migrations-schema"]
        database = recording.after(migrate, scripts.three, "up", *schema)
        recording.save(
            "another-schema",
            "the history is in the schema ops",
            database,
            no_table(THIRD),
            (f"--revision {THIRD} --table ops.pgmigrations", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table ops.pgmigrations", "opened", ""),
        )


def text(file: str, up: str, down: str) -> str:
    """Return a migration's file, JavaScript or SQL."""
    if file.endswith(".sql"):
        return f"-- Up Migration\n{up};\n\n-- Down Migration\n{down};\n"
    return f"exports.up = (pgm) => {{\n{calls(up)}}};\n\nexports.down = (pgm) => {{\n{calls(down)}}};\n"


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'  pgm.sql("{statement.strip()}");\n' for statement in sql.split(";") if statement)
