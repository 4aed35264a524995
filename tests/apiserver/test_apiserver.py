"""The harness itself: the server is a real one, and can be made to show what a gate may meet."""

import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kubernetes import config
from kubernetes.client import BatchV1Api, VersionApi
from kubernetes.client.exceptions import ApiException

from servers.apiserver import ApiServer, Request

READ_ONE_JOB = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: gate}
rules: [{apiGroups: [batch], resources: [jobs], resourceNames: [migrate], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gate}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: gate}
subjects: [{kind: ServiceAccount, name: gate}]
"""


def conditions(job: dict) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in job["status"]["conditions"]}


def test_version(apiserver):
    """The server is of a version for which manifests/ is valid."""
    version = VersionApi(apiserver.api).get_code()
    assert version.major == "1"
    assert 29 <= int(version.minor) <= 36


def test_complete(apiserver, namespace):
    """A running Job can be made Complete."""
    apiserver.create_job(namespace, "migrate")
    running = apiserver.run(namespace, "migrate")
    complete = apiserver.complete(namespace, "migrate")
    assert running["status"]["active"] == 1
    assert conditions(complete) == {"SuccessCriteriaMet": "True", "Complete": "True"}


def test_complete_since(apiserver, namespace):
    """A Job can be made Complete since any time past."""
    apiserver.create_job(namespace, "migrate")
    job = apiserver.complete(namespace, "migrate", datetime.now(UTC) - timedelta(days=3))
    age = datetime.now(UTC) - datetime.fromisoformat(job["status"]["completionTime"])
    assert age.days == 3


def test_fail(apiserver, namespace):
    """A running Job can be made Failed, for a reason."""
    apiserver.create_job(namespace, "migrate")
    apiserver.run(namespace, "migrate")
    job = apiserver.fail(namespace, "migrate", "DeadlineExceeded", "Job was active longer than specified deadline")
    assert conditions(job) == {"FailureTarget": "True", "Failed": "True"}
    assert {condition["reason"] for condition in job["status"]["conditions"]} == {"DeadlineExceeded"}


def test_suspend(apiserver, namespace):
    """A running Job can be suspended, and has then not started."""
    apiserver.create_job(namespace, "migrate")
    apiserver.run(namespace, "migrate")
    job = apiserver.suspend(namespace, "migrate")
    assert conditions(job) == {"Suspended": "True"}
    assert "startTime" not in job["status"]


def test_status_is_validated(apiserver, namespace):
    """A status that no controller may write is rejected."""
    apiserver.create_job(namespace, "migrate")
    with pytest.raises(ApiException, match="completionTime is required for Complete jobs"):
        apiserver.set_status(namespace, "migrate", {"conditions": [{"type": "Complete", "status": "True"}]})


def test_delete_in_foreground(apiserver, namespace):
    """A Job deleted in the foreground is being deleted until it is deleted again."""
    apiserver.create_job(namespace, "migrate")
    jobs = BatchV1Api(apiserver.api)
    apiserver.delete_job(namespace, "migrate", foreground=True)
    assert jobs.read_namespaced_job("migrate", namespace).metadata.deletion_timestamp
    apiserver.delete_job(namespace, "migrate")
    assert not jobs.list_namespaced_job(namespace).items


@pytest.fixture
def gate(apiserver: ApiServer, namespace: str, tmp_path: Path) -> str:
    """Let the ServiceAccount `gate` list and watch the Job `migrate`, and return its user name."""
    manifests = tmp_path / "role.yaml"
    manifests.write_text(READ_ONE_JOB)
    apiserver.apply(manifests, namespace)
    return f"system:serviceaccount:{namespace}:gate"


def test_one_job(apiserver, namespace, gate):
    """An account with a Role on one Job may list that Job and nothing else, and the audit log has what it asked."""
    apiserver.create_job(namespace, "migrate")
    kubeconfig = apiserver.kubeconfig_for(namespace, "gate")
    with config.new_client_from_config(str(kubeconfig)) as api:
        jobs = BatchV1Api(api)
        found = jobs.list_namespaced_job(namespace, field_selector="metadata.name=migrate")
        for selector in (None, "metadata.name=other"):
            with pytest.raises(ApiException, match="Forbidden"):
                jobs.list_namespaced_job(namespace, field_selector=selector)
        with pytest.raises(ApiException, match="Forbidden"):
            jobs.read_namespaced_job("migrate", namespace)
    assert [job.metadata.name for job in found.items] == ["migrate"]
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    assert [request for request in apiserver.requests() if request.user == gate] == [
        Request("list", f"{path}?fieldSelector=metadata.name%3Dmigrate", gate, 200),
        Request("list", path, gate, 403),
        Request("list", f"{path}?fieldSelector=metadata.name%3Dother", gate, 403),
        Request("get", f"{path}/migrate", gate, 403),
    ]


def test_account_folder(apiserver, namespace, gate):
    """An account's folder has what a pod needs to watch a Job, and an open watch is in the audit log."""
    folder = apiserver.account(namespace, "gate")
    assert (folder / "namespace").read_text() == namespace
    uri = f"/apis/batch/v1/namespaces/{namespace}/jobs?fieldSelector=metadata.name%3Dmigrate&watch=true"
    request = urllib.request.Request(apiserver.url + uri)
    request.add_header("Authorization", f"Bearer {(folder / 'token').read_text()}")
    tls = ssl.create_default_context(cafile=folder / "ca.crt")
    with urllib.request.urlopen(request, context=tls):
        assert Request("watch", uri, gate, 200) in apiserver.requests()


def test_outage(apiserver, namespace):
    """A server that was stopped and started again has its data and its address."""
    apiserver.create_job(namespace, "migrate")
    apiserver.stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(apiserver.url)
    apiserver.start()
    assert BatchV1Api(apiserver.api).read_namespaced_job("migrate", namespace)
