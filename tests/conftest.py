"""What several folders' tests share: the program, one real API server for the session, and new databases."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from servers.apiserver import ApiServer
from servers.gate import GateProcess
from servers.kubebuilder import assets
from servers.postgres import Postgres


@pytest.fixture
def gate() -> Iterator[Callable[..., GateProcess]]:
    """Start the program with these arguments, as GateProcess does, and end it with the test at the latest."""
    with ExitStack() as running:

        def start(*args: str, **options: Any) -> GateProcess:
            return running.enter_context(GateProcess(*args, **options))

        yield start


@pytest.fixture(scope="session")
def apiserver(pytestconfig: pytest.Config) -> Iterator[ApiServer]:
    """Start an API server."""
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        assets()  # a first run builds for minutes, and says so
    with ApiServer() as server:
        yield server


@pytest.fixture
def namespace(apiserver: ApiServer) -> str:
    """Create a namespace that no other test uses."""
    name = f"test-{secrets.token_hex(4)}"
    apiserver.create_namespace(name)
    return name


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Return the URL of a new database, of the server that the folder has."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)
