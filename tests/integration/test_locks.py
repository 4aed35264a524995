"""When a mark that means running or failed counts as abandoned, on a real PostgreSQL."""

import time
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest

from gatekeeper.gate.verdict import Open, Shut, Unreachable, Waiting
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from gatekeeper.histories.postgres import PostgresDatabase, connection_parameters
from known import TOOLS
from servers.pgbouncer import PgBouncer
from servers.postgres import Postgres

TOOL = TOOLS["golang-migrate"]
DIRTY = """
CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (5, true)"""
IDLE = 5.2
"""Seconds after which a session that does nothing counts as idle."""


def check(url: str, table: str = TOOL.table.name) -> SchemaCheck:
    """Return a check whose looks are far enough apart by its own clock."""
    database = PostgresDatabase(lambda: connection_parameters(url))
    return SchemaCheck(
        database, Question(TOOL, table), Wanted(("5",)), HistoryPolicy(int, repair="repair it"), count(0, 6).__next__
    )


def second_look(url: str, table: str = TOOL.table.name):
    """Return what the second of two looks concludes."""
    gate = check(url, table)
    assert isinstance(gate.look(10, fresh=True), Waiting)
    return gate.look(10, fresh=True)


@pytest.fixture
def dirty(database):
    """Return the URL of a database that a run has left dirty, to which nobody is connected."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(DIRTY)
    return database


def key_of(url: str) -> int:
    """Return the key that golang-migrate takes for this database."""
    return TOOL.lock_keys("public", "schema_migrations", url.rpartition("/")[2].partition("?")[0])[0]


@contextmanager
def running(connection: psycopg.Connection):
    """Let a session run a statement that lasts."""
    connection.pgconn.send_query(b"SELECT pg_sleep(60)")
    deadline = time.monotonic() + 10
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
        query = "SELECT state FROM pg_stat_activity WHERE pid = %s"
        while other.execute(query, [connection.info.backend_pid]).fetchone() != ("active",):
            assert time.monotonic() < deadline
            other.rollback()
    try:
        yield
    finally:
        connection.cancel_safe()
        while connection.pgconn.get_result():
            pass


def test_nobody_at_work(dirty):
    """With nobody else in the database a mark is abandoned."""
    verdict = second_look(dirty)
    assert isinstance(verdict, Shut)
    assert "nobody is at work in the database and nobody holds the migration lock: a run failed" in verdict.reason
    assert verdict.reason.endswith("; repair it")


def test_a_run_without_its_lock(dirty):
    """A run whose lock is off is at work: it is waited for, in words that tell both and advise no repair."""
    with psycopg.connect(dirty, autocommit=True) as run:
        with running(run):
            verdict = second_look(dirty)
            assert isinstance(verdict, Waiting)
            for words in ("others are at work in the database", "running or failed", "own log", "--on-failure wait"):
                assert words in verdict.reason
            assert "repair" not in verdict.reason
        with run.transaction():
            run.execute("SELECT 1")
            assert isinstance(second_look(dirty), Waiting)


def test_idle_sessions(postgres, dirty):
    """Who is seen to be idle is not at work; who is not seen, may be, for want of a right that is named."""
    name = dirty.rpartition("/")[2]
    role = f"reader_{name}"
    postgres.create_role(role, "reader", "SELECT ON schema_migrations", database=name)
    reader = postgres.url(name, role)
    with psycopg.connect(dirty, autocommit=True) as app:
        app.execute("SELECT pg_advisory_lock(%s)", [key_of(dirty)])
        since = app.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')").fetchone()[0]
        time.sleep(IDLE)
        assert f"holds the migration lock, idle since {since}T" in second_look(dirty).reason
        assert "is migrating" in second_look(reader).reason
        app.execute("SELECT pg_advisory_unlock_all()")
        time.sleep(IDLE)
        assert "who show to pg_read_all_stats alone" in second_look(reader).reason
        app.execute(f'GRANT pg_read_all_stats TO "{role}"')
        assert isinstance(second_look(reader), Waiting)
        time.sleep(IDLE)
        assert isinstance(second_look(reader), Shut)


def test_a_run_that_let_go(dirty):
    """A run that was seen at work with its lock, and has let go of it, is over, whoever else is at work."""
    gate = check(dirty)
    with psycopg.connect(dirty, autocommit=True) as run, psycopg.connect(dirty, autocommit=True) as app, running(app):
        run.execute("SELECT pg_advisory_lock(%s)", [key_of(dirty)])
        with running(run):
            assert "is migrating" in gate.look(10, fresh=True).reason
        run.close()
        assert isinstance(gate.look(10, fresh=True), Waiting)
        verdict = gate.look(10, fresh=True)
    assert isinstance(verdict, Shut)
    assert "its run has let go of the lock" in verdict.reason


def test_lock_table(dirty):
    """A row of the lock table is told while others are at work; when nobody is, it was left."""
    with psycopg.connect(dirty, autocommit=True) as run:
        run.execute("CREATE TABLE schema_lock (lock_id bigint PRIMARY KEY); INSERT INTO schema_lock VALUES (7)")
        with running(run):
            assert "its lock table has a row, and others are at work" in second_look(dirty).reason
    assert "left a lock: its lock table has a row" in second_look(dirty).reason


def test_views_of_the_server_that_may_not_be_read(postgres, dirty):
    """What the gate's role may not see of the server is not known, and keeps no gate from opening."""
    name = dirty.rpartition("/")[2]
    role = f"reader_{name}"
    postgres.create_role(role, "reader", "SELECT ON schema_migrations", database=name)
    with psycopg.connect(dirty, autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC")
        assert "which means running or failed" in second_look(postgres.url(name, role)).reason
        connection.execute("UPDATE schema_migrations SET dirty = false")
    assert check(postgres.url(name, role)).look(10, fresh=True) == Open("has 5 applied")


def test_view(dirty):
    """What a view shows may be kept, and locked, on another server."""
    with psycopg.connect(dirty, autocommit=True) as connection:
        connection.execute("CREATE VIEW history AS SELECT * FROM schema_migrations")
    assert "which means running or failed" in second_look(dirty, "history").reason


def test_prepared_transaction():
    """A lock that a prepared transaction holds has no session, and is told all the same."""
    with Postgres(max_prepared_transactions=2) as server:
        url = server.create_database("shop")
        with psycopg.connect(url) as connection:
            connection.execute(DIRTY)
        with psycopg.connect(url) as run:
            run.execute("CREATE TABLE product ()")
            run.execute("SELECT pg_advisory_xact_lock(%s)", [key_of(url)])
            run.execute("PREPARE TRANSACTION 'run'")
        assert "a prepared transaction is migrating" in second_look(url).reason
        with psycopg.connect(url) as run:
            run.execute("ALTER TABLE schema_migrations ADD note text")
            run.execute("PREPARE TRANSACTION 'change'")
        with pytest.raises(Unreachable, match="schema_migrations is locked by a prepared transaction"):
            check(url).look(10, fresh=True)


def test_subscriber():
    """A history that another server writes is one whose runs are at work there."""
    with Postgres(wal_level="logical") as server:
        publisher, subscriber = server.create_database("publisher"), server.create_database("subscriber")
        with psycopg.connect(publisher, autocommit=True) as connection:
            connection.execute(DIRTY)
            connection.execute("CREATE PUBLICATION every FOR ALL TABLES")
            connection.execute("SELECT pg_create_logical_replication_slot('slot', 'pgoutput')")
        with psycopg.connect(subscriber, autocommit=True) as connection:
            connection.execute(DIRTY.partition(";")[0])
            connection.execute(
                f"CREATE SUBSCRIPTION one CONNECTION '{publisher}' PUBLICATION every "
                "WITH (create_slot = false, slot_name = 'slot')"
            )
            while not connection.execute("SELECT FROM schema_migrations").fetchall():
                time.sleep(0.05)
        time.sleep(IDLE)
        verdict = second_look(subscriber)
        assert isinstance(verdict, Waiting)
        assert "others are at work" in verdict.reason
        assert isinstance(second_look(publisher), Shut)
        with psycopg.connect(subscriber, autocommit=True) as connection:
            for statement in ("DISABLE", "SET (slot_name = NONE)"):
                connection.execute(f"ALTER SUBSCRIPTION one {statement}")
            connection.execute("DROP SUBSCRIPTION one")


@pytest.mark.pgbouncer
def test_pooler(postgres, dirty):
    """A pool shows its server's locks, also that of the session that it lends to the gate; not who is at work."""
    with PgBouncer(postgres, "transaction") as pool:
        url = pool.url(dirty.rpartition("/")[2])
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as run:
            run.execute("SELECT pg_advisory_lock(%s)", [key_of(dirty)])  # its only session is now the gate's too
            for each in (url, dirty):
                assert "is migrating" in second_look(each).reason
            run.execute("SELECT pg_advisory_unlock_all()")
            verdict = second_look(url)
    assert isinstance(verdict, Waiting)
    assert "a pooler, through which others may work, is between" in verdict.reason
