"""TypeORM, which keeps a class's name, or the `name` it gives itself. Either ends in 13 digits, the time in ms.

A run is one transaction, which on MariaDB the first DDL ends. It takes no lock.
"""

import subprocess
from pathlib import Path

from recorder.gates import awaits, has, has_all
from recorder.packages import npm
from recorder.recording import Database, Recording, scratch, write
from recorder.scripts import Scripts

TABLES = ("migrations",)
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "1.1.1"
PACKAGES = (f"typeorm@{VERSION}", "pg@8.23.1", "mysql2@3.24.5")
FILES = ("1704067201000-CreateProduct.js", "1704153602000-AddPrice.js", "1704240003000-AddStock.js")
NAMES = ("CreateProduct1704067201000", "AddPrice1704153602000", "AddStock1704240003000", "AddWeight1704196803000")
_, SECOND, THIRD, _ = NAMES
LATE = ("1704196803000-AddWeight.js", "ALTER TABLE product ADD weight int", "ALTER TABLE product DROP weight")
SOURCE = """\
const {{ DataSource }} = require("typeorm");

module.exports = new DataSource({{
  type: "{kind}",
  url: process.env.DATABASE_URL,
  migrations: [process.env.DIRECTORY + "/*.js"],
}});
"""


def record(recording: Recording) -> None:
    """Record the common story, a revert, a failure, a late migration, a fake run and names that classes give."""
    modules = npm(recording.cache, *PACKAGES)
    recording.version = VERSION

    with scratch() as folder:
        (folder / "node_modules").symlink_to(modules)

        source = folder / "data-source.js"
        source.write_text(SOURCE.format(kind={"postgresql": "postgres", "mysql": "mysql"}[recording.dialect]))

        def typeorm(database: Database, directory: Path, command: str = "run", *args: str) -> subprocess.Popen[str]:
            environment = {"DATABASE_URL": database.url, "DIRECTORY": str(directory)}
            program = [modules / ".bin/typeorm", f"migration:{command}", "--dataSource", source]
            return recording.start([*program, *args], folder, environment)

        def is_done(database: Database) -> bool:
            return "[ ]" not in recording.ended(typeorm(database, scripts.three, "show"))

        scripts = Scripts(recording, folder, typeorm, text, FILES, LATE, NAMES)
        done = scripts.story(is_done)
        scripts.save_ahead(done, has(THIRD), has("1704240003000-AddStock.ts", THIRD))
        recording.ended(typeorm(done, scripts.three, "revert"))
        recording.save_rolled_back(done, SECOND, THIRD, "reverted")
        recording.ended(typeorm(done, scripts.three, "run", "--fake"))
        recording.save(
            "fake", "the last was recorded by a fake run, which looks like any other", done, has(THIRD), has_all()
        )

        scripts.save_failed(at_once=True)
        scripts.save_late()

        named = scripts.files[FILES[2]].replace(THIRD, "AddStockOfWarehouse1704240003000", 1)
        named = named.replace(" {", ' {\n  name = "InventoryStock1704240003000";\n', 1)
        database = recording.after(typeorm, write(folder / "named", {**scripts.files, FILES[2]: named}))
        recording.save(
            "named",
            "the class of the last migration gives itself a name, which is neither the class's nor the file's",
            database,
            has("InventoryStock1704240003000"),
            awaits(THIRD, "InventoryStock1704240003000"),
        )


def text(file: str, up: str, down: str) -> str:
    """Return a migration's file, whose class is named after the file."""
    time, _, name = Path(file).stem.partition("-")
    return (
        f"module.exports = class {name}{time} {{\n  async up(queryRunner) {{\n{queries(up)}  }}\n\n"
        f"  async down(queryRunner) {{\n{queries(down)}  }}\n}};\n"
    )


def queries(sql: str) -> str:
    """Return the calls that run these statements."""
    statements = (statement.strip() for statement in sql.split(";") if statement)
    return "".join(f'    await queryRunner.query("{statement}");\n' for statement in statements)
