"""Aerich. It keeps a migration's file name with its extension, and beside it the models' state, which is left out."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recorder.gates import awaits, has, has_all, lacks
from recorder.packages import venv
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("aerich",)
DATABASES = ("postgresql", "mariadb", "mysql")
PACKAGES = ("aerich==0.10.1", "tortoise-orm==1.1.9", "asyncpg==0.32.0", "aiomysql==0.3.2")
SETTINGS = """\
import os

TORTOISE_ORM = {
    "connections": {"default": os.environ["DATABASE_URL"]},
    "apps": {
        "models": {"models": ["models", "aerich.models"], "default_connection": "default"},
        "billing": {"models": ["billing"], "default_connection": "default"},
    },
}
"""
MODEL = """\
from tortoise import fields
from tortoise.models import Model


class {}(Model):
    id = fields.IntField(primary_key=True)
"""
PROJECT = {
    "pyproject.toml": '[tool.aerich]\ntortoise_orm = "settings.TORTOISE_ORM"\nlocation = "./migrations"\n',
    "settings.py": SETTINGS,
    "models.py": MODEL.format("Product"),
    "billing.py": MODEL.format("Bill"),
}
REVISIONS = ("models.0_20240101000001_init", "models.1_20240102000002_add_price", "models.10_20240103000003_add_stock")
FIRST, SECOND, THIRD = REVISIONS
BILL = "billing.0_20240104000004_init"


def path(revision: str) -> str:
    """`models.1_x` -> `models/1_x.py`."""
    return revision.replace(".", "/") + ".py"


def text(up: str, down: str) -> str:
    """Return a migration's file in the form that Aerich writes."""
    return f'''\
from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        {up};"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        {down};"""
'''


STOCK = ("ALTER TABLE product ADD stock int", "ALTER TABLE product DROP COLUMN stock")
LATER = {
    path(SECOND): text("ALTER TABLE product ADD price int", "ALTER TABLE product DROP COLUMN price"),
    path(THIRD): text(*STOCK),
}


@dataclass
class Aerich(Tool):
    """Aerich as it is run on the databases of a recording."""

    files: Mapping[str, str]
    """The migrations of both apps."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start Aerich with these migrations."""
        project = self.project({**PROJECT, **{f"migrations/{name}": content for name, content in files.items()}})
        url = database.url.partition("?")[0].replace("postgresql:", "postgres:")
        return self.recording.start([*self.program, *args], project, {"DATABASE_URL": url, "PYTHONPATH": "."})

    def some(self, revisions: Sequence[str]) -> dict[str, str]:
        """Return the files of these migrations."""
        return {path(revision): self.files[path(revision)] for revision in revisions}

    def upgrade(self, database: Database, count: int) -> subprocess.Popen[str]:
        """Start applying the first so many migrations of the app models, of which the third pauses."""
        files = self.some(REVISIONS[:count])
        if count == len(REVISIONS):
            up, down = STOCK
            files[path(THIRD)] = text(f"{self.recording.pause_statement};\n{up}", down)
        return self.start(database, files, "--app", "models", "upgrade")

    def is_done(self, database: Database) -> bool:
        """Tell what Aerich itself says."""
        return "No available heads" in self.run(database, self.some(REVISIONS), "--app", "models", "heads")


def record(recording: Recording) -> None:
    """Record the common story, a rollback, a failure, a fake, and a second app."""
    program = venv(recording.cache, *PACKAGES) / "aerich"
    recording.version = recording.run([program, "--version"], recording.cache).split()[-1]
    recording.clean = lambda sql: re.sub(r"'\{.*\}'\);", "'{}');", sql)
    with scratch() as folder:
        aerich = Aerich(recording, folder, [program], first_files(recording, folder, program) | LATER)
        shutil.rmtree(recording.fixtures / "migrations", ignore_errors=True)
        recording.write_migrations(aerich.some(REVISIONS))
        recording.write_migrations(aerich.files, "migrations-two-apps")
        record_story(aerich)
        record_others(aerich)


def first_files(recording: Recording, folder: Path, program: Path) -> dict[str, str]:
    """Have Aerich write the first migrations of both apps, and give them names that stay the same."""
    aerich, database = Aerich(recording, folder, [program], {}), recording.database()
    files = {}
    for revision in (FIRST, BILL):
        app = revision.partition(".")[0]
        aerich.run(database, {}, "--app", app, "init-db")
        [file] = folder.glob(f"*/migrations/{app}/0_*.py")
        files[path(revision)] = re.sub(r"\n\n\nMODELS_STATE = .*", "\n", file.read_text(), flags=re.DOTALL)
    return files


def record_story(aerich: Aerich) -> None:
    """Record the common story and a rollback."""
    recording = aerich.recording
    done = recording.story(REVISIONS, aerich.upgrade, aerich.is_done)
    recording.save(
        "ahead",
        "the database is past what is wanted",
        done,
        has(path(SECOND), SECOND),
        has(SECOND.partition(".")[2], SECOND),
        awaits(BILL),
        lacks(BILL, "migrations-two-apps"),
    )
    aerich.run(done, aerich.some(REVISIONS), "--app", "models", "downgrade", "--yes")
    recording.save(
        "rolled-back",
        "all three were applied, then the last was rolled back",
        done,
        has(SECOND),
        awaits(THIRD),
        lacks(THIRD),
    )


def record_others(aerich: Aerich) -> None:
    """Record a failure, a fake, and two apps."""
    recording = aerich.recording
    broken = aerich.some(REVISIONS) | {path(THIRD): text("ALTER TABLE absent ADD stock int", "SELECT 1")}
    failed = aerich.database(broken, "--app", "models", "upgrade", fails=True)
    recording.save_failed(failed, "of which Aerich leaves nothing", has(SECOND), awaits(THIRD), lacks(THIRD))
    apps = aerich.database(aerich.some(REVISIONS), "--app", "models", "upgrade")
    aerich.run(apps, aerich.files, "--app", "billing", "upgrade")
    recording.save(
        "two-apps", "the migrations of two apps are applied", apps, has(BILL), has_all(), has_all("migrations-two-apps")
    )
