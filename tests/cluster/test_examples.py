"""What manifests/ ships, applied as it stands: every example holds its pod, and ends in a running app.

Their Secrets and hosts are real here too: Services of these names lead to a PostgreSQL whose users have the passwords
that the Secrets hold. Meshes, Argo CD, Helm and network policies are not needed for any of them, and not there.
"""

import re
from collections.abc import Iterator

import pytest
import yaml
from kubernetes.client import ApiClient

from recorder.fixture import HISTORIES, read
from servers.cluster import MANIFESTS, Namespace, Object, gate_of
from servers.postgres import Postgres
from servers.tls import TlsFront

HOSTS = ("postgres", "db", "db-rw", "db-blue", "db-green")
DATABASES = ("app", "shop", "web")
"""Each with a user of the same name."""
WHOLE = ("job", "schema")
ASKED = re.compile(r"schema --tool[= ](\S+) --revision[= ](\S+)")


def runnable() -> list[str]:
    """Return the directories whose kustomization says of nothing that a bare cluster does not have."""
    found = []
    for path in sorted((MANIFESTS / "examples").glob("*/kustomization.yaml")):
        kustomization = yaml.safe_load(path.read_text())
        needs = kustomization.get("metadata", {}).get("annotations", {}).get("needs")
        found += [] if needs else [f"examples/{path.parent.name}"]
    return found


@pytest.fixture(scope="module")
def server(address: str) -> Iterator[Postgres]:
    with Postgres(address) as started:
        for name in DATABASES:
            started.create_database(name)
            started.create_role(name, "change-me")
        yield started


@pytest.fixture(scope="module")
def tls(server: Postgres) -> Iterator[TlsFront]:
    """Listen with TLS: Zalando's clusters take nothing else, and all clients prefer it."""
    with TlsFront(server.host, server.port) as front:
        yield front


def services(host: str, port: int) -> Iterator[Object]:
    """Give the Services by whose names the examples know their databases; all lead to this port."""
    for name in HOSTS:
        metadata = {"name": name, "labels": {"kubernetes.io/service-name": name}}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 5432}]}}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host]}],
            "ports": [{"port": port}],
        }


@pytest.fixture(scope="module")
def applied(cluster: ApiClient, kubeconfig: str, server: Postgres, tls: TlsFront) -> Iterator[dict[str, Namespace]]:
    """Apply all of them at once, each in a namespace of its own, and migrate the databases once they are looked at."""
    namespaces, wanted = {}, {}
    try:
        for directory in [*WHOLE, *runnable()]:
            namespace = namespaces[directory] = Namespace(cluster, kubeconfig)
            namespace.apply(*services(server.host, tls.port))
            objects = built(namespace, directory)
            namespace.apply(*objects)
            (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
            if asked := ASKED.match(" ".join(gate_of(deployment)["args"])):
                wanted[directory] = asked.groups()
        for directory in wanted:
            namespaces[directory].held("nothing is applied yet")
        for tool, revision in set(wanted.values()):
            migrate(server, tool, revision)
        yield namespaces
    finally:
        for namespace in namespaces.values():
            namespace.remove()


def built(namespace: Namespace, directory: str) -> list[Object]:
    """Return the objects that `kubectl apply` makes of a directory, with -f or with -k."""
    path = MANIFESTS / directory
    if directory in WHOLE:
        return [found for file in sorted(path.glob("*.yaml")) for found in yaml.safe_load_all(file.read_text())]
    return list(yaml.safe_load_all(namespace.kubectl("kustomize", path)))


def migrate(server: Postgres, tool: str, revision: str) -> None:
    """Give every database the history that the tool's own run left, in which the last revision has this name."""
    recorded = read(HISTORIES / tool / "postgresql-done.sql")
    (last,) = re.findall(r"--revision (\S+)", recorded.gates[0].args)
    for name in DATABASES:
        with server.connect(name) as connection:
            connection.execute(recorded.sql.replace(f"'{last}'", f"'{revision}'"))
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")


@pytest.mark.parametrize("directory", [*WHOLE, *runnable()])
def test_example(applied, directory):
    """The app starts, and not before the example's Job is Complete; those of a schema were held until then."""
    opened = applied[directory].opened()
    assert opened.message.startswith("opened: ")
    assert opened.restarts == 0
    mode, name, *_ = opened.seen.spec.init_containers[-1].args
    if mode == "job":
        assert applied[directory].job(name).status.completion_time <= opened.app.state.running.started_at
