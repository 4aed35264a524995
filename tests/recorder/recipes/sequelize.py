"""Sequelize's CLI, which keeps a file's name with its extension in a table whose name must be quoted.

It opens no transaction and takes no lock: a migration's row follows its `up`.
"""

import json
import subprocess
from pathlib import Path

from recorder.gates import has, no_table
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write
from recorder.scripts import Scripts

TABLES = ("SequelizeMeta", "AppMeta")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "6.37.8"
PACKAGES = (f"sequelize@{VERSION}", "sequelize-cli@6.6.5", "pg@8.23.1", "mysql2@3.24.5")
FILES = ("20240101000001-create-product.js", "20240102000002-add-price.js", "20240103000003-add-stock.js")
_, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("20240102120000-add-weight.js", "ALTER TABLE product ADD weight int", "")


def record(recording: Recording) -> None:
    """Record the common story, an undo, a failure, a late file, .cjs files and a table of another name."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = VERSION

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def sequelize(
            database: Database, directory: Path, command: str = "db:migrate", **options: str
        ) -> subprocess.Popen[str]:
            parts = database.parts
            config = {
                "dialect": {"postgresql": "postgres", "mysql": "mysql"}[recording.dialect],
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

        scripts = Scripts(recording, folder, sequelize, text, FILES, LATE)

        def is_done(database: Database) -> bool:
            status = recording.ended(sequelize(database, scripts.three, "db:migrate:status"))
            return status.count("\nup ") == len(FILES) and "\ndown " not in status

        done = scripts.story(is_done)
        scripts.save_ahead(done, has(f"{THIRD}.js", THIRD), has(f"{THIRD} --table SequelizeMeta", THIRD))
        recording.ended(sequelize(done, scripts.three, "db:migrate:undo"))
        recording.save_rolled_back(done, SECOND, THIRD, "undone")

        what = "the last of three migrations has failed after its first statement, which leaves no trace of it"
        scripts.save_failed(at_once=False, what=what)
        scripts.save_late()
        commonjs = write(folder / "commonjs", {file.replace(".js", ".cjs"): scripts.files[file] for file in FILES})
        database = recording.database()
        recording.ended(sequelize(database, commonjs, migrationStorageTableName="AppMeta"))
        recording.save(
            "another-table",
            "the table has another name, also in mixed case, and the files' names end in .cjs",
            database,
            no_table(THIRD),
            (f"--revision {THIRD} --table AppMeta", "opened", f"has {THIRD} applied"),
            ("--migrations migrations --table AppMeta", "opened", ""),
        )


def text(_: str, up: str, down: str) -> str:
    """Return a migration's file."""
    return (
        f"module.exports = {{\n  async up(queryInterface) {{\n{queries(up)}  }},\n\n"
        f"  async down(queryInterface) {{\n{queries(down)}  }},\n}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip() for statement in sql.split(";") if statement)
    return "".join(f'    await queryInterface.sequelize.query("{statement}");\n' for statement in statements)
