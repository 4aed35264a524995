"""yoyo. It writes a migration's row when the migration is done, and a lock row that stays where it was killed."""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has, has_all, lacks, no_table
from recorder.packages import venv
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("_yoyo_migration", "yoyo_lock", "app_migration")
DATABASES = ("postgresql", "mariadb", "mysql")
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


class Yoyo(Tool):
    """yoyo as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start yoyo with these migrations."""
        command = [*self.program, *args, "--batch", "--no-config-file", "--database", database.url]
        return self.recording.start([*command, self.project(files)], self.folder)

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
    recording.write_migrations(FILES)
    with scratch() as folder:
        yoyo = Yoyo(recording, folder, [program])
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
        has(SECOND),
        (f"--revision {THIRD}.py", "timed out", f"awaiting {THIRD}"),
        lacks(THIRD),
    )


def record_failures(yoyo: Yoyo) -> None:
    """Record a failure, which leaves nothing, and a kill, which leaves the lock."""
    recording = yoyo.recording
    failed = yoyo.database(BROKEN, "apply", fails=True)
    recording.save_failed(
        failed, "of which yoyo leaves nothing", has(f"{SECOND}.sql", SECOND), awaits(THIRD), lacks(THIRD)
    )
    killed = recording.database()
    with recording.paused(killed, lambda: yoyo.apply(killed, 3)) as process:
        process.kill()
        process.communicate()
        recording.save(
            "killed",
            "yoyo was killed in the last of three migrations, and its lock row has stayed",
            killed,
            has(SECOND),
            (f"--revision {THIRD}", "timed out", "lock"),
            lacks(THIRD),
        )


def record_others(yoyo: Yoyo) -> None:
    """Record what was marked, what was merged late, and a table of another name."""
    recording = yoyo.recording
    marked = yoyo.database(FILES, "mark")
    recording.save("mark", "all migrations are marked, which looks as if they had run", marked, has(THIRD), has_all())
    late = {**FIRST_FILES, LAST: PYTHON.replace(SECOND, FIRST)}
    merged_late = yoyo.database(late, "apply")
    recording.save(
        "late",
        "the second migration was merged after the third was applied, and has not run",
        merged_late,
        awaits(SECOND),
        has(THIRD),
        lacks(SECOND),
    )
    renamed = yoyo.database(FILES, "apply", "--migration-table", "app_migration")
    recording.save(
        "renamed",
        "the table has a name of the user's",
        renamed,
        no_table(THIRD),
        (f"--table app_migration --revision {THIRD}", "opened", f"has {THIRD} applied"),
        ("--table app_migration --migrations migrations", "opened", ""),
    )
