"""The policies of `manifests/policies`, in force on a real API server: who may, and who may not."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config
from kubernetes.client import ApiClient

import gatekeeper
import shipped
from servers.apiserver import PATIENCE, ApiServer
from shipped import MANIFESTS, Object

MERGE = "application/merge-patch+json"
PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
POLICY = "ValidatingAdmissionPolicy"
PLURALS = {POLICY: "validatingadmissionpolicies", f"{POLICY}Binding": "validatingadmissionpolicybindings"}


def send(
    api: ApiClient, method: str, path: str, body: Object, form: str = "application/json", user: str = ""
) -> Object:
    """Make a request, in the name of another user if one is named, and return what the server answers."""
    headers = {"Accept": "application/json", "Content-Type": form} | ({"Impersonate-User": user} if user else {})
    if user.startswith("system:node:"):
        headers["Impersonate-Group"] = "system:nodes"  # which is what a node's certificate says
    call = api.param_serialize(method, path, header_params=headers, body=body, auth_settings=["BearerToken"])
    response = api.call_api(*call)
    response.read()
    return json.loads(response.data)


def policy(name: str, namespace: str, **variables: str) -> list[Object]:
    """Return a policy and its binding, for one namespace, with these variables written as a user would."""
    made, binding = shipped.build(MANIFESTS / "policies" / name)
    for variable in made["spec"]["variables"]:
        variable["expression"] = variables.pop(variable["name"], variable["expression"])
    assert not variables
    [place] = [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [namespace]}]
    binding["spec"]["matchResources"] = {"namespaceSelector": {"matchExpressions": [place]}}
    return [made, binding]


@pytest.fixture
def enforce(apiserver: ApiServer, namespace: str) -> Iterator[Callable[[list[Object], Callable[[], Object]], None]]:
    """Apply a policy, wait until it refuses what it forbids, and remove it with the test."""
    applied: list[Object] = []

    def start(objects: list[Object], forbidden: Callable[[], Object]) -> None:
        applied.extend(apiserver.apply(objects, namespace))
        deadline = time.monotonic() + PATIENCE
        while POLICY not in forbidden().get("message", ""):
            assert time.monotonic() < deadline, "the policy does not come into force"
            time.sleep(0.1)

    yield start
    for each in reversed(applied):
        path = f"/apis/admissionregistration.k8s.io/v1/{PLURALS[each['kind']]}/{each['metadata']['name']}"
        apiserver.request("DELETE", path)


# -- the status of Jobs -------------------------------------------------------------------------------------------

RUNNING = {"startTime": "2026-11-28T00:00:00Z", "active": 1, "ready": 1}
CONTROLLER = "kube-system/job-controller"
REFUSED = "may not write the status of Jobs and their pods in this namespace"
MAY = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: jobs}
rules:
  - {apiGroups: [batch], resources: [jobs, jobs/status], verbs: ["*"]}
  - {apiGroups: [""], resources: [pods, pods/status], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: jobs}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: jobs}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated"}]
"""
"""All accounts have every right on Jobs and pods in the test's namespace: what stops one is the policy."""


class Jobs:
    """The Jobs of a namespace, and accounts that write them: NAMESPACE/NAME, or a user whom the administrator plays."""

    def __init__(self, apiserver: ApiServer, namespace: str) -> None:
        self._apiserver, self._namespace = apiserver, namespace
        self._clients: dict[str, ApiClient] = {}

    def _client(self, who: str) -> tuple[ApiClient, str]:
        place, _, name = who.partition("/")
        if not name:
            return self._apiserver.api, who
        if who not in self._clients:
            kubeconfig = self._apiserver.kubeconfig_for(place.replace("here", self._namespace), name)
            self._clients[who] = config.new_client_from_config(str(kubeconfig))
        return self._clients[who], ""

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def create(self) -> str:
        """Create a Job, and return its path."""
        name = f"migrate-{secrets.token_hex(4)}"
        self._apiserver.create_job(self._namespace, name)
        return f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{name}"

    def send(self, who: str, method: str, path: str, body: Any, form: str = "application/json") -> Object:
        client, user = self._client(who)
        return send(client, method, path, body, form, user)

    def run(self, who: str) -> Object:
        """Let this account write that a new Job runs."""
        return self.send(who, "PATCH", f"{self.create()}/status", {"status": RUNNING}, MERGE)


@pytest.fixture
def jobs(apiserver: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Jobs]:
    (tmp_path / "rights.yaml").write_text(MAY)
    apiserver.apply(tmp_path / "rights.yaml", namespace)
    made = Jobs(apiserver, namespace)
    yield made
    made.close()


@pytest.fixture
def restricted(jobs: Jobs, enforce, namespace: str) -> Jobs:
    """Return Jobs whose status the Job controller may write, and one operator."""
    writers = "['system:serviceaccount:kube-system:job-controller', 'system:kube-controller-manager', 'operator']"
    enforce(policy("job-status", namespace, writers=writers), lambda: jobs.run("here/pipeline"))
    return jobs


def test_status_unrestricted(jobs):
    """Without the policy, whoever has the right writes the status of a Job."""
    for who in ("here/pipeline", CONTROLLER):
        assert jobs.run(who)["status"] == RUNNING


def test_status_writers(restricted):
    """The Job controller, in either of its names, and whom one names write the status; nobody else does."""
    for who in (CONTROLLER, "system:kube-controller-manager", "operator"):
        assert restricted.run(who)["status"] == RUNNING
    # An account of the controller's name in another namespace is another one; the last is the administrator.
    for who in ("here/pipeline", "here/job-controller", "kube-system/pipeline", "operators", "Operator", ""):
        answer = restricted.run(who)
        assert (answer["code"], REFUSED in answer["message"]) == (403, True), who
        assert POLICY in answer["message"]


def test_status_shipped(enforce, jobs, namespace):
    """As it is shipped, it knows the Job controller and nobody else."""
    enforce(policy("job-status", namespace), lambda: jobs.run("here/pipeline"))
    assert jobs.run(CONTROLLER)["status"] == RUNNING
    assert jobs.run("system:kube-controller-manager")["status"] == RUNNING
    assert jobs.run("operator")["code"] == 403


WAYS = {
    "merge patch": ("PATCH", "/status", MERGE),
    "JSON patch": ("PATCH", "/status", PATCH),
    "strategic merge patch": ("PATCH", "/status", "application/strategic-merge-patch+json"),
    "apply": ("PATCH", "/status?fieldManager=test&force=true", APPLY),
    "update": ("PUT", "/status", "application/json"),
    "dry run": ("PATCH", "/status?dryRun=All", MERGE),
}


def test_status_ways(restricted):
    """In whatever way the status is written, the controller may and another account may not."""
    for way, (method, suffix, form) in WAYS.items():
        for who, code in {CONTROLLER: None, "here/pipeline": 403}.items():
            path = restricted.create()
            body: Any = {"apiVersion": "batch/v1", "kind": "Job", "status": RUNNING}
            if form == PATCH:
                body = [{"op": "add", "path": "/status", "value": RUNNING}]
            if method == "PUT":
                body = restricted.send("", "GET", path, None) | body
            answer = restricted.send(who, method, path + suffix, body, form)
            assert answer.get("code") == code, (way, who, answer)


def test_status_of_pods(restricted, images):
    """The status of a Job's pods is written by the cluster's components alone; that of other pods by whoever may."""
    uid = {"batch.kubernetes.io/controller-uid": "1d2c"}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": "1d2c"}
    marks = {"label": {"labels": uid}, "owner": {"ownerReferences": [owner]}, "none": {"labels": {"app": "web"}}}
    succeeded = {"status": {"phase": "Succeeded"}}
    components = ("system:node:a", "system:kube-scheduler", "kube-system/pod-garbage-collector", CONTROLLER)
    for (mark, metadata), who in product(marks.items(), (*components, "operator", "here/pipeline", "alice", "")):
        path = f"/api/v1/namespaces/{images.namespace}/pods"
        _, body = workload("Pod", pod("example.com/app:1"))
        body["metadata"] |= metadata
        name = send(images.apiserver.api, "POST", path, body)["metadata"]["name"]
        answer = restricted.send(who, "PATCH", f"{path}/{name}/status", succeeded, MERGE)
        may = who in {*components, "operator"} or mark == "none"
        assert answer.get("code") == (None if may else 403), (mark, who, answer["message"])
        assert may or REFUSED in answer["message"], answer


def test_status_by_the_job_itself(restricted, namespace):
    """A status in the Job itself is not taken over: neither of a new one, nor of one that is changed or applied."""
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    path = restricted.create()
    job = restricted.send("", "GET", path, None)
    new = {"metadata": {"name": "new"}, "spec": {"managedBy": "example.com/test", **POD}, "status": RUNNING}
    applied = {**new, "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "applied"}}
    answers = [
        restricted.send("here/pipeline", "POST", jobs, new),
        restricted.send("here/pipeline", "PUT", path, {**job, "status": RUNNING}),
        restricted.send("here/pipeline", "PATCH", path, {"status": RUNNING}, MERGE),
        restricted.send("here/pipeline", "PATCH", f"{jobs}/applied?fieldManager=test", applied, APPLY),
    ]
    assert [answer.get("status") for answer in answers] == [{}] * 4, answers
    absent = restricted.send("here/pipeline", "PATCH", f"{jobs}/absent/status?fieldManager=test", applied, APPLY)
    assert absent["code"] in {400, 403, 404}


def test_status_elsewhere(apiserver, restricted):
    """In another namespace nothing changes."""
    other = f"test-{secrets.token_hex(4)}"
    apiserver.create_namespace(other)
    apiserver.create_job(other, "migrate")
    status = apiserver.run(other, "migrate")["status"]
    assert status == RUNNING | {"startTime": status["startTime"]}


def test_binding_names_a_namespace():
    """The binding that is shipped is for namespaces by a label that the API server itself keeps."""
    _, binding = shipped.build(MANIFESTS / "policies/job-status")
    [place] = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert (place["key"], place["operator"]) == ("kubernetes.io/metadata.name", "In")


# -- the gate's image ---------------------------------------------------------------------------------------------

DIGEST = "sha256:" + 32 * "0f"
OTHER = "sha256:" + 32 * "1e"
OURS = "ghcr.io/gatekeeper/gatekeeper"
POD = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "example.com/app:1"}]}}}
ADMITTED = {
    "digest": f"{OURS}@{DIGEST}",
    "tag and digest": f"{OURS}:0.1.0@{DIGEST}",
    "mirror and digest": f"registry.example.com:5000/ghcr.io/gatekeeper/gatekeeper@{DIGEST}",
    "registry in capitals and digest": f"GHCR.IO/gatekeeper/gatekeeper@{DIGEST}",
    "another project": "openpolicyagent/gatekeeper:v3.20.0",
    "another project of that owner": "ghcr.io/gatekeeper/gatekeeper-docs:1",
    "another owner": "ghcr.io/not-gatekeeper/gatekeeper:1",
    "below it": "ghcr.io/gatekeeper/gatekeeper/docs:1",
    "a tag of that name": "example.com/app:gatekeeper",
}
REFUSED_IMAGES = {
    "tag": f"{OURS}:0.1.0",
    "no tag": OURS,
    "latest": f"{OURS}:latest",
    "Docker Hub": "gatekeeper/gatekeeper:0.1.0",
    "Docker Hub in full": "docker.io/gatekeeper/gatekeeper",
    "mirror": "registry.example.com:5000/ghcr.io/gatekeeper/gatekeeper:0.1.0",
    "port": "ghcr.io:443/gatekeeper/gatekeeper:0.1.0",
    "registry in capitals": "GHCR.IO/gatekeeper/gatekeeper:0.1.0",
    "path in capitals": "ghcr.io/Gatekeeper/Gatekeeper:0.1.0",
    "tag like a digest": f"{OURS}:sha256-{32 * '0f'}",
    "short digest": f"{OURS}@sha256:0f0f",
    "long digest": f"{OURS}@{DIGEST}0f",
    "digest in capitals": f"{OURS}@{DIGEST.upper()}",
    "digest of capitals": f"{OURS}@sha256:{32 * '0F'}",
    "another digest's form": f"{OURS}@md5:{16 * '0f'}",
    "line break": f"{OURS}:0.1.0\n@sha256:",
    "digest, then more": f"{OURS}@{DIGEST}:0.1.0",
}


def pod(image: str, *, where: str = "initContainers") -> Object:
    """Return the specification of a pod that has this image there."""
    app = {"name": "app", "image": "example.com/app:1"}
    gate = {"name": "gate", "image": image}
    return {"containers": [app, gate]} if where == "containers" else {"containers": [app], where: [gate]}


def selecting(pods: Object) -> Object:
    labels = {"app": "web"}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pods}}


def once(pods: Object) -> Object:
    return {"template": {"spec": {**pods, "restartPolicy": "Never"}}}


KINDS: dict[str, tuple[str, Callable[[Object], Object]]] = {
    "Pod": ("/api/v1", lambda pods: pods),
    "ReplicationController": ("/api/v1", lambda pods: selecting(pods) | {"selector": {"app": "web"}}),
    "Deployment": ("/apis/apps/v1", selecting),
    "ReplicaSet": ("/apis/apps/v1", selecting),
    "DaemonSet": ("/apis/apps/v1", selecting),
    "StatefulSet": ("/apis/apps/v1", lambda pods: selecting(pods) | {"serviceName": "web"}),
    "Job": ("/apis/batch/v1", once),
    "CronJob": ("/apis/batch/v1", lambda pods: {"schedule": "0 4 * * *", "jobTemplate": {"spec": once(pods)}}),
}
"""Where a kind of workload is served, and the specification of one whose pods have that one."""


def workload(kind: str, pods: Object) -> tuple[str, Object]:
    """Return the path and the object of a new workload whose pods have this specification."""
    root, of = KINDS[kind]
    return f"{root}/namespaces/{{}}/{kind.lower()}s", {
        "metadata": {"name": f"web-{secrets.token_hex(4)}"},
        "spec": of(pods),
    }


class Images:
    """A namespace in which images are admitted or not."""

    def __init__(self, apiserver: ApiServer, namespace: str) -> None:
        self.apiserver, self.namespace = apiserver, namespace

    def create(self, kind: str, spec: Object) -> Object:
        path, body = workload(kind, spec)
        return send(self.apiserver.api, "POST", path.format(self.namespace), body)

    def judge(self, image: str) -> str:
        """Return why a pod with a gate of this image is not admitted, or nothing."""
        return self.create("Pod", pod(image)).get("message", "")


@pytest.fixture
def images(apiserver: ApiServer, namespace: str) -> Images:
    # No controller makes it here, and no pod goes without.
    apiserver.apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}], namespace)
    return Images(apiserver, namespace)


@pytest.fixture
def digests(images: Images, enforce, namespace: str) -> Images:
    """Return a namespace that wants the gate's image by digest."""
    enforce(policy("image-by-digest", namespace), lambda: images.create("Pod", pod(f"{OURS}:0.1.0")))
    return images


def test_images(digests):
    """The gate's image is admitted by digest alone, in whatever form it is written; others are none of its business."""
    assert {name: said for name, image in ADMITTED.items() if (said := digests.judge(image))} == {}
    said = {name: digests.judge(image) for name, image in REFUSED_IMAGES.items()}
    assert {name for name, message in said.items() if POLICY in message} == {*REFUSED_IMAGES}
    assert f"the image {OURS}:0.1.0 is admitted by a verified digest alone; write for example" in said["tag"]


@pytest.mark.parametrize("image", [f" {OURS}", f"{OURS} ", f"{OURS}:0.1.0\t"])
def test_spaces(images, image):
    """An image with a space before or after it is none, to the API server itself."""
    assert "must not have leading or trailing whitespace" in images.judge(image)


def test_workloads(digests):
    """Every kind of workload is told when it is created, and when its template is changed."""
    api = digests.apiserver.api
    for kind, where in product(KINDS, ["initContainers", "containers"]):
        told = digests.create(kind, pod(f"{OURS}:0.1.0", where=where))["message"]
        made = digests.create(kind, pod(f"{OURS}@{DIGEST}", where=where))
        path = f"{workload(kind, {})[0].format(digests.namespace)}/{made['metadata']['name']}"
        tagged = json.loads(json.dumps(made).replace(f"{OURS}@{DIGEST}", f"{OURS}:0.1.0"))
        changed = send(api, "PUT", path, tagged)["message"]
        labelled = send(api, "PATCH", path, {"metadata": {"labels": {"changed": "yes"}}}, MERGE)
        assert POLICY in told, (kind, where)
        assert POLICY in changed or (kind == "Job" and "field is immutable" in changed), (kind, where)
        assert labelled["metadata"]["labels"]["changed"] == "yes", (kind, where)


def test_ephemeral_containers(digests):
    """A container that is added to a pod for debugging is one of its containers."""
    name = digests.create("Pod", pod(f"{OURS}@{DIGEST}"))["metadata"]["name"]
    path = f"/api/v1/namespaces/{digests.namespace}/pods/{name}/ephemeralcontainers"
    api = digests.apiserver.api
    added = {"spec": {"ephemeralContainers": [{"name": "debug", "image": f"{OURS}:0.1.0"}]}}
    strategic = "application/strategic-merge-patch+json"
    assert POLICY in send(api, "PATCH", path, added, strategic)["message"]
    added["spec"]["ephemeralContainers"][0]["image"] = f"{OURS}@{DIGEST}"
    assert "code" not in send(api, "PATCH", path, added, strategic)


def test_what_was_there_before(images, enforce, namespace):
    """What held a tag before the policy is not stopped in an update, such as that of its finalizers; a new pod is."""
    tagged = pod(f"{OURS}:0.1.0")
    before = images.create("Pod", tagged)["metadata"]["name"]
    deployment = images.create("Deployment", tagged)["metadata"]["name"]
    enforce(policy("image-by-digest", namespace), lambda: images.create("Pod", tagged))
    path = f"/api/v1/namespaces/{namespace}/pods/{before}"
    api = images.apiserver.api
    finalized = send(api, "PATCH", path, {"metadata": {"finalizers": ["example.com/kept"]}}, MERGE)
    assert finalized["metadata"]["finalizers"] == ["example.com/kept"]
    assert "code" not in send(api, "PATCH", path, {"metadata": {"finalizers": None}}, MERGE)
    scaled = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
    assert send(api, "PATCH", scaled, {"spec": {"replicas": 3}}, MERGE)["spec"]["replicas"] == 3
    other = {"spec": {"template": {"spec": {"initContainers": [{"name": "gate", "image": f"{OURS}:0.2.0"}]}}}}
    assert POLICY in send(api, "PATCH", scaled, other, MERGE)["message"]


def test_verified(images, enforce, namespace):
    """Where digests are named, no other is admitted."""
    digests = policy("image-by-digest", namespace, verified=f"['{DIGEST}', 'sha256:{64 * '2'}']")
    enforce(digests, lambda: images.create("Pod", pod(f"{OURS}:0.1.0")))
    assert images.judge(f"{OURS}@{DIGEST}") == ""
    assert images.judge(f"{OURS}:0.1.0@sha256:{64 * '2'}") == ""
    assert POLICY in images.judge(f"{OURS}@{OTHER}")
    assert images.judge("example.com/app:1") == ""


def test_shipped_manifests(digests):
    """What this project ships names a tag: the policy says so, and by its digest it is admitted."""
    (deployment,) = (each for each in shipped.build(MANIFESTS / "job") if each["kind"] == "Deployment")
    path = f"/apis/apps/v1/namespaces/{digests.namespace}/deployments"
    answer = send(digests.apiserver.api, "POST", path, deployment)
    assert POLICY in answer["message"]
    tag = f"gatekeeper:{gatekeeper.__version__}"
    pinned = yaml.safe_load(yaml.safe_dump(deployment).replace(tag, f"{tag}@{DIGEST}"))
    assert "code" not in send(digests.apiserver.api, "POST", path, pinned)
