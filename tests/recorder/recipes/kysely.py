"""Kysely, which keeps a file's name without its extension, and is called by a program of one's own.

On PostgreSQL a run is one transaction. It holds a session's lock; the row of its lock table is for other databases.
"""

import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("kysely_migration", "kysely_migration_lock")
DATABASES = ("postgresql", "mariadb")
VERSION = "0.28.18"
PACKAGES = (f"kysely@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
STATEMENTS = {
    "20240101000001_create_product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "20240102000002_add_price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "20240103000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "20240102120000_add_weight"
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
    "mariadb": {"dialect": "MysqlDialect", "pool": 'require("mysql2").createPool(process.env.DATABASE_URL)'},
}


def record(recording: Recording) -> None:
    """Record the common story, a down, a failure and a late file, which Kysely runs only if it is told to."""
    modules = recording.cache / "node_modules"
    if not (modules / "kysely").exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, *PACKAGES], recording.cache)
    recording.version = VERSION
    files = {f"{name}.js": text(*sql) for name, sql in STATEMENTS.items()}
    recording.write_migrations(files)

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)
        (folder / "migrate.js").write_text(PROGRAM.format(**DRIVERS[recording.kind]))

        def kysely(database: Database, command: str, directory: Path) -> subprocess.Popen[str]:
            return recording.start(["node", "migrate.js", command, directory], folder, {"DATABASE_URL": database.url})

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
        done = recording.story(
            tuple(STATEMENTS),
            lambda database, count: kysely(database, "latest", directories[count]),
            lambda database: "pending 0" in recording.ended(kysely(database, "pending", directories[3])),
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {SECOND}.js --revision {THIRD}.ts", "opened", f"has {SECOND}, {THIRD} applied"),
        )
        recording.ended(kysely(done, "down", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was taken down",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        failing = write("failing", {**files, f"{THIRD}.js": text(f"{add_stock}; ALTER TABLE no_such_table ADD x int")})
        database = recording.database()
        recording.ended(kysely(database, "latest", failing), fails=True)
        # On PostgreSQL the run was one transaction; on MariaDB the first two are there, and half of the third.
        stands = {"postgresql": "has nothing applied", "mariadb": f"is at {SECOND}"}[recording.kind]
        recording.save(
            "failed",
            "the last of three migrations has failed, which leaves no trace of it",
            database,
            (f"--revision {THIRD}", "timed out", f"{stands}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", stands),
        )

        database = recording.database()
        recording.ended(kysely(database, "latest", directories[3]))
        late = write("late", {**files, f"{LATE}.js": text("ALTER TABLE product ADD weight int")})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.ended(kysely(database, "latest", late), fails=True)
        recording.save(
            "late",
            "three migrations are applied, and one of before the third was merged since, which Kysely will not run",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(kysely(database, "unordered", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, with allowUnorderedMigrations",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )


def text(up: str, down: str = "") -> str:
    """Return a migration's file; a semicolon ends a statement."""
    return (
        'const { sql } = require("kysely");\n\n'
        f"exports.up = async (db) => {{\n{queries(up)}}};\n\nexports.down = async (db) => {{\n{queries(down)}}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f"  await sql`{statement.strip()}`.execute(db);\n" for statement in sql.split(";") if statement)
