"""MikroORM, which keeps a file's name, in version 4 with its extension and in later ones without.

A run is one transaction, which on MariaDB the first DDL ends. It takes no lock.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("mikro_orm_migrations",)
DATABASES = ("postgresql", "mariadb")
OLD, NEW = "4.5.10", "6.6.7"
STATEMENTS = {
    "Migration20240101000001": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "Migration20240102000002": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "Migration20240103000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = STATEMENTS
LATE = "Migration20240102120000_add_weight"
PROGRAM = """\
const {{ MikroORM }} = require("@mikro-orm/core");

const [command, path] = process.argv.slice(2);

async function main() {{
  const orm = await MikroORM.init({{
    {driver}
    clientUrl: process.env.DATABASE_URL,
    dbName: process.env.DATABASE_NAME,
    entities: [],
    discovery: {{ warnWhenNoEntities: false, requireEntitiesArray: false }},
    migrations: {{ path, snapshot: false, pattern: /^Migration\\w+\\.js$/ }}, // version 4 looks for .ts otherwise
  }});
  const migrator = orm.getMigrator();
  if (command === "pending") console.log("pending", (await migrator.getPendingMigrations()).length);
  else await migrator[command]();
  await orm.close(true);
}}

main().then(() => process.exit(0), (error) => {{ console.error(error); process.exit(1); }});
"""
DRIVERS = {
    OLD: {"postgresql": 'type: "postgresql",', "mariadb": 'type: "mysql",'},
    NEW: {
        "postgresql": 'driver: require("@mikro-orm/postgresql").PostgreSqlDriver, '
        'extensions: [require("@mikro-orm/migrations").Migrator],',
        "mariadb": 'driver: require("@mikro-orm/mysql").MySqlDriver, '
        'extensions: [require("@mikro-orm/migrations").Migrator],',
    },
}


def record(recording: Recording) -> None:
    """Record the common story, a down, a failure, a late file, and rows of version 4 beside newer ones."""
    recording.version = NEW
    files = {f"{name}.js": text(name, *sql) for name, sql in STATEMENTS.items()}
    recording.write_migrations(files)

    with scratch() as folder:
        for version in (OLD, NEW):
            install(recording, version, folder / version)

        def write(name: str, content: Mapping[str, str], version: str = NEW) -> Path:
            (folder / version / name).mkdir()
            for file, source in content.items():
                (folder / version / name / file).write_text(source)
            return folder / version / name

        def mikro_orm(database: Database, command: str, directory: Path) -> subprocess.Popen[str]:
            environment = {"DATABASE_URL": database.url, "DATABASE_NAME": database.name}
            return recording.start(["node", "migrate.js", command, directory], directory.parent, environment)

        add_stock, drop_stock = STATEMENTS[THIRD]
        two = dict(list(files.items())[:2])
        paused = text(THIRD, f"{recording.pause_statement}; {add_stock}", drop_stock)
        directories = {2: write("two", two), 3: write("three", {**two, f"{THIRD}.js": paused})}
        done = recording.story(
            tuple(STATEMENTS),
            lambda database, count: mikro_orm(database, "up", directories[count]),
            lambda database: "pending 0" in recording.ended(mikro_orm(database, "pending", directories[3])),
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {SECOND}.js --revision {THIRD}.ts", "opened", f"has {SECOND}, {THIRD} applied"),
        )
        recording.ended(mikro_orm(done, "down", directories[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was taken down",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )

        broken = text(THIRD, f"{add_stock}; ALTER TABLE no_such_table ADD x int")
        database = recording.database()
        recording.ended(mikro_orm(database, "up", write("failing", {**two, f"{THIRD}.js": broken})), fails=True)
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
        recording.ended(mikro_orm(database, "up", directories[3]))
        late = write("late", {**files, f"{LATE}.js": text(LATE, "ALTER TABLE product ADD weight int")})
        recording.write_migrations({f"../migrations-late/{path.name}": path.read_text() for path in late.iterdir()})
        recording.save(
            "late",
            "three migrations are applied, and one of before the third was merged since",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", f"awaiting {LATE}"),
            ("--migrations migrations-late", "timed out", f"awaiting {LATE}"),
        )
        recording.ended(mikro_orm(database, "up", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        recording.ended(mikro_orm(database, "up", write("two", two, OLD)))
        recording.version = OLD
        recording.save(
            "old",
            "two of three migrations were applied by version 4, which keeps the names with .js",
            database,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )
        recording.ended(mikro_orm(database, "up", directories[3]))
        recording.version = NEW
        recording.save(
            "old-and-new",
            "two migrations were applied by version 4, the third by version 6 without an extension",
            database,
            (f"--revision {SECOND} --revision {THIRD}", "opened", f"has {SECOND}, {THIRD} applied"),
            (f"--revision {FIRST} --if-ahead refuse", "refused", f"is at {THIRD}, past the wanted {FIRST}"),
            ("--migrations migrations", "opened", ""),
        )


def install(recording: Recording, version: str, project: Path) -> None:
    """Install a version, and make a project with a program that runs its migrator."""
    cache = recording.cache / version
    if not (cache / "node_modules").exists():
        packages = [f"@mikro-orm/{part}@{version}" for part in ("core", "migrations", "postgresql", "mysql")]
        cache.mkdir()
        recording.run(["npm", "install", "--silent", "--prefix", cache, *packages], cache)
    project.mkdir()
    (project / "node_modules").symlink_to(cache / "node_modules")
    (project / "migrate.js").write_text(PROGRAM.format(driver=DRIVERS[version][recording.kind]))


def text(name: str, up: str, down: str = "") -> str:
    """Return a migration's file; a semicolon ends a statement."""
    return (
        'const { Migration } = require("@mikro-orm/migrations");\n\n'
        f"exports.{name} = class {name} extends Migration {{\n"
        f"  async up() {{\n{calls(up)}  }}\n\n  async down() {{\n{calls(down)}  }}\n}};\n"
    )


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'    this.addSql("{statement.strip()}");\n' for statement in sql.split(";") if statement)
