"""Faults of PostgreSQL, of its network and of its rights, each real: what the gate says, how it ends, that it opens.

In each row of ROWS two gates meet the fault: one whose deadline passes meanwhile, and one that is still there when the
fault is over, which must open. The latter writes its log as JSON. No row leaves a session behind in the server.
"""

import contextlib
import os
import re
import secrets
import signal
import socket
import threading
import time
from functools import partial

import psycopg
import pytest
from psycopg import sql

from faults.databases import (
    NO_ANSWER,
    PASSWORD,
    STALE,
    Rig,
    assert_ended,
    row,
    rows_of_network,
    rows_of_verification,
    until,
)
from servers.certificate import certificate
from servers.faults import Fault, FaultProxy
from servers.migrations import ALEMBIC_REVISIONS
from servers.namespace import resolving
from servers.pgbouncer import PgBouncer
from servers.postgres import LOOPBACK, NOBODY, Postgres
from servers.standby import Standby

FIRST, _, HEAD = ALEMBIC_REVISIONS
ALEMBIC = ("schema", "--tool", "alembic", "--revision", HEAD)
TABLE = "CREATE TABLE {}alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)"
ROW = "INSERT INTO {}alembic_version VALUES ('{}')"
SLOWLY = ("schema", "--tool", "query", "--query", "SELECT version_num FROM alembic_version, pg_sleep(2)")
SESSIONS = "SELECT state FROM pg_stat_activity WHERE application_name = 'gatekeeper'"
NAME = "db.fault.test"
HBA = """
host all barred all reject
host all plain all password
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A small server. Recovery holds it in its start while there is a file `hold`; its door speaks TLS alone.

    The server of the wheel is built without TLS, so it is pgbouncer's.
    """
    restore = "while test -e ../hold; do sleep 0.1; done; false"
    with Postgres(max_connections=12, restore_command=restore) as server:
        server.access = server.socket_directory / "data/pg_hba.conf"
        server.access.write_text(HBA + server.access.read_text())
        server.stop()
        server.start()
        for role in ("app", "barred", "plain"):
            server.create_role(role, PASSWORD)
        files = certificate(tmp_path_factory.mktemp("tls"))
        with PgBouncer(server, "session", files) as door:
            server.door, server.certificate = door, files[0]
            yield server


class PostgresRig(Rig):
    """A database whose alembic_version is at HEAD."""

    plain = "sslmode=disable"
    awaited = ALEMBIC

    def secure(self, host="localhost", **parts):
        """Let gates connect through the door that speaks TLS."""
        self.through(self.server.door.port, host=host, **parts)

    def execute(self, statement):
        """Run a statement in the database as its administrator."""
        with self.server.connect(self.name) as connection:
            return connection.execute(statement)


def sessions(server):
    """Return the states of the gates' sessions."""
    with server.connect("postgres") as connection:
        return [state for (state,) in connection.execute(SESSIONS)]


@pytest.fixture
def rig(gate, server, tmp_path):
    name = f"test_{secrets.token_hex(6)}"
    server.create_database(name)
    with FaultProxy(server.host, server.port) as proxy:
        rig = PostgresRig(gate, server, proxy, name, tmp_path)
        grants = "GRANT SELECT ON alembic_version TO app, barred, plain"
        rig.execute(f"{TABLE.format('')}; {ROW.format('', HEAD)}; {grants}")
        yield rig
    until(lambda: not sessions(server))
    server.drop_database(name)


# -- faults that pass ---------------------------------------------------------------------------------------------

ROWS = {}
"""Fault -> how it is made and undone, and the exit code at a deadline that passes meanwhile."""
rows_of_network(ROWS, "server closed the connection unexpectedly|Connection reset by peer")
row = partial(row, ROWS)


@row("starting up")
def starting_up(rig):
    server, hold = rig.server, rig.server.socket_directory / "hold"
    server.stop()
    (server.socket_directory / "data/recovery.signal").touch()
    hold.touch()
    for path in (hold, server.socket_directory / "data/recovery.signal"):
        os.chown(path, NOBODY, NOBODY)
    starting = threading.Thread(target=server.start)
    starting.start()
    yield "the database system is starting up"
    hold.unlink()
    starting.join()


@row("shutting down")
def shutting_down(rig):
    with rig.server.connect("postgres"):
        rig.server._process.send_signal(signal.SIGTERM)  # smart: it waits for that session
        yield "the database system is shutting down"
    rig.server._process.wait(10)
    rig.server.start()


@row("too many connections")
def too_many_connections(rig):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(rig.server.connect("postgres"))
        yield "sorry, too many clients already"


@row("too many connections of the role")
def too_many_of_role(rig):
    rig.execute("ALTER ROLE app CONNECTION LIMIT 0")
    yield 'too many connections for role "app"'
    rig.execute("ALTER ROLE app CONNECTION LIMIT -1")


@row("table locked for 20 s")
def table_locked(rig):
    with rig.server.connect(rig.name) as migration, migration.transaction():
        migration.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        rig.deadline = 4
        yield f"public.alembic_version is locked by pid {migration.info.backend_pid}"
        time.sleep(began + 20 - time.monotonic())


@row("wrong password, then corrected", 4)
def wrong_password(rig):
    rig.through(rig.proxy.port, password=STALE)
    yield 'password authentication failed for user "app"'
    rig.through(rig.proxy.port)


@row("no USAGE on the schema, then granted", 4)
def without_usage(rig):
    rig.execute("CREATE SCHEMA hidden; ALTER TABLE alembic_version SET SCHEMA hidden")
    rig.through(rig.proxy.port, query="sslmode=disable&search_path=hidden")
    yield 'let its owner run: GRANT USAGE ON SCHEMA "hidden" TO "app"; GRANT SELECT ON "hidden"."alembic_version"'
    rig.execute(re.search("GRANT .*;", rig.denial)[0])


@row("no SELECT on the table, then granted", 4)
def without_select(rig):
    rig.execute("REVOKE SELECT ON alembic_version FROM app")
    yield 'role "app" may not read "public"."alembic_version"; let its owner run: GRANT USAGE ON SCHEMA "public"'
    rig.execute(re.search("GRANT .*;", rig.denial)[0])


@row("database missing, then created", 4)
def missing_database(rig):
    names = sql.Identifier(rig.name), sql.Identifier(f"{rig.name}_away")
    with rig.server.connect("postgres") as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        yield f'database "{rig.name}" does not exist'
        connection.execute(sql.SQL("ALTER DATABASE {1} RENAME TO {0}").format(*names))


@row("role may not log in, then may", 4)
def no_login(rig):
    rig.execute("ALTER ROLE app NOLOGIN")
    yield 'role "app" is not permitted to log in'
    rig.execute("ALTER ROLE app LOGIN")


@row("barred by pg_hba.conf, then not", 4)
def barred(rig):
    access = rig.server.access.read_text()
    rig.direct(role="barred")
    yield 'pg_hba.conf rejects connection for host "127.0.0.1", user "barred".*; correct the URL'
    rig.server.access.write_text(access.replace("barred all reject", "barred all scram-sha-256"))
    rig.execute("SELECT pg_reload_conf()")


@row("TLS required", 4)
def tls_required(rig):
    rig.secure(query="sslmode=disable")
    yield "SSL required"
    rig.secure(query="sslmode=require")


@row("self-signed, verified by no authority")
def self_signed(rig):
    rig.secure(query="sslmode=verify-full&sslrootcert=system")
    yield "certificate verify failed"
    rig.secure(query="sslmode=require")


rows_of_verification(
    ROWS,
    "verify-full",
    "sslmode=verify-full&sslrootcert={}",
    f'certificate for "localhost".* does not match host name "{LOOPBACK}"',
)


@row("no SCRAM where it is demanded", 4)
def no_scram(rig):
    rig.direct(role="plain", query="require_auth=scram-sha-256")
    yield 'authentication method requirement "scram-sha-256" failed: server requested a cleartext password'
    rig.direct(query="require_auth=scram-sha-256")


@row("name without an address")
def no_address(rig):
    hosts = rig.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    rig.options = {"launcher": resolving(hosts)}
    rig.direct(host=NAME)
    yield f"failed to resolve host '{NAME}'"
    hosts.write_text(f"{LOOPBACK} {NAME}\n")


@row("name server silent")
def silent_name_server(rig):
    hosts = rig.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    with socket.socket(type=socket.SOCK_DGRAM) as name_server:
        name_server.bind(("127.0.0.1", 53))
        rig.options = {"launcher": resolving(hosts)}
        rig.direct(host=NAME)
        yield NO_ANSWER
    hosts.write_text(f"{LOOPBACK} {NAME}\n")


@pytest.mark.parametrize(("fault", "code"), ROWS.values(), ids=ROWS)
def test_fault(rig, fault, code):
    """A gate tells the fault, keeps its deadline in it, does not open, and opens once it is over."""
    rig.meet(fault, code)


# -- faults with a course of their own ----------------------------------------------------------------------------


def test_shut_down_mid_query(rig):
    """A server that is shut down while it answers is waited for until it is back."""
    rig.direct()
    gate = rig.start("--revision", HEAD, "--timeout", "60s", what=SLOWLY)
    until(lambda: "active" in sessions(rig.server))
    rig.server.stop()
    gate.until("terminating connection due to administrator command")
    gate.until("Connection refused")
    rig.server.start()
    assert gate.end() == 0


def test_failover_to_a_standby_that_is_behind(rig):
    """What a lost primary had is no proof: the standby in its place is waited for until it has the revision."""
    rig.execute(f"TRUNCATE alembic_version; {ROW.format('', FIRST)}")
    with Standby(rig.server) as standby:
        until(lambda: standby_at(standby, rig) == FIRST)
        with standby.connect("postgres") as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
        gate = rig.start("--timeout", "60s")
        gate.until(f"is at {FIRST}")
        rig.proxy.inject(Fault.REFUSE)
        gate.until("Connection refused")
        rig.execute(f"UPDATE alembic_version SET version_num = '{HEAD}'")
        with FaultProxy(standby.host, standby.port) as proxy:
            rig.through(proxy.port)
            gate.until(f"is at {FIRST}; awaiting")
            at_standby = rig.start("--timeout", "2s")
            assert_ended(at_standby, 124, "timed out", f"is at {FIRST}; awaiting {HEAD}", 2)
            with standby.connect("postgres") as connection:
                connection.execute("SELECT pg_wal_replay_resume()")
            assert gate.end() == 0


def standby_at(standby, rig):
    with contextlib.suppress(psycopg.Error), standby.connect(rig.name) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_recovery_conflict(rig):
    """A look that a hot standby cancels, because replay needs what it reads, is made again."""
    with Standby(rig.server, max_standby_streaming_delay=0) as standby:
        until(lambda: standby_at(standby, rig) == HEAD)
        rig.through(standby.port)
        gate = rig.start("--revision", HEAD, "--timeout", "60s", what=SLOWLY)
        until(lambda: "active" in sessions(standby))
        rig.execute("ALTER TABLE alembic_version ADD note text")
        gate.until("due to conflict with recovery")
        assert gate.end() == 0
        until(lambda: not sessions(standby))


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_pgbouncer(rig, mode):
    """Through a pool the gate waits while the server is down, opens, and leaves no setting and no transaction in it."""
    with PgBouncer(rig.server, mode) as pool:

        def server_down(rig):
            rig.through(pool.port)
            rig.server.stop()
            yield "server|query_wait_timeout"
            rig.server.start()

        rig.meet(server_down, 124)
        with psycopg.connect(pool.url(rig.name, "app"), autocommit=True) as connection:
            shown = [
                connection.execute(f"SHOW {name}", prepare=False).fetchone()[0]
                for name in ("lock_timeout", "statement_timeout", "transaction_read_only", "search_path")
            ]
        assert shown == ["0", "0", "off", '"$user", public']


def test_temporary_table_in_a_pool(rig):
    """A temporary table that another client left in the pooled connection is no history."""
    rig.execute(f"TRUNCATE alembic_version; GRANT TEMPORARY ON DATABASE {rig.name} TO app")
    with PgBouncer(rig.server, "transaction") as pool:
        rig.through(pool.port)
        with psycopg.connect(pool.url(rig.name, "app"), autocommit=True) as other:
            other.execute(f"{TABLE.format('pg_temp.')}; {ROW.format('pg_temp.', HEAD)}", prepare=False)
            assert other.execute("TABLE alembic_version", prepare=False).fetchone() == (HEAD,)
            assert_ended(rig.start("--timeout", "2s"), 124, "timed out", "has nothing applied", 2)


@pytest.mark.parametrize(
    ("path", "args", "reason"),
    [
        ("trap, public", (), f"is at {FIRST}"),
        ("public, trap", ("--table", "trap.alembic_version"), f"is at {FIRST}"),
        ("empty, trap", (), f"is at {FIRST}"),
        ("empty", (), "there is no history table"),
    ],
)
def test_search_path(rig, path, args, reason):
    """Of tables of one name, the first in the search path counts, unless --table names another; no other opens."""
    rig.execute(
        f"CREATE SCHEMA empty; CREATE SCHEMA trap; {TABLE.format('trap.')}; {ROW.format('trap.', FIRST)};"
        "GRANT USAGE ON SCHEMA empty, trap TO app; GRANT SELECT ON trap.alembic_version TO app;"
        f"ALTER ROLE app IN DATABASE {rig.name} SET search_path = {path}"
    )
    rig.direct()
    assert_ended(rig.start(*args, "--timeout", "1s"), 124, "timed out", reason, 1)
    assert rig.start("--table", "public.alembic_version", "--timeout", "1s").end() == 0


def test_limits_of_role(rig):
    """Time limits and a way to read that the role has are not the gate's, which sets its own in its transaction."""
    for setting in (
        "statement_timeout = '20ms'",
        "lock_timeout = '1ms'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "client_encoding = 'SQL_ASCII'",
    ):
        rig.execute(f"ALTER ROLE app IN DATABASE {rig.name} SET {setting}")
    rig.direct()
    assert rig.start("--revision", HEAD, "--timeout", "5s", what=SLOWLY).end() == 0
    assert rig.start("--timeout", "5s").end() == 0


@pytest.mark.parametrize("dead", ["refused", "silent"])
def test_first_of_several_addresses_is_dead(rig, dead):
    """A name of several addresses is tried at each, five seconds long."""
    hosts = rig.folder / "hosts"
    hosts.write_text(f"{LOOPBACK} {NAME}\n127.0.0.3 {NAME}\n")
    rig.options = {"launcher": resolving(hosts)}
    with FaultProxy(rig.server.host, rig.server.port, host="127.0.0.3") as second, socket.socket() as listener:
        rig.through(second.port, host=NAME)
        listener.bind((LOOPBACK, second.port))
        if dead == "silent":
            listener.listen()  # it lets connect, and never answers
        began = time.monotonic()
        assert rig.start("--timeout", "30s").end() == 0
    assert (time.monotonic() - began > 5) == (dead == "silent")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_left_of_a_look_that_is_ended(rig, number):
    """The server is rid of a gate that ends in mid-look, however it ends, once its statement is over."""
    rig.direct()
    gate = rig.start("--revision", HEAD, what=SLOWLY)
    until(lambda: "active" in sessions(rig.server))
    gate.signal(number)
    assert gate.end(1) in (143, -9)
    assert not any("idle in transaction" in state for state in sessions(rig.server))
    until(lambda: not sessions(rig.server), 3)


def test_nothing_left_of_a_lost_node(rig):
    """A gate that vanishes without a word in its transaction is ended by the server within 10 s."""
    rig.proxy.inject(Fault.DROP, after=rig.answered() - 100)
    gate = rig.start()
    until(lambda: "idle in transaction" in sessions(rig.server))
    gate.signal(signal.SIGKILL)
    gate.end()
    until(lambda: not sessions(rig.server), 11)
