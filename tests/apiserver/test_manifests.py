"""`manifests/job`: its gate opens with the rights that it grants, which allow nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes import config
from kubernetes.client import ApiClient

from servers.apiserver import ApiServer

MANIFESTS = {
    manifest["kind"]: manifest
    for file in sorted((Path(__file__).parents[2] / "manifests" / "job").glob("*.yaml"))
    for manifest in yaml.safe_load_all(file.read_text())
}
JOB = MANIFESTS["Job"]["metadata"]["name"]
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
FORBIDDEN = {
    "get the Job": ("GET", f"/apis/batch/v1/namespaces/{{}}/jobs/{JOB}"),
    "list all Jobs": ("GET", "/apis/batch/v1/namespaces/{}/jobs"),
    "watch all Jobs": ("GET", "/apis/batch/v1/namespaces/{}/jobs?watch=true"),
    "list another Job": ("GET", "/apis/batch/v1/namespaces/{}/jobs?fieldSelector=metadata.name%3Dother"),
    "list the Job elsewhere": ("GET", f"/apis/batch/v1/namespaces/default/jobs?fieldSelector=metadata.name%3D{JOB}"),
    "delete the Job": ("DELETE", f"/apis/batch/v1/namespaces/{{}}/jobs/{JOB}"),
    "list pods": ("GET", "/api/v1/namespaces/{}/pods"),
    "list Secrets": ("GET", "/api/v1/namespaces/{}/secrets"),
    "create events": ("POST", "/api/v1/namespaces/{}/events"),
}


@pytest.fixture
def kubeconfig(apiserver: ApiServer, namespace: str) -> Path:
    """Apply the manifests, with the Job left to the test, and return a kubeconfig of the gate's ServiceAccount."""
    job = MANIFESTS["Job"]
    unmanaged = {**job, "spec": {**job["spec"], "managedBy": "example.com/test"}}
    kubeconfig = apiserver.kubeconfig_for(namespace, POD["serviceAccountName"])
    apiserver.apply([*(MANIFESTS | {"Job": unmanaged}).values()], namespace)
    return kubeconfig


@pytest.fixture
def account(kubeconfig: Path) -> Iterator[ApiClient]:
    """Return a client of the gate's ServiceAccount."""
    with config.new_client_from_config(str(kubeconfig)) as api:
        yield api


def test_gate(apiserver, namespace, kubeconfig, gate):
    """The Deployment's gate holds while the Job runs, and opens when it is Complete."""
    (init,) = POD["initContainers"]
    apiserver.run(namespace, JOB)
    process = gate(*init["args"], "--kubeconfig", str(kubeconfig))
    process.until(f"waiting: Job {namespace}/{JOB}: is running")
    apiserver.complete(namespace, JOB)
    assert process.end() == 0


def test_rights(account, namespace):
    """The gate's ServiceAccount may list and watch the one Job, beyond what every account may."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    call = account.param_serialize(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        header_params={"Accept": "application/json", "Content-Type": "application/json"},
        body=review,
        auth_settings=["BearerToken"],
    )
    response = account.call_api(*call)
    response.read()
    rules = account.response_deserialize(response, {"default": "object"}).data["status"]["resourceRules"]
    everyones = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}
    assert [rule for rule in rules if not everyones.issuperset(rule["resources"])] == [
        {"apiGroups": ["batch"], "resources": ["jobs"], "resourceNames": [JOB], "verbs": ["list", "watch"]}
    ]


@pytest.mark.parametrize(("method", "path"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden(account, namespace, method, path):
    """The gate's ServiceAccount may do nothing but list and watch the one Job."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    body = {} if method == "POST" else None
    call = account.param_serialize(
        method, path.format(namespace), header_params=headers, body=body, auth_settings=["BearerToken"]
    )
    response = account.call_api(*call)
    response.read()
    assert response.status == 403
