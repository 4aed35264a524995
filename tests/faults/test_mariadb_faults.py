"""Faults of MariaDB, and of its network: rows as in test_postgres_faults, and what MariaDB has of its own."""

import contextlib
import gc
import os
import re
import secrets
import signal
import socket
import tempfile
import time
from functools import partial
from pathlib import Path

import pymysql
import pytest

from faults.databases import PASSWORD, STALE, Rig, row, rows_of_network, rows_of_verification, until
from gatekeeper.gate.verdict import Unreachable
from gatekeeper.histories.mysql import MySQLDatabase, connection_parameters
from servers.certificate import certificate
from servers.faults import Fault, FaultProxy
from servers.mariadb import MariaDB
from servers.postgres import LOOPBACK, NOBODY, free_port

pytestmark = pytest.mark.mariadb

FIRST, HEAD = "20240101000001", "20240103000003"
DBMATE = ("schema", "--tool", "dbmate", "--revision", HEAD)
SLOWLY = ("schema", "--tool", "query", "--revision", HEAD)
SLOWLY += ("--query", "SELECT version FROM schema_migrations WHERE SLEEP(2) = 0")
TABLE = "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)"
GATES = "SELECT id, info FROM information_schema.processlist WHERE user = 'app'"
ROLES = ("app", "tls")


@pytest.fixture(scope="module")
def server():
    """A server whose certificate is its own, and for localhost; the user `tls` may not connect without TLS."""
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(Path(folder))
        for path in (Path(folder), *files):
            if os.getuid() == 0:
                os.chown(path, NOBODY, NOBODY)
        settings = {"ssl-cert": files[0], "ssl-key": files[1], "plugin-load-add": "metadata_lock_info"}
        with MariaDB(**settings) as server:
            server.certificate = files[0]
            for role in ROLES:
                server.create_user(role, PASSWORD)
            server.execute("ALTER USER tls REQUIRE SSL")
            yield server


class MariaRig(Rig):
    """A database whose schema_migrations is at HEAD."""

    plain = "ssl-mode=DISABLED"
    awaited = DBMATE

    def secure(self, host="localhost", **parts):
        """Let gates connect to the server itself, as somebody who must use TLS."""
        self.direct(host=host, role="tls", **parts)

    def execute(self, *statements):
        """Run statements in the database as the administrator."""
        for statement in statements:
            rows = self.server.execute(statement, database=self.name)
        return rows

    def fill(self):
        """Make the history, and let the roles read it."""
        self.execute(TABLE, f"INSERT INTO schema_migrations VALUES ('{FIRST}'), ('{HEAD}')")
        self.execute(*(f"GRANT SELECT ON schema_migrations TO {role}" for role in ROLES))


@pytest.fixture
def rig(gate, server, tmp_path):
    name = f"test_{secrets.token_hex(6)}"
    server.create_database(name)
    with FaultProxy(server.host, server.port) as proxy:
        rig = MariaRig(gate, server, proxy, name, tmp_path)
        rig.fill()
        yield rig
    until(lambda: not server.execute(GATES))
    server.drop_database(name)
    for role in ROLES:
        server.execute(f"REVOKE ALL, GRANT OPTION FROM {role}")


# -- faults that pass ---------------------------------------------------------------------------------------------

ROWS = {}
"""Fault -> how it is made and undone, and the exit code at a deadline that passes meanwhile."""
rows_of_network(ROWS, "Lost connection to|Connection reset by peer|makes no sense")
row = partial(row, ROWS)


@row("stopped, then starting up")
def stopped(rig):
    rig.direct()
    rig.server.stop()
    yield "no connection: Connection refused"
    rig.server.start()


@row("too many connections")
def too_many_connections(rig):
    rig.server.execute("SET GLOBAL max_connections = 10")
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(contextlib.closing(rig.server.connect(user="app", password=PASSWORD)))
        yield "Too many connections"
    rig.server.execute("SET GLOBAL max_connections = 100")


@row("too many connections of the user")
def too_many_of_user(rig):
    rig.execute("ALTER USER app WITH MAX_USER_CONNECTIONS 1")
    with contextlib.closing(rig.server.connect(user="app", password=PASSWORD)):
        yield "User 'app' has exceeded the 'max_user_connections' resource"
    rig.execute("ALTER USER app WITH MAX_USER_CONNECTIONS 0")


@row("table locked for 20 s")
def table_locked(rig):
    with contextlib.closing(rig.server.connect(rig.name)) as migration, migration.cursor() as cursor:
        cursor.execute("LOCK TABLES schema_migrations WRITE")
        began = time.monotonic()
        rig.deadline = 4
        yield f"{rig.name}.schema_migrations is locked by connection {migration.thread_id()}"
        time.sleep(began + 20 - time.monotonic())


@row("wrong password, then corrected", 4)
def wrong_password(rig):
    rig.through(rig.proxy.port, password=STALE)
    yield r"Access denied for user 'app'@'127.0.0.1' \(using password: YES\); correct the URL"
    rig.through(rig.proxy.port)


@row("account locked, then not", 4)
def account_locked(rig):
    rig.execute("ALTER USER app ACCOUNT LOCK")
    yield "this account is locked"
    rig.execute("ALTER USER app ACCOUNT UNLOCK")


@row("no SELECT on the table, then granted", 4)
def without_select(rig):
    rig.execute("REVOKE SELECT ON schema_migrations FROM app", "CREATE TABLE other (id int)")
    rig.execute("GRANT SELECT ON other TO app")
    yield f"'app'@'%' may not read `{rig.name}`.`schema_migrations`, .*: GRANT SELECT ON `{rig.name}`"
    rig.execute(re.search("GRANT [^;]*", rig.denial)[0])


@row("database missing, then created", 4)
def missing_database(rig):
    rig.execute(f"GRANT SELECT ON {rig.name}.* TO app", f"DROP DATABASE {rig.name}")
    yield f"Unknown database '{rig.name}'"
    rig.server.create_database(rig.name)
    rig.fill()


@row("TLS required", 4)
def tls_required(rig):
    rig.secure(query="ssl-mode=DISABLED")
    yield "Access denied for user 'tls'"
    rig.secure(query="ssl-mode=REQUIRED")


@row("self-signed, verified by no authority")
def self_signed(rig):
    rig.secure(query="ssl-mode=VERIFY_CA")
    yield "certificate verify failed: self-signed certificate"
    rig.secure(query="ssl-mode=REQUIRED")


rows_of_verification(
    ROWS, "verified", "ssl-mode=VERIFY_IDENTITY&ssl-ca={}", "certificate verify failed: IP address mismatch"
)


@pytest.mark.parametrize(("fault", "code"), ROWS.values(), ids=ROWS)
def test_fault(rig, fault, code):
    """A gate tells the fault, keeps its deadline in it, does not open, and opens once it is over."""
    rig.meet(fault, code)


# -- faults with a course of their own ----------------------------------------------------------------------------


def asleep(server):
    """Return the connections of gates that are in mid-query."""
    return [identity for identity, statement in server.execute(GATES) if statement and "SLEEP" in statement]


def test_killed_mid_query(rig):
    """A look whose connection an administrator ends is made again."""
    rig.direct()
    gate = rig.start("--timeout", "60s", what=SLOWLY)
    until(lambda: asleep(rig.server))
    rig.server.execute(f"KILL {asleep(rig.server)[0]}")
    gate.until("waiting: ")
    assert gate.end() == 0


def test_limits_of_server(rig):
    """Time limits that the server sets everybody are not the gate's, which sets its own."""
    limits = {"max_statement_time": 0.5, "wait_timeout": 1, "lock_wait_timeout": 1}
    before = {name: rig.server.execute(f"SELECT @@GLOBAL.{name}")[0][0] for name in limits}
    rig.direct()
    try:
        for name, value in limits.items():
            rig.server.execute(f"SET GLOBAL {name} = {value}")
        assert rig.start("--timeout", "9s", what=SLOWLY).end() == 0
    finally:
        for name, value in before.items():
            rig.server.execute(f"SET GLOBAL {name} = {value}")


def test_host_blocked(gate, tmp_path):
    """A host that the server has blocked is waited for until an administrator lets it in again."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: MariaDB blocks every host but the loopback
        host = probe.getsockname()[0]
    server = MariaDB(**{"skip-name-resolve": 0, "max-connect-errors": 1})
    server.host = host
    with server, FaultProxy(host, server.port) as proxy:
        server.create_user("app", PASSWORD)
        server.create_database("shop")
        rig = MariaRig(gate, server, proxy, "shop", tmp_path)
        rig.execute(TABLE, f"INSERT INTO schema_migrations VALUES ('{HEAD}')", "GRANT SELECT ON shop.* TO app")

        def blocked(rig):
            with contextlib.closing(server.connect()) as administrator:
                while True:
                    with socket.create_connection((host, server.port)) as stranger:
                        if b"blocked" in stranger.recv(200):
                            break
                        stranger.sendall(b"\0" * 40)
                yield f"Host '{host}' is blocked because of many connection errors"
                administrator.cursor().execute("FLUSH HOSTS")

        rig.direct(host=host)
        rig.meet(blocked, 124)


def test_replica_that_is_behind(gate, tmp_path):
    """What the primary has is no proof: its read-only replica is waited for until it has the revision."""
    replicating = {"log-bin": "binlog", "server-id": 1}
    with MariaDB(**replicating) as primary, MariaDB(**{**replicating, "server-id": 2, "read-only": 1}) as replica:
        [(file, position, *_)] = primary.execute("SHOW MASTER STATUS")
        primary.create_user("app", PASSWORD)
        primary.create_database("shop")
        primary.execute("CREATE USER copier IDENTIFIED BY 'copier'")
        primary.execute("GRANT REPLICATION SLAVE ON *.* TO copier")
        primary.execute(TABLE, database="shop")
        primary.execute(f"INSERT INTO schema_migrations VALUES ('{FIRST}')", database="shop")
        primary.execute("GRANT SELECT ON shop.* TO app")
        source = f"MASTER_HOST='{primary.host}', MASTER_PORT={primary.port}, MASTER_USER='copier'"
        at = f"MASTER_PASSWORD='copier', MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position}"
        replica.execute(f"CHANGE MASTER TO {source}, {at}")
        replica.execute("START SLAVE")
        until(lambda: version(replica) == FIRST)
        replica.execute("STOP SLAVE SQL_THREAD")
        primary.execute(f"INSERT INTO schema_migrations VALUES ('{HEAD}')", database="shop")
        with FaultProxy(replica.host, replica.port) as proxy:

            def behind(rig):
                yield f"is at {FIRST}; awaiting {HEAD}"
                replica.execute("START SLAVE SQL_THREAD")

            replica._passwords["app"] = PASSWORD
            MariaRig(gate, replica, proxy, "shop", tmp_path).meet(behind, 124)


def version(server):
    with contextlib.suppress(pymysql.Error):
        return server.execute("SELECT MAX(version) FROM schema_migrations", database="shop")[0][0]


def test_nothing_left_of_a_refusal():
    """A look that is refused leaves nothing for a collection: PyMySQL loads a megabyte of authorities for each."""
    url = f"mysql://app@{LOOPBACK}:{free_port()}/shop"
    database = MySQLDatabase(lambda: connection_parameters(url))

    def look():
        with contextlib.suppress(Unreachable), database.session(1):
            pass

    look()
    gc.collect()
    gc.disable()
    try:
        look()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_left_of_a_look_that_is_ended(rig, number):
    """The server is rid of a gate that ends in mid-look, however it ends, once its statement is over."""
    rig.direct()
    gate = rig.start(what=SLOWLY)
    until(lambda: asleep(rig.server))
    gate.signal(number)
    assert gate.end(1) in (143, -9)
    until(lambda: not rig.server.execute(GATES), 6)


def test_nothing_left_of_a_lost_node(rig):
    """A gate that vanishes without a word in its transaction holds up a migration for no more than 10 s."""
    rig.proxy.inject(Fault.DROP, after=rig.answered() - 100)
    gate = rig.start()
    until(lambda: rig.server.execute(f"{GATES} AND command = 'Sleep'"))
    gate.signal(signal.SIGKILL)
    gate.end()
    began = time.monotonic()
    rig.execute("SET SESSION lock_wait_timeout = 20", "ALTER TABLE schema_migrations ADD note text")
    assert time.monotonic() - began < 12
    until(lambda: not rig.server.execute(GATES), 12)
