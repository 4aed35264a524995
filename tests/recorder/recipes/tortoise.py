"""Tortoise ORM's own migrations, in two apps. A migration's row is written after the migration's transaction."""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has, has_all, lacks
from recorder.packages import venv
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("tortoise_migrations",)
DATABASES = ("postgresql", "mariadb", "mysql")
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


class Tortoise(Tool):
    """Tortoise as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start a command of Tortoise's in this project."""
        url = database.url.partition("?")[0].replace("postgresql:", "postgres:")
        environment = {"DATABASE_URL": url, "PYTHONPATH": "."}
        return self.recording.start([*self.program, *args], self.project(files), environment)

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
    recording.write_migrations(FILES)
    recording.write_migrations(OLD, "migrations-old")
    with scratch() as folder:
        tortoise = Tortoise(recording, folder, [program, "-c", "settings.TORTOISE_ORM"])
        done = recording.story(REVISIONS, tortoise.migrate, tortoise.is_done)
        recording.save(
            "ahead",
            "the database is past what is wanted",
            done,
            has("shop/migrations/0002_price.py", SECOND),
            has_all("migrations-old"),
            has_all("migrations/shop"),
        )
        tortoise.run(done, FILES, "downgrade", "shop", "0002_price")
        recording.save(
            "rolled-back",
            "all were applied, then the last of the app shop was rolled back",
            done,
            has(SECOND),
            awaits(THIRD),
            lacks(THIRD),
            has_all("migrations/billing"),
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
        has(SECOND),
        awaits(THIRD),
        ("--migrations migrations", "timed out", "awaiting "),
    )
    fake = tortoise.database(FILES, "migrate", "--fake")
    recording.save("fake", "all migrations are faked, which looks as if they had run", fake, has(THIRD), has_all())
    one = tortoise.database(FILES, "migrate", "shop")
    recording.save(
        "one-app",
        "the app shop is complete, the app billing has nothing",
        one,
        has(THIRD),
        awaits(BILL),
        lacks(BILL),
        has_all("migrations/shop"),
        lacks(BILL, "migrations/billing"),
    )
