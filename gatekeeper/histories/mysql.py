"""Read a history from MySQL or MariaDB. The only module that imports PyMySQL.

Each look is one short connection with one short transaction, READ COMMITTED and read-only; nothing stays open between
looks. An open transaction would keep a metadata lock on the table and block the very migration that is awaited. The
catalog hides what one may not read, so a history that it does not list is asked for by name too.

Errors: what may pass is Unreachable; a wrong password, a missing database or right is Denied; a query of the user's
that cannot be asked is Misconfigured. The server's texts are quoted without the password.
"""

import os
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from gatekeeper.gate.clock import start_thread
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.histories.judge import UNSEEN, Lock
from gatekeeper.histories.look import Found
from gatekeeper.histories.mysql_url import PORT, URL_EXAMPLE, read_url
from gatekeeper.tools.shared.record import CURRENT, PATH, Row, Tool

CONNECT_TIMEOUT = 5.0
"""Seconds for each address, and less where there are several."""
LOCALHOST = "localhost"
BATCH = 500
"""How many rows are held at once."""
TIMEOUTS = """
SET SESSION lock_wait_timeout = 2, wait_timeout = 10, net_write_timeout = 10, sql_select_limit = 9223372036854775807
/*!50708 , max_execution_time = 5000 */ /*M!100101 , max_statement_time = 5 */
"""
"""The comments are read by the server that they name alone. A server's own limit of rows would cut off the newest.

A gate whose node is lost says no goodbye: the server is to end its transaction, which a migration waits for, itself.
"""
TRANSACTION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", "START TRANSACTION READ ONLY"
LESS = (
    "SET SESSION lock_wait_timeout = 2",
    "SET SESSION wait_timeout = 10",
    "SET SESSION max_execution_time = 5000",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "START TRANSACTION",
)
"""As much of it as a server takes that is MySQL's by its protocol alone: TiDB has no READ ONLY."""
LONG = 8
"""How many letters make a password that is in a text by no chance; to strike out a short one, or a word, tells it."""
QUERY_EXAMPLE = "SELECT name FROM app.changes WHERE done"

_DENIED = {
    ER.ACCESS_DENIED_ERROR,
    ER.BAD_DB_ERROR,
    ER.HOST_NOT_PRIVILEGED,
    ER.SPECIFIC_ACCESS_DENIED_ERROR,
    ER.PROCACCESS_DENIED_ERROR,
    ER.NOT_SUPPORTED_AUTH_MODE,
    1698,  # no password, where the server asks for none
    1820,  # an expired password
    1862,  # the same, of a new connection
    3118,  # a locked account: MySQL
    3159,  # TLS is required: MySQL, and MariaDB
    3955,  # an account that wrong passwords have locked: MySQL
    4151,  # a locked account: MariaDB
    CR.CR_SSL_CONNECTION_ERROR,  # TLS is asked for, and the server has none
}
_NO_SELECT = {ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR}
_ABSENT = {ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR}
_NOT_YET = _ABSENT | {ER.BAD_FIELD_ERROR, ER.SP_DOES_NOT_EXIST}
_NO_QUERY = {
    ER.PARSE_ERROR,
    ER.SYNTAX_ERROR,
    ER.EMPTY_QUERY,
    ER.NOT_ALLOWED_COMMAND,  # LOAD DATA LOCAL
    ER.NOT_SUPPORTED_YET,
    1792,  # a write
    3948,  # LOAD DATA LOCAL: MySQL
    4166,  # LOAD DATA LOCAL: MariaDB
}
_IN_CLEAR = ("mysql_clear_password", "dialog")
_WITHOUT_TLS = (
    "without TLS the server takes this account's password only while it remembers it from a login by TLS, and it does "
    f"not, or it is another one; write for example {URL_EXAMPLE}?ssl-mode=REQUIRED, correct the password, or use an "
    "account of another plugin"
)
_OTHER_PLUGIN = (
    "the account's plugin, {}, is none that the gate has, with TLS or without; let an administrator make another "
    "account, for example by CREATE USER gate IDENTIFIED BY '...'"
)
_PACKAGES = {"cryptography": _WITHOUT_TLS, "pynacl": _OTHER_PLUGIN.format("ed25519")}
"""What PyMySQL would need for a way to log in, and what it means that it asks for it."""
_INACTIVE = (
    "if a role that is not active has it: SET DEFAULT ROLE ALL TO {0}; on MariaDB: SET DEFAULT ROLE role FOR {0};"
)
_PLUGIN = re.compile(r"plugin 'b'(\w+)'' not configured", re.ASCII)
"""In what PyMySQL says of one that it has not."""
_SELECT = re.compile(r"[\s(]*SELECT\b", re.IGNORECASE)
_AFTER_CLIENTS = 3000
"""The first number that is a server's again."""
_TOO_SLOW = {1969, 3024}
"""MariaDB's, MySQL's."""

_NONSENSE = (AssertionError, AttributeError, IndexError, OSError, RuntimeError, struct.error)
"""What PyMySQL raises of its own accord where a server does not speak as it should, or is cut off."""
_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
_COLUMNS = """
SELECT table_name, column_name, privileges FROM information_schema.columns
WHERE table_schema = %s AND LOWER(table_name) IN %s ORDER BY table_name, ordinal_position
"""
_ELSEWHERE = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE LOWER(table_name) = LOWER(%s) AND table_schema NOT IN %s ORDER BY 1 LIMIT 3
"""
# Of a replica, and of one node of several, another server has the lock.
_IS_ONE_OF_SEVERAL = """
SHOW GLOBAL VARIABLES WHERE value NOT IN ('OFF', '')
AND variable_name IN ('read_only', 'innodb_read_only', 'wsrep_on', 'group_replication_group_name')
OR variable_name = 'version' AND value RLIKE 'TiDB|Vitess|OceanBase|TDDL|Dolt'
"""
_IS_IDLE = "command = 'Sleep' AND time >= 5"
_CONNECTION = f"""
SELECT user, host, IF({_IS_IDLE}, DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL time SECOND, '%%Y-%%m-%%dT%%H:%%iZ'), '')
FROM information_schema.processlist WHERE id = %s
"""  # noqa: S608 - of constants, as below
# Whoever copies from this server only reads. This connection's number is another than a pooler's, if one is between.
_AT_WORK = f"""
SELECT CONNECTION_ID(), COUNT(*),
       SUM(id <> CONNECTION_ID() AND command NOT LIKE 'Binlog Dump%' AND NOT ({_IS_IDLE}))
FROM information_schema.processlist WHERE command <> 'Daemon'
"""  # noqa: S608
_CONNECTED = "SHOW GLOBAL STATUS LIKE 'Threads_connected'"
_HOLDERS_BY_RIGHTS = """
SELECT t.processlist_id FROM performance_schema.metadata_locks m
JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id
WHERE m.lock_status = 'GRANTED' AND m.object_schema = %s AND m.object_name = %s
  AND t.processlist_id <> CONNECTION_ID() LIMIT 1
"""
_HOLDERS_BY_PLUGIN = """
SELECT thread_id FROM information_schema.metadata_lock_info
WHERE table_schema = %s AND table_name = %s AND thread_id <> CONNECTION_ID() LIMIT 1
"""


def connection_parameters(url: str) -> dict[str, str]:
    """Return the parameters of any driver's URL. Raises Misconfigured, without quoting anything of it."""
    return read_url(url).parameters


def left_over(url: str) -> dict[str, str]:
    """Return what a URL says beside its parameters, as it spells it. Raises Misconfigured."""
    return read_url(url).left


def search_path(_: str, *, is_name: bool) -> dict[str, str]:  # noqa: ARG001 - as PostgreSQL's
    """Return nothing: there is no search path."""
    return {}


class MySQLDatabase:
    """One MySQL or MariaDB database. Implements schema.Database.

    `parameters` is asked before each look, so a Secret that is corrected while the gate waits is seen.
    """

    def __init__(self, parameters: Callable[[], dict[str, str]]) -> None:
        self._parameters = parameters
        self.name = f"database {_place(self._read())}"

    def _read(self) -> dict[str, str]:
        parameters = self._parameters()
        if not parameters.get("user"):
            raise Misconfigured(f"no user is given; write --user, or for example --database {URL_EXAMPLE}")
        return parameters

    @contextmanager
    def session(self, limit: float) -> Iterator["MySQLSession"]:
        """Yield a session of one short transaction. Raises as schema.Session."""
        end = time.monotonic() + limit
        try:
            parameters = self._read()
        except Misconfigured as fault:
            raise Unreachable(str(fault)) from fault  # it was right when the gate began: a Secret is being renewed
        try:
            with _connection(parameters, end) as connection:
                session = MySQLSession(connection, parameters["database"])
                session.begin()
                yield session
                if connection.open:  # not if a look has left rows unread
                    session.ask("ROLLBACK")
        except pymysql.Error as fault:
            if time.monotonic() >= end:
                raise Unreachable(f"the server did not answer within {limit:.1f} s", silent=True) from None
            raise _translate(fault, parameters.get("password", "")) from None


class MySQLSession:
    """Reads in one transaction. Implements schema.Session."""

    def __init__(self, connection: "pymysql.Connection[Any]", written: str) -> None:
        self._connection = connection
        self._written = written
        """The database's name as its URL spells it."""
        self._database = ""
        self._user = ""
        self._read_only = True

    def begin(self) -> None:
        """Begin the transaction, as far as the server has what it takes."""
        try:
            for statement in (TIMEOUTS, *TRANSACTION):
                self.ask(statement)
        except pymysql.Error as fault:
            if not _is_servers(fault):
                raise
            self._read_only = False
            for statement in LESS:
                self._ask_in_vain(statement)

    def version(self) -> str:
        """Return what the server said of itself when it greeted, as other drivers hear it."""
        return f"MySQL {self._connection.get_server_info()}"  # type: ignore[no-untyped-call]

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        """Return the database in which the tool makes its tables."""
        return (tool.database,)

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str] = ()) -> list[Found]:
        """Return the tables of these names in the databases asked for; elsewhere only the history, the first name.

        Names are found as they are spelled and in upper case, and otherwise where the server finds them so; columns are
        spelled as in `columns`. Denied is raised if the history may exist and not be read.
        """
        [(self._database, self._user)] = self.ask("SELECT DATABASE(), CURRENT_USER()")
        places = list(dict.fromkeys(self._database if schema in (PATH, CURRENT) else schema for schema in schemas))
        spelled = {column.lower(): column for column in columns}
        found = [table for place in places for table in self._listed(place, names, spelled)]
        for place in places:
            self._check_right(place, next((each.table for each in found if each.asked == names[0]), names[0]))
        if not any(table.asked == names[0] for table in found):
            elsewhere = self.ask(_ELSEWHERE, names[0], (*_SYSTEM, *places))
            found += [Found(names[0], schema, table, (), False, False, True) for schema, table in elsewhere]
        return found

    def _listed(self, place: str, names: Sequence[str], spelled: dict[str, str]) -> Iterator[Found]:
        """Yield what the catalog lists of these names."""
        tables: dict[str, list[tuple[str, str]]] = {}
        for table, column, rights in self.ask(_COLUMNS, place, tuple({name.lower() for name in names})):
            tables.setdefault(table, []).append((column, rights))
        for name in dict.fromkeys(names):
            alike = [table for table in tables if table.lower() == name.lower()]
            for table in sorted(alike, key=lambda each: (each != name, each != name.upper()))[:1]:
                # Liquibase spells its own so; any other spelling is another table to a server that tells it.
                if table not in (name, name.upper()) and not self._is_there(place, name):
                    continue
                columns = tuple(spelled.get(column.lower(), column) for column, _ in tables[table])
                readable = all("select" in rights for _, rights in tables[table])
                is_here = place == self._database
                yield Found(name, place, table, columns, is_here, is_here, readable)

    def _is_there(self, place: str, table: str) -> bool:
        """Tell whether the server finds a table by this spelling."""
        with self._reading(place, table):
            self.ask(f"SELECT 1 FROM {_name(place, table)} LIMIT 0")  # noqa: S608 - a quoted name
            return True
        return False

    def _check_right(self, place: str, table: str) -> None:
        """Raise Denied unless all of a table, which may be hidden or hide some of its columns, can be read."""
        with self._reading(place, table):
            self.ask(f"SELECT * FROM {_name(place, table)} LIMIT 0")  # noqa: S608 - a quoted name

    def rows(self, table: Found, columns: Sequence[str], order_by: str) -> Generator[Row]:
        """Yield these columns of all rows, as they come. Closed before its end it takes the connection with it."""
        select = f"SELECT {', '.join(map(_name, columns))} FROM {_name(table.schema, table.table)}"  # noqa: S608 - quoted
        if order_by:
            select += f" ORDER BY {_name(order_by)}"
        with self._reading(table.schema, table.table):
            yield from _rows_of(self._stream(select))

    def query(self, statement: str) -> Generator[Row]:
        """Yield what the user's query returns; what it names may not exist before the migration."""
        if not (self._read_only or _SELECT.match(statement)):
            raise Misconfigured(
                "--query must be a SELECT on a server without read-only transactions; "
                f"write for example {QUERY_EXAMPLE}"
            )
        try:
            # PyMySQL does not ask for several statements, so the server takes one: none can end the transaction first.
            cursor = self._stream(statement)
        except pymysql.Error as fault:
            if _code(fault) in _NOT_YET:
                return
            if _code(fault) in _NO_QUERY:
                raise Misconfigured(f"--query: {_describe(fault, '')}; write for example {QUERY_EXAMPLE}") from fault
            raise
        if cursor.description is None or len(cursor.description) != 1:
            raise Misconfigured(f"--query must return one column of revisions; write for example {QUERY_EXAMPLE}")
        yield from _rows_of(cursor)

    def lock(self, tool: Tool, table: Found) -> Lock:
        """Return what the database tells of the tool's named lock, which another server of several does not show."""
        if not tool.lock_names:
            return Lock()
        database = self._database if tool.database else table.schema
        # A server that folds names (lower_case_table_names) tells another than the tool's URL has, and the lock's name.
        spellings = {database, self._written} if self._written.lower() == database.lower() else {database}
        names = [name for each in spellings for name in tool.lock_names(each, table.table)]
        for name in names:
            held = self._ask_in_vain("SELECT IS_USED_LOCK(%s)", name)
            if held is None:
                return Lock()
            if held[0][0] is not None:
                return Lock(tool.lock_is_sure, *self._seen(held[0][0]))
        # Where the server cannot say that it is the only one, the lock is not known to be free.
        return Lock(tool.lock_is_sure and self._ask_in_vain(_IS_ONE_OF_SEVERAL) == [])

    def at_work(self) -> str:
        """Return who else is at work on the server, or may be."""
        before, seen, after = map(self._ask_in_vain, (_CONNECTED, _AT_WORK, _CONNECTED))
        if not (before and seen and after):
            return UNSEEN
        [(number, shown, working)] = seen
        if working:
            return "others are at work on the server"
        if max(int(before[0][1]), int(after[0][1])) > shown:
            return "others are connected, who show to PROCESS alone whether they work"
        is_pooled = number % 2**32 != self._connection.thread_id() % 2**32  # type: ignore[no-untyped-call]
        return "a pooler, through which others may work, is between" if is_pooled else ""

    def ask(self, statement: str, *values: object) -> list[Row]:
        """Return the few rows of a statement."""
        with _answered(), closing(self._connection.cursor()) as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def _ask_in_vain(self, statement: str, *values: object) -> list[Row] | None:
        """Return the rows of a statement that is no loss where the server does not know it; None is then returned."""
        try:
            return self.ask(statement, *values)
        except pymysql.Error as fault:
            if _is_servers(fault):
                return None
            raise

    def _stream(self, statement: str) -> "_Stream":
        cursor = self._connection.cursor(_Stream)
        with _answered():
            cursor.execute(statement)
        return cursor

    @contextmanager
    def _reading(self, place: str, table: str) -> Iterator[None]:
        """Tell what keeps one from reading a table; one that is not there has no rows."""
        try:
            yield
        except pymysql.Error as fault:
            if _code(fault) in _NO_SELECT:
                raise Denied(_missing_grant(place, table, self._user)) from fault
            if _code(fault) == ER.LOCK_WAIT_TIMEOUT:
                raise Unreachable(f"{place}.{table} is locked by {self._locker(place, table)}") from fault
            if _code(fault) not in _ABSENT:
                raise

    def _locker(self, place: str, table: str) -> str:
        for statement in (_HOLDERS_BY_RIGHTS, _HOLDERS_BY_PLUGIN):
            with suppress(pymysql.Error):
                for (holder,) in self.ask(statement, place, table):
                    return self._seen(holder)[0]
        return "a migration or an administrator"

    def _seen(self, holder: int) -> tuple[str, str]:
        """Return a connection, and since when it is idle, for people; both may be seen by its user alone."""
        for user, host, idle_since in self._ask_in_vain(_CONNECTION, holder) or []:
            return f"connection {holder} ({user} from {host.rpartition(':')[0] or host})", idle_since
        return f"connection {holder}", ""


class _Stream(SSCursor):
    """Closes the connection rather than read to their end rows that nobody wants."""

    _result: Any

    def close(self) -> None:
        """Let go of the rows."""
        if self.connection and self._result and self._result.unbuffered_active:
            self._result.unbuffered_active = False
            if self.connection.open:
                self.connection.close()
        self.connection = None  # type: ignore[assignment] # as in PyMySQL

    __del__ = close


def _rows_of(cursor: _Stream) -> Generator[Row]:
    with closing(cursor):
        while True:
            with _answered():
                rows = cursor.fetchmany(BATCH)
            if not rows:
                return
            yield from rows


@contextmanager
def _answered(faults: tuple[type[Exception], ...] = _NONSENSE) -> Iterator[None]:
    """Make one kind of error of what PyMySQL stumbles over when a server does not speak as it should."""
    try:
        yield
    except faults as fault:
        raise pymysql.InterfaceError(0, f"what the server answers makes no sense: {fault}") from fault


@contextmanager
def _connection(parameters: dict[str, str], end: float) -> Iterator["pymysql.Connection[Any]"]:
    """Yield a connection that is cut when the time is over: a server silent in mid-query would hold a look for ever."""
    connection, line = _reach(parameters, end)
    with line, _cut(line, end):
        try:
            yield connection
        finally:
            if connection.open:
                connection.close()


def _reach(parameters: dict[str, str], end: float) -> tuple["pymysql.Connection[Any]", socket.socket]:
    """Return a connection to the first address that lets one in, and its line; each has its share of the time."""
    addresses, why = _addresses(parameters)
    for place, address in enumerate(addresses):
        now = time.monotonic()
        try:
            return _log_in(parameters, *address, now + (end - now) / (len(addresses) - place))
        except (Unreachable, pymysql.Error) as fault:
            if address == addresses[-1] or _code(fault) in _DENIED:
                raise
    raise Unreachable(f"no connection: {why}")


def _addresses(parameters: dict[str, str]) -> tuple[list[tuple[str, Any]], str]:
    """Return each host with what it is connected to by, in order, and why there is no other."""
    hosts, ports = (parameters.get(key, "").split(",") for key in ("host", "port"))
    if path := parameters.get("unix_socket"):
        return [(hosts[0], path)], ""
    addresses: list[tuple[str, Any]] = []
    why = ""
    for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True):
        try:
            found = socket.getaddrinfo(host or LOCALHOST, int(port or PORT), type=socket.SOCK_STREAM)
            addresses += [(host or LOCALHOST, each) for each in found]
        except (OSError, UnicodeError) as fault:  # the name has no address, or cannot be a name
            why = getattr(fault, "strerror", None) or str(fault)
    return addresses, why


def _log_in(
    parameters: dict[str, str], host: str, address: Any, until: float
) -> tuple["pymysql.Connection[Any]", socket.socket]:
    connection = pymysql.connect(
        host=host or LOCALHOST,  # whose certificate it must be
        user=parameters["user"],
        password=parameters.get("password", "").encode(),  # PyMySQL would take text for Latin-1
        database=parameters["database"],
        charset="utf8mb4",
        autocommit=None,
        program_name="gatekeeper",
        conv={
            **conversions,
            FIELD_TYPE.BIT: lambda data: int.from_bytes(data, "big"),
            FIELD_TYPE.STRING: lambda told: (
                told.rstrip(" ") if isinstance(told, str) else told
            ),  # of a char(n), padding
        },
        auth_plugin_map={name: partial(_NotInClear, name) for name in _IN_CLEAR},
        defer_connect=True,
        **_tls(parameters),
    )
    dialled = _dial(address, until)
    # A second descriptor, so that the number cannot meanwhile belong to another socket.
    line = socket.socket(fileno=os.dup(dialled.fileno()))
    connection._secure = isinstance(address, str)  # type: ignore[attr-defined] # noqa: SLF001 - PyMySQL takes a socket for TCP
    try:
        with _cut(line, until), _answered((*_NONSENSE, ValueError, TypeError, KeyError)):  # a server of another kind
            connection.connect(dialled)
    except BaseException as fault:
        dialled.close()
        line.close()
        for package, why in _PACKAGES.items():
            if isinstance(fault.__cause__, RuntimeError) and f"'{package}' package is required" in str(fault):
                raise Denied(why) from fault
        if plugin := _PLUGIN.search(str(fault)):
            raise Denied(_OTHER_PLUGIN.format(plugin[1])) from fault
        raise
    return connection, line


class _NotInClear:
    """A way to log in that sends the password as it is: only where nobody listens."""

    def __init__(self, name: str, connection: Any) -> None:
        self._name = name
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        """Go on as PyMySQL does. Raises Denied where there is no TLS."""
        if not self._connection._secure:  # noqa: SLF001 - nothing else tells
            raise Denied(
                "the server asks for the password in clear text, and the line is without TLS; "
                f"write for example {URL_EXAMPLE}?ssl-mode=REQUIRED"
            )
        return self._connection._process_auth(self._name.encode(), packet)  # noqa: SLF001 - as without this


def _dial(address: Any, until: float) -> socket.socket:
    """Return a socket that is connected to a path or to what a name stands for."""
    family, kind, protocol, _, place = (
        (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", address) if isinstance(address, str) else address
    )
    line = socket.socket(family, kind, protocol)
    try:
        line.settimeout(max(0.01, min(CONNECT_TIMEOUT, until - time.monotonic())))
        line.connect(place)
    except OSError as fault:
        line.close()
        raise Unreachable(f"no connection: {fault.strerror or fault}") from fault
    if family != socket.AF_UNIX:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


@contextmanager
def _cut(line: socket.socket, end: float) -> Iterator[None]:
    """Cut a line when the time is over."""
    timer = threading.Timer(end - time.monotonic(), _sever, [line])
    timer.daemon = True
    start_thread(timer)
    try:
        yield
    finally:
        timer.cancel()


def _sever(line: socket.socket) -> None:
    with suppress(OSError):  # it is cut already
        line.shutdown(socket.SHUT_RDWR)


def _tls(parameters: dict[str, str]) -> dict[str, Any]:
    """Return what PyMySQL is to be told of TLS; by itself it takes what the server offers, and verifies nothing."""
    mode = parameters.get("ssl_mode", "preferred")
    if mode in ("disabled", "preferred"):
        return {"ssl_disabled": mode == "disabled"}
    try:
        context = ssl.create_default_context(cafile=parameters.get("ssl_ca"))
        if certificate := parameters.get("ssl_cert"):
            context.load_cert_chain(certificate, parameters.get("ssl_key"))
    except OSError as fault:
        raise Denied(
            f"the TLS files cannot be used ({fault.strerror or fault}); mount them, or correct the URL"
        ) from fault
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificates that servers make for themselves fail it
    context.check_hostname = mode == "verify_identity"
    if not mode.startswith("verify"):
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _translate(fault: pymysql.Error, password: str) -> Exception:
    """Return what a fault of PyMySQL's means to the gate."""
    said = _describe(fault, password)
    match _code(fault):
        case code if code in _NO_SELECT:
            return Denied(f"{said}; GRANT SELECT on what is read, or {_INACTIVE.format('the user')}")
        case code if code in _DENIED:
            return Denied(f"{said}; correct the URL, its Secret, or the server's rights")
        case code if code in _TOO_SLOW:
            return Unreachable("reading the history took more than 5 s")
        case ER.LOCK_WAIT_TIMEOUT:
            return Unreachable("what is read is locked by a migration or by an administrator")
        case _:
            return Unreachable(said)


def _missing_grant(place: str, table: str, user: str) -> str:
    name, _, host = user.rpartition("@")
    to = "@".join(f"""'{part.replace("'", "''")}'""" for part in (name, host))
    everything = re.sub(r"([_%])", r"\\\1", place)  # in this place alone they stand for other characters
    return (
        f"{to} may not read {_name(place, table)}, or there is none yet; let an administrator run: "
        f"GRANT SELECT ON {_name(place, table)} TO {to}; or before there is one: "
        f"GRANT SELECT ON {_name(everything)}.* TO {to}; or {_INACTIVE.format(to)}"
    )


def _place(parameters: dict[str, str]) -> str:
    """Return database, host and port for people; nothing else of the URL."""
    hosts, ports = (parameters.get(key, default).split(",") for key, default in (("host", LOCALHOST), ("port", PORT)))
    servers = [f"{host}:{ports[min(place, len(ports) - 1)]}" for place, host in enumerate(hosts)]
    return f"{parameters['database']} on {parameters.get('unix_socket') or ','.join(servers)}"


def _name(*parts: str) -> str:
    return ".".join("`{}`".format(part.replace("`", "``")) for part in parts)


def _is_servers(fault: pymysql.Error) -> bool:
    """Return whether the server answered with this fault, and can be asked on."""
    return 0 < _code(fault) < CR.CR_ERROR_FIRST or _code(fault) >= _AFTER_CLIENTS


def _code(fault: Exception) -> int:
    return fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0


def _describe(fault: pymysql.Error, password: str) -> str:
    """Return what PyMySQL or the server says, in one bounded line without the password."""
    text = str(fault.args[-1]) if fault.args else ""
    if len(password) >= LONG and not password.isalpha():
        text = text.replace(password, "***")
    return " ".join(text.split())[:400] or "the connection is closed"
