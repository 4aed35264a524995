"""Real servers for the session, a fresh database for each test that wants one, and the table of conformance."""

import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest

from gatekeeper.histories import mysql
from recorder.fixture import Fixture
from servers.mariadb import MariaDB, Server
from servers.mysql import MySQL
from servers.postgres import Postgres

CONFORMANCE = pytest.StashKey[dict[tuple[str, str], list[str]]]()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(MariaDB, marks=pytest.mark.mariadb, id="mariadb"),
        pytest.param(MySQL, marks=pytest.mark.mysql, id="mysql"),
    ],
)
def server_class(request: pytest.FixtureRequest) -> type[MariaDB]:
    """Return what a test is to start that wants a server of its own: it runs once for each."""
    return request.param


@pytest.fixture(scope="session")
def mariadb(server_class: type[MariaDB]) -> Iterator[Server]:
    """Start MariaDB or MySQL; of the latter, take the one whose administrator's URL is GATEKEEPER_TEST_MYSQL_URL."""
    url = os.environ.get("GATEKEEPER_TEST_MYSQL_URL")
    if url and server_class is MySQL:
        given = mysql.connection_parameters(url)
        server = Server(
            given.get("host", "localhost"), int(given.get("port", mysql.PORT)), given["user"], given.get("password", "")
        )
        yield server
        server.drop_users()
    else:
        shows_locks = {"plugin-load-add": "metadata_lock_info"} if server_class is MariaDB else {}
        with server_class(**shows_locks) as server:
            yield server


@pytest.fixture
def mariadb_database(mariadb: Server) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    yield mariadb.create_database(name)
    mariadb.drop_database(name)


@pytest.fixture
def conformance(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Take what the program made of a fixture into the table that is printed at the end."""
    table = request.config.stash.setdefault(CONFORMANCE, defaultdict(list))

    def take(fixture: Fixture, *, ok: bool) -> None:
        outcomes = ", ".join(f"{gate.outcome} ({gate.args})" for gate in fixture.gates)
        table[fixture.tool, fixture.scenario].append(f"{fixture.database} {'ok' if ok else 'WRONG'}: {outcomes}")

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print tool, scenario, and for each database whether the program ended as expected."""
    table = config.stash.get(CONFORMANCE, {})
    if table:
        terminalreporter.section("conformance: tool, scenario, expected")
    for (tool, scenario), results in sorted(table.items()):
        terminalreporter.write_line(f"{tool:16}{scenario:28}{results[0]}")
        for result in results[1:]:
            terminalreporter.write_line(f"{'':44}{result}")
