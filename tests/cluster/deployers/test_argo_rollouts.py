"""`examples/deployment-job` as a Rollout in the hands of Argo Rollouts itself: no step of a canary takes an old pod."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient

from servers.argo_rollouts import ArgoRollouts
from servers.cluster import MANIFESTS, Namespace, Pod, eventually
from servers.examples import built

ROOT = MANIFESTS.parent
EXAMPLE = "examples/deployment-job"
REPLICAS = 4
CANARY = {"maxSurge": 1, "maxUnavailable": 0, "steps": [{"setWeight": 25}, {"pause": {}}]}
UNTIL_KILLED = "trap 'exit 0' TERM; while :; do sleep 1; done"
"""A migration that runs until its pod is told to be done."""
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app.kubernetes.io/name": "web"}, "ports": [{"port": 80}]},
}
VERSION = {"name": "VERSION", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/version']"}}}
LABEL = {"pairs": {"app.kubernetes.io/version": "1.4.0"}, "includeTemplates": True}
INTO_ROLLOUTS = {"fields": [{"kind": "Rollout", "path": "spec/template/metadata/labels", "create": True}]}


class Web:
    """The Rollout `web` in a namespace, and its releases."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder

    def edit(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the one object of a file of the example."""
        path = self._folder / EXAMPLE / name
        found = yaml.safe_load(path.read_text())
        change(found)
        path.write_text(yaml.safe_dump(found))

    def release(self, version: str, command: str = "true") -> None:
        """Apply a release, whose migration runs this command once; a Job that is there stays as it is."""
        self.edit("kustomization.yaml", lambda found: found.update(transformers=[release_named(found, version)]))
        objects = built(self.namespace, EXAMPLE, self._folder)
        if self.namespace.job(migration(version)):
            objects = [found for found in objects if found["kind"] != "Job"]
        for job in [found for found in objects if found["kind"] == "Job"]:
            job["spec"]["backoffLimit"] = 0
            job["spec"]["template"]["spec"]["containers"][0]["args"] = [command]
        self.namespace.apply(*objects)

    def of(self, version: str) -> list[Pod]:
        """Return a release's pods."""
        return [pod for pod in self.namespace.pods() if args(pod)[1] == migration(version)]

    def serving(self, version: str) -> set[str]:
        """Return the names of a release's pods that are ready."""
        return {pod.name for pod in self.of(version) if pod.ready}

    def serves(self, version: str, number: int = REPLICAS, but: str = "") -> set[str]:
        """Return the names of a release's ready pods, once there are so many, without this one."""
        return eventually(
            lambda: self.serving(version), lambda names: len(names) == number and but not in names, besides=self.told
        )

    def behind_the_service(self) -> set[str]:
        """Return the names of the pods that the Service selects."""
        core, namespace = self.namespace.core, self.namespace.name
        selector = core.read_namespaced_service("web", namespace).spec.selector
        wanted = ",".join(f"{key}={value}" for key, value in selector.items())
        found = core.list_namespaced_pod(namespace, label_selector=wanted).items
        return {pod.metadata.name for pod in found if not pod.metadata.deletion_timestamp}

    def status(self) -> dict[str, Any]:
        """Return what the controller says of the Rollout."""
        return json.loads(self.namespace.kubectl("get", "rollout", "web", "--output=json")).get("status", {})

    def comes_to(self, phase: str, step: int) -> None:
        """Return once the controller says that it is at this step, in this phase."""
        eventually(self.status, lambda status: (status.get("phase"), status.get("currentStepIndex")) == (phase, step))

    def told(self) -> str:
        """Return the controller's words and the gates', for a test that fails."""
        gates = [f"{pod.name}: {pod.message or self.namespace.log(pod)}" for pod in self.namespace.pods()]
        return "\n".join(["", str(self.status()), *gates])

    def write(self, **status: Any) -> None:
        """Write into its status, which is all that `kubectl argo rollouts abort` and `promote` do."""
        patch = json.dumps({"status": status})
        self.namespace.kubectl("patch", "rollout", "web", "--subresource=status", "--type=merge", "--patch", patch)

    def complete(self, version: str) -> None:
        """Have a release's migration be done."""
        core, of = self.namespace.core, {"label_selector": f"job-name={migration(version)}"}
        (pod,) = eventually(
            lambda: core.list_namespaced_pod(self.namespace.name, **of).items,
            lambda pods: [pod.status.phase for pod in pods] == ["Running"],
        )
        self.namespace.run(Pod(pod), "kill", "1", container="migrate")

    def evict(self, version: str) -> None:
        """Have one of a release's ready pods evicted, and return once there are as many again."""
        (first, *_) = sorted(self.serving(version))
        namespace = self.namespace.name
        self.namespace.core.create_namespaced_pod_eviction(first, namespace, {"metadata": {"name": first}})
        self.serves(version, but=first)


def migration(version: str) -> str:
    return f"db-migrate-{version}"


def release_named(kustomization: dict[str, Any], version: str) -> str:
    (transformer,) = kustomization["transformers"]
    return yaml.safe_dump(yaml.safe_load(transformer) | {"suffix": f"-{version}"})


def args(pod: Pod) -> list[str]:
    return pod.seen.spec.init_containers[-1].args


def as_rollout(deployment: dict[str, Any]) -> None:
    deployment |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    deployment["spec"] |= {"replicas": REPLICAS, "strategy": {"canary": CANARY}}


@pytest.fixture(scope="module")
def controller(cluster: ApiClient, kubeconfig: str) -> Iterator[None]:
    namespace = Namespace(cluster, kubeconfig)
    with ArgoRollouts(ROOT / "build" / "argo-rollouts", kubeconfig, namespace):
        yield
    namespace.remove()


@pytest.fixture
def web(controller: None, namespace: Namespace, tmp_path: Path) -> Web:
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    web = Web(namespace, tmp_path / "manifests")
    web.edit("deployment.yaml", as_rollout)
    return web


def test_a_canary_waits_for_its_migration(web: Web):
    """While the Job runs the canary is held, and old pods serve and come back; it goes on when the Job is Complete."""
    web.release("1-0-0")
    web.serves("1-0-0")
    web.comes_to("Healthy", 2)

    web.release("2-0-0", UNTIL_KILLED)
    held = web.namespace.pod(lambda pod: pod.held and "is running" in web.namespace.log(pod))
    assert args(held)[1] == "db-migrate-2-0-0"
    web.evict("1-0-0")
    assert [pod.name for pod in web.of("2-0-0") if pod.held] == [held.name]
    web.comes_to("Progressing", 0)

    web.complete("2-0-0")
    assert web.serves("2-0-0", 1) == {held.name}
    web.comes_to("Paused", 1)
    web.serves("1-0-0", REPLICAS - 1)

    web.write(pauseConditions=None)
    assert held.name in web.serves("2-0-0")
    web.comes_to("Healthy", 2)
    assert not web.of("1-0-0")


def test_a_canary_whose_migration_failed(web: Web):
    """It is refused, and the old pods serve and come back; an abort and a revert replace none of them."""
    web.release("1-0-0")
    web.serves("1-0-0")
    web.release("2-0-0", "exit 1")
    refused = web.namespace.pod(lambda pod: pod.restarts > 0)
    assert (args(refused)[1], refused.ended.exit_code) == ("db-migrate-2-0-0", 3)
    web.evict("1-0-0")

    web.write(abort=True)
    web.comes_to("Degraded", 0)
    eventually(lambda: web.of("2-0-0"), lambda pods: not pods)
    web.evict("1-0-0")
    old = web.serving("1-0-0")
    web.release("1-0-0")
    web.comes_to("Healthy", 2)
    assert web.serving("1-0-0") == old


def test_blue_and_green(web: Web):
    """The Service stays with the blue pods, which come back, until the green ones' migration is done."""
    web.edit("deployment.yaml", lambda found: found["spec"].update(strategy={"blueGreen": {"activeService": "web"}}))
    web.namespace.apply(SERVICE)
    web.release("1-0-0")
    blue = web.serves("1-0-0")
    eventually(web.behind_the_service, lambda names: names == blue)
    web.release("2-0-0", UNTIL_KILLED)
    eventually(lambda: web.of("2-0-0"), lambda pods: sum(pod.held for pod in pods) == REPLICAS)
    web.evict("1-0-0")
    assert web.behind_the_service() == web.serving("1-0-0")
    web.complete("2-0-0")
    green = web.serves("2-0-0")
    eventually(web.behind_the_service, lambda names: names == green)


def test_an_undone_release(web: Web):
    """Pods of the release before open at once when Argo Rollouts goes back to it, and no migration is run again."""
    web.release("1-0-0")
    web.serves("1-0-0")
    ran = web.namespace.job(migration("1-0-0")).metadata.uid
    web.release("2-0-0")
    web.comes_to("Paused", 1)
    web.write(promoteFull=True)
    web.serves("2-0-0")
    web.comes_to("Healthy", 2)

    web.release("1-0-0")
    web.comes_to("Paused", 1)
    web.write(promoteFull=True)
    web.serves("1-0-0")
    assert web.namespace.job(migration("1-0-0")).metadata.uid == ran


@pytest.mark.parametrize("fields", [{}, INTO_ROLLOUTS], ids=["as for a Deployment", "into Rollouts"])
def test_the_label_of_a_rollouts_pods(web: Web, fields: dict[str, Any]):
    """The labels of kustomize reach no Rollout's template unless told to, and a gate that reads one there says so."""
    require = ["--require", "app.kubernetes.io/version=$(VERSION)"]

    def asks(gate: dict[str, Any]) -> None:
        (container,) = gate["template"]["spec"]["initContainers"]
        container |= {"args": [*container["args"], *require], "env": [VERSION]}

    web.edit("gate.yaml", asks)
    web.edit("kustomization.yaml", lambda found: found.update(labels=[LABEL | fields]))
    web.release("1-0-0")
    if fields:
        web.serves("1-0-0")
    else:
        shut = web.namespace.pod(lambda pod: pod.ended)
        assert shut.ended.exit_code == 2
        assert "--require: 'app.kubernetes.io/version=' has no value" in shut.message
        assert "label" in shut.message
