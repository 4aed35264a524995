"""What is read of PGlite, which shows no client's session but its own one."""

from itertools import count
from pathlib import Path

import psycopg
import pytest

from gatekeeper.gate.verdict import Open
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from gatekeeper.histories.postgres import PostgresDatabase, connection_parameters
from known import TOOLS
from servers.pglite import PGlite

pytestmark = pytest.mark.pglite
FOLDER = Path(__file__).parents[2] / "build/pglite"


def test_golang_migrate():
    """That a lock is held is told; that it is free tells nothing, however long."""
    tool = TOOLS["golang-migrate"]
    with PGlite(FOLDER) as server, psycopg.connect(server.url, autocommit=True) as run:
        database = PostgresDatabase(lambda: connection_parameters(server.url))
        question, policy = Question(tool, tool.table.name), HistoryPolicy(tool.order)
        check = SchemaCheck(database, question, Wanted(("5",)), policy, count(0, 6).__next__)
        run.execute("CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)")
        run.execute("INSERT INTO schema_migrations VALUES (5, true)")
        free = [check.look(10, fresh=True).reason for _ in range(3)]
        run.execute("SELECT pg_advisory_lock(%s)", [tool.lock_keys("public", "schema_migrations", "postgres")[0]])
        held = check.look(10, fresh=True)
        run.execute("UPDATE schema_migrations SET dirty = false")
        done = check.look(10, fresh=True)
    assert ["which means running or failed" in reason for reason in free] == [True] * 3
    assert "is migrating" in held.reason
    assert isinstance(done, Open)
