"""tern. It keeps one row, the current version, which changes with the migration; 0 is none."""

import subprocess
from pathlib import Path
from tempfile import mkdtemp

from recorder.golang import install
from recorder.recording import Database, Recording, scratch

TABLES = ("schema_version", "app_version")
DATABASES = ("postgresql",)
VERSION = "v2.3.4"
FILES = {
    "001_create_product.sql": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "002_add_price.sql": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    "003_add_stock.sql": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock"),
}
FIRST, SECOND, THIRD = FILES


def record(recording: Recording) -> None:
    """Record the common story, rollbacks, a failure and a database past the files."""
    program = install(recording.cache, f"github.com/jackc/tern/v2@{VERSION}")
    recording.version = VERSION.removeprefix("v")
    recording.write_migrations({name: text(*both) for name, both in FILES.items()})
    # No migration: tern looks at files with a number first, and not below its directory.
    recording.write_migrations({"shared/004_view.sql": "CREATE VIEW priced AS SELECT * FROM product;\n"})

    with scratch() as folder:

        def tern(database: Database, files: dict[str, tuple[str, str]], *args: str) -> subprocess.Popen[str]:
            """Start tern with these migrations only."""
            directory = Path(mkdtemp(dir=folder))
            for name, both in files.items():
                (directory / name).write_text(text(*both))
            return recording.start(
                [program, *args, "--migrations", directory, "--conn-string", database.url], directory
            )

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            paused = {**FILES, THIRD: (f"{recording.pause_statement};\n{FILES[THIRD][0]}", "")}
            return tern(database, {name: paused[name] for name in list(paused)[:count]}, "migrate")

        def is_done(database: Database) -> bool:
            asking = tern(database, FILES, "status")
            try:
                return "up to date" in asking.communicate(timeout=3)[0]
            except subprocess.TimeoutExpired:  # it waits for the lock of the one that migrates
                asking.kill()
                asking.communicate()
                return False

        done = recording.story(("001", "002_add_price.sql", "003"), migrate, is_done, normal=("1", "2", "3"))
        assert is_done(done)

        later = {**FILES, "004_add_colour.sql": ("ALTER TABLE product ADD colour int", "SELECT 1")}
        recording.ended(tern(done, later, "migrate"))
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied",
            done,
            ("--revision 3", "opened", "is at 4, past the wanted 3"),
            ("--revision 3 --if-ahead wait", "timed out", "is at 4, past the wanted 3"),
            ("--revision 3 --if-ahead refuse", "refused", "is at 4, past the wanted 3"),
            ("--migrations migrations", "opened", "is at 4, past the wanted 3"),
        )
        recording.ended(tern(done, later, "migrate", "--destination", "2"))
        recording.save(
            "rolled-back",
            "all were applied, then those after the second were rolled back",
            done,
            ("--revision 2", "opened", "has 2 applied"),
            ("--revision 3", "timed out", "is at 2; awaiting 3"),
            ("--migrations migrations", "timed out", "awaiting 3"),
        )

        asked = recording.database()
        recording.ended(tern(asked, FILES, "status"))
        recording.save(
            "row-0",
            "nothing has run but `tern status`, which makes the table and its row of version 0",
            asked,
            ("--revision 1", "timed out", "has nothing applied; awaiting 1"),
            ("--migrations migrations", "timed out", "has nothing applied"),
        )

        failed = recording.database()
        broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "SELECT 1")}
        recording.ended(tern(failed, broken, "migrate"), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, of which tern keeps nothing",
            failed,
            ("--revision 3", "timed out", "is at 2; awaiting 3"),
            ("--revision 2", "opened", "has 2 applied"),
        )

        elsewhere = recording.database()
        recording.ended(tern(elsewhere, FILES, "migrate", "--version-table", "public.app_version"))
        recording.save(
            "own-table",
            "all three migrations are applied, with --version-table public.app_version",
            elsewhere,
            ("--revision 3 --table app_version", "opened", "has 3 applied"),
            ("--revision 3", "timed out", "there is no history table"),
        )


def text(up: str, down: str) -> str:
    """Return a migration's file."""
    return f"{up};\n\n---- create above / drop below ----\n\n{down};\n"
