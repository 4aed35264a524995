"""Real servers for the session, a fresh database for each test that wants one, and the table of conformance."""

import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest

from gatekeeper.histories import mysql
from recorder.fixture import Fixture
from servers.mariadb import MariaDB, Server
from servers.postgres import Postgres

CONFORMANCE = pytest.StashKey[dict[tuple[str, str], list[str]]]()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Start a server, or take the one whose administrator's URL is in GATEKEEPER_TEST_MYSQL_URL."""
    if url := os.environ.get("GATEKEEPER_TEST_MYSQL_URL"):
        given = mysql.connection_parameters(url)
        server = Server(
            given.get("host", "localhost"), int(given.get("port", mysql.PORT)), given["user"], given.get("password", "")
        )
        yield server
        server.drop_users()
    else:
        with MariaDB(**{"plugin-load-add": "metadata_lock_info"}) as server:
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
