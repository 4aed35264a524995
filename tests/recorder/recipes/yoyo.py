"""yoyo. It writes a migration's row when the migration is done, and a lock row that stays where it was killed."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recorder.recording import Database, Recording, scratch, venv

TABLES = ("_yoyo_migration", "yoyo_lock", "app_migration")
DATABASES = ("postgresql", "mariadb")
# Its driver's loader needs pkg_resources, which newer setuptools do not have.
VERSION = "9.0.0"
PACKAGES = (f"yoyo-migrations=={VERSION}", "setuptools==80.9.0", "psycopg2-binary==2.9.13", "PyMySQL==1.2.4")
REVISIONS = ("0001.create-product", "0002.add-price", "0003.add-stock")
FIRST, SECOND, THIRD = REVISIONS
FIRST_FILES = {
    "0001.create-product.sql": "CREATE TABLE product (id int);\n",
    "0001.create-product.rollback.sql": "DROP TABLE product;\n",
}
SECOND_FILES = {
    "0002.add-price.sql": f"-- Add a price\n-- depends: {FIRST}\n\nALTER TABLE product ADD price int;\n",
    "0002.add-price.rollback.sql": "ALTER TABLE product DROP COLUMN price;\n",
}
LAST = f"{THIRD}.py"
PYTHON = f'''\
"""Add a stock"""

from yoyo import step

__depends__ = {{"{SECOND}"}}

steps = [step("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock")]
'''
FILES = {**FIRST_FILES, **SECOND_FILES, LAST: PYTHON, "post-apply.sql": "SELECT 1;\n"}
BROKEN = {**FILES, LAST: PYTHON.replace("ALTER TABLE product ADD", "ALTER TABLE absent ADD")}


@dataclass
class Yoyo:
    """yoyo as it is run on the databases of a recording."""

    recording: Recording
    program: Path
    folder: Path

    def start(self, database: Database, files: Mapping[str, str], command: str, *options: str) -> subprocess.Popen[str]:
        """Start yoyo with these migrations."""
        source = self.folder / str(len(list(self.folder.iterdir())))
        write(source, files)
        connection = ("--batch", "--no-config-file", "--database", database.url)
        return self.recording.start([self.program, command, *connection, *options, source], self.folder)

    def run(
        self, database: Database, files: Mapping[str, str], command: str, *options: str, fails: bool = False
    ) -> str:
        """Run it to its end."""
        return self.recording.ended(self.start(database, files, command, *options), fails=fails)

    def database(self, files: Mapping[str, str], command: str, *options: str, fails: bool = False) -> Database:
        """Return a new database on which this was run."""
        database = self.recording.database()
        self.run(database, files, command, *options, fails=fails)
        return database

    def apply(self, database: Database, count: int) -> subprocess.Popen[str]:
        """Start applying the first so many migrations, of which the third pauses."""
        pause = f'steps = [step("{self.recording.pause_statement}"), '
        files = {**FILES, LAST: PYTHON.replace("steps = [", pause)}
        return self.start(database, files, "apply", "--revision", REVISIONS[count - 1])

    def is_done(self, database: Database) -> bool:
        """Tell what yoyo itself says: it lists every migration as A (applied) or U, but only once the lock is free."""
        listing = self.start(database, FILES, "list")
        output, _ = listing.communicate()
        if listing.returncode and "LockTimeout" in output:
            return False
        listed = output.splitlines()
        states = {
            line.split()[1]: line.split()[0] for line in listed if line.split()[1:2] and line.split()[1] in REVISIONS
        }
        return states == dict.fromkeys(REVISIONS, "A")


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a mark, a late migration, a failure and a stale lock."""
    program = venv(recording.cache, *PACKAGES) / "yoyo"
    recording.version = VERSION
    write(recording.fixtures / "migrations", FILES)
    with scratch() as folder:
        yoyo = Yoyo(recording, program, folder)
        record_story(yoyo)
        record_failures(yoyo)
        record_others(yoyo)


def record_story(yoyo: Yoyo) -> None:
    """Record the common story and a rollback."""
    recording = yoyo.recording
    done = recording.story(REVISIONS, yoyo.apply, yoyo.is_done)
    yoyo.run(done, FILES, "rollback", "--revision", THIRD)
    recording.save(
        "rolled-back",
        "all three were applied, then the last was rolled back",
        done,
        (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
        (f"--revision {THIRD}.py", "timed out", f"awaiting {THIRD}"),
        ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
    )


def record_failures(yoyo: Yoyo) -> None:
    """Record a failure, which leaves nothing, and a kill, which leaves the lock."""
    recording = yoyo.recording
    failed = yoyo.database(BROKEN, "apply", fails=True)
    recording.save(
        "failed",
        "the last of three migrations has failed, of which yoyo leaves nothing",
        failed,
        (f"--revision {SECOND}.sql", "opened", f"has {SECOND} applied"),
        (f"--revision {THIRD}", "timed out", f"awaiting {THIRD}"),
        ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
    )
    killed = recording.database()
    with recording.paused(killed, lambda: yoyo.apply(killed, 3)) as process:
        process.kill()
        process.communicate()
        recording.save(
            "killed",
            "yoyo was killed in the last of three migrations, and its lock row has stayed",
            killed,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", "lock"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
        )


def record_others(yoyo: Yoyo) -> None:
    """Record what was marked, what was merged late, and a table of another name."""
    recording = yoyo.recording
    marked = yoyo.database(FILES, "mark")
    recording.save(
        "mark",
        "all migrations are marked, which looks as if they had run",
        marked,
        (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
        ("--migrations migrations", "opened", ""),
    )
    late = {**FIRST_FILES, LAST: PYTHON.replace(SECOND, FIRST)}
    merged_late = yoyo.database(late, "apply")
    recording.save(
        "late",
        "the second migration was merged after the third was applied, and has not run",
        merged_late,
        (f"--revision {SECOND}", "timed out", f"awaiting {SECOND}"),
        (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
        ("--migrations migrations", "timed out", f"awaiting {SECOND}"),
    )
    renamed = yoyo.database(FILES, "apply", "--migration-table", "app_migration")
    recording.save(
        "renamed",
        "the table has a name of the user's",
        renamed,
        (f"--revision {THIRD}", "timed out", "there is no history table"),
        (f"--table app_migration --revision {THIRD}", "opened", f"has {THIRD} applied"),
        ("--table app_migration --migrations migrations", "opened", ""),
    )


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a directory of migrations."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
