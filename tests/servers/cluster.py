"""A namespace of a real cluster, with what a test does in it: apply manifests, look at pods, read what they say.

Objects are the manifests that are shipped, as dictionaries, changed only in what a test is about.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from kubernetes.client import (
    ApiClient,
    ApiException,
    BatchV1Api,
    CoreV1Api,
    CoreV1Event,
    V1ContainerStateTerminated,
    V1ContainerStatus,
    V1Job,
    V1Pod,
)
from kubernetes.stream import stream
from kubernetes.watch import Watch

from servers.kubebuilder import assets

MANIFESTS = Path(__file__).parents[2] / "manifests"
PATIENCE = 90.0
JOB = "db-migrate-1-0-0"
"""The Job of manifests/job."""

Object = dict[str, Any]
Seen = TypeVar("Seen")


def eventually(
    look: Callable[[], Seen],
    holds: Callable[[Seen], object] = bool,
    seconds: float = PATIENCE,
    besides: Callable[[], str] = str,
) -> Seen:
    """Return the first thing seen of which the condition holds; fail after so many seconds, with the last one seen."""
    deadline = time.monotonic() + seconds
    while not holds(seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} s; last seen: {seen}{besides()}")
        time.sleep(0.2)
    return seen


class Pod:
    """A pod as the kubelet last told of it. Its gate is the last of its init containers."""

    def __init__(self, seen: V1Pod) -> None:
        self.seen = seen
        self.name: str = seen.metadata.name
        self.uid: str = seen.metadata.uid

    def __repr__(self) -> str:
        """Return what the kubelet told, for a test that fails."""
        return str(self.seen.status)

    @property
    def gate(self) -> V1ContainerStatus | None:
        return (self.seen.status.init_container_statuses or [None])[-1]

    @property
    def app(self) -> V1ContainerStatus | None:
        return (self.seen.status.container_statuses or [None])[0]

    @property
    def held(self) -> bool:
        """Whether the gate runs, and the app waits for it."""
        return bool(self.gate and self.gate.state.running and self.app.state.waiting.reason == "PodInitializing")

    @property
    def ended(self) -> V1ContainerStateTerminated | None:
        """How the gate ended, also where the kubelet has started it again since."""
        return self.gate and (self.gate.state.terminated or self.gate.last_state.terminated)

    @property
    def message(self) -> str:
        """The gate's termination message."""
        return self.ended.message or "" if self.ended else ""

    @property
    def restarts(self) -> int:
        return self.gate.restart_count if self.gate else 0

    @property
    def ready(self) -> bool:
        return self.seen.status.phase == "Running" and bool(self.app and self.app.ready)


class Namespace:
    """A new namespace that enforces Pod Security `restricted`."""

    def __init__(self, cluster: ApiClient, kubeconfig: str) -> None:
        self.name = f"gate-{secrets.token_hex(4)}"
        self.core = CoreV1Api(cluster)
        self._jobs = BatchV1Api(cluster)
        program = shutil.which("kubectl") or assets() / "kubectl"
        self._kubectl = [program, "--kubeconfig", kubeconfig, "--namespace", self.name]
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.core.create_namespace({"metadata": {"name": self.name, "labels": labels}})

    def remove(self) -> None:
        """Have the namespace deleted, with all that is in it; its pods need not be waited for."""
        self.core.delete_namespace(self.name)

    def is_served(self) -> bool:
        """Tell whether the API server is ready."""
        command = [*self._kubectl, "get", "--raw=/readyz"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def kubectl(self, *args: str | Path, stdin: str = "") -> str:
        """Run kubectl in this namespace, and return what it prints."""
        done = subprocess.run([*self._kubectl, *args], input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"kubectl {' '.join(map(str, args))}: {done.stderr}")
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply objects, whose gate has the image that the cluster holds."""
        shipped = gate_of(web())["image"]
        text = yaml.safe_dump_all(objects).replace(shipped, os.environ.get("GATEKEEPER_TEST_IMAGE", shipped))
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=text)

    def pods(self, app: str = "web") -> list[Pod]:
        """Return the pods of an app that are not being deleted."""
        found = self.core.list_namespaced_pod(self.name, label_selector=f"app.kubernetes.io/name={app}").items
        return [Pod(pod) for pod in found if not pod.metadata.deletion_timestamp]

    def pod(self, holds: Callable[[Pod], object], app: str = "web") -> Pod:
        """Return the first pod of an app of which the condition holds, as soon as there is one."""
        chosen: list[Pod] = []
        eventually(
            lambda: self.pods(app),
            lambda pods: chosen.extend(filter(holds, pods)) or chosen,
            besides=lambda: "".join(f"\nthe gate of {pod.name}:\n{self.log(pod)}" for pod in self.pods(app)),
        )
        return chosen[0]

    def held(self, reason: str, app: str = "web") -> Pod:
        """Return a pod that is held, once its gate has said this reason."""
        return self.pod(lambda pod: pod.held and reason in self.log(pod), app)

    def opened(self, app: str = "web") -> Pod:
        """Return a pod whose gate has opened and whose app is ready."""
        return self.pod(lambda pod: pod.ready, app)

    def changes(self, pod: Pod) -> Iterator[Pod]:
        """Give a pod at every change since it was seen, until it is deleted."""
        since = {"field_selector": f"metadata.name={pod.name}", "resource_version": pod.seen.metadata.resource_version}
        watch = Watch()
        for event in watch.stream(self.core.list_namespaced_pod, self.name, **since, timeout_seconds=int(PATIENCE)):
            yield Pod(event["object"])
            if event["type"] == "DELETED":
                watch.stop()

    def events(self, pod: Pod, reason: str) -> list[CoreV1Event]:
        """Return the events of a pod that have this reason."""
        of = f"involvedObject.uid={pod.uid},reason={reason}"
        return self.core.list_namespaced_event(self.name, field_selector=of).items

    def log(self, pod: Pod) -> str:
        """Return what the pod's gate has said since it was last started."""
        container = pod.seen.spec.init_containers[-1].name
        try:
            return self.core.read_namespaced_pod_log(pod.name, self.name, container=container) or ""
        except ApiException as fault:
            if fault.status in (400, 404):  # not started yet, or gone
                return ""
            raise

    def run(self, pod: Pod, *command: str, container: str = "web", seconds: float = 10) -> str:
        """Return what a command prints in the pod's app, or in another of its containers, in so many seconds."""
        execute = self.core.connect_get_namespaced_pod_exec
        request = {
            "command": list(command),
            "container": container,
            "stdout": True,
            "stderr": True,
            "_preload_content": False,
        }
        session = stream(execute, pod.name, self.name, **request)
        session.run_forever(timeout=seconds)
        session.sock.shutdown()  # close() leaves the socket open where the server was first to close.
        return session.read_all()

    def job(self, name: str = JOB) -> V1Job | None:
        """Return a Job; None where there is none."""
        try:
            return self._jobs.read_namespaced_job(name, self.name)
        except ApiException as fault:
            if fault.status == 404:
                return None
            raise

    def resume(self, name: str = JOB) -> None:
        """Let a suspended Job run."""
        self._jobs.patch_namespaced_job(name, self.name, {"spec": {"suspend": False}})

    def replace(self, job: Object) -> None:
        """Delete the Job of this name if there is one, and create this one: a Job's pods cannot be changed."""
        self.kubectl("delete", "job", job["metadata"]["name"], "--ignore-not-found")
        self.apply(job)


def manifests(*paths: str) -> list[Object]:
    """Return the objects of these files in manifests/."""
    return [found for path in paths for found in yaml.safe_load_all((MANIFESTS / path).read_text())]


def rights() -> list[Object]:
    """Return the app's account, and what lets its gate read the Job."""
    return manifests("job/serviceaccount.yaml", "job/role.yaml", "job/rolebinding.yaml")


def migration(command: str = "true", *, version: str = "1.0.0", **spec: Any) -> Object:
    """Return the Job of manifests/job, which runs this command once."""
    (job,) = manifests("job/migration-job.yaml")
    job["metadata"]["labels"] = {"app.kubernetes.io/version": version}
    job["spec"] |= {"backoffLimit": 0, **spec}
    job["spec"]["template"]["spec"]["containers"][0]["args"] = [command]
    return job


def web(*args: str, path: str = "job/deployment.yaml", name: str = "web", replicas: int = 1) -> Object:
    """Return a Deployment of manifests/, under this name, whose gate has these arguments if any are given."""
    (deployment,) = manifests(path)
    deployment["metadata"]["name"] = name
    deployment["spec"]["replicas"] = replicas
    deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] = name
    deployment["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = name
    if args:
        gate_of(deployment)["args"] = list(args)
    return deployment


def gate_of(workload: Object) -> Object:
    """Return the gate of a workload, the last of its init containers."""
    return workload["spec"]["template"]["spec"]["initContainers"][-1]
