"""TypeORM, which keeps a class's name, or the `name` it gives itself. Either ends in 13 digits, the time in ms.

A run is one transaction, which on MariaDB the first DDL ends. It takes no lock.
"""

import subprocess
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("migrations",)
DATABASES = ("postgresql", "mariadb")
VERSION = "1.1.1"
PACKAGES = (f"typeorm@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
STATEMENTS = {
    "1704067201000-CreateProduct": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "1704153602000-AddPrice": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP price"),
    "1704240003000-AddStock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP stock"),
}
FIRST, SECOND, THIRD = ("CreateProduct1704067201000", "AddPrice1704153602000", "AddStock1704240003000")
LATE = "1704196803000-AddWeight"
SOURCE = """\
const {{ DataSource }} = require("typeorm");

module.exports = new DataSource({{
  type: "{kind}",
  url: process.env.DATABASE_URL,
  migrations: [__dirname + "/migrations/*.js"],
}});
"""


def record(recording: Recording) -> None:
    """Record the common story, a revert, a failure, a late migration, a fake run and names that classes give."""
    modules = recording.cache / "node_modules"
    if not (modules / "typeorm").exists():
        recording.run(["npm", "install", "--silent", "--prefix", recording.cache, *PACKAGES], recording.cache)
    recording.version = VERSION
    files = {f"{name}.js": text(name, *sql) for name, sql in STATEMENTS.items()}
    recording.write_migrations(files)
    late_file = {f"{LATE}.js": text(LATE, "ALTER TABLE product ADD weight int", "ALTER TABLE product DROP weight")}
    recording.write_migrations(
        {f"../migrations-late/{path}": source for path, source in {**files, **late_file}.items()}
    )

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        def typeorm(database: Database, command: str, project: Path, *args: str) -> subprocess.Popen[str]:
            source = project / "data-source.js"
            source.write_text(SOURCE.format(kind={"postgresql": "postgres", "mariadb": "mysql"}[recording.kind]))
            command_line = [modules / ".bin/typeorm", command, "--dataSource", source, *args]
            return recording.start(command_line, project, {"DATABASE_URL": database.url})

        def write(name: str, content: dict[str, str]) -> Path:
            (folder / name / "migrations").mkdir(parents=True)
            for file, migration in content.items():
                (folder / name / "migrations" / file).write_text(migration)
            return folder / name

        add_stock, drop_stock = list(STATEMENTS.values())[2]
        third = list(STATEMENTS)[2]
        paused = text(third, f"{recording.pause_statement}; {add_stock}", drop_stock)
        projects = {
            2: write("two", dict(list(files.items())[:2])),
            3: write("three", {**files, f"{third}.js": paused}),
        }

        def is_done(database: Database) -> bool:
            return "[ ]" not in recording.ended(typeorm(database, "migration:show", projects[3]))

        done = recording.story(
            tuple(STATEMENTS),
            lambda database, count: typeorm(database, "migration:run", projects[count]),
            is_done,
            (FIRST, SECOND, THIRD),
        )
        recording.save(
            "ahead",
            "all three migrations are applied, and the release before knows only two",
            done,
            (f"--revision {SECOND}", "opened", f"is at {THIRD}, past the wanted {SECOND}"),
            (f"--revision {SECOND} --if-ahead refuse", "refused", "past the wanted"),
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {third}.ts", "opened", f"has {THIRD} applied"),
        )
        recording.ended(typeorm(done, "migration:revert", projects[3]))
        recording.save(
            "rolled-back",
            "all three were applied, then the last was reverted",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"is at {SECOND}; awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )
        recording.ended(typeorm(done, "migration:run", projects[3], "--fake"))
        recording.save(
            "fake",
            "the last was recorded by a fake run, which looks like any other",
            done,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            ("--migrations migrations", "opened", ""),
        )

        broken = text(third, f"{add_stock}; ALTER TABLE no_such_table ADD x int")
        failing = write("failing", {**files, f"{third}.js": broken})
        database = recording.database()
        recording.ended(typeorm(database, "migration:run", failing), fails=True)
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
        recording.ended(typeorm(database, "migration:run", projects[3]))
        late = write("late", {**files, **late_file})
        recording.save(
            "late",
            "three migrations are applied, and one of before the third was merged since",
            database,
            (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
            (f"--revision {LATE}", "timed out", "awaiting AddWeight1704196803000"),
            ("--migrations migrations-late", "timed out", "awaiting AddWeight1704196803000"),
        )
        recording.ended(typeorm(database, "migration:run", late))
        recording.save(
            "late-applied",
            "the one merged late is applied too, after the third",
            database,
            (f"--revision {LATE} --revision {THIRD}", "opened", ""),
            ("--migrations migrations-late", "opened", ""),
        )

        database = recording.database()
        named = text(third, add_stock, drop_stock).replace(THIRD, "AddStockOfWarehouse1704240003000", 1)
        named = named.replace(" {", ' {\n  name = "InventoryStock1704240003000";\n', 1)
        recording.ended(typeorm(database, "migration:run", write("named", {**files, f"{third}.js": named})))
        recording.save(
            "named",
            "the class of the last migration gives itself a name, which is neither the class's nor the file's",
            database,
            ("--revision InventoryStock1704240003000", "opened", "has InventoryStock1704240003000 applied"),
            (f"--revision {THIRD}", "timed out", f"is at InventoryStock1704240003000; awaiting {THIRD}"),
        )


def text(file: str, up: str, down: str = "") -> str:
    """Return a migration's file, whose class is named after the file; a semicolon ends a statement."""
    time, _, name = file.partition("-")
    return (
        f"module.exports = class {name}{time} {{\n  async up(queryRunner) {{\n{queries(up)}  }}\n\n"
        f"  async down(queryRunner) {{\n{queries(down)}  }}\n}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip() for statement in sql.split(";") if statement)
    return "".join(f'    await queryRunner.query("{statement}");\n' for statement in statements)
