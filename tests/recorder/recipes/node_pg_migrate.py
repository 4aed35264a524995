"""node-pg-migrate, for PostgreSQL only, which keeps a file's name without its extension.

A run is one transaction unless it is told otherwise, and holds a session's advisory lock.
"""

import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("pgmigrations", "ops.pgmigrations")
DATABASES = ("postgresql",)
VERSION = "9.0.0"
PACKAGES = (f"node-pg-migrate@{VERSION}", "pg@8.23.1")
STATEMENTS = {
    "1704067201000_create-product.js": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "1704153602000_add-price.sql": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "1704240003000_add-stock.js": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = (file.partition(".")[0] for file in STATEMENTS)
LATE = "1704196803000_add-weight"


def record(recording: Recording) -> None:
    """Record the common story, a down, a fake run, two kinds of failure, a late file and another schema."""
    modules = recording.cache / "node_modules"
    if not (modules / "node-pg-migrate").exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, *PACKAGES], recording.cache)
    recording.version = VERSION
    files = {file: text(file, *sql) for file, sql in STATEMENTS.items()}
    recording.write_migrations(files)

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def migrate(database: Database, direction: str, directory: Path, *args: str) -> subprocess.Popen[str]:
            command = [modules / ".bin/node-pg-migrate", direction, "--migrations-dir", directory, *args]
            return recording.start(command, folder, {"DATABASE_URL": database.url})

        def write(name: str, content: dict[str, str]) -> Path:
            (folder / name).mkdir()
            for file, source in content.items():
                (folder / name / file).write_text(source)
            return folder / name

        third = f"{THIRD}.js"
        add_stock, drop_stock = STATEMENTS[third]
        paused = text(third, f"{recording.pause_statement}; {add_stock}", drop_stock)
        directories = {2: write("two", dict(list(files.items())[:2])), 3: write("three", {**files, third: paused})}

        def is_done(database: Database) -> bool:
            return "No migrations to run" in recording.ended(
                migrate(database, "up", directories[3], "--dry-run", "--no-lock")
            )

        done = recording.story(
            (FIRST, SECOND, THIRD), lambda database, count: migrate(database, "up", directories[count]), is_done
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {SECOND}.sql --revision {THIRD}.ts", "opened", f"has {SECOND}, {THIRD} applied"),
        )
        recording.ended(migrate(done, "down", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was taken down",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )
        recording.ended(migrate(done, "up", directories[3], "--fake"))
        recording.save(
            "fake",
            "the last was recorded by a fake run, which looks like any other",
            done,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
        )

        failing = write("failing", {**files, third: text(third, f"{add_stock}; ALTER TABLE no_such_table ADD x int")})
        database = recording.database()
        recording.ended(migrate(database, "up", failing), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, and the run's transaction with it",
            database,
            (f"--revision {THIRD}", "timed out", f"has nothing applied; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )
        database = recording.database()
        recording.ended(migrate(database, "up", failing, "--no-single-transaction"), fails=True)
        recording.save(
            "failed-singly",
            "the last of three migrations, each in a transaction of its own, has failed",
            database,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
        )

        database = recording.database()
        recording.ended(migrate(database, "up", directories[3]))
        late_file = f"{LATE}.js"
        late = write("late", {**files, late_file: text(late_file, "ALTER TABLE product ADD weight int")})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.ended(migrate(database, "up", late), fails=True)
        recording.save(
            "late",
            "three migrations are applied, and one of before the third was merged since, which the tool will not run",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(migrate(database, "up", late, "--no-check-order"))
        recording.save(
            "late-applied",
            "the one merged late is applied too, with --no-check-order",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        schema = ["--migrations-schema", "ops", "--create-migrations-schema"]
        recording.ended(migrate(database, "up", directories[3], *schema))
        recording.save(
            "another-schema",
            "the history is in the schema ops",
            database,
            (f"--revision {THIRD}", "timed out", "there is no history table"),
            (f"--revision {THIRD} --table ops.pgmigrations", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table ops.pgmigrations", "opened", ""),
        )


def text(file: str, up: str, down: str = "") -> str:
    """Return a migration's file, JavaScript or SQL; a semicolon ends a statement."""
    if file.endswith(".sql"):
        return f"-- Up Migration\n{up};\n\n-- Down Migration\n{down};\n"
    return f"exports.up = (pgm) => {{\n{calls(up)}}};\n\nexports.down = (pgm) => {{\n{calls(down)}}};\n"


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'  pgm.sql("{statement.strip()}");\n' for statement in sql.split(";") if statement)
