"""Real pods, with the built image as their init container, in the cluster that KUBECONFIG names.

`tests/cluster/run` provides a cluster and all that it takes; of any other, these are needed:

* the image, under the name in the manifests or in GATEKEEPER_TEST_IMAGE, and busybox from its registry;
* pods that reach this machine, where the tests' PostgreSQL listens: at the address by which this machine reaches the
  node, or at GATEKEEPER_TEST_ADDRESS;
* GATEKEEPER_TEST_RESTART, a command that restarts the cluster's API server, for test_restarts.py alone.

What is missing fails the tests that need it, rather than skipping them. Each test has namespaces of its own.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from kubernetes import config
from kubernetes.client import ApiClient, CoreV1Api

from servers.cluster import Namespace, eventually, gate_of
from servers.examples import ASKED, DATABASES, WHOLE, built, migrate, runnable, services
from servers.postgres import Postgres
from servers.tls import TlsFront


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or pytest.fail(
        "tests/cluster needs KUBECONFIG, of a cluster that has the image; tests/cluster/run provides both"
    )


@pytest.fixture(scope="session")
def cluster(kubeconfig: str) -> Iterator[ApiClient]:
    with config.new_client_from_config(kubeconfig) as client:
        yield client


@pytest.fixture
def make_namespace(cluster: ApiClient, kubeconfig: str) -> Iterator[Callable[[], Namespace]]:
    made: list[Namespace] = []

    def make() -> Namespace:
        made.append(Namespace(cluster, kubeconfig))
        return made[-1]

    yield make
    for namespace in made:
        namespace.remove()


@pytest.fixture
def namespace(make_namespace: Callable[[], Namespace]) -> Namespace:
    return make_namespace()


@pytest.fixture(scope="session")
def address(cluster: ApiClient) -> str:
    """Return this machine's address for pods."""
    if given := os.environ.get("GATEKEEPER_TEST_ADDRESS"):
        return given
    node = CoreV1Api(cluster).list_node().items[0]
    internal = next(each.address for each in node.status.addresses if each.type == "InternalIP")
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect((internal, 9))  # sends nothing, only chooses the route
        return probe.getsockname()[0]


@pytest.fixture(scope="session")
def postgres(address: str) -> Iterator[Postgres]:
    with Postgres(address) as server:
        yield server


@pytest.fixture(scope="session")
def examples_database(address: str) -> Iterator[Postgres]:
    """Start the server that has the databases and users of the examples' Secrets."""
    with Postgres(address) as started:
        for name in DATABASES:
            started.create_database(name)
            started.create_role(name, "change-me")
        yield started


@pytest.fixture(scope="session")
def applied(cluster: ApiClient, kubeconfig: str, examples_database: Postgres) -> Iterator[dict[str, Namespace]]:
    """Apply all of them at once, each in a namespace of its own, and migrate the databases once they are looked at."""
    namespaces, wanted = {}, {}
    try:
        # With TLS: Zalando's clusters take nothing else, and all clients prefer it.
        with TlsFront(examples_database.host, examples_database.port) as tls:
            for directory in [*WHOLE, *runnable()]:
                namespace = namespaces[directory] = Namespace(cluster, kubeconfig)
                namespace.apply(*services(examples_database.host, tls.port))
                objects = built(namespace, directory)
                namespace.apply(*objects)
                (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
                if asked := ASKED.match(" ".join(gate_of(deployment)["args"])):
                    wanted[directory] = asked.groups()
            for directory in wanted:
                namespaces[directory].held("nothing is applied yet")
            for tool, revision in set(wanted.values()):
                migrate(examples_database, tool, revision)
            yield namespaces
    finally:
        for namespace in namespaces.values():
            namespace.remove()


@pytest.fixture
def restart_apiserver(namespace: Namespace) -> Callable[[], None]:
    """Return what ends the cluster's API server, and returns once it is ready again."""
    command = os.environ.get("GATEKEEPER_TEST_RESTART") or pytest.fail(
        "this test needs GATEKEEPER_TEST_RESTART, a command that restarts the API server; tests/cluster/run sets it, "
        "and --ignore tests/cluster/test_restarts.py spares a cluster that is not to be disturbed"
    )

    def restart() -> None:
        subprocess.run(command, shell=True, check=True)
        eventually(namespace.is_served)

    return restart
