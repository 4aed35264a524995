"""`manifests`: valid, without findings, granting what the README says; and what the account of `job` may do."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from kubernetes import config
from kubernetes.client import ApiClient

import shipped
from gatekeeper.manifests import objects as manifests
from gatekeeper.manifests import rbac
from gatekeeper.manifests.audit import audit
from servers.apiserver import ApiServer
from shipped import APPLIED, COMPONENTS, MANIFESTS, Object

VERSIONS = range(29, 37)
NEVER_IN_THE_CLUSTER = {"Kustomization", "Component", "PodTemplate"}
README = (MANIFESTS / "README.md").read_text()
PRINTED = {
    "several-jobs": {"jobs": ["db-migrate", "db-seed"]},
    "other-namespace": {"jobs": ["db-migrate"], "namespace": "shop", "job_namespace": "databases"},
    "selector": {"selector": "app.kubernetes.io/component=migration"},
}
OBJECTS = {manifest["kind"]: manifest for manifest in shipped.build(MANIFESTS / "job")}
JOB = OBJECTS["Job"]["metadata"]["name"]
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
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
    job = OBJECTS["Job"]
    unmanaged = {**job, "spec": {**job["spec"], "managedBy": "example.com/test"}}
    kubeconfig = apiserver.kubeconfig_for(namespace, POD["serviceAccountName"])
    apiserver.apply([*(OBJECTS | {"Job": unmanaged}).values()], namespace)
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


@pytest.fixture(scope="session")
def built() -> dict[str, list[Object]]:
    """Return the objects of all that is applied."""
    return {name: shipped.build(MANIFESTS / name) for name in APPLIED}


def test_all_is_applied():
    """There is nothing but what is applied, what is part of it, and what Helm runs."""
    folders = {path.name for path in MANIFESTS.iterdir() if path.is_dir()}
    assert folders == {Path(name).parts[0] for name in [*APPLIED, *COMPONENTS]} | {"helm-plugin"}


@pytest.mark.parametrize("version", VERSIONS)
def test_valid(built, version):
    """Every file, and every object that is built, has the fields of this Kubernetes 1.x, and no others."""
    manifests = []
    for name in (name for name in [*APPLIED, *COMPONENTS] if version >= shipped.minor(name)):
        written = (yaml.safe_load_all(file.read_text()) for file in shipped.files(MANIFESTS / name))
        manifests += [*built.get(name, []), *chain.from_iterable(written)]
    for manifest in {json.dumps(each): each for each in manifests}.values():
        if manifest.get("kind", "Component") not in NEVER_IN_THE_CLUSTER:
            kubernetes_validate.validate(manifest, f"1.{version}", strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_validation(built, version):
    """What has a field too many is not valid."""
    manifest = next(each for each in built["job"] if each["kind"] == "Role")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest | {"rule": []}, f"1.{version}", strict=True)


@pytest.mark.parametrize("name", [name for name in APPLIED if not name.startswith(("rbac", "policies"))])
def test_audit(built, tmp_path, name):
    """An audit of a pod with a gate has no finding."""
    path = tmp_path / "built.yaml"
    path.write_text(yaml.safe_dump_all(built[name]))
    found = audit(manifests.read(str(path)))
    assert (len(found.gates), found.findings) == (1, ())


@pytest.mark.parametrize("name", PRINTED)
def test_rbac(name):
    """The rights to copy are what `gatekeeper rbac` prints."""
    wanted = rbac.grant(**PRINTED[name], service_account="web", create_service_account=True)
    printed = rbac.render(rbac.objects(wanted), rbac.comment(wanted))
    assert (MANIFESTS / "rbac" / f"{name}.yaml").read_text() == printed


def test_readme(built):
    """The README's table has every object, every verb granted, and every container with a token."""
    rows = dict(re.findall(r"^\| `([^`]+)` \| ((?:[^|]+\| ){2}[^|]+) \|", README, re.MULTILINE))
    assert rows == {
        name: f"{kinds(objects)} | {granted(objects)} | {tokens(objects)}" for name, objects in built.items()
    }


def test_bound(built):
    """A Role is bound to no account but the one that is created with it, which the pods with the gate run as."""
    for name, objects in built.items():
        accounts = [each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"]
        runs_as = {pod(each).get("serviceAccountName") for each in objects if each["kind"] == "Deployment"}
        bound = [subject for each in objects for subject in each.get("subjects", [])]
        roles = [each for each in objects if each["kind"] == "Role"]
        assert len(bound) == len(roles), name
        assert [(subject["kind"], subject["name"]) for subject in bound] == [("ServiceAccount", "web")] * len(roles), (
            name
        )
        assert not bound or (accounts == ["web"] and runs_as <= {"web"}), name


POLICY = "ValidatingAdmissionPolicy"
KINDS = [
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "Secret",
    "Job",
    "Deployment",
    "NetworkPolicy",
    POLICY,
    f"{POLICY}Binding",
]


def kinds(objects: list[Object]) -> str:
    return ", ".join(sorted({each["kind"] for each in objects}, key=KINDS.index))


def granted(objects: list[Object]) -> str:
    """Return every rule of every role, in the README's words."""
    told = []
    for role in (each for each in objects if "rules" in each):
        for rule in role["rules"]:
            assert (role["kind"], rule["apiGroups"], rule["resources"]) == ("Role", ["batch"], ["jobs"])
            names, place = rule.get("resourceNames"), role["metadata"].get("namespace")
            job = f"Job {code(names)}" if names else "every Job"
            told.append(f"{code(rule['verbs'])} on {job}{f' of `{place}`' if place else ''}")
    return "; ".join(told) or "none"


def tokens(objects: list[Object]) -> str:
    """Return the containers that have a token, in the README's words; none is mounted by itself."""
    told = []
    for spec in (pod(each) for each in objects if each["kind"] in {"Deployment", "Job"}):
        assert spec["automountServiceAccountToken"] is False
        volumes = [each["name"] for each in spec.get("volumes", []) if "serviceAccountToken" in str(each)]
        containers = [*spec.get("initContainers", []), *spec["containers"]]
        told += [
            each["name"]
            for each in containers
            if any(mount["name"] in volumes for mount in each.get("volumeMounts", []))
        ]
    return code(told) or "none"


def code(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def pod(workload: Object) -> Object:
    return workload["spec"]["template"]["spec"]
