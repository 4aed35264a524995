"""What is read from real servers, MariaDB and MySQL, each test once from each."""

import contextlib
import itertools
import os
import re
import secrets
import socket
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pymysql
import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Denied, Open, Shut, Unreachable, Waiting
from gatekeeper.histories import mysql
from gatekeeper.histories.judge import HistoryPolicy, Lock, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from gatekeeper.tools.shared.home_grown import home_grown
from known import TOOLS
from servers.certificate import certificate
from servers.postgres import NOBODY

LIMIT = 10.0
MIGRATE = "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty tinyint(1) NOT NULL)"
LIQUIBASE = """
CREATE TABLE DATABASECHANGELOG (ID varchar(255) NOT NULL, AUTHOR varchar(255) NOT NULL, FILENAME varchar(255) NOT NULL,
  DATEEXECUTED datetime NOT NULL, ORDEREXECUTED int NOT NULL, EXECTYPE varchar(10) NOT NULL, MD5SUM varchar(35),
  DESCRIPTION varchar(255), COMMENTS varchar(255), TAG varchar(255), LIQUIBASE varchar(20), CONTEXTS varchar(255),
  LABELS varchar(255), DEPLOYMENT_ID varchar(10))"""
LIQUIBASE_LOCK = """
CREATE TABLE DATABASECHANGELOGLOCK (ID int NOT NULL PRIMARY KEY, LOCKED {} NOT NULL, LOCKGRANTED datetime,
  LOCKEDBY varchar(255))"""
DIGITS = "(SELECT 0 AS n {})".format(" ".join(f"UNION ALL SELECT {digit}" for digit in range(1, 10)))
HAS_PLUGIN = "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'METADATA_LOCK_INFO'"
"""MariaDB's plugin, by which everybody is shown who locks a table."""
HAS_INSTRUMENT = "SELECT 1 FROM performance_schema.setup_instruments WHERE name LIKE '%/sql/mdl' AND enabled = 'YES'"
"""MySQL's, which shows it to who may read performance_schema."""


def reader(url):
    """Return the database behind a URL."""
    return mysql.MySQLDatabase(lambda: mysql.connection_parameters(url))


def look(url, tool="golang-migrate", *revisions, table="", schema=None, query=""):
    """Look once, as the program does."""
    record = TOOLS.get(tool) or home_grown(tool, table, "version")
    question = Question(record, table or record.table.name, schema=schema, query=query)
    check = SchemaCheck(reader(url), question, Wanted(revisions or ("5",)), HistoryPolicy(record.order), time.monotonic)
    return check.look(LIMIT, fresh=True)


def name_of(url):
    """Return the database's name."""
    return url.rpartition("/")[2]


@pytest.fixture
def run(mariadb, mariadb_database):
    """Run statements of the administrator in the test's database."""

    def statements(*each):
        for statement in each:
            rows = mariadb.execute(statement, database=name_of(mariadb_database))
        return rows

    return statements


@pytest.fixture
def user(mariadb, mariadb_database):
    """Return the name of a new user without rights, and the database's URL for it."""
    name = f"app-{secrets.token_hex(4)}"
    mariadb.create_user(name, "hunter2@ü'\\")
    return name, mariadb.url(name_of(mariadb_database), name)


@pytest.fixture(scope="module")
def secure(server_class):
    """A server of its own, with TLS, to be stopped and silenced; its certificate is for 127.0.0.1 alone."""
    with tempfile.TemporaryDirectory() as folder:
        crt, key = certificate(Path(folder), host="IP:127.0.0.1")
        for path in (Path(folder), crt, key):
            if os.getuid() == 0:
                os.chown(path, NOBODY, NOBODY)
        with server_class(**{"ssl-cert": crt, "ssl-key": key, "ssl-ca": crt}) as server:
            server.certificate = crt
            url = server.create_database("shop")
            server.execute(MIGRATE, database="shop")
            server.execute("INSERT INTO schema_migrations VALUES (5, false)", database="shop")
            server.shop = url
            yield server


# -- what is found ------------------------------------------------------------------------------------------------


def test_absent_then_there(mariadb_database, run):
    """A history is absent, then empty, then behind, then there."""
    absent = look(mariadb_database)
    assert isinstance(absent, Waiting)
    assert absent.reason == "nothing is applied yet, there is no history table; awaiting 5"
    run(MIGRATE)
    assert look(mariadb_database) == Waiting("has nothing applied; awaiting 5")
    run("INSERT INTO schema_migrations VALUES (4, false)")
    assert look(mariadb_database) == Waiting("is at 4; awaiting 5")
    run("UPDATE schema_migrations SET version = 5")
    assert look(mariadb_database) == Open("has 5 applied")


def test_other_case(mariadb_database, run):
    """Names are found in upper case, as Liquibase writes them on MySQL."""
    run(LIQUIBASE, LIQUIBASE_LOCK.format("bit(1)"), "INSERT INTO DATABASECHANGELOGLOCK VALUES (1, b'0', NULL, NULL)")
    run(
        "INSERT INTO DATABASECHANGELOG (ID, AUTHOR, FILENAME, DATEEXECUTED, ORDEREXECUTED, EXECTYPE)"
        " VALUES ('1', 'me', 'db/a.sql', NOW(), 1, 'EXECUTED')"
    )
    assert look(mariadb_database, "liquibase", "db/a.sql::1::me") == Open("has db/a.sql::1::me applied")
    waiting = look(mariadb_database, "liquibase", "db/a.sql::2::me")
    assert isinstance(waiting, Waiting)
    assert "DATABASECHANGELOGLOCK" not in waiting.reason.upper()
    run("UPDATE DATABASECHANGELOGLOCK SET LOCKED = b'1', LOCKEDBY = 'pod-1'")
    assert "held by pod-1" in look(mariadb_database, "liquibase", "db/a.sql::2::me").reason


def test_exact_case_first(mariadb, mariadb_database, run):
    """Of tables whose names differ in case alone the one that is asked for is read."""
    if run("SELECT @@lower_case_table_names") != ((0,),):
        pytest.skip("this server folds the case of names")
    run(MIGRATE, MIGRATE.upper(), "INSERT INTO schema_migrations VALUES (5, false)")
    with reader(mariadb_database).session(LIMIT) as session:
        found = session.find(["schema_migrations", "SCHEMA_MIGRATIONS", "Schema_Migrations"], [""])
    assert [(table.asked, table.table) for table in found[:2]] == [
        ("schema_migrations",) * 2,
        ("SCHEMA_MIGRATIONS",) * 2,
    ]
    assert len(found) == 3


def test_no_other_case(mariadb_database, run):
    """A table that the tool would not find, for the server tells its name's case, is not its history."""
    run(MIGRATE.replace("schema_m", "Schema_M"), "INSERT INTO Schema_Migrations VALUES (5, false)")
    is_found = run("SELECT @@lower_case_table_names") != ((0,),)
    assert isinstance(look(mariadb_database), Open if is_found else Waiting)
    assert look(mariadb_database, table="Schema_Migrations") == Open("has 5 applied")


@pytest.mark.parametrize(
    ("kind", "value", "want", "reason"),
    [
        ("varchar(20)", "'add'", "add", "has add applied"),
        ("varchar(20)", "'add '", "add", "is at add ; awaiting add"),
        ("char(20)", "'add'", "add", "has add applied"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551615", "has 18446744073709551615 applied"),
        ("decimal(6, 2)", "1.1", "1.10", "has 1.10 applied"),
        ("decimal(6, 2)", "1.1", "1.1", "is at 1.10; awaiting 1.1"),
        ("decimal(20)", "20240502", "20240502", "has 20240502 applied"),
        ("date", "'2024-05-02'", "2024-05-02", "has 2024-05-02 applied"),
        ("date", "'2024-05-02'", "2024-05", "is at 2024-05-02; awaiting 2024-05"),
        ("datetime", "'2024-05-02 10:00'", "2024-05-02 10:00:00", "has 2024-05-02 10:00:00 applied"),
        (
            "datetime(6)",
            "'2024-05-02 10:00:00.5'",
            "2024-05-02 10:00:00.500000",
            "has 2024-05-02 10:00:00.500000 applied",
        ),
        ("datetime(3)", "'2024-05-02 10:00'", "2024-05-02 10:00:00.000", "has 2024-05-02 10:00:00.000 applied"),
        ("time", "'10:00'", "10:00:00", "cast it to text by --tool query"),
        ("double", "7", "7", "7.0 is neither text, a number, a date nor a uuid; cast it to text"),
        ("varbinary(20)", "'add'", "add", "cast it to text"),
    ],
)
@pytest.mark.parametrize("mode", ["", "PAD_CHAR_TO_FULL_LENGTH"])
def test_home_grown(mariadb_database, run, mode, kind, value, want, reason):
    """A column is compared by the database's own text, if it has one, however the server pads it."""
    run(f"CREATE TABLE changes (version {kind})", f"INSERT INTO changes VALUES ({value})")
    if reason.startswith("has"):
        [(own,)] = run("SELECT CAST(version AS CHAR) FROM changes")
        assert own == want
    [(before,)] = run("SELECT @@GLOBAL.sql_mode")
    run(f"SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',{mode}')")
    try:
        for told in (
            look(mariadb_database, "table", want, table="changes"),
            look(mariadb_database, "query", want, query="SELECT version FROM changes"),
        ):
            assert reason in told.reason
    finally:
        run(f"SET GLOBAL sql_mode = '{before}'")


def test_spelling_of_columns(mariadb_database, run):
    """Columns are spelled as they are asked for, else as the catalog does."""
    run("CREATE TABLE changes (VERSION int, productversion int, Own int, Other int)")
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find(["changes"], [""], ["OWN", "ProductVersion"])
        assert found.columns == ("VERSION", "ProductVersion", "OWN", "Other")
        assert list(session.rows(found, ["OWN", "version"], "version")) == []


def test_odd_names(mariadb, mariadb_database, run):
    """Names are quoted and values bound, whatever they hold."""
    table, column = "a`b'c\\%s", "x`y%s"
    quoted = [mysql._name(each) for each in (table, column)]
    mariadb.execute(f"CREATE TABLE {quoted[0]} ({quoted[1]} text)", database=name_of(mariadb_database))
    run(f"INSERT INTO {quoted[0]} VALUES ('1'), ('%s')")
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find([table, "no\\'table", "%"], [""])
        assert set(session.rows(found, [column], column)) == {("1",), ("%s",)}


def test_wrong_columns(mariadb_database, run):
    """Another tool's table is refused, and so is a table that lacks a column."""
    run("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    verdict = look(mariadb_database)
    assert isinstance(verdict, Shut)
    assert "has the columns version: it is not golang-migrate's, which has dirty, version" in verdict.reason


def test_another_database(mariadb, mariadb_database, run):
    """A history in another database is read if it is named, and told of if not."""
    table = f"history_{secrets.token_hex(4)}"  # which no other database of the server has
    other = f"{name_of(mariadb_database)}_other"
    mariadb.create_database(other)
    try:
        mariadb.execute(MIGRATE.replace("schema_migrations", table), database=other)
        mariadb.execute(f"INSERT INTO {table} VALUES (5, false)", database=other)
        assert f"{other}.{table}" in look(mariadb_database, table=table).hint
        assert look(mariadb_database, schema=other, table=table) == Open("has 5 applied")
    finally:
        mariadb.drop_database(other)
    absent = "nothing is applied yet, there is no history table; awaiting 5"
    assert look(mariadb_database, schema=other, table=table) == Waiting(absent)


def test_sqitch(mariadb, mariadb_database):
    """Sqitch's tables are looked for in its own database."""
    with reader(mariadb_database).session(LIMIT) as session:
        assert session.schemas(TOOLS["sqitch"]) == ("sqitch",)
        assert session.schemas(TOOLS["flyway"]) == ("",)


def test_collation(mariadb_database, run):
    """A collation that knows no case makes no other revision of one."""
    run("CREATE TABLE changes (version varchar(20)) COLLATE utf8mb4_general_ci", "INSERT INTO changes VALUES ('ABC')")
    assert isinstance(look(mariadb_database, "table", "abc", table="changes"), Waiting)
    assert isinstance(look(mariadb_database, "table", "ABC", table="changes"), Open)


def test_text(mariadb_database, run):
    """Text comes as it was written, and numbers as numbers."""
    run(
        "CREATE TABLE changes (version varchar(20), n int unsigned) CHARACTER SET latin1",
        "INSERT INTO changes VALUES ('größer', 4294967295)",
    )
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find(["changes"], [""])
        assert list(session.rows(found, ["version", "n"], "")) == [("größer", 4294967295)]


def test_not_the_first_snapshot(mariadb_database, run):
    """A session reads what is committed now, though the server's default is REPEATABLE READ."""
    run(MIGRATE)
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find(["schema_migrations"], [""])
        assert list(session.rows(found, ["version"], "version")) == []
        run("INSERT INTO schema_migrations VALUES (5, false)")
        assert list(session.rows(found, ["version"], "version")) == [(5,)]


def test_dropped(mariadb_database, run):
    """A table that is gone again has no rows."""
    run(MIGRATE, "CREATE TABLE tags (project int)")
    with reader(mariadb_database).session(LIMIT) as session:
        tags = session.find(["schema_migrations", "tags"], [""])[1]
        run("DROP TABLE tags")
        assert list(session.rows(tags, ["project"], "")) == []


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_many_rows(mariadb_database, run, count):
    """Rows pass through, in order, and are never held all."""
    tens = ", ".join(f"{DIGITS} d{place}" for place in range(len(str(count)) - 1))
    number = " + ".join(f"d{place}.n * {10**place}" for place in range(len(str(count)) - 1))
    run(
        "CREATE TABLE changes (version bigint PRIMARY KEY, note text)",
        f"INSERT INTO changes SELECT {number}, REPEAT('x', 2000) FROM {tens}",
    )
    with reader(mariadb_database).session(30) as session:
        [found] = session.find(["changes"], [""])
        tracemalloc.start()
        try:
            expected = iter(range(count))
            assert all(version == next(expected) for version, _ in session.rows(found, ["version", "note"], "version"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert next(expected, None) is None
    assert peak < 4 * 2**20  # of 20 MB


def test_abandoned_rows(mariadb_database, run):
    """A look that needs no more rows ends at once and quietly, without reading the rest."""
    tens = ", ".join(f"{DIGITS} d{place}" for place in range(6))
    run(MIGRATE, "INSERT INTO schema_migrations VALUES (1, false), (2, false)")
    assert "there are several rows" in look(mariadb_database).reason
    with reader(mariadb_database).session(LIMIT) as session:
        rows = session.query(f"SELECT REPEAT('x', 1000) FROM {tens}")
        assert len(next(rows)[0]) == 1000
        began = time.monotonic()
        rows.close()
    assert time.monotonic() - began < 0.5
    with pytest.raises(ZeroDivisionError), reader(mariadb_database).session(LIMIT) as session:
        assert len(next(session.query(f"SELECT REPEAT('x', 1000) FROM {tens}"))) / 0


# -- what is left behind ------------------------------------------------------------------------------------------


def test_nothing_left(mariadb, mariadb_database, user, run):
    """A session is one connection with one read-only transaction, and nothing of it stays."""
    name, url = user
    run(MIGRATE, f"GRANT SELECT ON schema_migrations TO `{name}`@`%`")
    connections = f"SELECT command FROM information_schema.processlist WHERE user = '{name}'"
    with reader(url).session(LIMIT) as session:
        session.find(["schema_migrations"], [""])
        assert len(run(connections)) == 1
        with pytest.raises(mysql.pymysql.Error, match="READ ONLY"):
            session.ask("CREATE TABLE own (id int)")
    ended = time.monotonic()
    run("ALTER TABLE schema_migrations ADD note text")
    assert time.monotonic() - ended < 1
    while run(connections):
        assert time.monotonic() - ended < 1


def test_a_migration_is_not_blocked(mariadb, mariadb_database, run):
    """An ALTER that a look has met waits for no more than the look."""
    run(MIGRATE)
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find(["schema_migrations"], [""])
        alter = threading.Thread(target=run, args=["ALTER TABLE schema_migrations ADD note text"])
        alter.start()
        list(session.rows(found, ["version"], "version"))
    alter.join(2)
    assert not alter.is_alive()


# -- rights -------------------------------------------------------------------------------------------------------


def test_denied_then_granted(mariadb, mariadb_database, user, run):
    """A history that one may not read is denied with the GRANT to run, and read once that was run."""
    name, url = user
    place = name_of(mariadb_database)
    with pytest.raises(Denied, match=rf"Access denied for user '{name}'@'%' to database .*; GRANT SELECT"):
        look(url)
    run(MIGRATE, "CREATE TABLE other (id int)", f"GRANT SELECT ON other TO `{name}`@`%`")
    run("INSERT INTO schema_migrations VALUES (5, false)")
    with pytest.raises(Denied) as caught:
        look(url)
    assert f"'{name}'@'%' may not read `{place}`.`schema_migrations`" in str(caught.value)
    to_table, to_database = re.findall("GRANT [^;]*", str(caught.value))
    assert to_table == f"GRANT SELECT ON `{place}`.`schema_migrations` TO '{name}'@'%'"
    mariadb.execute(to_table)
    assert look(url) == Open("has 5 applied")
    mariadb.execute(to_table.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
    mariadb.execute(to_database)
    assert look(url) == Open("has 5 applied")


def test_role_that_is_not_active(mariadb, mariadb_database, user, run):
    """What a role has that is not active is denied, and the cure is the one that the server has for it."""
    name, url = user
    role, place = f"r_{name}", name_of(mariadb_database)
    run(MIGRATE, "CREATE TABLE other (id int)", "INSERT INTO schema_migrations VALUES (5, false)")
    mariadb.execute(f"CREATE ROLE `{role}`")
    try:
        mariadb.execute(f"GRANT SELECT ON `{place}`.* TO `{role}`")
        mariadb.execute(f"GRANT `{role}` TO `{name}`")
        with pytest.raises(Denied, match="SET DEFAULT ROLE ALL TO the user"):
            look(url)
        run(f"GRANT SELECT ON other TO `{name}`@`%`")
        with pytest.raises(Denied) as caught:
            look(url)
        [(version,)] = mariadb.execute("SELECT VERSION()")
        cures = re.findall("SET DEFAULT ROLE [^;]*", str(caught.value))
        mariadb.execute(cures["MariaDB" in version].replace("ROLE role FOR", f"ROLE `{role}` FOR"))
        assert look(url) == Open("has 5 applied")
    finally:
        mariadb.execute(f"DROP ROLE `{role}`")


def test_denied_columns(mariadb_database, user, run):
    """A history of which one may read some columns is denied, not taken for another tool's."""
    name, url = user
    run(MIGRATE, f"GRANT SELECT (version) ON schema_migrations TO `{name}`@`%`")
    with pytest.raises(Denied, match="let an administrator run: GRANT SELECT ON"):
        look(url)


def test_denied_companion(mariadb_database, user, run):
    """A further table that one may see and not read is denied when it is read."""
    name, url = user
    run(MIGRATE, "CREATE TABLE tags (project int)", f"GRANT SELECT ON schema_migrations TO `{name}`@`%`")
    run(f"GRANT INSERT ON tags TO `{name}`@`%`")
    with reader(url).session(LIMIT) as session:
        tags = session.find(["schema_migrations", "tags"], [""])[1]
        assert not tags.readable
        with pytest.raises(Denied, match=r"may not read .*tags"):
            list(session.rows(tags, ["project"], ""))


def test_credentials(mariadb, mariadb_database):
    """A wrong password, user or database is denied, and nothing secret is told."""
    place = name_of(mariadb_database)
    for url in (mariadb.url(place, password="hunter2"), mariadb.url(place).replace(mariadb.user, "nobody", 1)):
        with pytest.raises(Denied, match=r"Access denied for user .*; correct the URL, its Secret") as caught:
            look(url)
        assert "hunter2" not in str(caught.value)
        assert mariadb.password not in str(caught.value)
    with pytest.raises(Denied, match="Unknown database 'nowhere'; correct the URL"):
        look(mariadb.url("nowhere"))
    with pytest.raises(Misconfigured, match="no user is given"):
        look(f"mysql://{mariadb.host}:{mariadb.port}/{place}")


def test_password_of_any_text(user, run):
    """A password is sent as UTF-8, as other clients send it."""
    name, url = user
    run(MIGRATE, f"GRANT SELECT ON schema_migrations TO `{name}`@`%`")
    assert look(url) == Waiting("has nothing applied; awaiting 5")


def test_secret_renewed(mariadb_database):
    """A URL that is broken between two looks is waited for, and nothing of it is told."""
    urls = [mariadb_database, "mysql://hunter2"]
    database = mysql.MySQLDatabase(lambda: mysql.connection_parameters(urls.pop(0)))
    with pytest.raises(Unreachable, match="write for example") as caught, database.session(LIMIT):
        pass
    assert "hunter2" not in str(caught.value)


def test_parts(gate, mariadb, mariadb_database, run):
    """The parts of a URL may be variables of their own, as a chart's Secret has them."""
    run(MIGRATE, "INSERT INTO schema_migrations VALUES (5, false)")
    parts = {
        "MYSQL_HOST": mariadb.host,
        "MYSQL_PORT": str(mariadb.port),
        "MYSQL_USER": mariadb.user,
        "MYSQL_PASSWORD": mariadb.password,
        "MYSQL_DATABASE": name_of(mariadb_database),
    }
    args = ("schema", "--tool", "golang-migrate", "--revision", "5", "--timeout", "0")
    opened = gate(*args, environment=parts, secrets=[mariadb.password])
    assert opened.end() == 0, opened.log


# -- locks --------------------------------------------------------------------------------------------------------


def test_locked_table(mariadb, mariadb_database, user, run):
    """A table that is locked is waited for, no longer than two seconds, and who locks it is told where that shows."""
    name, url = user
    run(MIGRATE, f"GRANT SELECT ON schema_migrations TO `{name}`@`%`")
    shows = run(HAS_PLUGIN)
    shows_the_administrator = shows or run(HAS_INSTRUMENT)
    with contextlib.closing(mariadb.connect(name_of(mariadb_database))) as migration:
        migration.cursor().execute("LOCK TABLES schema_migrations WRITE")
        by = f"connection {migration.thread_id()}"
        detailed = rf"{by} \({mariadb.user} from .*\)"
        for each, holder in ((mariadb_database, shows_the_administrator and detailed), (url, shows and by)):
            began = time.monotonic()
            with pytest.raises(Unreachable, match=rf"schema_migrations is locked by {holder or '.*'}$"):
                look(each)
            assert 1.5 < time.monotonic() - began < 4
    assert look(url) == Waiting("has nothing applied; awaiting 5")


def test_named_lock(mariadb, mariadb_database, run):
    """While golang-migrate's lock is held its holder is told; else it is known to be free."""
    assert TOOLS["golang-migrate"].lock_names("app", "schema_migrations") == ("2938252834",)  # golang-migrate 4.20.1's
    run(MIGRATE, "INSERT INTO schema_migrations VALUES (5, true)")
    [lock] = TOOLS["golang-migrate"].lock_names(name_of(mariadb_database), "schema_migrations")
    with contextlib.closing(mariadb.connect(name_of(mariadb_database))) as migration:
        migration.cursor().execute("SELECT GET_LOCK(%s, 1)", [lock])
        reason = look(mariadb_database).reason
    assert f"version 5 is marked dirty and connection {migration.thread_id()} ({mariadb.user} from " in reason
    time.sleep(0.1)
    assert "nobody holds the migration lock" in look(mariadb_database).reason


def test_named_lock_of_a_server_that_folds_names(server_class):
    """The lock has the name of the database as the tool's URL spells it, whatever the server makes of that."""
    with server_class(**{"lower-case-table-names": 1}) as server:
        url = server.create_database("Shop")
        server.execute(MIGRATE, database="Shop")
        server.execute("INSERT INTO schema_migrations VALUES (5, true)", database="Shop")
        [lock] = TOOLS["golang-migrate"].lock_names("Shop", "schema_migrations")
        with contextlib.closing(server.connect("Shop")) as migration:
            migration.cursor().execute("SELECT DATABASE(), GET_LOCK(%s, 1)", [lock])
            assert f"and connection {migration.thread_id()} " in look(url).reason


def looks_at_mark(url):
    """Return what the second of two looks concludes, which are far enough apart by their own clock."""
    tool = TOOLS["golang-migrate"]
    question, policy = Question(tool, tool.table.name), HistoryPolicy(tool.order)
    gate = SchemaCheck(reader(url), question, Wanted(("5",)), policy, itertools.count(0, 6).__next__)
    assert isinstance(gate.look(LIMIT, fresh=True), Waiting)
    return gate.look(LIMIT, fresh=True)


@contextlib.contextmanager
def working(connection):
    """Let a connection run a statement that lasts."""
    thread = threading.Thread(target=lambda: connection.cursor().execute("SELECT SLEEP(3)"))
    thread.start()
    time.sleep(0.3)
    try:
        yield
    finally:
        thread.join()


def test_abandoned(server_class):
    """A mark is abandoned when nobody is at work on the server, as far as the gate may see."""
    with server_class() as server:
        url = server.create_database("shop")
        server.execute(MIGRATE, database="shop")
        server.execute("INSERT INTO schema_migrations VALUES (5, true)", database="shop")
        server.create_user("app", "app", "SELECT ON shop.*")
        app = server.url("shop", "app")
        for each in (url, app):
            assert "nobody is at work in the database" in looks_at_mark(each).reason
        with contextlib.closing(server.connect("shop")) as other:
            assert "others are at work on the server" in looks_at_mark(url).reason  # it was a moment ago
            assert "who show to PROCESS alone" in looks_at_mark(app).reason
            lock = TOOLS["golang-migrate"].lock_names("shop", "schema_migrations")
            other.cursor().execute("SELECT GET_LOCK(%s, 1)", lock)
            time.sleep(5.5)
            assert re.search("holds the migration lock, idle since 20..-..-..T..:..Z;", looks_at_mark(url).reason)
            assert "is migrating" in looks_at_mark(app).reason
            other.cursor().execute("SELECT RELEASE_ALL_LOCKS()")
            with working(other):
                verdict = looks_at_mark(url)
            assert isinstance(verdict, Waiting)
            assert "running or failed" in verdict.reason


def test_unsure_locks(mariadb, mariadb_database, run):
    """A free lock proves nothing of a tool that need not take it, nor of one that has none."""
    run(MIGRATE)
    with reader(mariadb_database).session(LIMIT) as session:
        [found] = session.find(["schema_migrations"], [""])
        assert session.lock(TOOLS["dbmate"], found) == Lock()
        assert session.lock(TOOLS["rails"], found) == Lock()
        assert session.lock(TOOLS["golang-migrate"], found) == Lock(known=True)
        [lock] = TOOLS["rails"].lock_names(name_of(mariadb_database), "schema_migrations")
        with contextlib.closing(mariadb.connect()) as migration:
            migration.cursor().execute("SELECT GET_LOCK(%s, 1)", [lock])
            held = session.lock(TOOLS["rails"], found)
        assert not held.known
        assert held.holder.startswith(f"connection {migration.thread_id()} (")


def test_replica(secure):
    """A server that is read-only is taken for a replica, which shows no lock of its primary."""
    secure.execute("SET GLOBAL read_only = ON")
    try:
        with reader(secure.shop).session(LIMIT) as session:
            [found] = session.find(["schema_migrations"], [""])
            assert session.lock(TOOLS["golang-migrate"], found) == Lock(known=False)
    finally:
        secure.execute("SET GLOBAL read_only = OFF")


# -- the user's query ---------------------------------------------------------------------------------------------


def test_query(mariadb_database, run):
    """A query may name what the migration is yet to make; its rows are revisions."""
    query = "SELECT version FROM changes WHERE note LIKE '100%'"
    for statement in ("SELECT 1", "CREATE TABLE changes (version text)"):
        run(statement)
        assert look(mariadb_database, "query", query=query) == Waiting("has nothing applied; awaiting 5")
    run("ALTER TABLE changes ADD note text", "INSERT INTO changes VALUES ('5', '100%')")
    assert look(mariadb_database, "query", query=query) == Open("has 5 applied")
    assert isinstance(look(mariadb_database, "query", query="SELECT missing()"), Waiting)


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE changes",
        "SELECT 1, 2",
        "INSERT INTO changes VALUES (5)",
        "UPDATE changes SET version = 5",
        "DROP TABLE changes",
        "SET @revision = 5",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE changes",
    ],
)
def test_query_that_cannot_be_asked(mariadb_database, run, query):
    """What is no query of one column is answered by an example, and changes nothing."""
    run("CREATE TABLE changes (version int)")
    with pytest.raises(Misconfigured, match=r"^--query.*; write for example SELECT name FROM app.changes WHERE done$"):
        look(mariadb_database, "query", query=query)
    assert run("SELECT * FROM changes") == ()


def test_slow_query(mariadb_database):
    """A query that takes longer than five seconds is ended by the server."""
    with pytest.raises(Unreachable, match="took more than 5 s"):
        look(mariadb_database, "query", query="SELECT COUNT(*) FROM information_schema.columns WHERE SLEEP(0.5) = 1")


# -- a server that does not answer --------------------------------------------------------------------------------


def test_stopped_and_started(secure):
    """A server that is stopped is waited for."""
    secure.stop()
    with pytest.raises(Unreachable, match="no connection: Connection refused"):
        look(secure.shop)
    secure.start()
    assert look(secure.shop) == Open("has 5 applied")


def test_no_such_name(mariadb_database):
    """A name without an address is waited for, and so is one that cannot be a name."""
    for host in ("no-such-name.invalid", "a..b"):
        with pytest.raises(Unreachable, match="no connection: "):
            look(f"mysql://app@{host}/shop")


def test_too_many_connections(secure):
    """A server that is full is waited for."""
    secure.create_user("full", "pw", "SELECT ON shop.*")
    secure.execute("SET GLOBAL max_connections = 10")
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(contextlib.closing(secure.connect(user="full", password="pw")))
        with pytest.raises(Unreachable, match="Too many connections"):
            look(secure.url("shop", "full"))
    secure.execute("SET GLOBAL max_connections = 100")


def test_unix_socket(secure):
    """A server is read through its unix socket too."""
    url = f"mysql://root:{quote(secure.password, '')}@localhost/shop?socket={secure.folder}/socket"
    assert look(url) == Open("has 5 applied")
    with pytest.raises(Unreachable, match="no connection: No such file"):
        look(url + "2")


@pytest.mark.parametrize(
    ("query", "host", "fault"),
    [
        ("", "127.0.0.1", ""),
        ("ssl-mode=DISABLED", "127.0.0.1", ""),
        ("ssl-mode=REQUIRED", "127.0.0.1", ""),
        ("ssl-ca={ca}", "localhost", ""),
        ("sslMode=VERIFY_IDENTITY&ssl-ca={ca}", "127.0.0.1", ""),
        ("sslMode=VERIFY_IDENTITY&ssl-ca={ca}", "localhost", "certificate verify failed: Hostname mismatch"),
        ("sslMode=VERIFY_CA", "127.0.0.1", "certificate verify failed: self-signed certificate"),
    ],
)
def test_tls(secure, query, host, fault):
    """TLS is used and the certificate verified as the URL says."""
    url = f"{secure.shop.replace('127.0.0.1', host)}?{query.format(ca=secure.certificate)}"
    if fault:
        with pytest.raises(Unreachable, match=fault):
            look(url)
        return
    with reader(url).session(LIMIT) as session:
        [(_, cipher)] = session.ask("SHOW STATUS LIKE 'Ssl_cipher'")
    assert bool(cipher) == ("DISABLED" not in query)


def test_tls_required(secure, mariadb, mariadb_database):
    """A server that requires TLS denies who does not use it; one that has none is not read where TLS is required."""
    secure.execute("SET GLOBAL require_secure_transport = ON")
    try:
        assert look(secure.shop) == Open("has 5 applied")
        with pytest.raises(Denied, match=r"insecure transport|Access denied"):
            look(f"{secure.shop}?ssl-mode=DISABLED")
    finally:
        secure.execute("SET GLOBAL require_secure_transport = OFF")
    if mariadb.execute("SHOW VARIABLES LIKE 'have_ssl'") == (("have_ssl", "DISABLED"),):
        with pytest.raises(Denied, match=r"SSL is required .*; correct the URL"):
            look(f"{mariadb_database}?ssl-mode=REQUIRED")
    with pytest.raises(Denied, match=r"the TLS files cannot be used .*No such file"):
        look(f"{secure.shop}?ssl-ca=/no/such/file")


@contextlib.contextmanager
def server_that(*answers, every=0.0, heard=None):
    """Listen, and send these bytes to whoever connects; then be silent, and if `heard` is given listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve():
            with contextlib.suppress(OSError), listener.accept()[0] as line:
                for answer in answers:
                    line.sendall(answer)
                    if every and ended.wait(every):
                        return
                while heard is not None and (said := line.recv(65536)):
                    heard.append(said)
                ended.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"mysql://app:hunter2@127.0.0.1:{listener.getsockname()[1]}/shop"
        finally:
            ended.set()
            thread.join()


def packet(number, body):
    """Return a packet as MySQL's protocol frames it."""
    return len(body).to_bytes(3, "little") + bytes([number]) + body


def greeting(capabilities):
    """Return a server's first packet."""
    body = b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0" + capabilities.to_bytes(4, "little")[:2] + b"\x2d\x02\0"
    body += capabilities.to_bytes(4, "little")[2:] + b"\x15" + b"\0" * 10 + b"ijklmnopqrst\0mysql_native_password\0"
    return packet(0, body)


WITH_TLS, WITHOUT_TLS = greeting(0x81FFFFFF), greeting(0x81FFF7FF)


@pytest.mark.parametrize(
    ("answers", "every"),
    [
        pytest.param([], 0, id="silent"),
        pytest.param([bytes([each]) for each in WITHOUT_TLS * 9], 0.1, id="trickling"),
        pytest.param([WITH_TLS], 0, id="silent in the TLS handshake"),
        pytest.param([WITHOUT_TLS], 0, id="silent to the password"),
    ],
)
def test_silent_while_connecting(answers, every):
    """A server that does not let one in is left when the limit is over."""
    with server_that(*answers, every=every) as url:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"the server did not answer within 1.0 s"), reader(url).session(1):
            pass
        assert 0.9 < time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x05\0\0\0hello",
        b"\0\0\0\0",
        WITHOUT_TLS.replace(b"8.0.36", b"x.y.zz"),
        WITHOUT_TLS + b"\x01\0\0\x02\xfe",
        WITHOUT_TLS + b"\x02\0\0\x02\x01\x04",
        WITHOUT_TLS + b"\x07\0\0\x02\xfb/etc/p",
    ],
)
def test_nonsense(answer):
    """What does not speak MySQL's language is waited for, within the limit."""
    with server_that(answer) as url, pytest.raises(Unreachable) as caught, reader(url).session(1):
        pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("plugin", "data", "more", "words"),
    [
        ("mysql_clear_password", b"", b"", "asks for the password in clear text, and the line is without TLS"),
        ("dialog", b"\x04Password: ", b"", "asks for the password in clear text, and the line is without TLS"),
        ("client_ed25519", b"x" * 32, b"", "plugin, ed25519, is none that the gate has, with TLS or without"),
        ("parsec", b"x" * 32, b"", "plugin, parsec, is none .*CREATE USER gate IDENTIFIED BY"),
        ("auth_gssapi_client", b"mysql/db@SHOP\0\0", b"", "plugin, auth_gssapi_client, is none that the gate has"),
        ("sha256_password", b"x" * 20 + b"\0", packet(4, b"\x01-----BEGIN"), "by TLS, .*ssl-mode=REQUIRED"),
    ],
    ids=["clear", "dialog", "ed25519", "parsec", "gssapi", "sha256"],
)
def test_ways_to_ask_for_a_password(monkeypatch, plugin, data, more, words):
    """A way to ask for the password that tells it to who listens, or that the gate has not, is denied with a cure."""
    monkeypatch.setattr(pymysql._auth, "_have_cryptography", False)  # the image has not this package
    asked = packet(2, b"\xfe" + plugin.encode() + b"\0" + data) + more
    heard = []
    with server_that(WITHOUT_TLS + asked, heard=heard) as url, pytest.raises(Denied, match=words):
        look(url)
    assert heard
    assert b"hunter2" not in b"".join(heard)


def test_fault_beside_a_way_to_ask(monkeypatch):
    """Only a package that is missing tells of the account; another fault while connecting is waited for."""

    def fail(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pymysql.connections.Connection, "_request_authentication", fail)
    with server_that(WITHOUT_TLS) as url, pytest.raises(Unreachable, match="new thread"), reader(url).session(1):
        pass


def test_clear_password_with_tls(secure):
    """Over TLS such a server is told the password."""
    # Of MariaDB's own plugins pam alone asks so, and has no test of its own: PyMySQL's way is taken.
    connection = SimpleNamespace(_secure=True, _process_auth=lambda name, packet: (name, packet))
    assert mysql._NotInClear("dialog", connection).authenticate("packet") == (b"dialog", "packet")


def test_several_hosts(mariadb, mariadb_database, run):
    """Hosts are tried in their order, and silent ones leave time for those after them."""
    run(MIGRATE, "INSERT INTO schema_migrations VALUES (5, false)")
    live = f"{mariadb.host}:{mariadb.port}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = f"127.0.0.1:{listener.getsockname()[1]}"
        for others, least in (("127.0.0.1:1,no-such-name.invalid", 0), (f"{silent},{silent}", 5)):
            began = time.monotonic()
            assert look(mariadb_database.replace(live, f"{others},{live}")) == Open("has 5 applied")
            assert least < time.monotonic() - began < 9
    with pytest.raises(Denied, match="Access denied"):
        look(mariadb.url(name_of(mariadb_database), password="hunter2").replace(live, f"{live},127.0.0.1:1"))


# -- servers that speak MySQL's protocol and are none -------------------------------------------------------------


@contextlib.contextmanager
def server_without(mariadb, *words):
    """Stand before a server, and answer statements that have one of these words as servers do that do not know it."""

    def pass_on(source, target):
        with contextlib.suppress(OSError):
            while said := source.recv(65536):
                target.sendall(said)
            target.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((mariadb.host, mariadb.port))
                back = threading.Thread(target=pass_on, args=[server, client])
                back.start()
                with client, server, client.makefile("rb") as said:
                    while head := said.read(4):
                        body = said.read(int.from_bytes(head[:3], "little"))
                        if head[3] == 0 and body[:1] == b"\x03" and any(word.encode() in body for word in words):
                            client.sendall(packet(1, b"\xff\xd3\x04#42000function has only noop implementation"))
                        else:
                            server.sendall(head + body)
                    server.shutdown(socket.SHUT_WR)
                    back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["READ ONLY"], True),  # TiDB
        (["READ ONLY", "max_execution_time", "lock_wait_timeout"], True),
        (["READ ONLY", "IS_USED_LOCK"], False),  # TiDB 6.1
        (["SHOW GLOBAL VARIABLES"], False),  # Dolt's engine
    ],
)
def test_less_than_mysql(mariadb, mariadb_database, run, words, known):
    """A server that lacks an ornament is read all the same; what that would have told is not known."""
    run(MIGRATE, "INSERT INTO schema_migrations VALUES (5, false)")
    with server_without(mariadb, *words) as place:
        url = mariadb_database.replace(f"{mariadb.host}:{mariadb.port}", place) + "?ssl-mode=DISABLED"
        assert look(url) == Open("has 5 applied")
        with reader(url).session(LIMIT) as session:
            [found] = session.find(["schema_migrations"], [""])
            assert session.lock(TOOLS["golang-migrate"], found) == Lock(known=known)


def test_query_without_read_only(mariadb, mariadb_database, run):
    """Where a server has no read-only transactions a query of the user's can still write nothing."""
    run("CREATE TABLE changes (version int)", "INSERT INTO changes VALUES (5)")
    with server_without(mariadb, "READ ONLY") as place:
        url = mariadb_database.replace(f"{mariadb.host}:{mariadb.port}", place) + "?ssl-mode=DISABLED"
        assert look(url, "query", query="(SELECT version FROM changes)") == Open("has 5 applied")
        for query in (
            "INSERT INTO changes VALUES (6)",
            "WITH x AS (SELECT 1) DELETE FROM changes",
            "DROP TABLE changes",
        ):
            with pytest.raises(Misconfigured, match="must be a SELECT"):
                look(url, "query", query=query)
    assert run("SELECT * FROM changes") == ((5,),)


@pytest.mark.parametrize("moment", ["find", "rows", "commit"])
def test_silent_in_mid_session(secure, moment):
    """A server that falls silent is left when the limit is over, whatever it is asked just then."""

    def read():
        with reader(secure.shop).session(2) as session:
            if moment == "find":
                secure.pause()
            [found] = session.find(["schema_migrations"], [""])
            if moment == "rows":
                tens = ", ".join(f"{DIGITS} d{place}" for place in range(6))
                rows = session.query(f"SELECT REPEAT('x', 1000) FROM {tens}")
                next(rows)
                secure.pause()
                list(rows)
            list(session.rows(found, ["version"], ""))
            secure.pause()

    began = time.monotonic()
    try:
        with pytest.raises(Unreachable, match=r"the server did not answer within 2.0 s"):
            read()
    finally:
        secure.resume()
    assert 1.9 < time.monotonic() - began < 2.6


def test_killed(mariadb, mariadb_database):
    """A connection that an administrator ends is waited for."""

    def read():
        with reader(mariadb_database).session(LIMIT) as session:
            [(identity,)] = session.ask("SELECT CONNECTION_ID()")
            mariadb.execute(f"KILL {identity}")
            session.find(["schema_migrations"], [""])

    with pytest.raises(Unreachable):
        read()
