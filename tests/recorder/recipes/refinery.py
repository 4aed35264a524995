"""refinery, whose program cargo builds. It skips a V file that is numbered below the newest applied one, with success.

It takes no lock, and what fails leaves no row. Grouped, a run is one transaction; on MariaDB the first statement that
makes or alters a table ends that, and each row shows as soon as its migration is applied.
"""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, beyond, empty, has, has_all, lacks, part_way
from recorder.packages import cargo
from recorder.recording import Database, Recording, scratch, with_semicolon, write_new

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
    program = cargo(recording.cache, "refinery_cli@0.10.0") / "refinery"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.write_migrations(with_semicolon(FILES))
    recording.write_migrations(with_semicolon(LATE), "migrations-late")
    broken = {**FILES, LAST: BROKEN}

    with scratch() as base:

        def refinery(database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
            """Start refinery on a folder of just these migrations."""
            command = [program, "migrate", "-e", "DATABASE_URL", "-p", write_new(base, with_semicolon(files)), *args]
            return recording.start(command, base, {"DATABASE_URL": database.url})

        def migrate(database: Database, count: int) -> subprocess.Popen[str]:
            return refinery(database, recording.first(FILES, count))

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
            beyond("V2__add_price.sql", "3", "2"),
            ("--revision 2 --if-ahead wait", "timed out", "past the wanted 2"),
            ("--revision 2 --if-ahead refuse", "refused", "past the wanted 2"),
        )

        late = recording.after(refinery, {name: sql for name, sql in FILES.items() if name != SECOND})
        recording.ended(refinery(late, FILES))
        recording.save(
            "late",
            "a V file numbered before the last was merged late, and refinery skipped it with success",
            late,
            has("3"),
            awaits("2"),
            lacks("2"),
            lacks("2", "migrations-late"),
        )
        recording.ended(refinery(late, LATE))
        recording.save(
            "late-applied",
            "a U file numbered before the last was merged late and applied after it",
            late,
            beyond("U2__add_price", "3", "2"),
            has_all("migrations-late"),
            has_all(),
        )

        failed = recording.after(refinery, broken, fails=True)
        recording.save_failed(
            failed,
            "which refinery does not record",
            ("--revision V3__add_stock.sql", "timed out", "is at 2; awaiting 3"),
            has("V2__add_price", "2"),
        )

        if recording.dialect == "mysql":
            blind = recording.after(refinery, {**FILES, LAST: f"{FILES[LAST]};\n{BROKEN}"})
            recording.save(
                "failed-unnoticed",
                "the second statement of the last migration failed, which refinery does not notice: nor can a gate",
                blind,
                has("3"),
            )

        two_of_three = (*empty("1"),) if recording.kind == "postgresql" else (*part_way("2", "3"),)
        grouped = recording.database()
        with recording.paused(grouped, lambda: refinery(grouped, recording.first(FILES, 3), "-g")) as process:
            recording.save(
                "grouped-running",
                "of three migrations in one run, grouped, the last is running",
                grouped,
                *two_of_three,
            )
        recording.ended(process)
        recording.save("grouped", "three migrations are applied in one run, grouped", grouped, has("3"), has_all())
        stopped = recording.after(refinery, broken, "-g", fails=True)
        recording.save(
            "grouped-failed", "the last of three migrations in one run, grouped, has failed", stopped, *two_of_three
        )

        fake = recording.after(refinery, FILES, "-f")
        recording.save(
            "faked",
            "no migration ran, all three were marked as applied by `refinery migrate -f`",
            fake,
            has("3"),
            has_all(),
        )
