"""Knex, which keeps a file's name with its extension, and a lock in a table of its own.

On PostgreSQL a whole run is one transaction with the lock in it, so nobody sees it held, unless a migration opts out.
On MariaDB the first DDL commits that transaction: the lock and each row are seen at once.
"""

import subprocess
from pathlib import Path

from recorder.gates import awaits, beyond, has, has_all, has_both
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write
from recorder.scripts import Scripts

TABLES = ("knex_migrations", "knex_migrations_lock")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "3.3.0"
PACKAGES = (f"knex@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
FILES = ("20240101000001_create_product.js", "20240102000002_add_price.js", "20240103000003_add_stock.js")
_, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("20240102120000_add_weight.js", "ALTER TABLE product ADD weight int", "ALTER TABLE product DROP weight")


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a killed run and its lock, a late file, and TypeScript."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = VERSION
    client = {"postgresql": "pg", "mysql": "mysql2"}[recording.dialect]

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def knex(database: Database, directory: Path, command: str = "migrate:latest") -> subprocess.Popen[str]:
            options = ["--client", client, "--connection", database.url, "--migrations-directory", directory]
            return recording.start([modules / ".bin/knex", command, *options], folder)

        scripts = Scripts(recording, folder, knex, text, FILES, LATE)
        done = scripts.story(
            lambda database: "No Pending" in recording.ended(knex(database, scripts.three, "migrate:list"))
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            beyond(SECOND, THIRD),
            (f"--revision {SECOND} --if-ahead wait", "timed out", "past the wanted"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            has_both(f"{SECOND}.js", f"{THIRD}.ts"),
        )
        recording.ended(knex(done, scripts.three, "migrate:down"))
        recording.save_rolled_back(done, SECOND, THIRD, "taken back")
        scripts.save_failed(at_once=True)

        single = "exports.config = { transaction: false };\n" if recording.kind == "postgresql" else ""
        paused = single + (scripts.three / FILES[2]).read_text()
        killed = write(folder / "killed", {**scripts.files, FILES[2]: paused})
        database = recording.database()
        with recording.paused(database, lambda: knex(database, killed)) as process:
            process.kill()
            process.communicate()
        recording.save(
            "killed",
            "knex was killed in the third migration, and its lock stays",
            database,
            has(SECOND),
            (f"--revision {THIRD}", "timed out", "lock"),
            ("--migrations migrations", "timed out", "lock"),
        )
        recording.ended(knex(database, scripts.three, "migrate:unlock"))
        recording.save(
            "unlocked",
            "knex was killed in the third migration, then migrate:unlock was run",
            database,
            has(SECOND),
            awaits(THIRD, SECOND),
        )

        scripts.save_late()
        typescript = {file.replace(".js", ".ts"): content for file, content in scripts.files.items()}
        recording.save(
            "typescript",
            "the migrations were run as TypeScript, so the names in the table end in .ts",
            recording.after(knex, write(folder / "typescript", typescript)),
            has(THIRD),
            has(f"{THIRD}.ts", THIRD),
            has(f"{THIRD}.js", THIRD),
            has_all(),
        )


def text(_: str, up: str, down: str) -> str:
    """Return a migration's file, which is JavaScript and TypeScript alike."""
    return f"exports.up = async (knex) => {{\n{raw(up)}}};\n\nexports.down = async (knex) => {{\n{raw(down)}}};\n"


def raw(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'  await knex.raw("{statement.strip()}");\n' for statement in sql.split(";") if statement)
