"""Read a history from PostgreSQL. The only module that imports psycopg.

Each look is one short connection with one short transaction, READ COMMITTED and read-only, whose timeouts are set
within it: nothing leaks into a pooled connection, and nothing stays open between looks. An open transaction would keep
ACCESS SHARE on the table and block the very migration that is awaited. Existence is asked of pg_catalog, because a
name that one may not use looks like one that does not exist (42P01).

Errors: what may pass is Unreachable; a wrong password, a missing database or right is Denied, whatever language the
server speaks; a query of the user's that cannot be parsed is Misconfigured, and so is what libpq can never accept.
libpq's texts are quoted without the password.
"""

import os
import random
import re
import select
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
from psycopg import errors, pq, sql
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gatekeeper.gate.clock import start_thread
from gatekeeper.gate.settings import Misconfigured, file_bytes
from gatekeeper.gate.verdict import Denied, Unreachable
from gatekeeper.histories.judge import Lock
from gatekeeper.histories.look import Found
from gatekeeper.histories.postgres_url import PORT, URL_EXAMPLE, cannot_be_parsed, read_url
from gatekeeper.histories.urls import refuse_unexpanded, said_twice
from gatekeeper.tools.shared.record import CURRENT, PATH, Row, Tool

OWN_PARAMETERS = {
    "application_name": "gatekeeper",
    "client_encoding": "UTF8",  # else a SQL_ASCII database gives bytes
}
CONNECT_TIMEOUT = 5
"""Seconds for each address, and less where there are several."""
LEAST_CONNECT_TIMEOUT = 2
"""Seconds that psycopg takes at least."""
TIMEOUTS = (
    "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL row_security = off; "
    "SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres"
)
"""And no rows are hidden: where a policy would hide some, the server is to say so (42501).

Of other styles psycopg can read no instant and no interval.
"""
TEMPORARY_LAST = """
SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)
"""
"""Else a table that another client of a pooled connection has made for itself comes before all others."""
LONG = 8
"""How many letters make a password that is in a text by no chance; to strike out a short one, or a word, tells it."""
QUERY_EXAMPLE = "SELECT name FROM app.changes WHERE done"

_DENIED = re.compile(
    r"password authentication failed|no password supplied|authentication failed|no pg_hba.conf entry"
    r"|pg_hba.conf rejects connection|SSL required"
    r'|role ".*" does not exist|not permitted to log in|database ".*" does not exist|permission denied for database'
    r"|no such (?:user|database)"
    # what libpq says of a way to log in that it has not, has nothing for, or is not to take
    r"|authentication (?:method \d+ )?not supported|authentication mechanisms are supported|requires OAuth"
    r"|No Kerberos credentials|no credential cache|authentication method requirement|channel binding (?:is )?required",
    re.IGNORECASE,
)
"""Of a failed connection libpq gives no SQLSTATE, only text: its own, pgbouncer's, PostgreSQL's in English."""
_DENIED_STATES = re.compile(r"28...|3D000|42501")
_TOLD_BY_SERVER = re.compile(r" failed: [^\s\":]+:  ")
_SQLSTATE = re.compile(rb'\tErrorResponse\t.*? C "([0-9A-Z]{5})"')
_NUMBER = re.compile(r"\d+")
_FILES = re.compile(
    r'root certificate file ".*" does not exist|could not (?:open|load|read|stat) .*(?:certificate|private key)'
    r"|certificate present, but not private key|private key file .* (?:has group or world access|must be owned)"
)
"""What libpq says of TLS' files."""
_INTEGERS = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
"""What libpq parses no sooner than it has a connection."""
_PLACE = {"host": "host", "port": "port", "dbname": "database", "user": "user"}
"""libpq's parameters of which asyncpg and postgres.js take what stands in the URL's place."""
_HARMLESS = re.compile(r"[\w./-]*|tcp://[\d.:]+", re.ASCII)
_NO_MODE = 'invalid sslmode value: "-"'
_NO_PASSFILE = "/dev/null/none"
_NO_QUERY = {"42601", "25006", "25001", "08P01", "26000"}
"""SQLSTATEs of what can never be asked: no SQL, a write, VACUUM and its like, a parameter, an EXECUTE."""
_NO_ROWS = (psycopg.ProgrammingError, psycopg.InternalError)
"""Psycopg's own faults, without a SQLSTATE, with what is a statement but returns no rows, and with no statement."""
_NOISE = re.compile(r"^connection (?:failed|is bad): |\s*Is the server running .*\?", re.MULTILINE)
_GARBAGE = re.compile(r'(could not load private key file ".*?"): [^\n]*')
"""For want of a reason libpq quotes memory that holds none."""

# The server itself says where a bare name leads: it folds, unquotes and looks up what its setting holds.
_FIND = """
SELECT c.relname::text, n.nspname::text, coalesce(c.oid = to_regclass(quote_ident(c.relname)), false),
       coalesce(n.nspname = current_schema(), false),
       array(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
       has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
ORDER BY 3 DESC, 2
"""
# It passes over a schema that this role may not use, where the tool's role may; such a one is no proof of anything.
_PASSED_OVER = """
SELECT current_setting('search_path'), current_user::text, coalesce(current_schema()::text, ''),
       array(SELECT nspname::text FROM pg_catalog.pg_namespace WHERE NOT has_schema_privilege(oid, 'USAGE'))
"""
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)', re.ASCII)
LONGEST_NAME = 63
"""Bytes of a schema's name."""
_POLICIES = """
SELECT row_security_active(c.oid), array(SELECT polname::text FROM pg_catalog.pg_policy
                                         WHERE polrelid = c.oid ORDER BY 1)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
"""
_HERE = "(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
_IS_IDLE = """
coalesce(a.state = 'idle' AND a.state_change < now() - interval '5 s' AND a.backend_type = 'client backend', false)
"""
"""A worker that applies another server's changes is called idle too, though what it waits for may be at work there."""
_SESSION = f"""
SELECT coalesce('pid ' || l.pid::text, 'a prepared transaction')
       || coalesce(' (' || nullif(a.application_name, '') || ')', '')
       || coalesce(to_char(a.backend_start AT TIME ZONE 'UTC', '", since" YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
       CASE WHEN {_IS_IDLE} THEN to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') ELSE '' END
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.granted AND l.database = {_HERE} AND """  # noqa: S608 - of constants, as all below
# A standby shows no advisory locks of its primary; these servers have none that pg_locks would show, or had none. One
# that does not show this session as a client's shows no others' (PGlite). What a view shows may be another server's.
# A gate takes no advisory lock: one that its own session holds is another client's, of a pooler, or of PGlite.
_LOCK = f"""
SELECT * FROM (
  SELECT NOT pg_catalog.pg_is_in_recovery() AND version() !~ 'CockroachDB|-YB-'
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid() AND backend_type ~ '^client')
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p'))
) shows LEFT JOIN (
  {_SESSION} l.locktype = 'advisory' AND l.objsubid = 1
    AND (l.classid::bigint << 32 | l.objid::bigint) = ANY ($2) LIMIT 1
) held ON true
"""  # noqa: S608
_TABLE_HOLDER = f"""{_SESSION} l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.relation = to_regclass($1) AND l.mode = 'AccessExclusiveLock' LIMIT 1"""
# Whoever is not seen to be idle is at work: migrations are SQL, which these tools send without a pause. Other gates are
# no exception: pgbouncer leaves their application_name to the next client. Nor is a session older than this look known,
# which a pooler has lent: it may have worked for another client a moment ago.
_AT_WORK = f"""
SELECT count(*) FILTER (WHERE a.pid <> pg_backend_pid()),
       count(*) FILTER (WHERE a.pid <> pg_backend_pid() AND a.backend_type IS NULL),
       bool_or(a.pid = pg_backend_pid() AND a.backend_start < now() - make_interval(secs => $1))
FROM pg_catalog.pg_stat_activity a
WHERE a.datid = {_HERE} AND NOT {_IS_IDLE}
  AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker', 'walsender')
"""  # noqa: S608


def connection_parameters(url: str | None) -> dict[str, str]:
    """Return libpq's parameters for a URL or a conninfo string; none for None, then libpq's PG* variables count alone.

    The URL may be another driver's (SQLAlchemy, JDBC, Go, .NET); what libpq does not know of it is `left_over`. Raises
    Misconfigured, without quoting anything of the URL.
    """
    if url is None:
        return {}
    conninfo, said, _ = read_url(url, _keywords())
    try:
        parsed = conninfo_to_dict(conninfo)
    except (psycopg.Error, UnicodeError):  # the latter for what is not UTF-8, escaped or not
        parsed = {"host": "@"}
    place = {key: str(value) for key, value in parsed.items()}
    for key, part in _PLACE.items():
        is_socket = said.get(key, "").startswith("/") and place.get(key) == "localhost"  # Prisma's form
        if key in said and place.get(key, "").strip(",") not in ("", said[key]) and not is_socket:
            raise said_twice(part, URL_EXAMPLE)
    parameters = place | said
    # An unescaped @, / or ? of a password ends up in the parts around it, and those are told to people.
    places = [parameters.get(part, "") for part in ("host", "dbname")]
    ports = parameters.get("port", "").split(",")
    odd = any("@" in place for place in places) or not all(port.isdecimal() for port in ports if port)
    if odd or any("\0" in text for text in (conninfo, *said.values())) or set("?&/") & set(parameters.get("user", "")):
        raise cannot_be_parsed()
    return parameters


def left_over(url: str | None) -> dict[str, str]:
    """Return what a URL says beside libpq's parameters, as it spells them. Raises Misconfigured."""
    return {} if url is None else read_url(url, _keywords()).left


def search_path(value: str, *, is_name: bool) -> dict[str, str]:
    """Return the parameter that sets the search path, to a setting of PostgreSQL's or to a schema by its name."""
    quoted = value.replace('"', '""')
    return {"search_path": f'"{quoted}"' if is_name else value}


def _keywords() -> set[str]:
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}


class PostgresDatabase:
    """One PostgreSQL database. Implements schema.Database.

    `parameters` is asked before each look, so a Secret that is corrected while the gate waits is seen. Raises
    Misconfigured for what libpq can never accept.
    """

    def __init__(self, parameters: Callable[[], dict[str, str]]) -> None:
        self._parameters = parameters
        self.name = f"database {_place(_used(_libpqs(parameters())))}"
        self._refusals = _Refusals()

    @contextmanager
    def session(self, limit: float) -> Iterator["PostgresSession"]:
        """Yield a session of one short transaction. Raises as schema.Session."""
        began = time.monotonic()
        end = began + limit
        try:
            parameters = self._parameters()
            given = _libpqs(parameters)
            used = _used(given)
        except Misconfigured as fault:
            raise Unreachable(str(fault)) from fault  # it was right when the gate began: a Secret is being renewed
        search_path = parameters.get("search_path")
        password = parameters.get("password", "")
        unused = _unused_passfile(used)
        if unused:  # else libpq would say so on stderr by itself
            given["passfile"] = _NO_PASSFILE
        try:
            with self._connection(given, used, end) as connection:
                connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
                connection.read_only = True
                connection.adapters.register_loader("bpchar", _Unpadded)
                connection.execute(TIMEOUTS)
                if search_path:
                    connection.execute("SELECT set_config('search_path', %s, true)", [search_path])
                connection.execute(TEMPORARY_LAST)
                yield PostgresSession(connection, began)
        except psycopg.Error as fault:
            if time.monotonic() >= end:
                raise Unreachable(f"the server did not answer within {limit:.1f} s", silent=True) from None
            raise _translate(fault, password, unused) from None

    @contextmanager
    def _connection(self, given: dict[str, str], used: dict[str, str], end: float) -> Iterator[psycopg.Connection]:
        """Yield a connection that is cut when the time is over.

        A server silent in mid-query would hold a look for ever.
        """
        connection = self._dial(given, used, end)
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

    def _dial(self, given: dict[str, str], used: dict[str, str], end: float) -> psycopg.Connection:
        """Return a connection to the first address that answers; each has its share of the time: some are silent."""
        addresses, said = _addresses(used)
        denied = False
        for place, address in enumerate(addresses):
            share = (end - time.monotonic()) / (len(addresses) - place)
            seconds = max(LEAST_CONNECT_TIMEOUT, min(CONNECT_TIMEOUT, round(share)))
            conninfo = make_conninfo(**{**given, **OWN_PARAMETERS, **address, "connect_timeout": str(seconds)})
            try:
                # No prepared statements: pgbouncer may give the next statement to another server connection.
                return psycopg.connect(conninfo, prepare_threshold=None)
            except psycopg.OperationalError as fault:
                said.append(str(fault))
                denied = denied or self._refusals.deny(conninfo, said[-1], seconds)
        raise (_Refused if denied else psycopg.OperationalError)("\n".join(said))


class _Refused(psycopg.OperationalError):
    """No connection, for want of credentials or rights."""


class _Refusals:
    """Tells which refusals are for good, whatever language the server speaks.

    libpq's messages have no SQLSTATE, its trace has. A new text is therefore heard once more: a trace takes some
    memory that psycopg never gives back.
    """

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def deny(self, conninfo: str, text: str, seconds: float) -> bool:
        """Return whether this text, which a connection failed with, means that something must be corrected."""
        if _DENIED.search(text):
            return True
        if not _TOLD_BY_SERVER.search(text):
            return False
        kind = _NUMBER.sub("0", text)
        if kind not in self._known:
            said, states = _heard(conninfo, seconds)
            if _NUMBER.sub("0", said).strip() not in kind:
                return False  # by now it says something else
            self._known[kind] = any(map(_DENIED_STATES.fullmatch, states))
        return self._known[kind]


def _heard(conninfo: str, seconds: float) -> tuple[str, list[str]]:
    """Connect once more, and return libpq's text and the SQLSTATEs in it; none where libpq cannot be traced."""
    if sys.platform != "linux":
        return "", []
    trace, end = os.memfd_create("trace"), time.monotonic() + seconds
    line = pq.PGconn.connect_start(conninfo.encode())
    try:
        line.trace(trace)
        while (state := line.connect_poll()) in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
            poll = select.poll()
            poll.register(line.socket, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                break
        line.untrace()
        return _text(line.error_message), [state.decode() for state in _SQLSTATE.findall(os.pread(trace, 2**20, 0))]
    finally:
        line.finish()
        os.close(trace)


def _libpqs(parameters: dict[str, str]) -> dict[str, str]:
    """Return what libpq itself is told."""
    return {key: value for key, value in parameters.items() if key != "search_path"}


def _used(given: dict[str, str]) -> dict[str, str]:
    """Return what libpq makes of parameters, its variables, its service file and its defaults, but for the password.

    Nothing is connected to, and no file of passwords is read. Raises Misconfigured for what it can never accept.
    """
    if given.get("service") or os.environ.get("PGSERVICE"):
        _judge_service_file(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf")
    # A mode that there is not keeps libpq from going on.
    line = pq.PGconn.connect_start(make_conninfo(**{**given, "password": "-", "sslmode": "-"}).encode())
    said = _text(line.error_message)
    used = {option.keyword.decode(): _text(option.val) for option in line.info if option.val is not None}
    line.finish()
    if _NO_MODE not in said:
        raise _never(said)
    used = {key: value for key, value in used.items() if key not in ("password", "sslmode")}
    _judge(given, used)
    return used


def _judge_service_file(path: str) -> None:
    """Raise Misconfigured for one that cannot be read to its end; one that is missing is libpq's to tell.

    While libpq reads it, the interpreter stands still: no deadline and no signal counts.
    """
    try:
        file_bytes(os.path.expanduser(path))  # noqa: PTH111 - no gate loads pathlib
    except FileNotFoundError:
        return
    except OSError as fault:
        raise Misconfigured(
            f"the service file {path} cannot be read ({fault.strerror}); "
            "write for example PGSERVICEFILE=/etc/db/services"
        ) from fault


def _judge(given: dict[str, str], used: dict[str, str]) -> None:
    """Raise Misconfigured for parameters and variables that libpq can never accept. Nothing is connected to."""
    for key in ("host", "hostaddr", "port", "user", "dbname"):
        refuse_unexpanded(used.get(key, ""))
    for key in _INTEGERS:
        if not re.fullmatch(r"\s*[-+]?\d*\s*", used.get(key, "")):
            raise _never(f'invalid integer value "{used[key]}" for connection option "{key}"')
    hosts = ["/"] * (1 + (used.get("host") or used.get("hostaddr", "")).count(","))  # no such socket
    nowhere = {"host": ",".join(hosts), "hostaddr": "", "password": "-"}
    if used.get("gssencmode") == "require":  # which no socket has
        nowhere["gssencmode"] = "prefer"
    line = pq.PGconn.connect_start(make_conninfo(**{**given, **nowhere}).encode())
    said = _text(line.error_message)
    line.finish()
    if not said.startswith("connection to server"):
        raise _never(said)


def _never(said: str) -> Misconfigured:
    # What libpq quotes may be a whole URL that it was given in one of its own words.
    shown = re.sub(
        r'"([^"]*)"', lambda quoted: quoted[0] if _HARMLESS.fullmatch(quoted[1]) else '"..."', " ".join(said.split())
    )
    return Misconfigured(
        f"libpq does not accept the database URL or a PG* variable: {shown[:300]}; "
        f"write for example {URL_EXAMPLE}?sslmode=require"
    )


def _addresses(used: dict[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """Return host, hostaddr and port of each address there is, in order, and why there is no other."""
    hosts, given, ports = (used.get(key, "").split(",") for key in ("host", "hostaddr", "port"))
    addresses: list[dict[str, str]] = []
    why: list[str] = []
    for place in range(max(len(hosts), len(given))):
        host = hosts[place] if place < len(hosts) else ""
        address = given[place] if place < len(given) else ""
        port = ports[min(place, len(ports) - 1)] or PORT
        found = [address]
        if host and not address and not host.startswith(("/", "@")):  # no socket
            try:
                there = socket.getaddrinfo(host.encode(), int(port), type=socket.SOCK_STREAM)  # as libpq: no IDNA
                found = [str(each[4][0]) for each in there]
            except (OSError, ValueError, OverflowError) as fault:
                found, why = [], [*why, f"failed to resolve host {host!r}: {fault}"]
        addresses += [{"host": host, "hostaddr": each, "port": port} for each in dict.fromkeys(found)]
    if used.get("load_balance_hosts") == "random":
        random.shuffle(addresses)
    return addresses, why


def _unused_passfile(used: dict[str, str]) -> str:
    """Return why libpq would not use the file of passwords, which it then reads on stderr alone."""
    path = os.path.expanduser(used.get("passfile") or "~/.pgpass")  # noqa: PTH111 - no gate loads pathlib
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as above
    except (OSError, ValueError):  # there is none, or no such path
        return ""
    if not stat.S_ISREG(mode):
        return f"the password file {path} is no plain file"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"libpq takes no password file that others may read, and {path} has mode {mode & 0o777:04o}"
    return ""


class _Unpadded(Loader):
    """Reads a char(n), whose padding means nothing: PostgreSQL's own casts and comparisons pass over it."""

    def load(self, data: Buffer) -> str:
        """Return its text; the client's encoding is UTF-8."""
        return bytes(data).decode().rstrip(" ")


class PostgresSession:
    """Reads in one transaction. Implements schema.Session."""

    def __init__(self, connection: psycopg.Connection, began: float) -> None:
        self._connection = connection
        self._began = began
        """The instant before the gate asked for this connection."""

    def version(self) -> str:
        """Return what the server says of itself."""
        [(version,)] = self._cursor().execute("SELECT pg_catalog.version()")
        return str(version)

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        """Return the schemas in which the tool makes its tables."""
        return tool.schemas

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str]) -> list[Found]:  # noqa: ARG002
        """Return the tables of these names, first those of the search path. The catalog hides none of them.

        Denied is raised if the tool may look in a schema that this role may not use.
        """
        rows = self._cursor().execute(_FIND, [list(names)])
        found = [
            Found(name, schema, name, tuple(there), on_path, is_current, readable)
            for name, schema, on_path, is_current, there, readable in rows
        ]
        return self._with_passed_over(names[0], schemas, found)

    def _with_passed_over(self, history: str, schemas: Sequence[str], found: list[Found]) -> list[Found]:
        """Return the tables as the tool finds them, whose role may use what of the search path this one may not."""
        if not {PATH, CURRENT} & set(schemas):
            return found
        [(setting, role, current, unusable)] = self._cursor().execute(_PASSED_OVER)
        # As the server reads them: of UTF-8 it folds the letters of ASCII alone, and it cuts what is too long.
        read = [q.replace('""', '"').encode() if q else p.encode().lower() for q, p in _NAME.findall(setting)]
        written = [name[:LONGEST_NAME].decode(errors="ignore") for name in read]
        path = [role if name == "$user" else name for name in written]
        leads_to = next((table.schema for table in found if table.asked == history and table.on_path), "")
        last = leads_to if PATH in schemas else current
        for schema in path[: path.index(last)] if last in path else path:
            if schema not in unusable:
                continue
            if any(table.schema == schema and table.asked == history for table in found):
                return [
                    replace(table, on_path=table.schema == schema, is_current=table.schema == schema) for table in found
                ]
            if CURRENT in schemas:
                raise Denied(_missing_usage(schema, _text(self._connection.pgconn.user)))
        return found

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
            role = _text(self._connection.pgconn.user)
            self._connection.rollback()
            [(is_filtered, policies)] = self._cursor().execute(_POLICIES, [table.schema, table.table])
            why = _hidden_rows(table, role, policies) if is_filtered else _missing_grants(table, role)
            raise Denied(why) from fault
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
            if fault.sqlstate in _NO_QUERY or (fault.sqlstate is None and type(fault) in _NO_ROWS):
                raise Misconfigured(f"--query: {_describe(fault, '')}; write for example {QUERY_EXAMPLE}") from fault
            raise
        width = len(cursor.description) if cursor.description else self._width(statement)
        if width != 1:
            raise Misconfigured(f"--query must return one column of revisions; write for example {QUERY_EXAMPLE}")

    def _width(self, statement: str) -> int:
        """Return how many columns a query has whose result has no row, of which psycopg tells nothing."""
        line = self._connection.pgconn
        line.prepare(b"", statement.encode())
        return line.describe_prepared(b"").nfields

    def lock(self, tool: Tool, table: Found) -> Lock:
        """Return what the database tells of the tool's advisory lock. Nothing can be asked after it is not told."""
        if not tool.lock_keys:
            return Lock()
        keys = list(tool.lock_keys(table.schema, table.table, _text(self._connection.pgconn.db)))
        name = sql.Identifier(table.schema, table.table).as_string()
        try:
            [(shows, holder, idle_since)] = self._cursor().execute(_LOCK, [name, keys]).fetchall()
        except (psycopg.ProgrammingError, psycopg.NotSupportedError):  # a server, or a role, without these views
            return Lock()
        return Lock(shows and tool.lock_is_sure, holder or "", idle_since or "")

    def at_work(self) -> str:
        """Return who else is at work in the database, or may be."""
        elapsed = time.monotonic() - self._began
        [(others, hidden, is_pooled)] = self._cursor().execute(_AT_WORK, [elapsed]).fetchall()
        if others > hidden:
            return "others are at work in the database"
        if hidden:
            return "others are connected, who show to pg_read_all_stats alone whether they work"
        return "" if is_pooled is False else "a pooler, through which others may work, is between"

    def _cursor(self) -> psycopg.RawCursor[Row]:
        return psycopg.RawCursor(self._connection)


def _translate(fault: psycopg.Error, password: str, unused: str) -> Exception:
    """Return what a fault of psycopg's means to the gate; `unused` is why no file of passwords was read."""
    said = _describe(fault, password)
    if unused and "no password supplied" in said:
        said = f"{said}; {unused}, write --password-file"
    match fault:
        case errors.InsufficientPrivilege():
            return Denied(f"{said}; GRANT SELECT on what is read, or BYPASSRLS where row-level security hides rows")
        case errors.LockNotAvailable():
            return Unreachable("the history table is locked by a migration or by an administrator")
        case errors.QueryCanceled():
            return Unreachable("reading the history took more than 5 s")
        case _Refused():
            return Denied(f"{said}; correct the URL, its Secret, or the server's rights")
        case psycopg.OperationalError(sqlstate=None) if _FILES.search(said):
            return Denied(f"the TLS files cannot be used ({said}); mount them, or correct the URL")
        case _:
            return Unreachable(said)


def _sever(line: socket.socket) -> None:
    with suppress(OSError):  # it is cut already
        line.shutdown(socket.SHUT_RDWR)


def _place(used: dict[str, str]) -> str:
    """Return database, host and port for people; nothing else of the URL."""
    hosts = (used.get("host") or used.get("hostaddr") or "localhost").split(",")
    ports = used.get("port", "").split(",")
    servers = [f"{host}:{ports[min(place, len(ports) - 1)] or PORT}" for place, host in enumerate(hosts)]
    return f"{used.get('dbname') or used.get('user', '')} on {','.join(servers)}"


def _text(told: bytes) -> str:
    return told.decode(errors="replace")


def _missing_usage(schema: str, role: str) -> str:
    named, to_role = (sql.Identifier(name).as_string() for name in (schema, role))
    return (
        f"role {to_role} may not use the schema {named}, which its search path names and where the tool keeps its "
        f"history; let its owner run: GRANT USAGE ON SCHEMA {named} TO {to_role};"
    )


def _hidden_rows(table: Found, role: str, policies: Sequence[str]) -> str:
    on_table, to_role = sql.Identifier(table.schema, table.table).as_string(), sql.Identifier(role).as_string()
    why = f"by its policies {', '.join(policies)}" if policies else "as it has no policy"
    return (
        f"row-level security of {on_table} hides rows from role {to_role}, {why}; let an administrator run: "
        f"ALTER ROLE {to_role} BYPASSRLS; or the table's owner: ALTER TABLE {on_table} DISABLE ROW LEVEL SECURITY;"
    )


def _missing_grants(table: Found, role: str) -> str:
    names = ((table.schema,), (table.schema, table.table), (role,))
    in_schema, on_table, to_role = (sql.Identifier(*name).as_string() for name in names)
    return (
        f"role {to_role} may not read {on_table}; let its owner run: "
        f"GRANT USAGE ON SCHEMA {in_schema} TO {to_role}; GRANT SELECT ON {on_table} TO {to_role};"
    )


def _describe(fault: psycopg.Error, password: str) -> str:
    """Return what libpq or the server says, in one bounded line without the password."""
    text = _GARBAGE.sub(r"\1", _NOISE.sub("", fault.diag.message_primary or str(fault)))
    if len(password) >= LONG and not password.isalpha():
        text = text.replace(password, "***")
    lines = dict.fromkeys(text.splitlines())  # where TLS is preferred, the same is told with it and without
    return " ".join(" ".join(lines).split())[:400]
