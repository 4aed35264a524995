"""`examples/network-policy`, enforced by kube-router: what it lets through, and that it lets nothing else through.

The node has to be this machine. The database is a pod that passes on to the tests' PostgreSQL, the name server one that
passes on to the cluster's, as the example knows them by the labels of pods.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiClient, CoreV1Api, V1Service

from servers.cluster import MANIFESTS, PATIENCE, Namespace, Object, Pod, eventually, gate_of, web
from servers.examples import built, migrate
from servers.kube_router import KubeRouter, left
from servers.postgres import Postgres

EXAMPLE = "examples/network-policy"
JOB = "db-migrate-1-0-0"
UNTIL_KILLED = "trap 'exit 0' TERM; while :; do sleep 1; done"
"""A migration that runs until its pod is told to be done."""
PASSES_ON_NAMES = """
import re, socket
upstream = re.search(r"nameserver (\\S+)", open("/etc/resolv.conf").read())[1]
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("", 53))
while True:
    question, asker = server.recvfrom(4096)
    with socket.socket(type=socket.SOCK_DGRAM) as asked:
        asked.settimeout(2)
        asked.sendto(question, (upstream, 53))
        try:
            server.sendto(asked.recv(4096), asker)
        except OSError:
            pass
"""
REACHES = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        continue
    print(place)
print("tried")
"""
ENDS = "import os, signal; os.kill(1, signal.SIGTERM)"
API_SERVER = "kubernetes.default.svc.cluster.local:443"
DATABASE = "postgres:5432"
OTHER = "other:6443"
RELAY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "relay"},
    "spec": {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "postgres"}},
        "policyTypes": ["Egress"],
        "egress": [{}],
    },
}
"""What a database that is one itself does not need."""


@pytest.fixture(scope="module")
def enforced(cluster: ApiClient, kubeconfig: str, address: str) -> Iterator[None]:
    """Enforce NetworkPolicies while these tests run, and leave nothing of it."""
    (node, *others) = CoreV1Api(cluster).list_node().items
    if others or address not in {each.address for each in node.status.addresses}:
        pytest.fail("NetworkPolicies are enforced by nodes, and this machine is not this cluster's only one")
    with KubeRouter(MANIFESTS.parent / "build" / "kube-router", kubeconfig, node.metadata.name):
        yield
    assert left() == []


@pytest.fixture(scope="module")
def names(cluster: ApiClient) -> Iterator[str]:
    """Return the address of a name server that is a pod, as kube-dns is."""
    core = CoreV1Api(cluster)
    image = os.environ.get("GATEKEEPER_TEST_IMAGE", gate_of(web())["image"])
    container = {
        "name": "dns",
        "image": image,
        "command": ["python3.15", "-c", PASSES_ON_NAMES],
        "securityContext": {"runAsUser": 0},
    }
    metadata = {"generateName": "names-", "labels": {"k8s-app": "kube-dns"}}
    made = core.create_namespaced_pod("kube-system", {"metadata": metadata, "spec": {"containers": [container]}})
    name = made.metadata.name
    pod = eventually(lambda: core.read_namespaced_pod(name, "kube-system"), lambda pod: pod.status.phase == "Running")
    yield pod.status.pod_ip
    core.delete_namespaced_pod(name, "kube-system", grace_period_seconds=0)


@pytest.fixture
def resolving(names: str, namespace: Namespace) -> dict[str, Any]:
    """Return what in a pod's spec has it ask that name server."""
    searches = [f"{namespace.name}.svc.cluster.local"]
    once = [{"name": "timeout", "value": "2"}, {"name": "attempts", "value": "1"}]
    return {"dnsPolicy": "None", "dnsConfig": {"nameservers": [names], "searches": searches, "options": once}}


def listening(name: str, port: int, program: str) -> list[Object]:
    """Return a pod that runs a program for whoever connects, and its Service."""
    deployment = web(name=name)
    pod = deployment["spec"]["template"]["spec"]
    del pod["initContainers"], pod["serviceAccountName"]
    pod["containers"][0]["command"] = ["sh", "-c", f"exec nc -ll -p {port} -e {program}"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app.kubernetes.io/name": name}, "ports": [{"port": port}]},
    }
    return [deployment, service]


def without_a_policy(deployment: Object) -> Object:
    """Return a workload that is the same but for the label by which the policies know it."""
    spec = deployment["spec"]
    labels = {"app.kubernetes.io/name": "stranger"}
    template = spec["template"] | {"metadata": {"labels": labels}}
    changed = spec | {"selector": {"matchLabels": labels}, "template": template}
    return deployment | {"metadata": {"name": "stranger"}, "spec": changed}


def gate(namespace: Namespace, app: str = "web") -> Pod:
    """Return an app's pod, as soon as its gate runs."""
    return namespace.pod(lambda pod: pod.held, app)


def reached(namespace: Namespace, pod: Pod, *places: str) -> set[str]:
    """Return those of the places, each HOST:PORT, to which a pod's gate can connect."""
    container = pod.seen.spec.init_containers[-1].name
    return tried(namespace.run(pod, "python3.15", "-c", REACHES, *places, container=container, seconds=PATIENCE))


def address_of(service: V1Service) -> str:
    """Return where a Service is without its name."""
    return f"{service.spec.cluster_ip}:{service.spec.ports[0].port}"


def reached_by_migration(namespace: Namespace, *places: str) -> set[str]:
    """Return those to which the migration can connect."""
    (pod,) = namespace.pods("db-migrate")
    tries = [f"timeout 1 nc {place.replace(':', ' ')} </dev/null >/dev/null 2>&1 && echo {place}" for place in places]
    command = ["sh", "-c", "; ".join([*tries, "echo tried"])]
    return tried(namespace.run(pod, *command, container="migrate", seconds=PATIENCE))


def tried(said: str) -> set[str]:
    """Return what a command has printed that was to say in the end that it tried all."""
    *reached, last = said.split()
    assert last == "tried"
    return set(reached)


def test_the_example(enforced, namespace: Namespace, resolving, postgres: Postgres, cluster: ApiClient):
    """The gate lists, watches and opens; its pod reaches API server, database and names, others what theirs may."""
    objects = built(namespace, EXAMPLE)
    (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
    (job,) = [found for found in objects if found["kind"] == "Job"]
    job["spec"]["template"]["spec"]["containers"][0]["args"] = [UNTIL_KILLED]
    for workload in (deployment, job):
        workload["spec"]["template"]["spec"] |= resolving
    machine = f"{postgres.host}:{postgres.port}"
    database = listening("postgres", 5432, f"nc {postgres.host} {postgres.port}")
    namespace.apply(*objects, *database, RELAY, *listening("other", 6443, "true"), without_a_policy(deployment))
    (endpoint,) = CoreV1Api(cluster).read_namespaced_endpoints("kubernetes", "default").subsets
    itself = f"{endpoint.addresses[0].ip}:{endpoint.ports[0].port}"
    for app in ("postgres", "other"):
        namespace.pod(lambda pod: pod.ready, app)

    everywhere = (API_SERVER, itself, DATABASE, OTHER, machine)
    held = gate(namespace)
    may = {API_SERVER, itself, DATABASE}
    eventually(lambda: reached(namespace, held, *everywhere), lambda places: places == may)
    eventually(lambda: reached_by_migration(namespace, *everywhere), lambda places: places == {DATABASE})
    stranger = gate(namespace, "stranger")
    eventually(lambda: reached(namespace, stranger, *everywhere), lambda places: not places)
    services = (("kubernetes", "default"), ("postgres", namespace.name), ("other", namespace.name))
    by_address = [address_of(namespace.core.read_namespaced_service(*service)) for service in services]
    assert reached(namespace, stranger, *by_address) == set()
    eventually(lambda: reached(namespace, held, *by_address), lambda places: places == set(by_address[:2]))

    # Until the policies held for their pods the gates could connect, and their watches last: have them connect anew.
    for pod in (held, stranger):
        namespace.run(pod, "python3.15", "-c", ENDS, container="job-gate")
    namespace.held("the API server cannot be reached", "stranger")
    again = namespace.pod(lambda pod: pod.restarts > 0 and pod.held)
    eventually(lambda: namespace.log(again), lambda said: "is running" in said)
    namespace.run(namespace.pods("db-migrate")[0], "kill", "1", container="migrate")
    assert namespace.opened().uid == held.uid
    assert namespace.held("the API server cannot be reached", "stranger").uid == stranger.uid


def test_a_schema_gate(enforced, namespace: Namespace, resolving, examples_database: Postgres):
    """It opens where the policies let it through; where none does it is held, and says what may be the cause."""
    policies = [found for found in built(namespace, EXAMPLE) if found["kind"] == "NetworkPolicy"]
    objects = built(namespace, "schema")
    (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
    deployment["spec"]["template"]["spec"] |= resolving
    database = listening("postgres", 5432, f"nc {examples_database.host} {examples_database.port}")
    namespace.apply(*policies, RELAY, *database, *objects, without_a_policy(deployment))

    namespace.held("nothing is applied yet")
    migrate(examples_database, "django", "shop.0003_stock")
    namespace.opened()
    stranger = gate(namespace, "stranger")
    eventually(
        lambda: namespace.log(stranger),
        lambda said: "a NetworkPolicy, where there is one, must let this pod reach the database" in said,
        2 * PATIENCE,
    )
    assert gate(namespace, "stranger").uid == stranger.uid
