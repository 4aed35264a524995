"""A Deployment whose pods have a gate: what its users meet while it is rolled out."""

from servers.cluster import JOB, Namespace, Object, eventually, migration, rights, web

REPLICAS = 20


def release(version: str) -> Object:
    """Return a Deployment of two pods, each of which serves its own name."""
    deployment = web("job", JOB, "--require", f"app.kubernetes.io/version={version}", replicas=2)
    pod = deployment["spec"]["template"]
    pod["metadata"]["labels"]["app.kubernetes.io/version"] = version
    (container,) = pod["spec"]["containers"]
    container["command"] = ["httpd", "-f", "-p", "8080", "-h", "/etc"]
    container["readinessProbe"] = {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1}
    return deployment


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app.kubernetes.io/name": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def served_by(namespace: Namespace) -> str:
    """Return the name of the pod that answers at the Service."""
    ask = namespace.core.connect_get_namespaced_service_proxy_with_path
    return ask("web:80", namespace.name, "hostname").strip()


def ready(namespace: Namespace) -> set[str]:
    return {pod.name for pod in namespace.pods() if pod.ready}


def test_old_pods_serve_until_the_migration_of_the_new_ones_is_fine(namespace):
    """A failed migration leaves the old pods serving, and once it is mended and run again they are replaced."""
    namespace.apply(*rights(), SERVICE, migration(version="1.0.0"), release("1.0.0"))
    old = eventually(lambda: ready(namespace), lambda names: len(names) == 2)

    namespace.replace(migration("exit 1", version="2.0.0"))
    namespace.apply(release("2.0.0"))
    refused = namespace.pod(lambda pod: pod.restarts > 0)
    assert refused.ended.exit_code == 3
    assert ready(namespace) == old
    assert served_by(namespace) in old

    namespace.replace(migration("true", version="2.0.0"))
    new = eventually(lambda: ready(namespace), lambda names: len(names) == 2 and not names & old)
    assert refused.name in new
    assert eventually(lambda: served_by(namespace), lambda name: name not in old) in new


def test_twenty_replicas_are_released_together(namespace):
    """Twenty gates hold and open without a fault: no request of theirs fails, and none is started again."""
    namespace.apply(*rights(), migration(suspend=True), web(replicas=REPLICAS))
    eventually(lambda: [namespace.log(pod) for pod in namespace.pods()], lambda logs: held(logs) == REPLICAS)

    namespace.resume()
    pods = eventually(namespace.pods, lambda pods: sum(pod.ready for pod in pods) == REPLICAS)
    assert {pod.restarts for pod in pods} == {0}
    events = {line.split()[1] for pod in pods for line in namespace.log(pod).splitlines()}
    assert events == {"holding:", "waiting:", "open:", "opened:"}
    assert not [log for log in map(namespace.log, pods) if "API server" in log]


def held(logs: list[str]) -> int:
    return sum("is suspended; see kubectl describe" in log for log in logs)
