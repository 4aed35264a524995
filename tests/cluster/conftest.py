"""Real pods: the built image as the init container of manifests/job, in the cluster that KUBECONFIG names.

The cluster must hold the image under the manifests' name, or under GATEKEEPER_TEST_IMAGE. Without a cluster every test
here fails, rather than being skipped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes import config, utils
from kubernetes.client import ApiClient, BatchV1Api, CoreV1Api, V1Job, V1Namespace, V1ObjectMeta, V1Pod
from kubernetes.stream import stream

MANIFESTS = Path(__file__).parents[2] / "manifests"


class Release:
    """The objects of manifests/job, in a namespace of their own that enforces Pod Security `restricted`."""

    def __init__(self, cluster: ApiClient, namespace: str) -> None:
        self._cluster = cluster
        self._core = CoreV1Api(cluster)
        self._namespace = namespace

    def apply(self, *, migration: str | None = None) -> None:
        """Create every object; the migration is a shell command, run once, in place of the manifest's own."""
        for path in sorted((MANIFESTS / "job").glob("*.yaml")):
            manifest = yaml.safe_load(path.read_text())
            if manifest["kind"] == "Deployment" and (image := os.environ.get("GATEKEEPER_TEST_IMAGE")):
                manifest["spec"]["template"]["spec"]["initContainers"][0]["image"] = image
            if manifest["kind"] == "Job" and migration:
                manifest["spec"]["backoffLimit"] = 0
                manifest["spec"]["template"]["spec"]["containers"][0]["args"] = [migration]
            utils.create_from_dict(self._cluster, manifest, namespace=self._namespace)

    def job(self) -> V1Job:
        """Return the migration's Job."""
        return BatchV1Api(self._cluster).read_namespaced_job("db-migrate", self._namespace)

    def pod(self) -> V1Pod | None:
        """Return the Deployment's pod, once there is one."""
        pods = self._core.list_namespaced_pod(self._namespace, label_selector="app.kubernetes.io/name=web").items
        return pods[0] if pods else None

    def run(self, pod: V1Pod, *command: str) -> str:
        """Return what a command prints in the pod's app."""
        execute = self._core.connect_get_namespaced_pod_exec
        request = {"command": list(command), "stdout": True, "stderr": True, "_preload_content": False}
        session = stream(execute, pod.metadata.name, self._namespace, **request)
        session.run_forever(timeout=10)
        session.sock.shutdown()  # close() leaves the socket open where the server was first to close.
        return session.read_all()


@pytest.fixture(scope="session")
def cluster() -> ApiClient:
    path = os.environ.get("KUBECONFIG")
    if not path:
        pytest.fail("tests/cluster needs KUBECONFIG, of a cluster that has the image; tests/cluster/run provides both")
    return config.new_client_from_config(path)


@pytest.fixture
def release(cluster: ApiClient) -> Iterator[Release]:
    core = CoreV1Api(cluster)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = V1ObjectMeta(generate_name="gate-", labels=labels)
    namespace = core.create_namespace(V1Namespace(metadata=metadata)).metadata.name
    yield Release(cluster, namespace)
    core.delete_namespace(namespace)
