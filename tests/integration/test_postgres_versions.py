"""What is read of a history does not depend on PostgreSQL's version: all majors that npm has, one after the other.

The rules of `test_where` are held to each, with one tool of each kind.
"""

import psycopg
import pytest
import test_where
from test_schema_gate import ALEMBIC, ALEMBIC_VERSION, BY_URL, GOLANG_MIGRATE, V1, V2, V3, flyway, migrate

from fakes import FakeClock
from gatekeeper.gate.verdict import Open, Shut, Waiting
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from gatekeeper.histories.postgres import PostgresDatabase, connection_parameters
from known import TOOLS
from servers import warm
from servers.migrations import ALEMBIC_REVISIONS, alembic
from servers.postgres_versions import VERSIONS, PostgresVersion

pytestmark = pytest.mark.postgres_versions

FIRST, SECOND, HEAD = ALEMBIC_REVISIONS
FAILED = (*V2[:3], False)
ONE_OF_EACH_KIND = ("golang-migrate", "alembic", "prisma", "tern", "sqitch")

test_golang_migrates_url = test_where.test_golang_migrate
test_rails = test_where.test_rails
test_schema_that_may_not_be_used = test_where.test_schema_that_may_not_be_used
test_row_level_security = test_where.test_row_level_security
test_query_without_a_row = test_where.test_query_without_a_row
test_any_search_path = test_where.test_any_search_path


@pytest.fixture(scope="module", params=VERSIONS)
def postgres(request):
    """A server of each version."""
    with PostgresVersion(request.param) as server:
        yield server


class Gate:
    """A run of the program in a process that has its modules already, as GateProcess is one in a new process."""

    def __init__(self, argv, url, log):
        self._log = log
        self._process = warm.start(list(argv), url, log)

    def end(self):
        self._process.join(20)
        self._process.kill()
        return self._process.exitcode

    @property
    def message(self):
        return self._log.read_text()

    log = message


@pytest.fixture
def gate(tmp_path):
    """Start the program with these arguments."""
    logs = (tmp_path / str(number) for number in range(1000))

    def start(*argv, environment):
        log = next(logs)
        log.touch()
        return Gate(argv, environment["DATABASE_URL"], log)

    return start


@pytest.fixture
def ends(gate, database):
    """Look once with these arguments, and return the code and the message."""

    def look(*argv, url=database):
        held = gate("schema", *argv, "--timeout", "0", environment={"DATABASE_URL": url})
        return held.end(), held.message

    return look


@pytest.fixture
def run(database):
    """The administrator's connection to the test's database."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection.execute


def test_alembic(ends, database, run):
    """A history that Alembic writes is absent, part of the way, there, and gone."""
    for wanted, code, says in ((SECOND, 124, f"is at {SECOND}; awaiting {HEAD}"), (HEAD, 0, f"has {HEAD} applied")):
        if wanted == SECOND:
            absent, told = ends(*ALEMBIC)
            assert (absent, "there is no history table" in told) == (124, True), told
        with alembic(database, "upgrade", wanted) as upgrade:
            output, _ = upgrade.communicate()
        assert upgrade.returncode == 0, output
        ended, told = ends(*ALEMBIC)
        assert (ended, says in told) == (code, True), told
    run("DROP TABLE alembic_version")
    gone, told = ends(*ALEMBIC)
    assert (gone, "there is no history table" in told) == (124, True), told


def test_golang_migrate(postgres, database, run):
    """A dirty version waits for who holds the lock, who is named; is refused where nobody does; and is there."""
    tool = TOOLS["golang-migrate"]
    name = database.rpartition("/")[2]
    clock = FakeClock()
    check = SchemaCheck(
        PostgresDatabase(lambda: connection_parameters(database)),
        Question(tool, tool.table.name),
        Wanted(("5",)),
        HistoryPolicy(tool.order),
        clock.now,
    )
    run(f"{GOLANG_MIGRATE}; {migrate(5, dirty=True)}")
    with postgres.connect(name, application_name="migrate 4.20.1") as migration:
        key = tool.lock_keys("public", "schema_migrations", name)[BY_URL]
        migration.execute("SELECT pg_advisory_lock(%s)", [key])
        held = check.look(10, fresh=True)
        assert isinstance(held, Waiting)
        assert f"version 5 is marked dirty and pid {migration.info.backend_pid} (migrate 4.20.1)" in held.reason
    assert "nobody holds the migration lock" in check.look(10, fresh=True).reason
    clock.receive(10)
    assert isinstance(check.look(10, fresh=True), Shut)
    run(migrate(5))
    assert check.look(10, fresh=True) == Open("has 5 applied")


@pytest.mark.parametrize(
    ("rows", "code", "says"),
    [
        ([V1], 124, "is at 1; awaiting 2"),
        ([V1, V2], 0, "has 2 applied"),
        ([V1, FAILED], 3, "has failed"),
        ([V1, V2, V3], 0, "is at 3, past the wanted 2"),
    ],
)
def test_flyway(ends, run, rows, code, says):
    """Flyway's rows are read as they are on the newest."""
    run(flyway(*rows))
    ended, told = ends("--tool", "flyway", "--revision", "2")
    assert (ended, says in told) == (code, True), told


def test_rights(postgres, database, ends, run):
    """No right to the table, a wrong password and no database are denied; the GRANT that is told opens."""
    name = database.rpartition("/")[2]
    role = f"{name}_gate"
    run(f"{ALEMBIC_VERSION.format('alembic_version')}; INSERT INTO alembic_version VALUES ('{HEAD}')")
    postgres.create_role(role, "a password")
    try:
        url = postgres.url(name, role)
        for wrong, says in (
            (url, f'GRANT SELECT ON "public"."alembic_version" TO "{role}"'),
            (postgres.url(name, role, "hunter2"), "password authentication failed"),
            (postgres.url("nowhere", role), 'database "nowhere" does not exist'),
        ):
            code, told = ends(*ALEMBIC, url=wrong)
            assert (code, says in told) == (4, True), told
        run(f'GRANT SELECT ON "public"."alembic_version" TO "{role}"')
        assert ends(*ALEMBIC, url=url)[0] == 0
    finally:
        run(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_locked_table(ends, database, run):
    """Who locks the table is named."""
    run(ALEMBIC_VERSION.format("alembic_version"))
    with psycopg.connect(database) as migration:
        migration.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        code, told = ends(*ALEMBIC)
        assert (code, f"is locked by pid {migration.info.backend_pid}" in told) == (124, True), told


def test_query(ends, run):
    """The user's own query is asked."""
    argv = ("--tool", "query", "--revision", "5", "--query", "SELECT v FROM changes")
    assert ends(*argv)[0] == 124
    run("CREATE TABLE changes (v int); INSERT INTO changes VALUES (5)")
    assert ends(*argv)[0] == 0


@pytest.mark.parametrize(
    "fixture", [pytest.param(each, id=each.tool) for each in test_where.DONE if each.tool in ONE_OF_EACH_KIND]
)
@test_where.on_each_path
def test_another_services_history(gate, database, fixture, path, tools):
    """As `test_where` has it for all tools."""
    test_where.test_another_services_history(gate, database, fixture, path, tools)
