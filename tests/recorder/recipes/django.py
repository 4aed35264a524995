"""Django, with two apps of its own and one of Django's. It writes a migration's row when the migration is done."""

import subprocess
from collections.abc import Mapping

from recorder.gates import awaits, has, has_all, has_both, lacks
from recorder.packages import venv
from recorder.recording import Database, Recording, Tool, scratch

TABLES = ("django_migrations",)
DATABASES = ("postgresql", "mariadb", "mysql")
PACKAGES = ("Django==5.2.19", "psycopg2-binary==2.9.13", "PyMySQL==1.2.4")
SETTINGS = '''\
"""Settings, with the database of the environment's DATABASE_URL."""

import os
from urllib.parse import urlsplit

url = urlsplit(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": f"django.db.backends.{url.scheme}",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "PASSWORD": url.password,
        "NAME": url.path[1:],
    }
}
INSTALLED_APPS = ["django.contrib.contenttypes", "shop", "billing"]
SECRET_KEY = "unused"
USE_TZ = True
'''
MANAGE = """\
import os

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
execute_from_command_line()
"""
# Django's driver for MariaDB is mysqlclient, which must be compiled.
DRIVER = "import pymysql; pymysql.version_info = (2, 2, 1, 'final', 0); pymysql.install_as_MySQLdb()\n"
REVISIONS = ("shop.0001_initial", "shop.0002_price", "shop.0003_stock")
FIRST, SECOND, THIRD = REVISIONS
SQUASHED = "shop.0001_squashed_0002_price"
LAST = "shop/migrations/0003_stock.py"


def text(dependencies: list[tuple[str, str]], *operations: str, head: str = "") -> str:
    """Return a migration's file."""
    lines = "".join(f"        {operation},\n" for operation in operations)
    return (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
        f"{head}    dependencies = {dependencies!r}\n    operations = [\n{lines}    ]\n".replace("'", '"')
    )


CREATE = 'migrations.CreateModel("Product", [("id", models.BigAutoField(primary_key=True))])'
PRICE = 'migrations.AddField("product", "price", models.IntegerField(null=True))'
STOCK = 'migrations.AddField("product", "stock", models.IntegerField(null=True))'
BILL = 'migrations.CreateModel("Bill", [("id", models.BigAutoField(primary_key=True))])'
REPLACES = '    replaces = [("shop", "0001_initial"), ("shop", "0002_price")]\n'
PROJECT = {
    "manage.py": MANAGE,
    "settings.py": SETTINGS,
    **{f"{app}/{name}": "" for app in ("shop", "billing") for name in ("__init__.py", "migrations/__init__.py")},
    "billing/migrations/0001_initial.py": text([("shop", "0001_initial")], BILL),
}
REPLACED = {
    "shop/migrations/0001_initial.py": text([], CREATE),
    "shop/migrations/0002_price.py": text([("shop", "0001_initial")], PRICE),
}
OLD = {**PROJECT, **REPLACED}
FILES = {**OLD, LAST: text([("shop", "0002_price")], STOCK)}
SQUASH_FILE = "shop/migrations/0001_squashed_0002_price.py"
WITH_SQUASHED = {**FILES, SQUASH_FILE: text([], CREATE, PRICE, head=REPLACES)}
"""The squashed migration lies beside those that it replaces, until every database has them."""
SQUASHED_ONLY = {
    **PROJECT,
    "billing/migrations/0001_initial.py": text([("shop", "0001_squashed_0002_price")], BILL),
    SQUASH_FILE: text([], CREATE, PRICE),
    LAST: text([("shop", "0001_squashed_0002_price")], STOCK),
}
BROKEN = {**FILES, LAST: text([("shop", "0002_price")], 'migrations.RunSQL("ALTER TABLE absent ADD stock int")')}


class Django(Tool):
    """Django as it is run on the databases of a recording."""

    def start(self, database: Database, files: Mapping[str, str], *args: str) -> subprocess.Popen[str]:
        """Start a command of Django's in this project."""
        return self.recording.start([*self.program, *args], self.project(files), {"DATABASE_URL": database.url})

    def migrate(self, database: Database, count: int) -> subprocess.Popen[str]:
        """Start applying the first so many migrations of the app shop, with the third, which pauses, all others too."""
        pause = f"migrations.RunSQL({self.recording.pause_statement!r})"
        files = {**FILES, LAST: text([("shop", "0002_price")], "PAUSE", STOCK).replace("PAUSE", pause)}
        return self.start(database, files, "migrate", *(["shop", f"000{count}"] if count < len(REVISIONS) else []))

    def is_done(self, database: Database) -> bool:
        """Tell what Django itself says."""
        process = self.start(database, FILES, "migrate", "--check")
        process.communicate()
        return process.returncode == 0


def record(recording: Recording) -> None:
    """Record the common story, two apps, a fake and a squash."""
    python = venv(recording.cache, *PACKAGES) / "python"
    recording.version = recording.run([python, "-m", "django", "--version"], recording.cache).strip()
    for directory, files in {
        "migrations": FILES,
        "migrations-old": OLD,
        "migrations-squashed": WITH_SQUASHED,
        "migrations-squashed-only": SQUASHED_ONLY,
    }.items():
        recording.write_migrations(files, directory)
    with scratch() as folder:
        django = Django(recording, folder, [python, "-c", DRIVER + MANAGE])
        record_story(django)
        record_apps(django)
        record_squash(django)


def record_story(django: Django) -> None:
    """Record the common story, a rollback, a failure and a fake."""
    recording = django.recording
    done = recording.story(REVISIONS, django.migrate, django.is_done)
    recording.save(
        "ahead",
        "the database is past what is wanted",
        done,
        has("shop/migrations/0002_price.py", SECOND),
        has_all("migrations-old"),
        has_all("migrations/shop"),
    )
    django.run(done, FILES, "migrate", "shop", "0002")
    recording.save(
        "rolled-back",
        "all were applied, then the last of the app shop was rolled back",
        done,
        has(SECOND),
        awaits(THIRD),
        lacks(THIRD),
        has_all("migrations/billing"),
    )
    failed = django.database(BROKEN, "migrate", fails=True)
    recording.save(
        "failed",
        "the last migration of the app shop has failed, of which Django leaves nothing",
        failed,
        has(SECOND),
        awaits(THIRD),
        lacks(THIRD),
    )
    fake = django.database(FILES, "migrate", "--fake")
    recording.save("fake", "all migrations are faked, which looks as if they had run", fake, has(THIRD), has_all())


def record_apps(django: Django) -> None:
    """Record one app that is complete while another is not."""
    recording = django.recording
    one = django.database(FILES, "migrate", "shop")
    recording.save(
        "one-app",
        "the app shop is complete, the app billing has nothing",
        one,
        has(THIRD),
        awaits("billing.0001_initial"),
        lacks("billing.0001_initial"),
        has_all("migrations/shop"),
        lacks("billing.0001_initial", "migrations/billing"),
    )


def record_squash(django: Django) -> None:
    """Record a squashed migration: before it, with it on old and new databases, and without what it replaces."""
    recording = django.recording
    old = django.database(FILES, "migrate", "shop", "0001")
    recording.save(
        "squashed-part-way",
        "the first of the two migrations that a squashed one replaces is applied",
        old,
        has(FIRST),
        awaits(SQUASHED),
        ("--migrations migrations-squashed", "timed out", "awaiting "),
    )
    django.run(old, FILES, "migrate")
    recording.save(
        "squashed-unrecorded",
        "all is applied, but the squashed migration has no row yet: only those that it replaces have one",
        old,
        has(SECOND),
        awaits(SQUASHED),
        has_all("migrations-squashed"),
        lacks(SQUASHED, "migrations-squashed-only"),
    )
    django.run(old, WITH_SQUASHED, "migrate")
    recording.save(
        "squashed-recorded",
        "Django has recorded the squashed migration, as those that it replaces were applied",
        old,
        has(SECOND),
        has(SQUASHED),
        has_all(),
        has_all("migrations-squashed"),
        has_all("migrations-squashed-only"),
    )
    django.run(old, SQUASHED_ONLY, "migrate", "--prune", "shop")
    recording.save(
        "squashed-pruned",
        "the rows of the replaced migrations were pruned, the squashed one's is left",
        old,
        awaits(SECOND),
        has_both(SQUASHED, THIRD),
        has_all("migrations-squashed"),
        has_all("migrations-squashed-only"),
    )
    fresh = django.database(WITH_SQUASHED, "migrate")
    recording.save(
        "squashed-fresh",
        "a fresh database ran the squashed migration",
        fresh,
        has(SECOND),
        has(SQUASHED),
        has_all(),
        has_all("migrations-squashed"),
        has_all("migrations-squashed-only"),
    )
