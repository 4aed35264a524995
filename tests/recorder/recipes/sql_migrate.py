"""sql-migrate. It keeps a row per migration, whose id is the name of its file, and takes no lock."""

import json
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from recorder.golang import install
from recorder.recording import Database, Recording, scratch

TABLES = ("gorp_migrations", "app_migrations")
DATABASES = ("postgresql", "mariadb")
VERSION = "v1.8.1"
FILES = {
    "1_create_product.sql": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "2_add_price.sql": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    "10_add_stock.sql": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock"),
}
"""In their order, which is not that of their names as text."""
FIRST, SECOND, THIRD = FILES
NAMES = tuple(name.removesuffix(".sql") for name in FILES)


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a migration that was merged late, and `skip`."""
    program = install(recording.cache, f"github.com/rubenv/sql-migrate/sql-migrate@{VERSION}")
    recording.version = VERSION.removeprefix("v")
    recording.write_migrations({name: text(*both) for name, both in FILES.items()})

    with scratch() as folder:

        def migrate(
            database: Database, files: dict[str, tuple[str, str]], *args: str, table: str = ""
        ) -> subprocess.Popen[str]:
            """Start sql-migrate with these migrations only."""
            directory = Path(mkdtemp(dir=folder))
            for name, both in files.items():
                (directory / name).write_text(text(*both))
            settings = {**source(database), "dir": ".", **({"table": table} if table else {})}
            (directory / "dbconfig.yml").write_text(json.dumps({"development": settings}))
            return recording.start([program, *args], directory)

        def up(database: Database, count: int) -> subprocess.Popen[str]:
            paused = {**FILES, THIRD: (f"{recording.pause_statement};\n{FILES[THIRD][0]}", "SELECT 1")}
            return migrate(database, {name: paused[name] for name in list(paused)[:count]}, "up")

        def is_done(database: Database) -> bool:
            # Each row ends with when it was applied, or "no".
            lines = recording.ended(migrate(database, FILES, "status")).splitlines()
            applied = [line for line in lines if ".sql" in line and "| no" not in line]
            return len(applied) == len(FILES)

        done = recording.story(tuple(FILES), up, is_done, normal=NAMES)
        assert is_done(done)

        later = {**FILES, "11_add_colour.sql": ("ALTER TABLE product ADD colour int", "SELECT 1")}
        recording.ended(migrate(done, later, "up"))
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied",
            done,
            ("--revision 10_add_stock", "opened", "is at 11_add_colour, past the wanted 10_add_stock"),
            ("--revision 10_add_stock --if-ahead wait", "timed out", "past the wanted 10_add_stock"),
            ("--revision 10_add_stock --if-ahead refuse", "refused", "past the wanted 10_add_stock"),
            ("--migrations migrations", "opened", "is at 11_add_colour, past the wanted"),
        )
        recording.ended(migrate(done, later, "down", "-limit=2"))
        recording.save(
            "rolled-back",
            "all were applied, then those after the second were rolled back",
            done,
            ("--revision 2_add_price", "opened", "has 2_add_price applied"),
            ("--revision 10_add_stock", "timed out", "is at 2_add_price; awaiting 10_add_stock"),
            ("--migrations migrations", "timed out", "awaiting 10_add_stock"),
        )

        asked = recording.database()
        recording.ended(migrate(asked, FILES, "status"))
        recording.save(
            "empty",
            "nothing has run but `sql-migrate status`, which makes the table",
            asked,
            ("--revision 1_create_product", "timed out", "has nothing applied; awaiting 1_create_product"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        failed = recording.database()
        broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "SELECT 1")}
        recording.ended(migrate(failed, broken, "up"), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, of which sql-migrate keeps nothing",
            failed,
            ("--revision 10_add_stock", "timed out", "is at 2_add_price; awaiting 10_add_stock"),
            ("--revision 2_add_price", "opened", "has 2_add_price applied"),
        )

        late = recording.database()
        recording.ended(migrate(late, {name: FILES[name] for name in (FIRST, THIRD)}, "up"))
        recording.save(
            "missing",
            "the first and the third are applied, the second was merged late and waits for the next run",
            late,
            ("--revision 2_add_price", "timed out", "awaiting 2_add_price"),
            ("--revision 10_add_stock", "opened", "has 10_add_stock applied"),
            ("--migrations migrations", "timed out", "awaiting 2_add_price"),
        )
        recording.ended(migrate(late, FILES, "up"))
        recording.save(
            "out-of-order",
            "the second was merged late and applied after the third",
            late,
            ("--revision 2_add_price", "opened", "is at 10_add_stock, past the wanted 2_add_price"),
            ("--revision 10_add_stock", "opened", "has 10_add_stock applied"),
            ("--migrations migrations", "opened", ""),
        )

        skipped = recording.database()
        recording.ended(migrate(skipped, FILES, "skip", "-limit=2"))
        recording.save(
            "skipped",
            "two of three migrations were marked as applied by `sql-migrate skip`, which nothing tells from a run",
            skipped,
            ("--revision 2_add_price", "opened", "has 2_add_price applied"),
            ("--migrations migrations", "timed out", "awaiting 10_add_stock"),
        )

        elsewhere = recording.database()
        recording.ended(migrate(elsewhere, FILES, "up", table="app_migrations"))
        recording.save(
            "own-table",
            "all three migrations are applied, with `table: app_migrations` in the settings",
            elsewhere,
            ("--revision 10_add_stock --table app_migrations", "opened", "has 10_add_stock applied"),
            ("--revision 10_add_stock", "timed out", "there is no history table"),
        )


def source(database: Database) -> dict[str, str]:
    """Return the database as sql-migrate's settings want it."""
    if database.url.startswith("postgres"):
        return {"dialect": "postgres", "datasource": database.url}
    name = "{user}:{password}@tcp({host}:{port})/{name}".format(**database.parts)
    return {"dialect": "mysql", "datasource": f"{name}?parseTime=true"}


def text(up: str, down: str) -> str:
    """Return a migration's file."""
    return f"-- +migrate Up\n{up};\n\n-- +migrate Down\n{down};\n"
