"""Sequelize's CLI, which keeps a file's name with its extension in a table whose name must be quoted.

It opens no transaction and takes no lock: a migration's row follows its `up`.
"""

import json
import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("SequelizeMeta", "AppMeta")
DATABASES = ("postgresql", "mariadb")
VERSION = "6.37.8"
PACKAGES = (f"sequelize@{VERSION}", "sequelize-cli@6.6.5", "pg@8.23.1", "mysql2@3.24.5")
STATEMENTS = {
    "20240101000001-create-product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "20240102000002-add-price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "20240103000003-add-stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "20240102120000-add-weight"


def record(recording: Recording) -> None:
    """Record the common story, an undo, a failure, a late file, .cjs files and a table of another name."""
    modules = recording.cache / "node_modules"
    if not (modules / "sequelize").exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, *PACKAGES], recording.cache)
    recording.version = VERSION
    files = {f"{name}.js": text(*sql) for name, sql in STATEMENTS.items()}
    recording.write_migrations(files)

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def sequelize(database: Database, command: str, directory: Path, **options: str) -> subprocess.Popen[str]:
            parts = database.parts
            config = {
                "dialect": {"postgresql": "postgres", "mariadb": "mysql"}[recording.kind],
                "host": parts["host"],
                "port": parts["port"],
                "username": parts["user"],
                "password": parts["password"],
                "database": parts["name"],
                **options,
            }
            (folder / "config.json").write_text(json.dumps({"development": config}))
            paths = ["--config", folder / "config.json", "--migrations-path", directory]
            return recording.start([modules / ".bin/sequelize-cli", command, *paths], folder)

        def write(name: str, content: dict[str, str]) -> Path:
            (folder / name).mkdir()
            for file, source in content.items():
                (folder / name / file).write_text(source)
            return folder / name

        add_stock, drop_stock = STATEMENTS[THIRD]
        paused = text(f"{recording.pause_statement}; {add_stock}", drop_stock)
        directories = {
            2: write("two", dict(list(files.items())[:2])),
            3: write("three", {**files, f"{THIRD}.js": paused}),
        }

        def is_done(database: Database) -> bool:
            status = recording.ended(sequelize(database, "db:migrate:status", directories[3]))
            return status.count("\nup ") == len(STATEMENTS) and "\ndown " not in status

        done = recording.story(
            tuple(STATEMENTS), lambda database, count: sequelize(database, "db:migrate", directories[count]), is_done
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {THIRD}.js", "opened", f"has {THIRD} applied"),
            (f"--revision {THIRD} --table SequelizeMeta", "opened", f"has {THIRD} applied"),
        )
        recording.ended(sequelize(done, "db:migrate:undo", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was undone",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        failing = write("failing", {**files, f"{THIRD}.js": text(f"{add_stock}; ALTER TABLE no_such_table ADD x int")})
        database = recording.database()
        recording.ended(sequelize(database, "db:migrate", failing), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed after its first statement, which leaves no trace of it",
            database,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        database = recording.database()
        recording.ended(sequelize(database, "db:migrate", directories[3]))
        late = write("late", {**files, f"{LATE}.js": text("ALTER TABLE product ADD weight int")})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.save(
            "late",
            "three migrations are applied, and one with a date before the third's was merged since",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(sequelize(database, "db:migrate", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        commonjs = write("commonjs", {f"{name}.cjs": text(*sql) for name, sql in STATEMENTS.items()})
        recording.ended(sequelize(database, "db:migrate", commonjs, migrationStorageTableName="AppMeta"))
        recording.save(
            "another-table",
            "the table has another name, also in mixed case, and the files' names end in .cjs",
            database,
            (f"--revision {THIRD}", "timed out", "there is no history table"),
            (f"--revision {THIRD} --table AppMeta", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table AppMeta", "opened", ""),
        )


def text(up: str, down: str = "") -> str:
    """Return a migration's file; a semicolon ends a statement."""
    return (
        f"module.exports = {{\n  async up(queryInterface) {{\n{queries(up)}  }},\n\n"
        f"  async down(queryInterface) {{\n{queries(down)}  }},\n}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip() for statement in sql.split(";") if statement)
    return "".join(f'    await queryInterface.sequelize.query("{statement}");\n' for statement in statements)
