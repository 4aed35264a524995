"""tern. It keeps one row, the current version, which changes with the migration; 0 is none."""

import subprocess

from recorder.gates import awaits, empty, has, no_table, part_way, past_all
from recorder.golang import install
from recorder.recording import Database, Recording, scratch, write_new

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
    recording.write_migrations(texts(FILES))
    # No migration: tern looks at files with a number first, and not below its directory.
    recording.write_migrations({"shared/004_view.sql": "CREATE VIEW priced AS SELECT * FROM product;\n"})

    with scratch() as folder:

        def tern(database: Database, files: dict[str, tuple[str, str]], *args: str) -> subprocess.Popen[str]:
            """Start tern with these migrations only."""
            options = ["--migrations", write_new(folder, texts(files)), "--conn-string", database.url]
            return recording.start([program, *args, *options], folder)

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return tern(database, recording.first(FILES, count), "migrate")

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
            "ahead", "the three migrations and one of a later release are applied", done, *past_all("3", "4")
        )
        recording.ended(tern(done, later, "migrate", "--destination", "2"))
        recording.save(
            "rolled-back", "all were applied, then those after the second were rolled back", done, *part_way("2", "3")
        )

        asked = recording.after(tern, FILES, "status")
        recording.save(
            "row-0",
            "nothing has run but `tern status`, which makes the table and its row of version 0",
            asked,
            *empty("1"),
        )

        broken = {**FILES, THIRD: ("ALTER TABLE nowhere ADD stock int", "SELECT 1")}
        failed = recording.after(tern, broken, "migrate", fails=True)
        recording.save_failed(failed, "of which tern keeps nothing", awaits("3", "2"), has("2"))

        elsewhere = recording.after(tern, FILES, "migrate", "--version-table", "public.app_version")
        recording.save(
            "own-table",
            "all three migrations are applied, with --version-table public.app_version",
            elsewhere,
            ("--revision 3 --table app_version", "opened", "has 3 applied"),
            no_table("3"),
        )


def texts(files: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return these migrations' files."""
    return {name: f"{up};\n\n---- create above / drop below ----\n\n{down};\n" for name, (up, down) in files.items()}
