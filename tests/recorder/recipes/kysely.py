"""Kysely, which keeps a file's name without its extension, and is called by a program of one's own.

On PostgreSQL a run is one transaction. It holds a session's lock; the row of its lock table is for other databases.
"""

import subprocess
from pathlib import Path

from recorder.gates import has_both
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch
from recorder.scripts import Scripts

TABLES = ("kysely_migration", "kysely_migration_lock")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "0.28.18"
PACKAGES = (f"kysely@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
FILES = ("20240101000001_create_product.js", "20240102000002_add_price.js", "20240103000003_add_stock.js")
_, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("20240102120000_add_weight.js", "ALTER TABLE product ADD weight int", "")
PROGRAM = """\
const {{ Kysely, {dialect}, Migrator, FileMigrationProvider }} = require("kysely");

const [command, migrationFolder] = process.argv.slice(2);
const db = new Kysely({{ dialect: new {dialect}({{ pool: {pool} }}) }});
const migrator = new Migrator({{
  db,
  provider: new FileMigrationProvider({{ fs: require("fs/promises"), path: require("path"), migrationFolder }}),
  allowUnorderedMigrations: command === "unordered",
}});

async function main() {{
  if (command === "pending") {{
    const migrations = await migrator.getMigrations();
    console.log("pending", migrations.filter((migration) => !migration.executedAt).length);
    return;
  }}
  const {{ error }} = await (command === "down" ? migrator.migrateDown() : migrator.migrateToLatest());
  if (error) throw error;
}}

main().then(() => process.exit(0), (error) => {{ console.error(error); process.exit(1); }});
"""
DRIVERS = {
    "postgresql": {
        "dialect": "PostgresDialect",
        "pool": 'new (require("pg").Pool)({ connectionString: process.env.DATABASE_URL })',
    },
    "mysql": {"dialect": "MysqlDialect", "pool": 'require("mysql2").createPool(process.env.DATABASE_URL)'},
}


def record(recording: Recording) -> None:
    """Record the common story, a down, a failure and a late file, which Kysely runs only if it is told to."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = VERSION

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)
        (folder / "migrate.js").write_text(PROGRAM.format(**DRIVERS[recording.dialect]))

        def kysely(database: Database, directory: Path, command: str = "latest") -> subprocess.Popen[str]:
            return recording.start(["node", "migrate.js", command, directory], folder, {"DATABASE_URL": database.url})

        scripts = Scripts(recording, folder, kysely, text, FILES, LATE)
        done = scripts.story(
            lambda database: "pending 0" in recording.ended(kysely(database, scripts.three, "pending"))
        )
        scripts.save_ahead(done, has_both(f"{SECOND}.js", f"{THIRD}.ts", f"has {SECOND}, {THIRD} applied"))
        recording.ended(kysely(done, scripts.three, "down"))
        recording.save_rolled_back(done, SECOND, THIRD, "taken down")

        scripts.save_failed(at_once=True)
        scripts.save_late(
            lambda database, directory: kysely(database, directory, "unordered"),
            what="three migrations are applied, and one of before the third was merged since, "
            "which Kysely will not run",
            then="the one merged late is applied too, with allowUnorderedMigrations",
        )


def text(_: str, up: str, down: str) -> str:
    """Return a migration's file."""
    return (
        'const { sql } = require("kysely");\n\n'
        f"exports.up = async (db) => {{\n{queries(up)}}};\n\nexports.down = async (db) => {{\n{queries(down)}}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f"  await sql`{statement.strip()}`.execute(db);\n" for statement in sql.split(";") if statement)
