"""sql-migrate. It keeps a row per migration, whose id is the name of its file, and takes no lock."""

import json
import subprocess

from recorder.gates import awaits, beyond, empty, has, has_all, lacks, no_table, part_way, past
from recorder.golang import install, source
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("gorp_migrations", "app_migrations")
DATABASES = ("postgresql", "mariadb", "mysql")
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
    recording.write_migrations(texts(FILES))

    with scratch() as folder:

        def migrate(
            database: Database, files: dict[str, tuple[str, str]], *args: str, table: str = ""
        ) -> subprocess.Popen[str]:
            """Start sql-migrate with these migrations only."""
            dialect, where = source(database, "parseTime=true")
            settings = {"dialect": dialect, "datasource": where, "dir": ".", **({"table": table} if table else {})}
            config = {"dbconfig.yml": json.dumps({"development": settings})}
            return recording.start([program, *args], write_new(folder, {**texts(files), **config}))

        def up(database: Database, count: int) -> subprocess.Popen[str]:
            return migrate(database, recording.first(FILES, count), "up")

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
            *past("10_add_stock", "11_add_colour"),
            ("--migrations migrations", "opened", "is at 11_add_colour, past the wanted"),
        )
        recording.ended(migrate(done, later, "down", "-limit=2"))
        recording.save(
            "rolled-back",
            "all were applied, then those after the second were rolled back",
            done,
            *part_way("2_add_price", "10_add_stock"),
        )

        asked = recording.after(migrate, FILES, "status")
        recording.save(
            "empty",
            "nothing has run but `sql-migrate status`, which makes the table",
            asked,
            *empty("1_create_product"),
        )

        broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "SELECT 1")}
        failed = recording.after(migrate, broken, "up", fails=True)
        recording.save_failed(
            failed, "of which sql-migrate keeps nothing", awaits("10_add_stock", "2_add_price"), has("2_add_price")
        )

        late = recording.after(migrate, {name: FILES[name] for name in (FIRST, THIRD)}, "up")
        recording.save(
            "missing",
            "the first and the third are applied, the second was merged late and waits for the next run",
            late,
            awaits("2_add_price"),
            has("10_add_stock"),
            lacks("2_add_price"),
        )
        recording.ended(migrate(late, FILES, "up"))
        recording.save(
            "out-of-order",
            "the second was merged late and applied after the third",
            late,
            beyond("2_add_price", "10_add_stock"),
            has("10_add_stock"),
            has_all(),
        )

        skipped = recording.after(migrate, FILES, "skip", "-limit=2")
        recording.save(
            "skipped",
            "two of three migrations were marked as applied by `sql-migrate skip`, which nothing tells from a run",
            skipped,
            has("2_add_price"),
            lacks("10_add_stock"),
        )

        elsewhere = recording.after(migrate, FILES, "up", table="app_migrations")
        recording.save(
            "own-table",
            "all three migrations are applied, with `table: app_migrations` in the settings",
            elsewhere,
            ("--revision 10_add_stock --table app_migrations", "opened", "has 10_add_stock applied"),
            no_table("10_add_stock"),
        )


def texts(files: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return these migrations' files."""
    return {name: f"-- +migrate Up\n{up};\n\n-- +migrate Down\n{down};\n" for name, (up, down) in files.items()}
