"""One real API server for the session, and a namespace for each test."""

import secrets
from collections.abc import Iterator

import pytest

from servers.apiserver import ApiServer
from servers.kubebuilder import assets


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
