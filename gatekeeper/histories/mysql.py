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
from typing import Any
from urllib.parse import unquote, unquote_plus

import pymysql
from pymysql.constants import ER, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from gatekeeper.gate.clock import start_thread
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.histories.judge import Lock
from gatekeeper.histories.look import Found
from gatekeeper.tools.shared.record import Row, Tool

CONNECT_TIMEOUT = 5.0
"""Seconds for each address."""
PORT = "3306"
BATCH = 500
"""How many rows are held at once."""
TIMEOUTS = """
SET SESSION lock_wait_timeout = 2, wait_timeout = 10, net_write_timeout = 10, sql_select_limit = 18446744073709551615
/*!50708 , max_execution_time = 5000 */ /*M!100101 , max_statement_time = 5 */
"""
"""The comments are read by the server that they name alone. A server's own limit of rows would cut off the newest.

A gate whose node is lost says no goodbye: the server is to end its transaction, which a migration waits for, itself.
"""
TRANSACTION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY", "START TRANSACTION READ ONLY"
QUERY_EXAMPLE = "SELECT name FROM app.changes WHERE done"
URL_EXAMPLE = "mysql://app@db.shop.svc:3306/app"

_URL = re.compile(
    r"(?:jdbc:)?(?:mysql2?|mariadb)(?:\+\w+)?://"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?"
    r"(?:\[(?P<ipv6>[\da-fA-F:.]+)\]|(?P<host>(?:[\w.-]|%2[fF])*))(?::(?P<port>\d{0,5}))?"
    r"(?:/(?P<database>[^@/?]*))?(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
# The data source name of Go's driver, as golang-migrate takes it: its password may hold anything.
_GO_URL = re.compile(
    r"mysql://(?:(?P<user>[^:@/?]*)(?::(?P<password>.*))?@)?"
    r"(?:(?:tcp[46]?)?\((?:\[(?P<ipv6>[\da-fA-F:.]+)\]|(?P<host>[\w.-]*))(?::(?P<port>\d{0,5}))?\)"
    r"|unix\((?P<socket>/[^()]*)\))"
    r"/(?P<database>[^@/?]*)(?:\?(?P<query>[^@]*))?",
    re.ASCII,
)
_BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
_NAMES = {
    "user": "user",
    "username": "user",
    "password": "password",
    "socket": "unix_socket",
    "unixsocket": "unix_socket",
    "localsocket": "unix_socket",
    "sslca": "ssl_ca",
    "sslrootcert": "ssl_ca",
    "serversslcert": "ssl_ca",
    "xtlsca": "ssl_ca",
    "sslcert": "ssl_cert",
    "xtlscert": "ssl_cert",
    "sslkey": "ssl_key",
    "xtlskey": "ssl_key",
}
"""URL parameters of the drivers, in lower case and without - and _: what they are called here."""
_MODES = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
_LAX = "lax"
"""Whatever else is said, no certificate is verified."""


def _either(off: str, on: str) -> dict[str, str]:
    return dict.fromkeys(("false", "0", "no"), off) | dict.fromkeys(("true", "1", "yes"), on)


_TLS = {
    "sslmode": {
        **dict.fromkeys(("disable", "disabled"), "disabled"),
        **dict.fromkeys(("allow", "prefer", "preferred"), "preferred"),
        **dict.fromkeys(("require", "required", "trust"), "required"),
        "verifyca": "verify_ca",
        **dict.fromkeys(("verifyfull", "verifyidentity"), "verify_identity"),
    },
    "tls": {
        **_either("disabled", "verify_identity"),
        "preferred": "preferred",
        "skipverify": "required",
        "custom": "verify_identity",
    },
    "ssl": _either("disabled", "required"),
    "usessl": _either("disabled", "required"),
    "requiressl": _either("", "required"),
    "sslverifycert": _either("", "verify_ca"),
    "sslverifyidentity": _either("", "verify_identity"),
    "verifyservercertificate": _either(_LAX, "verify_ca"),
    "trustservercertificate": _either("", _LAX),
    "xtlsinsecureskipverify": _either("", _LAX),
    "sslaccept": {"strict": "verify_identity", "acceptinvalidcerts": _LAX},
}
"""URL parameter -> its value -> what that says of TLS; the strictest that is said holds."""

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
    4151,  # a locked account: MariaDB
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
SHOW GLOBAL VARIABLES WHERE variable_name IN ('read_only', 'innodb_read_only', 'wsrep_on') AND value <> 'OFF'
"""
_CONNECTION = "SELECT user, host FROM information_schema.processlist WHERE id = %s"
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
    """Return what a URL says: user, password, host, port or unix_socket, database, ssl_mode, ssl_ca, _cert and _key.

    The URL may be any driver's (SQLAlchemy, JDBC, Go, Ruby, Prisma); what else it says is left out. Raises
    Misconfigured, without quoting anything of the URL.
    """
    written = url.strip()
    go = _GO_URL.fullmatch(written)
    parts = match.groupdict("") if (match := go or _URL.fullmatch(written)) else {}
    if not parts or int(parts["port"] or 0) > 65535 or any(map(_BAD_ESCAPE.search, parts.values())):
        raise Misconfigured(
            "the database URL cannot be parsed; percent-encode what is special in user and password, "
            f"and write for example {URL_EXAMPLE}"
        )
    if not parts["database"]:
        raise Misconfigured(f"the database URL names no database; write for example {URL_EXAMPLE}")
    pairs = [pair.partition("=") for pair in parts["query"].split("&")]
    options = {re.sub("[-_]", "", key).lower(): unquote(value) for key, _, value in pairs if value}
    given = {_NAMES[key]: value for key, value in options.items() if key in _NAMES}
    if "ssl_key" not in given and (certificate := given.pop("ssl_cert", "")):
        given["ssl_ca"] = certificate  # Prisma's sslcert is the server's
    plain = unquote_plus if go else unquote  # golang-migrate unescapes as for a form
    host = parts["ipv6"] or unquote(parts["host"])
    own = {
        "user": plain(parts["user"]),
        "password": plain(parts["password"]),
        "unix_socket": host if host.startswith("/") else parts.get("socket", ""),
        "host": "" if host.startswith("/") else host,
        "port": parts["port"],
        "database": unquote(parts["database"]),
        "ssl_mode": _tls_mode(options, has_ca="ssl_ca" in given),
    }
    return given | {key: value for key, value in own.items() if value}


def _tls_mode(options: dict[str, str], *, has_ca: bool) -> str:
    """Return what a URL says of TLS, in MySQL's words, or nothing; a CA alone is there to be verified with."""
    said = {"verify_ca"} if has_ca and not {"sslmode", "tls"} & set(options) else set()
    for key, modes in _TLS.items():
        value = re.sub("[-_]", "", options.get(key, "")).lower()
        if key == "ssl" and value.startswith("{"):  # Node's, as JSON
            said |= {"required", _LAX} if re.search(r'"rejectunauthorized":\s*false', value) else {"verify_identity"}
        elif value and value not in modes:
            raise Misconfigured(
                "what the database URL says of TLS is not understood; "
                f"write for example {URL_EXAMPLE}?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/db/ca.crt"
            )
        elif value:
            said |= {modes[value]} - {""}
    if not said:
        return ""
    strictest = max((_MODES.index(mode) for mode in said - {_LAX}), default=_MODES.index("preferred"))
    return _MODES[min(strictest, _MODES.index("required")) if _LAX in said else strictest]


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
                session = MySQLSession(connection)
                for statement in (TIMEOUTS, *TRANSACTION):
                    session.ask(statement)
                yield session
                if connection.open:  # not if a look has left rows unread
                    session.ask("COMMIT")
        except pymysql.Error as fault:
            if time.monotonic() >= end:
                raise Unreachable(f"the server did not answer within {limit:.1f} s", silent=True) from None
            raise _translate(fault, parameters.get("password", "")) from None


class MySQLSession:
    """Reads in one transaction. Implements schema.Session."""

    def __init__(self, connection: "pymysql.Connection[Any]") -> None:
        self._connection = connection
        self._database = ""
        self._user = ""

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        """Return the database in which the tool makes its tables."""
        return (tool.database,)

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str] = ()) -> list[Found]:
        """Return the tables of these names in the databases asked for; elsewhere only the history, the first name.

        Names are found in upper and lower case, columns are spelled as in `columns`. Denied is
        raised if the history may exist and not be read.
        """
        [(self._database, self._user)] = self.ask("SELECT DATABASE(), CURRENT_USER()")
        places = list(dict.fromkeys(schema or self._database for schema in schemas))
        spelled = {column.lower(): column for column in columns}
        found = [table for place in places for table in self._listed(place, names, spelled)]
        for place in places:
            self._check_right(place, next((each.table for each in found if each.asked == names[0]), names[0]))
        if not any(table.asked == names[0] for table in found):
            elsewhere = self.ask(_ELSEWHERE, names[0], (*_SYSTEM, *places))
            found += [Found(names[0], schema, table, (), on_path=False, readable=True) for schema, table in elsewhere]
        return found

    def _listed(self, place: str, names: Sequence[str], spelled: dict[str, str]) -> Iterator[Found]:
        """Yield what the catalog lists of these names."""
        tables: dict[str, list[tuple[str, str]]] = {}
        for table, column, rights in self.ask(_COLUMNS, place, tuple({name.lower() for name in names})):
            tables.setdefault(table, []).append((column, rights))
        for name in dict.fromkeys(names):
            alike = sorted((table for table in tables if table.lower() == name.lower()), key=lambda each: each != name)
            for table in alike[:1]:
                columns = tuple(spelled.get(column.lower(), column) for column, _ in tables[table])
                readable = all("select" in rights for _, rights in tables[table])
                yield Found(name, place, table, columns, place == self._database, readable)

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
        for name in tool.lock_names(self._database if tool.database else table.schema, table.table):
            [(holder,)] = self.ask("SELECT IS_USED_LOCK(%s)", name)
            if holder is not None:
                return Lock(tool.lock_is_sure, self._told(holder))
        return Lock(tool.lock_is_sure and not self.ask(_IS_ONE_OF_SEVERAL))

    def ask(self, statement: str, *values: object) -> list[Row]:
        """Return the few rows of a statement."""
        with _answered(), closing(self._connection.cursor()) as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

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
                    return self._told(holder)
        return "a migration or an administrator"

    def _told(self, holder: int) -> str:
        """Return a connection for people; its user may be seen by that user alone."""
        shown = [f" ({user} from {host.rpartition(':')[0] or host})" for user, host in self.ask(_CONNECTION, holder)]
        return f"connection {holder}{''.join(shown)}"


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
    connection = pymysql.connect(
        host=parameters.get("host", "localhost"),  # whose certificate it must be
        user=parameters["user"],
        password=parameters.get("password", "").encode(),  # PyMySQL would take text for Latin-1
        database=parameters["database"],
        charset="utf8mb4",
        autocommit=None,
        program_name="gatekeeper",
        conv={**conversions, FIELD_TYPE.BIT: lambda data: int.from_bytes(data, "big")},
        defer_connect=True,
        **_tls(parameters),
    )
    # A second descriptor, so that the number cannot meanwhile belong to another socket.
    with _dial(parameters, end) as dialled, socket.socket(fileno=os.dup(dialled.fileno())) as line:
        timer = threading.Timer(end - time.monotonic(), _sever, [line])
        timer.daemon = True
        start_thread(timer)
        try:
            _log_in(connection, dialled)
            yield connection
        finally:
            if connection.open:
                connection.close()
            timer.cancel()


def _log_in(connection: "pymysql.Connection[Any]", dialled: socket.socket) -> None:
    try:
        with _answered((*_NONSENSE, ValueError, TypeError, KeyError)):  # a server of another kind
            connection.connect(dialled)
    except pymysql.InterfaceError as fault:
        if isinstance(fault.__cause__, RuntimeError):  # a package that PyMySQL would need
            raise Denied(f"the server's way to ask for a password needs TLS ({fault.__cause__})") from fault
        raise


def _dial(parameters: dict[str, str], end: float) -> socket.socket:
    """Return a socket that is connected to the first address that answers."""
    path, host = parameters.get("unix_socket", ""), parameters.get("host", "localhost")
    addresses: list[Any] = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path)]
    why = ""  # no fault, whose traceback would refer to itself, and keep all that PyMySQL made until a collection
    try:
        if not path:
            addresses = socket.getaddrinfo(host, int(parameters.get("port", PORT)), type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in addresses:
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(max(0.01, min(CONNECT_TIMEOUT, end - time.monotonic())))
                line.connect(address)
            except OSError as fault:
                line.close()
                why = fault.strerror or str(fault)
            else:
                if not path:
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return line
    except (OSError, UnicodeError) as fault:  # the name has no address, or cannot be a name
        why = getattr(fault, "strerror", None) or str(fault)
    raise Unreachable(f"no connection: {why}")


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
            return Denied(f"{said}; GRANT SELECT on what is read")
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
        f"GRANT SELECT ON {_name(everything)}.* TO {to};"
    )


def _place(parameters: dict[str, str]) -> str:
    """Return database, host and port for people; nothing else of the URL."""
    server = f"{parameters.get('host', 'localhost')}:{parameters.get('port', PORT)}"
    return f"{parameters['database']} on {parameters.get('unix_socket') or server}"


def _name(*parts: str) -> str:
    return ".".join("`{}`".format(part.replace("`", "``")) for part in parts)


def _code(fault: pymysql.Error) -> int:
    return fault.args[0] if fault.args and isinstance(fault.args[0], int) else 0


def _describe(fault: pymysql.Error, password: str) -> str:
    """Return what PyMySQL or the server says, in one bounded line without the password."""
    text = str(fault.args[-1]) if fault.args else ""
    if password:
        text = text.replace(password, "***")
    return " ".join(text.split())[:400] or "the connection is closed"
