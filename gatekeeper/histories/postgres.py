"""Read a history from PostgreSQL. The only module that imports psycopg.

Each look is one short connection with one short transaction, READ COMMITTED and read-only, whose timeouts are set
within it: nothing leaks into a pooled connection, and nothing stays open between looks. An open transaction would keep
ACCESS SHARE on the table and block the very migration that is awaited. Existence is asked of pg_catalog, because a
name that one may not use looks like one that does not exist (42P01).

Errors: what may pass is Unreachable; a wrong password, a missing database or right is Denied; a query of the user's
that cannot be parsed is Misconfigured. libpq's texts are quoted without the password.
"""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import unquote

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gatekeeper.gate.clock import start_thread
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.histories.judge import Lock
from gatekeeper.histories.look import Found
from gatekeeper.tools.shared.record import Row, Tool

OWN_PARAMETERS = {
    "application_name": "gatekeeper",
    "client_encoding": "UTF8",  # else a SQL_ASCII database gives bytes
    "connect_timeout": "5",  # seconds, for each address
}
TIMEOUTS = (
    "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '10s'"
)
QUERY_EXAMPLE = "SELECT name FROM app.changes WHERE done"
URL_EXAMPLE = "postgresql://app@db.shop.svc:5432/app"

_SCHEME = re.compile(r"(?:jdbc:)?(?:postgres|postgresql|postgis|psql|pgx[45]?)(?:\+\w+)?://", re.ASCII)
_OTHER_SCHEME = re.compile(r"[\w.+:-]+://", re.ASCII)
_SEARCH_PATH = ("search_path", "currentSchema", "schema")
"""URL parameters of Go's lib/pq, JDBC and Prisma that libpq does not know: where unqualified tables are looked for."""
_DENIED = re.compile(
    r"password authentication failed|no password supplied|authentication failed|no pg_hba.conf entry"
    r"|pg_hba.conf rejects connection|SSL required"
    r'|role ".*" does not exist|not permitted to log in|database ".*" does not exist|permission denied for database'
    r"|no such (?:user|database)",
    re.IGNORECASE,
)
"""Of a failed connection libpq gives no SQLSTATE, only text: 28P01, 28000, 3D000 and 42501, and pgbouncer's own."""
_NO_QUERY = {"42601", "25006", "25001", "08P01", "26000"}
"""SQLSTATEs of what can never be asked: no SQL, a write, VACUUM and its like, a parameter, an EXECUTE."""
_NO_ROWS = (psycopg.ProgrammingError, psycopg.InternalError)
"""Psycopg's own faults, without a SQLSTATE, with what is a statement but returns no rows, and with no statement."""
_NOISE = re.compile(r"^connection failed: |\s*Is the server running .*\?", re.MULTILINE)

# The names of the search path, as pg_catalog spells them: current_schemas() would leave out those one may not use.
_FIND = """
SELECT c.relname::text, n.nspname::text, array_position(p.names, n.nspname::text),
       array(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
       has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
     (SELECT array(SELECT trim(both ' "' FROM name)
                   FROM unnest(string_to_array(replace(current_setting('search_path'), '"$user"', current_user), ','))
                        AS name) AS names) p
WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY 3 NULLS LAST, 2
"""
_SESSION = """
SELECT format('pid %s%s', l.pid, ' (' || nullif(a.application_name, '') || ')')
       || coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', '", since" YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND """
# A standby shows no advisory locks of its primary.
_LOCK = f"""SELECT NOT pg_catalog.pg_is_in_recovery(), ({_SESSION} l.locktype = 'advisory' AND l.objsubid = 1
  AND (l.classid::bigint << 32 | l.objid::bigint) = ANY ($1) LIMIT 1)"""
_TABLE_HOLDER = f"""{_SESSION} l.relation = to_regclass($1) AND l.mode = 'AccessExclusiveLock' LIMIT 1"""


def connection_parameters(url: str | None) -> dict[str, str]:
    """Return libpq's parameters for a URL or a conninfo string; none for None, then libpq's PG* variables count alone.

    The URL may be another driver's (SQLAlchemy, JDBC, Go): where it sets a search path, that is kept as `search_path`;
    what else libpq does not know is left out. Raises Misconfigured, without quoting anything of the URL.
    """
    if url is None:
        return {}
    conninfo, pairs, asked = url.strip(), [], []
    if scheme := _SCHEME.match(conninfo):
        base, _, query = conninfo[scheme.end() :].partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
        own = ["".join(pair) for pair in pairs if pair[0] in known or pair == ("ssl", "=", "true")]
        # As libpq reads it: user and password may be all that is before the first slash.
        asked = re.sub("^[^@/]*@", "", conninfo[scheme.end() :]).partition("?")[2].split("&")
        conninfo = f"postgresql://{base}?{'&'.join(own)}" if own else f"postgresql://{base}"
        pairs = [pair for pair in pairs if pair[0] not in known]
    elif _OTHER_SCHEME.match(conninfo):
        raise Misconfigured(f"the database URL's scheme is not PostgreSQL's; write for example {URL_EXAMPLE}")
    try:
        parameters = conninfo_to_dict(conninfo)
    except (psycopg.Error, UnicodeError):  # the latter for what is not UTF-8, escaped or not
        parameters = {"host": "@"}
    # An unescaped @, / or ? of a password ends up in the parts around it, and those are told to people.
    places = [str(parameters.get(part, "")) for part in ("host", "dbname")] + ["".join(pair) for pair in pairs]
    places += [pair for pair in asked if not pair.startswith(("user=", "password="))]
    ports = str(parameters.get("port") or "").split(",")
    odd = (
        "\0" in conninfo or any("@" in place for place in places) or not all(port.isdecimal() for port in ports if port)
    )
    if odd or set("?&/") & set(str(parameters.get("user", ""))):
        raise Misconfigured(
            "the database URL cannot be parsed; percent-encode what is special in user and password, "
            f"and write for example {URL_EXAMPLE}"
        )
    search_path = [("search_path", unquote(value)) for key, _, value in pairs if key in _SEARCH_PATH]
    return {key: str(value) for key, value in (*parameters.items(), *search_path)}


class PostgresDatabase:
    """One PostgreSQL database. Implements schema.Database.

    `parameters` is asked before each look, so a Secret that is corrected while the gate waits is seen.
    """

    def __init__(self, parameters: Callable[[], dict[str, str]]) -> None:
        self._parameters = parameters
        self.name = f"database {_place(parameters())}"

    @contextmanager
    def session(self, limit: float) -> Iterator["PostgresSession"]:
        """Yield a session of one short transaction. Raises as schema.Session."""
        end = time.monotonic() + limit
        try:
            parameters = self._parameters()
        except Misconfigured as fault:
            raise Unreachable(str(fault)) from fault  # it was right when the gate began: a Secret is being renewed
        search_path = parameters.pop("search_path", None)
        password = parameters.get("password", "")
        conninfo = make_conninfo(**{**parameters, **OWN_PARAMETERS})
        try:
            with _connection(conninfo, end) as connection:
                connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
                connection.read_only = True
                connection.execute(TIMEOUTS)
                if search_path:
                    connection.execute("SELECT set_config('search_path', %s, true)", [search_path])
                yield PostgresSession(connection)
        except psycopg.Error as fault:
            if time.monotonic() >= end:
                raise Unreachable(f"the server did not answer within {limit:.1f} s", silent=True) from None
            raise _translate(fault, password) from None


class PostgresSession:
    """Reads in one transaction. Implements schema.Session."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        """Return the schemas in which the tool makes its tables."""
        return tool.schemas

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str]) -> list[Found]:  # noqa: ARG002
        """Return the tables of these names, in the order of the search path. The catalog hides none of them."""
        rows = self._cursor().execute(_FIND, [list(names)])
        return [
            Found(name, schema, name, tuple(there), place is not None, readable)
            for name, schema, place, there, readable in rows
        ]

    def rows(self, table: Found, columns: Sequence[str], order_by: str) -> Generator[Row]:
        """Yield these columns of all rows, one by one."""
        name = sql.Identifier(table.schema, table.table)
        select = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join([sql.Identifier(each) for each in columns]), name
        )
        if order_by:
            select += sql.SQL(" ORDER BY {}").format(sql.Identifier(order_by))
        try:
            yield from self._cursor().stream(select)
        except errors.InsufficientPrivilege as fault:
            raise Denied(_missing_grants(table, self._connection.info.user)) from fault
        except errors.LockNotAvailable as fault:
            self._connection.rollback()
            holder = self._cursor().execute(_TABLE_HOLDER, [name.as_string()]).fetchone()
            who = holder[0] if holder else "a migration or an administrator"
            raise Unreachable(f"{table} is locked by {who}") from fault

    def query(self, statement: str) -> Generator[Row]:
        """Yield what the user's query returns; what it names may not exist before the migration."""
        cursor = self._cursor()
        try:
            # Streaming speaks the extended protocol, whose queries are one statement: none can end the transaction.
            for row in cursor.stream(statement.encode()):
                if len(row) != 1:
                    break
                yield row
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.InvalidSchemaName):
            return
        except psycopg.Error as fault:
            if fault.sqlstate in _NO_QUERY or type(fault) in _NO_ROWS:
                raise Misconfigured(f"--query: {_describe(fault, '')}; write for example {QUERY_EXAMPLE}") from fault
            raise
        if cursor.description is None or len(cursor.description) != 1:
            raise Misconfigured(f"--query must return one column of revisions; write for example {QUERY_EXAMPLE}")

    def lock(self, tool: Tool, table: Found) -> Lock:
        """Return what the database tells of the tool's advisory lock."""
        if not tool.lock_keys:
            return Lock()
        keys = list(tool.lock_keys(table.schema, table.table, self._connection.info.dbname))
        [(is_primary, holder)] = self._cursor().execute(_LOCK, [keys]).fetchall()
        return Lock(is_primary and tool.lock_is_sure, holder or "")

    def _cursor(self) -> psycopg.RawCursor[Row]:
        return psycopg.RawCursor(self._connection)


def _translate(fault: psycopg.Error, password: str) -> Exception:
    """Return what a fault of psycopg's means to the gate."""
    said = _describe(fault, password)
    match fault:
        case errors.InsufficientPrivilege():
            return Denied(f"{said}; GRANT SELECT on what is read")
        case errors.LockNotAvailable():
            return Unreachable("the history table is locked by a migration or by an administrator")
        case errors.QueryCanceled():
            return Unreachable("reading the history took more than 5 s")
        case psycopg.OperationalError(sqlstate=None) if _DENIED.search(said):
            return Denied(f"{said}; correct the URL, its Secret, or the server's rights")
        case _:
            return Unreachable(said)


@contextmanager
def _connection(conninfo: str, end: float) -> Iterator[psycopg.Connection]:
    """Yield a connection that is cut when the time is over: a server silent in mid-query would hold a look for ever."""
    # No prepared statements: pgbouncer may give the next statement to another server connection.
    connection = psycopg.connect(conninfo, prepare_threshold=None)
    # A second descriptor, so that the number cannot meanwhile belong to another socket.
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        timer = threading.Timer(end - time.monotonic(), _sever, [line])
        timer.daemon = True
        try:
            with connection:  # its commit or rollback waits for the server too
                start_thread(timer)
                yield connection
        finally:
            timer.cancel()


def _sever(line: socket.socket) -> None:
    with suppress(OSError):  # it is cut already
        line.shutdown(socket.SHUT_RDWR)


def _place(parameters: dict[str, str]) -> str:
    """Return database, host and port for people; nothing else of the URL."""
    defaults = {option.keyword.decode(): option.val for option in psycopg.pq.Conninfo.get_defaults()}
    chosen = {key: value.decode() for key, value in defaults.items() if value} | parameters
    host = chosen.get("host") or chosen.get("hostaddr") or "localhost"
    return f"{chosen.get('dbname') or chosen.get('user', '')} on {host}:{chosen.get('port', '5432')}"


def _missing_grants(table: Found, role: str) -> str:
    names = ((table.schema,), (table.schema, table.table), (role,))
    in_schema, on_table, to_role = (sql.Identifier(*name).as_string() for name in names)
    return (
        f"role {to_role} may not read {on_table}; let its owner run: "
        f"GRANT USAGE ON SCHEMA {in_schema} TO {to_role}; GRANT SELECT ON {on_table} TO {to_role};"
    )


def _describe(fault: psycopg.Error, password: str) -> str:
    """Return what libpq or the server says, in one bounded line without the password."""
    text = fault.diag.message_primary or str(fault)
    if password:
        text = text.replace(password, "***")
    return " ".join(_NOISE.sub("", text).split())[:400]
