"""Answers what `survey.tools` asks of tools written in Python: a request per line of JSON, an answer per line.

Run by the interpreter that has the tools. Each request is answered in a process of its own: modules stay loaded.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import alembic.command
import alembic.config
import django
import yoyo
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from django.conf import settings
from django.core.management import call_command
from django.db import connection as django_connection
from django.db.migrations.executor import MigrationExecutor
from sqlalchemy import create_engine

Request = dict[str, Any]


def of_alembic(request: Request) -> list[str]:
    """What `upgrade heads` would run."""
    config = alembic.config.Config(f"{request['directory']}/alembic.ini")
    script = ScriptDirectory.from_config(config)
    url = request["database"].replace("postgresql:", "postgresql+psycopg2:")

    with create_engine(url).connect() as connection:
        config.attributes["connection"] = connection

        def pending() -> list[str]:
            heads = MigrationContext.configure(connection).get_current_heads()
            return [step.revision.revision for step in script._upgrade_revs("heads", heads)]

        if request["apply"]:
            steps = pending()
            if steps:
                alembic.command.upgrade(config, steps[request["count"] - 1] if request["count"] else "heads")
                connection.commit()
        return pending()


def of_django(request: Request) -> list[str]:
    """What `migrate` would run, after what it checks first."""
    url = urlsplit(request["database"])
    sys.path.insert(0, request["directory"])
    installed = Path(request["directory"], "apps.txt").read_text(encoding="utf-8").split()
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": url.hostname,
                "PORT": url.port,
                "USER": url.username,
                "PASSWORD": url.password,
                "NAME": url.path[1:],
            }
        },
        INSTALLED_APPS=installed,
        USE_TZ=True,
    )
    django.setup()

    def pending() -> list[tuple[str, str]]:
        executor = MigrationExecutor(django_connection)
        executor.loader.check_consistent_history(django_connection)
        if conflicts := executor.loader.detect_conflicts():
            raise ValueError(f"conflicting migrations: {conflicts}")
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return [(migration.app_label, migration.name) for migration, _ in plan]

    if request["apply"]:
        target = pending()[: request["count"]][-1:] if request["count"] else []
        call_command("migrate", *(target[0] if target else ()), verbosity=0, interactive=False)
    return [".".join(migration) for migration in pending()]


def of_yoyo(request: Request) -> list[str]:
    """What `apply` would run."""
    backend = yoyo.get_backend(request["database"].partition("?")[0])
    migrations = yoyo.read_migrations(request["directory"])
    if request["apply"]:
        chosen = backend.to_apply(migrations)
        with backend.lock():
            backend.apply_migrations(chosen[: request["count"]] if request["count"] else chosen)
    return [migration.id for migration in backend.to_apply(migrations)]


TOOLS: dict[str, Callable[[Request], list[str]]] = {"alembic": of_alembic, "django": of_django, "yoyo": of_yoyo}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            print(json.dumps(answered(request)), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


def answered(request: Request) -> Request:
    """Return the answer; what a tool prints is none."""
    kept, sys.stdout = sys.stdout, sys.stderr
    try:
        return {"pending": TOOLS[request["tool"]](request), "error": ""}
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - whatever it is, the tool refuses
        return {"pending": [], "error": f"{type(fault).__name__}: {fault}"}
    finally:
        sys.stdout = kept


main()
