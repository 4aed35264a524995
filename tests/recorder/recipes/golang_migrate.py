"""golang-migrate. It keeps the current version only, marked dirty from before a migration begins until it succeeded.

What runs and what failed or was killed leave the same row; only its lock, which no dump holds, tells them apart.
"""

import subprocess

from recorder.gates import awaits, beyond, empty, has, has_all, no_table, past_all
from recorder.golang import install, source, up_and_down
from recorder.recording import Database, Recording, scratch, write_new

TABLES = ("schema_migrations", "app_migrations")
DATABASES = ("postgresql", "mariadb", "mysql")
VERSION = "v4.20.1"
PACKAGE = "github.com/golang-migrate/migrate/v4/cmd/migrate"
FILES = {
    "000001_create_product": ("CREATE TABLE product (id int)", "DROP TABLE product"),
    "000002_add_price": ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    "000003_add_stock": ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock"),
}
BROKEN = ("ALTER TABLE nowhere ADD stock int", "DROP TABLE nowhere")
FREE = "is marked dirty and nobody holds the migration lock"


def record(recording: Recording) -> None:
    """Record the common story, failures up and down, what `force` does to them, and a file that is never run."""
    program = install(recording.cache, f"{PACKAGE}@{VERSION}", "postgres", "mysql")
    recording.version = VERSION.removeprefix("v")
    recording.write_migrations(up_and_down(FILES))

    with scratch() as folder:

        def run(
            database: Database, files: dict[str, tuple[str, str]], *args: str, options: str = ""
        ) -> subprocess.Popen[str]:
            """Start golang-migrate with these migrations only."""
            driver, url = source(database)
            url = f"{'mysql://' if driver == 'mysql' else ''}{url}{options}"
            return recording.start(
                [program, "-path", write_new(folder, up_and_down(files)), "-database", url, *args], folder
            )

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return run(database, recording.first(FILES, count), "up")

        def is_done(database: Database) -> bool:
            asking = run(database, FILES, "version")
            try:
                return asking.communicate(timeout=3)[0].strip() == "3"
            except subprocess.TimeoutExpired:  # it waits for the lock of the one that migrates
                asking.kill()
                asking.communicate()
                return False

        def fresh(files: dict[str, tuple[str, str]] = FILES, *, fails: bool = False) -> Database:
            return recording.after(run, files, "up", fails=fails)

        done = recording.story(
            ("000001", "000002_add_price.up.sql", "000003"), migrate, is_done, normal=("1", "2", "3")
        )

        recording.ended(run(done, {**FILES, "000004_add_colour": ("ALTER TABLE product ADD colour int", "")}, "up"))
        recording.save(
            "ahead",
            "the three migrations and one of a later release are applied",
            done,
            *past_all("3", "4"),
            ("--migrations migrations --if-ahead refuse", "refused", "is at 4, past the wanted 3"),
        )

        down = fresh()
        recording.ended(run(down, FILES, "down", "1"))
        recording.save_rolled_back(down, "2", "3", "migrated down")
        recording.ended(run(down, FILES, "down", "-all"))
        recording.save("all-down", "all three were applied, then all were migrated down", down, *empty("1"))

        failed = fresh({**FILES, "000003_add_stock": BROKEN}, fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed; while it runs the row is the same, and the lock is held",
            failed,
            ("--revision 3", "timed out", f"version 3 {FREE}"),
            ("--revision 3 --timeout 20s", "refused", "version 3 is marked dirty"),
            ("--revision 2", "opened", "version 3 is marked dirty, past the wanted 2"),
            ("--revision 2 --if-ahead wait", "timed out", f"version 3 {FREE}"),
            ("--migrations migrations", "timed out", f"version 3 {FREE}"),
            ("--revision 3 --if-ahead refuse", "timed out", f"version 3 {FREE}"),
        )
        recording.ended(run(failed, FILES, "force", "2"))
        recording.save(
            "forced",
            "the last of three migrations has failed, then the second was forced to be the current one",
            failed,
            has("2"),
            awaits("3", "2"),
        )
        recording.ended(run(failed, FILES, "up"))
        recording.save(
            "repaired",
            "the last of three migrations has failed, the second was forced, then the corrected third was run",
            failed,
            has("3"),
            has_all(),
        )

        undone = fresh({**FILES, "000003_add_stock": (FILES["000003_add_stock"][0], BROKEN[1])})
        recording.ended(run(undone, {**FILES, "000003_add_stock": ("", BROKEN[1])}, "down", "1"), fails=True)
        recording.save(
            "failed-down",
            "all three were applied, then the migration down from the third has failed: dirty at the second",
            undone,
            ("--revision 2", "timed out", f"version 2 {FREE}"),
            ("--revision 3", "timed out", f"version 2 {FREE}"),
            ("--revision 1", "opened", "version 2 is marked dirty, past the wanted 1"),
        )

        first = fresh({"000001_create_product": FILES["000001_create_product"]})
        recording.ended(run(first, {"000001_create_product": BROKEN}, "down", "1"), fails=True)
        recording.save(
            "failed-first-down",
            "the first was applied, then the migration down from it has failed: dirty at -1, which is none",
            first,
            ("--revision 1", "timed out", "is marked dirty and nobody holds the migration lock"),
        )

        late = fresh({name: FILES[name] for name in ("000001_create_product", "000003_add_stock")})
        recording.ended(run(late, FILES, "up"))
        recording.save(
            "late",
            "the first and the third were applied, the second was merged late and is never run; only the current"
            " version is recorded, so nobody can tell: a gate on the second opens, and so does one on the directory",
            late,
            beyond("2", "3"),
            has("3"),
            has_all(),
        )

        elsewhere = recording.after(run, FILES, "up", options="&x-migrations-table=app_migrations")
        recording.save(
            "own-table",
            "all three migrations are applied, with x-migrations-table=app_migrations",
            elsewhere,
            ("--revision 3 --table app_migrations", "opened", "has 3 applied"),
            no_table("3"),
        )
