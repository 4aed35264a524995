"""refinery, whose program cargo builds. It skips a V file that is numbered below the newest applied one, with success.

It takes no lock, and what fails leaves no row. Grouped, a run is one transaction; on MariaDB the first statement that
makes or alters a table ends that, and each row shows as soon as its migration is applied.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from recorder.recording import Database, Recording, scratch

TABLES = ("refinery_schema_history",)
DATABASES = ("postgresql", "mariadb")
FILES = {
    "V1__create_product.sql": "CREATE TABLE product (id int)",
    "V2__add_price.sql": "ALTER TABLE product ADD price int",
    "V3__add_stock.sql": "ALTER TABLE product ADD stock int",
}
FIRST, SECOND, LAST = FILES
LATE = {FIRST: FILES[FIRST], "U2__add_price.sql": FILES[SECOND], LAST: FILES[LAST]}
BROKEN = "ALTER TABLE prodcut ADD stock int"


def record(recording: Recording) -> None:
    """Record the common story, files merged late, grouped runs, failures and a fake run."""
    program = recording.cache / "bin/refinery"
    if not program.exists():
        command = ["cargo", "install", "--quiet", "--locked", "--root", recording.cache, "refinery_cli@0.10.0"]
        recording.run(command, recording.cache)
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.write_migrations({name: f"{sql};\n" for name, sql in FILES.items()})
    (recording.fixtures / "migrations-late").mkdir(exist_ok=True)
    for name, sql in LATE.items():
        (recording.fixtures / "migrations-late" / name).write_text(f"{sql};\n", encoding="utf-8")
    paused = {**FILES, LAST: f"{recording.pause_statement};\n{FILES[LAST]}"}
    broken = {**FILES, LAST: BROKEN}

    with scratch() as base:

        def refinery(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start refinery on a folder of just these migrations."""
            folder = Path(tempfile.mkdtemp(dir=base))
            for name, sql in files.items():
                (folder / name).write_text(f"{sql};\n")
            command = [program, "migrate", "-e", "DATABASE_URL", "-p", folder, *args]
            return recording.start(command, base, {"DATABASE_URL": database.url})

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return refinery(database, paused if count == 3 else dict(list(FILES.items())[:count]))

        def is_done(database: Database) -> bool:
            """Its program has no status command: look for what the last migration makes."""
            schema = "public" if recording.kind == "postgresql" else database.name
            columns = f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{schema}'"
            return ("stock",) in recording.query(database, columns)

        done = recording.story(("1", "2", "3"), migrate, is_done)
        recording.save(
            "ahead",
            "all three migrations are applied, and a release that knows two is started",
            done,
            ("--revision V2__add_price.sql", "opened", "is at 3, past the wanted 2"),
            ("--revision 2 --if-ahead wait", "timed out", "past the wanted 2"),
            ("--revision 2 --if-ahead refuse", "refused", "past the wanted 2"),
        )

        late = recording.database()
        recording.ended(refinery(late, {name: sql for name, sql in FILES.items() if name != SECOND}))
        recording.ended(refinery(late, FILES))
        recording.save(
            "late",
            "a V file numbered before the last was merged late, and refinery skipped it with success",
            late,
            ("--revision 3", "opened", "has 3 applied"),
            ("--revision 2", "timed out", "awaiting 2"),
            ("--migrations migrations", "timed out", "awaiting 2"),
            ("--migrations migrations-late", "timed out", "awaiting 2"),
        )
        recording.ended(refinery(late, LATE))
        recording.save(
            "late-applied",
            "a U file numbered before the last was merged late and applied after it",
            late,
            ("--revision U2__add_price", "opened", "is at 3, past the wanted 2"),
            ("--migrations migrations-late", "opened", ""),
            ("--migrations migrations", "opened", ""),
        )

        failed = recording.database()
        recording.ended(refinery(failed, broken), fails=True)
        recording.save(
            "failed",
            "the last of three migrations has failed, which refinery does not record",
            failed,
            ("--revision V3__add_stock.sql", "timed out", "is at 2; awaiting 3"),
            ("--revision V2__add_price", "opened", "has 2 applied"),
        )

        if recording.kind == "mariadb":
            blind = recording.database()
            recording.ended(refinery(blind, {**FILES, LAST: f"{FILES[LAST]};\n{BROKEN}"}))
            recording.save(
                "failed-unnoticed",
                "the second statement of the last migration failed, which refinery does not notice: nor can a gate",
                blind,
                ("--revision 3", "opened", "has 3 applied"),
            )

        two_of_three = (
            (
                ("--revision 1", "timed out", "has nothing applied; awaiting 1"),
                ("--migrations migrations", "timed out", "has nothing applied"),
            )
            if recording.kind == "postgresql"
            else (
                ("--revision 2", "opened", "has 2 applied"),
                ("--revision 3", "timed out", "is at 2; awaiting 3"),
                ("--migrations migrations", "timed out", "awaiting 3"),
            )
        )
        grouped = recording.database()
        with recording.paused(grouped, lambda: refinery(grouped, paused, "-g")) as process:
            recording.save(
                "grouped-running",
                "of three migrations in one run, grouped, the last is running",
                grouped,
                *two_of_three,
            )
        recording.ended(process)
        recording.save(
            "grouped",
            "three migrations are applied in one run, grouped",
            grouped,
            ("--revision 3", "opened", "has 3 applied"),
            ("--migrations migrations", "opened", ""),
        )
        stopped = recording.database()
        recording.ended(refinery(stopped, broken, "-g"), fails=True)
        recording.save(
            "grouped-failed",
            "the last of three migrations in one run, grouped, has failed",
            stopped,
            *two_of_three,
        )

        fake = recording.database()
        recording.ended(refinery(fake, FILES, "-f"))
        recording.save(
            "faked",
            "no migration ran, all three were marked as applied by `refinery migrate -f`",
            fake,
            ("--revision 3", "opened", "has 3 applied"),
            ("--migrations migrations", "opened", ""),
        )
