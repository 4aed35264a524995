"""MikroORM, which keeps a file's name, in version 4 with its extension and in later ones without.

A run is one transaction, which on MariaDB the first DDL ends. It takes no lock.
"""

import subprocess
from pathlib import Path

from recorder.gates import has_all, has_both, part_way
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write
from recorder.scripts import Scripts

TABLES = ("mikro_orm_migrations",)
DATABASES = ("postgresql", "mariadb", "mysql")
OLD, NEW = "4.5.10", "6.6.7"
FILES = ("Migration20240101000001.js", "Migration20240102000002.js", "Migration20240103000003_add_stock.js")
FIRST, SECOND, THIRD = (Path(file).stem for file in FILES)
LATE = ("Migration20240102120000_add_weight.js", "ALTER TABLE product ADD weight int", "")
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
    OLD: {"postgresql": 'type: "postgresql",', "mysql": 'type: "mysql",'},
    NEW: {
        "postgresql": 'driver: require("@mikro-orm/postgresql").PostgreSqlDriver, '
        'extensions: [require("@mikro-orm/migrations").Migrator],',
        "mysql": 'driver: require("@mikro-orm/mysql").MySqlDriver, '
        'extensions: [require("@mikro-orm/migrations").Migrator],',
    },
}


def record(recording: Recording) -> None:
    """Record the common story, a down, a failure, a late file, and rows of version 4 beside newer ones."""
    recording.version = NEW

    with scratch() as folder:
        for version in (OLD, NEW):
            install(recording, version, folder / version)

        def mikro_orm(database: Database, directory: Path, command: str = "up") -> subprocess.Popen[str]:
            environment = {"DATABASE_URL": database.url, "DATABASE_NAME": database.name}
            return recording.start(["node", "migrate.js", command, directory], directory.parent, environment)

        scripts = Scripts(recording, folder / NEW, mikro_orm, text, FILES, LATE)
        done = scripts.story(
            lambda database: "pending 0" in recording.ended(mikro_orm(database, scripts.three, "pending"))
        )
        scripts.save_ahead(done, has_both(f"{SECOND}.js", f"{THIRD}.ts", f"has {SECOND}, {THIRD} applied"))
        recording.ended(mikro_orm(done, scripts.three, "down"))
        recording.save_rolled_back(done, SECOND, THIRD, "taken down")

        scripts.save_failed(at_once=True)
        scripts.save_late()

        two = write(folder / OLD / "two", {file: scripts.files[file] for file in FILES[:2]})
        database = recording.after(mikro_orm, two)
        recording.version = OLD
        recording.save(
            "old",
            "two of three migrations were applied by version 4, which keeps the names with .js",
            database,
            *part_way(SECOND, THIRD),
        )
        recording.ended(mikro_orm(database, scripts.three))
        recording.version = NEW
        recording.save(
            "old-and-new",
            "two migrations were applied by version 4, the third by version 6 without an extension",
            database,
            has_both(SECOND, THIRD, f"has {SECOND}, {THIRD} applied"),
            (f"--revision {FIRST} --if-ahead refuse", "refused", f"is at {THIRD}, past the wanted {FIRST}"),
            has_all(),
        )


def install(recording: Recording, version: str, project: Path) -> None:
    """Install a version, and make a project with a program that runs its migrator."""
    packages = [f"@mikro-orm/{part}@{version}" for part in ("core", "migrations", "postgresql", "mysql")]
    project.mkdir()
    (project / "node_modules").symlink_to(npm(recording.cache / version, *packages))
    (project / "migrate.js").write_text(PROGRAM.format(driver=DRIVERS[version][recording.dialect]))


def text(file: str, up: str, down: str) -> str:
    """Return a migration's file, whose class is named after the file."""
    name = Path(file).stem
    return (
        'const { Migration } = require("@mikro-orm/migrations");\n\n'
        f"exports.{name} = class {name} extends Migration {{\n"
        f"  async up() {{\n{calls(up)}  }}\n\n  async down() {{\n{calls(down)}  }}\n}};\n"
    )


def calls(sql: str) -> str:
    """Return the calls that run these statements."""
    return "".join(f'    this.addSql("{statement.strip()}");\n' for statement in sql.split(";") if statement)
