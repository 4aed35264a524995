"""Knex, which keeps a file's name with its extension, and a lock in a table of its own.

On PostgreSQL a whole run is one transaction with the lock in it, so nobody sees it held, unless a migration opts out.
On MariaDB the first DDL commits that transaction: the lock and each row are seen at once.
"""

import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("knex_migrations", "knex_migrations_lock")
DATABASES = ("postgresql", "mariadb")
VERSION = "3.3.0"
PACKAGES = (f"knex@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
STATEMENTS = {
    "20240101000001_create_product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "20240102000002_add_price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "20240103000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "20240102120000_add_weight"


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a killed run and its lock, a late file, and TypeScript."""
    modules = recording.cache / "node_modules"
    if not (modules / "knex").exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, *PACKAGES], recording.cache)
    recording.version = VERSION
    recording.write_migrations({f"{name}.js": text(*sql) for name, sql in STATEMENTS.items()})
    client = {"postgresql": "pg", "mariadb": "mysql2"}[recording.kind]

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def knex(database: Database, command: str, directory: Path) -> subprocess.Popen[str]:
            options = ["--client", client, "--connection", database.url, "--migrations-directory", directory]
            return recording.start([modules / ".bin/knex", command, *options], folder)

        def write(name: str, files: dict[str, str]) -> Path:
            (folder / name).mkdir()
            for file, content in files.items():
                (folder / name / file).write_text(content)
            return folder / name

        files = {f"{name}.js": text(*sql) for name, sql in STATEMENTS.items()}
        add_stock, drop_stock = STATEMENTS[THIRD]
        paused = text(f"{recording.pause_statement}; {add_stock}", drop_stock)
        directories = {
            2: write("two", dict(list(files.items())[:2])),
            3: write("three", {**files, f"{THIRD}.js": paused}),
        }
        done = recording.story(
            tuple(STATEMENTS),
            lambda database, count: knex(database, "migrate:latest", directories[count]),
            lambda database: "No Pending" in recording.ended(knex(database, "migrate:list", directories[3])),
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead wait", "timed out", "past the wanted"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {SECOND}.js --revision {THIRD}.ts", "opened", ""),
        )
        recording.ended(knex(done, "migrate:down", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was taken back",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        failing = write("failing", {**files, f"{THIRD}.js": text(f"{add_stock}; ALTER TABLE no_such_table ADD x int")})
        database = recording.database()
        recording.ended(knex(database, "migrate:latest", failing), fails=True)
        # On PostgreSQL the run was one transaction; on MariaDB the first two are there, and half of the third.
        applied = {"postgresql": "has nothing applied", "mariadb": f"is at {SECOND}"}[recording.kind]
        recording.save(
            "failed",
            "the last of three migrations has failed, which leaves no trace of it",
            database,
            (f"--revision {THIRD}", "timed out", f"{applied}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", applied),
        )

        single = "exports.config = { transaction: false };\n" if recording.kind == "postgresql" else ""
        killed = write("killed", {**files, f"{THIRD}.js": f"{single}{paused}"})
        database = recording.database()
        with recording.paused(database, lambda: knex(database, "migrate:latest", killed)) as process:
            process.kill()
            process.communicate()
        gates = (
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", "lock"),
            ("--migrations migrations", "timed out", "lock"),
        )
        recording.save("killed", "knex was killed in the third migration, and its lock stays", database, *gates)
        recording.ended(knex(database, "migrate:unlock", directories[3]))
        recording.save(
            "unlocked",
            "knex was killed in the third migration, then migrate:unlock was run",
            database,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
        )

        database = recording.database()
        recording.ended(knex(database, "migrate:latest", directories[3]))
        add_weight = ("ALTER TABLE product ADD weight int", "ALTER TABLE product DROP weight")
        late = write("late", {**files, f"{LATE}.js": text(*add_weight)})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.save(
            "late",
            "three migrations are applied, and one with a date before the third's was merged since",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(knex(database, "migrate:latest", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        typescript = write("typescript", {f"{name}.ts": text(*sql) for name, sql in STATEMENTS.items()})
        recording.ended(knex(database, "migrate:latest", typescript))
        recording.save(
            "typescript",
            "the migrations were run as TypeScript, so the names in the table end in .ts",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {THIRD}.ts", "opened", f"has {THIRD} applied"),
            (f"--revision {THIRD}.js", "opened", f"has {THIRD} applied"),
            ("--migrations migrations", "opened", ""),
        )


def text(up: str, down: str = "") -> str:
    """Return a migration's file, which is JavaScript and TypeScript alike; a semicolon ends a statement."""
    return f"exports.up = async (knex) => {{\n{raw(up)}}};\n\nexports.down = async (knex) => {{\n{raw(down)}}};\n"


def raw(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'  await knex.raw("{statement.strip()}");\n' for statement in sql.split(";") if statement)
