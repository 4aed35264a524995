"""Show the gate's main job: it holds until a real Alembic migration of a real PostgreSQL database is done."""

import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers.migrations import ALEMBIC_REVISIONS, alembic
from servers.postgres import Postgres
from stage import play, say, show, start_gate


def demo(stack: ExitStack) -> int:
    say("starting PostgreSQL with an empty database 'shop'")
    server = stack.enter_context(Postgres())
    url = server.create_database("shop")
    head = ALEMBIC_REVISIONS[-1]
    gate = start_gate(stack, "schema", "--tool", "alembic", "--revision", head, "--timeout", "60s", DATABASE_URL=url)

    say("starting the migration in another process: alembic upgrade head, three revisions, the second takes 5 s")
    migration = alembic(url, "upgrade", "head", seconds=5)
    show(stack, migration)
    if migration.wait():
        say(f"the migration failed with exit code {migration.returncode}")
        return 1
    say("the migration is done")

    gate.wait()
    say(f"the gate ended with exit code {gate.returncode}")
    with server.connect("shop") as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    say(f"alembic_version in the database: {', '.join(version for (version,) in rows)}")
    return gate.returncode


play(demo)
