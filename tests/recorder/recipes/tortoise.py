"""Tortoise ORM's own migrations, in two apps. A migration's row is written after the migration's transaction."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recorder.recording import Database, Recording, scratch, venv

TABLES = ("tortoise_migrations",)
DATABASES = ("postgresql", "mariadb")
PACKAGES = ("tortoise-orm==1.1.9", "asyncpg==0.32.0", "aiomysql==0.3.2")
SETTINGS = '''\
"""Settings, with the database of the environment's DATABASE_URL."""

import os

TORTOISE_ORM = {
    "connections": {"default": os.environ["DATABASE_URL"]},
    "apps": {
        "shop": {"models": ["shop.models"], "migrations": "shop.migrations"},
        "billing": {"models": ["billing.models"], "migrations": "billing.migrations"},
    },
}
'''
MODEL = """\
from tortoise import fields
from tortoise.models import Model


class {}(Model):
    id = fields.IntField(primary_key=True)
"""
REVISIONS = ("shop.0001_initial", "shop.0002_price", "shop.0003_stock")
FIRST, SECOND, THIRD = REVISIONS
BILL = "billing.0001_initial"
LAST = "shop/migrations/0003_stock.py"


def text(dependency: tuple[str, str] | None, *statements: tuple[str, str]) -> str:
    """Return a migration's file; a statement goes with the one that takes it back."""
    operations = "".join(f"        ops.RunSQL({up!r}, {down!r}),\n" for up, down in statements)
    return (
        "from tortoise import migrations\nfrom tortoise.migrations import operations as ops\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = {[dependency] if dependency else []!r}\n    operations = [\n{operations}    ]\n"
    ).replace("'", '"')


STOCK = ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock")
OLD = {
    "settings.py": SETTINGS,
    **{f"{app}/{name}": "" for app in ("shop", "billing") for name in ("__init__.py", "migrations/__init__.py")},
    "shop/models.py": MODEL.format("Product"),
    "billing/models.py": MODEL.format("Bill"),
    "billing/migrations/0001_initial.py": text(
        ("shop", "0001_initial"), ("CREATE TABLE bill (id int)", "DROP TABLE bill")
    ),
    "shop/migrations/0001_initial.py": text(None, ("CREATE TABLE product (id int)", "DROP TABLE product")),
    "shop/migrations/0002_price.py": text(
        ("shop", "0001_initial"),
        ("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    ),
}
FILES = {**OLD, LAST: text(("shop", "0002_price"), STOCK)}
BROKEN = {**OLD, LAST: text(("shop", "0002_price"), ("ALTER TABLE absent ADD stock int", "SELECT 1"))}


@dataclass
class Tortoise:
    """Tortoise as it is run on the databases of a recording."""

    recording: Recording
    program: Path
    folder: Path

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start a command of Tortoise's in this project."""
        project = self.folder / str(len(list(self.folder.iterdir())))
        write(project, files)
        url = database.url.partition("?")[0].replace("postgresql:", "postgres:")
        environment = {"DATABASE_URL": url, "PYTHONPATH": "."}
        return self.recording.start([self.program, "-c", "settings.TORTOISE_ORM", *args], project, environment)

    def run(self, database: Database, files: Mapping[str, str], *args: str, fails: bool = False) -> str:
        """Run it to its end."""
        return self.recording.ended(self.start(database, files, *args), fails=fails)

    def database(self, files: Mapping[str, str], *args: str, fails: bool = False) -> Database:
        """Return a new database on which this was run."""
        database = self.recording.database()
        self.run(database, files, *args, fails=fails)
        return database

    def migrate(self, database: Database, count: int) -> subprocess.Popen[str]:
        """Start applying the first so many migrations of the app shop, with the third, which pauses, all others too."""
        third = text(("shop", "0002_price"), ("PAUSE", "SELECT 1"), STOCK)
        files = {**OLD, LAST: third.replace("PAUSE", self.recording.pause_statement)}
        only = ("shop", REVISIONS[count - 1].partition(".")[2]) if count < len(REVISIONS) else ()
        return self.start(database, files, "migrate", *only)

    def is_done(self, database: Database) -> bool:
        """Tell what Tortoise itself says."""
        return "No migrations to apply" in self.run(database, FILES, "migrate", "--dry-run")


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a fake, and one app of two."""
    program = venv(recording.cache, *PACKAGES) / "tortoise"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    write(recording.fixtures / "migrations", FILES)
    write(recording.fixtures / "migrations-old", OLD)
    with scratch() as folder:
        tortoise = Tortoise(recording, program, folder)
        done = recording.story(REVISIONS, tortoise.migrate, tortoise.is_done)
        recording.save(
            "ahead",
            "the database is past what is wanted",
            done,
            ("--revision shop/migrations/0002_price.py", "opened", f"has {SECOND} applied"),
            ("--migrations migrations-old", "opened", ""),
            ("--migrations migrations/shop", "opened", ""),
        )
        tortoise.run(done, FILES, "downgrade", "shop", "0002_price")
        recording.save(
            "rolled-back",
            "all were applied, then the last of the app shop was rolled back",
            done,
            (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
            (f"--revision {THIRD}", "timed out", f"awaiting {THIRD}"),
            ("--migrations migrations", "timed out", f"awaiting {THIRD}"),
            ("--migrations migrations/billing", "opened", ""),
        )
        record_others(tortoise)


def record_others(tortoise: Tortoise) -> None:
    """Record a failure, a fake, and one app that is complete while another is not."""
    recording = tortoise.recording
    failed = tortoise.database(BROKEN, "migrate", fails=True)
    recording.save(
        "failed",
        "the last migration of the app shop has failed, of which Tortoise leaves nothing",
        failed,
        (f"--revision {SECOND}", "opened", f"has {SECOND} applied"),
        (f"--revision {THIRD}", "timed out", f"awaiting {THIRD}"),
        ("--migrations migrations", "timed out", "awaiting "),
    )
    fake = tortoise.database(FILES, "migrate", "--fake")
    recording.save(
        "fake",
        "all migrations are faked, which looks as if they had run",
        fake,
        (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
        ("--migrations migrations", "opened", ""),
    )
    one = tortoise.database(FILES, "migrate", "shop")
    recording.save(
        "one-app",
        "the app shop is complete, the app billing has nothing",
        one,
        (f"--revision {THIRD}", "opened", f"has {THIRD} applied"),
        (f"--revision {BILL}", "timed out", f"awaiting {BILL}"),
        ("--migrations migrations", "timed out", f"awaiting {BILL}"),
        ("--migrations migrations/shop", "opened", ""),
        ("--migrations migrations/billing", "timed out", f"awaiting {BILL}"),
    )


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a project."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
