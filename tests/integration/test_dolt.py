"""What is read of the engine of Dolt, which speaks MySQL's protocol and lacks some of MySQL's ornaments."""

import contextlib
import time
from pathlib import Path

import pytest

from gatekeeper.gate.verdict import Open, Waiting
from gatekeeper.histories import mysql
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from known import TOOLS
from servers.dolt import Dolt

pytestmark = pytest.mark.dolt
FOLDER = Path(__file__).parents[2] / "build/dolt"


def test_golang_migrate():
    """A history is absent, empty, behind and there; whether its lock is free is not known, and that it is held is."""
    tool = TOOLS["golang-migrate"]
    [lock] = tool.lock_names("shop", "schema_migrations")
    with Dolt(FOLDER) as server, contextlib.closing(server.connect()) as connection:
        run = connection.cursor().execute
        database = mysql.MySQLDatabase(lambda: mysql.connection_parameters(server.url))
        policy = HistoryPolicy(tool.order)
        check = SchemaCheck(database, Question(tool, tool.table.name), Wanted(("5",)), policy, time.monotonic)
        verdicts = []
        for statement in (
            "SELECT 1",
            "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty tinyint(1) NOT NULL)",
            "INSERT INTO schema_migrations VALUES (4, 0)",
            "UPDATE schema_migrations SET version = 5",
            "UPDATE schema_migrations SET dirty = 1",
            f"SELECT GET_LOCK('{lock}', 1)",
        ):
            run(statement)
            verdicts.append(check.look(10, fresh=True))
    absent, empty, behind, there, dirty, held = verdicts
    assert absent == Waiting("nothing is applied yet, there is no history table; awaiting 5")
    assert empty == Waiting("has nothing applied; awaiting 5")
    assert behind == Waiting("is at 4; awaiting 5")
    assert there == Open("has 5 applied")
    assert "is marked dirty, which means running or failed" in dirty.reason
    assert f"is marked dirty and connection {connection.thread_id()} (root from 127.0.0.1) is migrating" in held.reason
