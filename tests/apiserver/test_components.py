"""`manifests/components` and `manifests/examples`: what kustomize builds with them, the API server takes, and works."""

import copy
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException, VersionApi

from servers.apiserver import ApiServer
from shipped import EXAMPLES, MANIFESTS, Object, build, files, kubectl

README = (MANIFESTS / "README.md").read_text()
DATABASES = [name for name in EXAMPLES if any("kind: Secret\n" in file.read_text() for file in files(MANIFESTS / name))]
JOBS = [name for name in EXAMPLES if name not in DATABASES]
"""The examples of a schema gate, which all have a database's Secret, and those of a job gate."""
ALEMBIC = Path(__file__).parents[1] / "fixtures" / "histories" / "alembic" / "migrations"

SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
APP = {"name": "web", "image": "example.com/web", "securityContext": SECURITY}
POD = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"serviceAccountName": "web", "containers": [APP], "volumes": [{"name": "scratch", "emptyDir": {}}]},
}
SELECTED = {"selector": {"matchLabels": {"app": "web"}}, "template": POD}
CRON_POD = {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}
WORKLOADS = {
    "Deployment": ("apps/v1", SELECTED),
    "StatefulSet": ("apps/v1", {**SELECTED, "serviceName": "web"}),
    "DaemonSet": ("apps/v1", SELECTED),
    "CronJob": ("batch/v1", {"schedule": "@daily", "jobTemplate": {"spec": {"template": CRON_POD}}}),
    "Rollout": ("argoproj.io/v1alpha1", SELECTED),
}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "db-migrate"},
    "spec": {
        "managedBy": "example.com/test",
        "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": "example.com/web"}]}
        },
    },
}
ROLLOUTS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "names": {"kind": "Rollout", "plural": "rollouts"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def workload(kind: str, name: str = "web") -> Object:
    """Return an application that has no gate."""
    version, spec = WORKLOADS[kind]
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def wanted(gate: str, *args: str, **fields: Any) -> Object:
    """Return the PodTemplate that tells a component what its gate waits for."""
    pod = {"initContainers": [{"name": gate, "args": list(args), **fields}], "containers": []}
    account = {"serviceAccountName": "web"} if gate == "job-gate" else {}
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": gate}, "template": {"spec": pod | account}}


def template(built: Object) -> Object:
    """Return a workload's pod template."""
    spec = built["spec"]
    return (spec["jobTemplate"]["spec"] if built["kind"] == "CronJob" else spec)["template"]


def only(objects: list[Object], kind: str) -> Object:
    """Return the one object of this kind."""
    (found,) = [found for found in objects if found["kind"] == kind]
    return found


def write(directory: Path, *resources: Object, components: tuple[str, ...] = (), **fields: Any) -> Path:
    """Write a kustomization of these resources, which uses these components, and return its directory."""
    directory.mkdir()
    (directory / "resources.yaml").write_text(yaml.safe_dump_all(resources))
    own = ["resources.yaml"] if resources else []
    used = [os.path.relpath(MANIFESTS / "components" / name, directory) for name in components]
    kustomization = {"resources": [*own, *fields.pop("bases", [])], "components": used, **fields}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return directory


@pytest.fixture
def overlay(tmp_path: Path, namespace: str) -> Callable[..., list[Object]]:
    """Build a base with these resources and components, renamed and moved to the test's namespace by an overlay."""

    def build_renamed(*resources: Object, components: tuple[str, ...], **fields: Any) -> list[Object]:
        write(tmp_path / "base", *resources, components=components, **fields)
        moved = {"namePrefix": "pr42-", "nameSuffix": "-blue", "namespace": namespace}
        return build(write(tmp_path / "overlay", bases=["../base"], **moved))

    return build_renamed


@pytest.fixture
def admit(apiserver: ApiServer, namespace: str) -> Callable[[Object], Object]:
    """Return what the API server makes of a pod of this template where Pod Security enforces `restricted`."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    apiserver.request(
        "PATCH", f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": label}}, "application/merge-patch+json"
    )

    def create(pod: Object) -> Object:
        account = pod["spec"].get("serviceAccountName", "default")
        apiserver.apply([{**ACCOUNT, "metadata": {"name": account}}], namespace)
        path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict"
        return apiserver.request(
            "POST", path, {"metadata": {**pod.get("metadata", {}), "name": "web"}, "spec": pod["spec"]}
        )

    return create


@pytest.fixture(scope="session")
def rollouts(apiserver: ApiServer) -> None:
    """Let the API server know Argo's Rollout, of any content."""
    apiserver.apply([ROLLOUTS], "default")
    deadline = time.monotonic() + 30
    for path in ["/apis/argoproj.io/v1alpha1", "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts"]:
        while True:  # discovery and the objects are served a little later, each in its time
            try:
                apiserver.request("GET", path)
                break
            except ApiException:
                assert time.monotonic() < deadline, f"{path} is not served"
                time.sleep(0.05)


def token_mounts(pod: Object) -> dict[str, list[str]]:
    """Return each container's mounts of a volume that has a token, or at a token's place."""
    tokens = {
        volume["name"]
        for volume in pod["spec"]["volumes"]
        if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", []))
    }
    return {
        container["name"]: [
            mount["name"]
            for mount in container.get("volumeMounts", [])
            if mount["name"] in tokens or mount["mountPath"].startswith("/var/run/secrets")
        ]
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]
    }


@pytest.mark.parametrize("kind", WORKLOADS)
def test_job_gate(apiserver, namespace, overlay, admit, rollouts, gate, kind):
    """A workload of any kind gets a whole gate, whose rights and arguments follow the names, and which opens."""
    component = yaml.safe_load((MANIFESTS / "components" / "job-gate" / "gate.yaml").read_text())["template"]["spec"]
    asks = wanted("job-gate", "job", "db-migrate", "--timeout", "20s")
    objects = overlay(workload(kind), ACCOUNT, JOB, asks, components=("job-gate",))
    apiserver.apply(objects, namespace)

    pod = template(only(objects, kind))
    (init,) = pod["spec"]["initContainers"]
    assert init == {**component["initContainers"][0], "args": ["job", "pr42-db-migrate-blue", "--timeout", "20s"]}
    assert pod["spec"]["containers"] == [APP]
    assert pod["spec"]["volumes"] == [*POD["spec"]["volumes"], *component["volumes"]]
    assert token_mounts(admit(pod)) == {"job-gate": ["job-gate-token"], "web": []}

    job, account, role, binding = (only(objects, kind) for kind in ["Job", "ServiceAccount", "Role", "RoleBinding"])
    rule = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]}
    assert role["rules"] == [{**rule, "resourceNames": [job["metadata"]["name"]]}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"] == "pr42-web-gate-blue"
    assert [subject["name"] for subject in binding["subjects"]] == [account["metadata"]["name"]]
    assert pod["spec"]["serviceAccountName"] == account["metadata"]["name"] == "pr42-web-blue"
    assert {built["kind"] for built in objects} == {kind, "Job", "ServiceAccount", "Role", "RoleBinding"}

    kubeconfig = apiserver.kubeconfig_for(namespace, pod["spec"]["serviceAccountName"])
    apiserver.run(namespace, job["metadata"]["name"])
    process = gate(*init["args"], environment={"GATEKEEPER_KUBECONFIG": str(kubeconfig)})
    process.until(f"waiting: Job {namespace}/pr42-db-migrate-blue: is running")
    apiserver.complete(namespace, job["metadata"]["name"])
    assert process.end() == 0


@pytest.mark.parametrize("kind", WORKLOADS)
def test_schema_gate(apiserver, namespace, overlay, admit, rollouts, kind):
    """A workload of any kind gets a whole gate, no rights and no token; its Secret's name follows."""
    component = yaml.safe_load((MANIFESTS / "components" / "schema-gate" / "gate.yaml").read_text())["template"]["spec"]
    args = ["schema", "--tool", "alembic", "--revision", "1975ea83b712"]
    secret = {"secretKeyRef": {"name": "db", "key": "uri"}}
    settings = {"configMapRef": {"name": "gate"}}
    asks = wanted("schema-gate", *args, env=[{"name": "DATABASE_URL", "valueFrom": secret}], envFrom=[settings])
    objects = overlay(
        workload(kind),
        ACCOUNT,
        asks,
        components=("schema-gate",),
        secretGenerator=[{"name": "db", "literals": ["uri=postgresql://db/web"]}],
        configMapGenerator=[{"name": "gate", "literals": ["GATEKEEPER_TIMEOUT=8m"]}],
    )
    apiserver.apply(objects, namespace)

    pod = template(only(objects, kind))
    (init,) = pod["spec"]["initContainers"]
    secret["secretKeyRef"]["name"] = only(objects, "Secret")["metadata"]["name"]
    settings["configMapRef"]["name"] = only(objects, "ConfigMap")["metadata"]["name"]
    env = [{"name": "DATABASE_URL", "valueFrom": secret}]
    assert init == {**component["initContainers"][0], "args": args, "env": env, "envFrom": [settings]}
    assert secret["secretKeyRef"]["name"].startswith("pr42-db-blue-")
    assert token_mounts(admit(pod)) == {"schema-gate": [], "web": []}
    assert {built["kind"] for built in objects} == {kind, "ServiceAccount", "Secret", "ConfigMap"}


def test_restricted_is_enforced(overlay, admit):
    """Pod Security refuses the same pod once the gate's own security context is gone."""
    asks = wanted("job-gate", "job", "db-migrate")
    pod = template(only(overlay(workload("Deployment"), ACCOUNT, JOB, asks, components=("job-gate",)), "Deployment"))
    admit(pod)
    loose = copy.deepcopy(pod)
    del loose["spec"]["initContainers"][0]["securityContext"]
    with pytest.raises(ApiException, match="violates PodSecurity"):
        admit(loose)


def test_after_the_proxy(overlay):
    """Both gates come after the init containers that were there, in the order of the components."""
    web = copy.deepcopy(workload("Deployment"))
    proxy = {"name": "proxy", "image": "example.com/proxy", "restartPolicy": "Always"}
    web["spec"]["template"]["spec"]["initContainers"] = [proxy]
    asks = [wanted("job-gate", "job", "db-migrate"), wanted("schema-gate", "schema")]
    objects = overlay(web, ACCOUNT, JOB, *asks, components=("job-gate", "schema-gate"))
    gates = template(only(objects, "Deployment"))["spec"]["initContainers"]
    assert [container["name"] for container in gates] == ["proxy", "job-gate", "schema-gate"]


def test_two_bases(tmp_path):
    """Two applications that each use the component can stand in one kustomization."""
    for name in ["web", "worker"]:
        asks = wanted("job-gate", "job", f"{name}-migrate")
        asks["template"]["spec"]["serviceAccountName"] = name
        account, job = (
            {**built, "metadata": {"name": called}} for built, called in [(ACCOUNT, name), (JOB, f"{name}-migrate")]
        )
        write(tmp_path / name, workload("Deployment", name), account, job, asks, components=("job-gate",))
    objects = build(write(tmp_path / "both", bases=["../web", "../worker"], namePrefix="pr42-"))
    roles = {
        built["metadata"]["name"]: built["rules"][0]["resourceNames"] for built in objects if built["kind"] == "Role"
    }
    assert roles == {"pr42-web-gate": ["pr42-web-migrate"], "pr42-worker-gate": ["pr42-worker-migrate"]}
    args = [template(built)["spec"]["initContainers"][0]["args"] for built in objects if built["kind"] == "Deployment"]
    assert args == [["job", "pr42-web-migrate"], ["job", "pr42-worker-migrate"]]


@pytest.mark.parametrize("component", ["job-gate", "schema-gate"])
def test_nothing_to_wait_for(tmp_path, component):
    """A kustomization that does not say what to wait for cannot be built."""
    built = kubectl(
        "kustomize", write(tmp_path / "base", workload("Deployment"), ACCOUNT, JOB, components=(component,))
    )
    assert built.returncode != 0
    assert component in built.stderr


def held(objects: list[Object]) -> Object:
    """Return the gate of the Deployment: the last of its init containers."""
    return template(only(objects, "Deployment"))["spec"]["initContainers"][-1]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(apiserver, namespace, admit, example):
    """An example applies as it stands, strictly validated, and its pods satisfy Pod Security `restricted`."""
    admin = f"--kubeconfig={apiserver.kubeconfig}"
    strictly = ["--server-side", "--validate=strict"]
    applied = kubectl("apply", admin, "-n", namespace, *strictly, "-k", MANIFESTS / example)
    assert applied.returncode == 0, applied.stderr
    objects = build(MANIFESTS / example)
    assert held(objects)["image"].startswith("ghcr.io/gatekeeper/gatekeeper:")
    for built in objects:
        if built["kind"] in {"Deployment", "Job"}:
            admit(template(built))


@pytest.mark.parametrize("example", JOBS)
def test_job(apiserver, namespace, gate, example):
    """The gate of an example with a Job opens when that Job is Complete, with the rights that the example grants."""
    objects = build(MANIFESTS / example)
    apiserver.apply(objects, namespace)
    pod, job = template(only(objects, "Deployment")), only(objects, "Job")["metadata"]["name"]
    kubeconfig = apiserver.kubeconfig_for(namespace, pod["spec"]["serviceAccountName"])
    apiserver.run(namespace, job)

    process = gate(*held(objects)["args"], environment={"GATEKEEPER_KUBECONFIG": str(kubeconfig)})
    process.until(f"waiting: Job {namespace}/{job}: is running")
    apiserver.complete(namespace, job)
    assert process.end() == 0


def test_argo_cd_replaces_and_prunes_nothing():
    """In the waves example no sync deletes a Job: not to replace it, and not when git no longer has it."""
    objects = build(MANIFESTS / "examples" / "argo-cd-sync-waves")
    for kind in ("Job", "Role", "RoleBinding"):
        annotations = only(objects, kind)["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false"
        assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"
    job = only(objects, "Job")
    assert int(job["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) < 0
    assert "ttlSecondsAfterFinished" not in job["spec"]


def test_cpu_limit(overlay):
    """What `gate.yaml` says of resources is added to the component's: a quota may want a limit of the CPU."""
    asks = wanted("job-gate", "job", "db-migrate", resources={"limits": {"cpu": "500m"}})
    objects = overlay(workload("Deployment"), ACCOUNT, JOB, asks, components=("job-gate",))
    (gate,) = template(only(objects, "Deployment"))["spec"]["initContainers"]
    assert gate["resources"] == {
        "requests": {"cpu": "10m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "128Mi"},
    }


def test_the_database_may_be_reached():
    """Who may go to the database in the NetworkPolicy example may come in there, on the same port."""
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in build(MANIFESTS / "examples" / "network-policy")
        if each["kind"] == "NetworkPolicy"
    }
    leaving, entering = policies["database"], policies["postgres"]
    (to,) = (rule for rule in leaving["egress"] if rule["ports"] == [{"protocol": "TCP", "port": 5432}])
    (inwards,) = entering["ingress"]
    assert to["to"] == [{"podSelector": entering["podSelector"]}]
    assert inwards == {"from": [{"podSelector": leaving["podSelector"]}], "ports": to["ports"]}


@pytest.mark.parametrize("example", DATABASES)
def test_database(gate, tmp_path, example):
    """The gate of an example takes what its Secrets and volumes give it, and waits for each database."""
    objects = build(MANIFESTS / example)
    secrets = {built["metadata"]["name"]: built["stringData"] for built in objects if built["kind"] == "Secret"}
    volumes = {volume["name"]: volume for volume in template(only(objects, "Deployment"))["spec"].get("volumes", [])}
    environment = {"PGPORT": "1"}  # nothing listens there, should the host be this one
    for variable in held(objects).get("env", []):
        key = variable.get("valueFrom", {}).get("secretKeyRef")
        environment[variable["name"]] = secrets[key["name"]][key["key"]] if key else variable["value"]
    for mount in held(objects).get("volumeMounts", []):
        folder = tmp_path / mount["mountPath"].lstrip("/")
        if secret := volumes[mount["name"]].get("secret"):
            folder.mkdir(parents=True)
            for key, text in secrets[secret["secretName"]].items():
                (folder / key).write_text(text)
        else:
            shutil.copytree(ALEMBIC, folder / "srv" / "migrations")
    args = [re.sub("(^|=)(?=/)", rf"\1{tmp_path}", arg) for arg in held(objects)["args"]]
    process = gate(*args, environment=environment, secrets=["change-me"])
    for host in re.findall("//(?:[^/]*@)?([a-z-]+)", " ".join([*args, *environment.values(), *urls(secrets)])):
        process.until(f" on {host}")
    process.until("waiting: ")


def urls(secrets: dict[str, dict[str, str]]) -> list[str]:
    return [secret[key] for secret in secrets.values() for key in ("uri", "url") if key in secret]


def test_no_image_volume(apiserver, namespace, gate):
    """An API server before 1.35 has image volumes switched off and drops them in silence; the gate is shut then."""
    example = MANIFESTS / "examples" / "image-volume"
    applied = kubectl("apply", f"--kubeconfig={apiserver.kubeconfig}", "-n", namespace, "-k", example)
    assert applied.returncode == 0, applied.stderr
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    pod = template(apiserver.request("GET", path))["spec"]
    assert ("volumes" in pod) == (int(VersionApi(apiserver.api).get_code().minor) >= 35)
    process = gate(*pod["initContainers"][0]["args"], environment={"DATABASE_URL": "postgresql://web@postgres/web"})
    assert process.end() == 2


@pytest.mark.parametrize("directory", ["job", *JOBS])
def test_readme_verifies(apiserver, namespace, directory):
    """The README's commands answer what it says they do."""
    path = MANIFESTS / directory
    given = "-k" if (path / "kustomization.yaml").exists() else "-f"
    admin = f"--kubeconfig={apiserver.kubeconfig}"
    assert kubectl("apply", admin, "-n", namespace, given, path).returncode == 0
    apiserver.apply([ACCOUNT], namespace)
    job = only(build(path), "Job")["metadata"]["name"]
    commands = re.findall(r"^kubectl (auth can-i \w.*?) +# (yes|no)$", README, re.MULTILINE)
    assert len(commands) == 5
    for command, answer in commands:
        filled = command.replace("$sa", "system:serviceaccount:NAMESPACE:web").replace("NAMESPACE", namespace)
        assert kubectl(*shlex.split(filled.replace("db-migrate-1-0-0", job)), admin).stdout.strip() == answer, command


def test_readme_begins(tmp_path):
    """The README's `gate.yaml` beside its `kustomization.yaml` gives a gate."""
    resources, asks = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    (component,) = map(os.path.basename, resources["components"])
    objects = build(write(tmp_path / "base", workload("Deployment"), ACCOUNT, JOB, asks, components=(component,)))
    assert only(objects, "Role")["rules"][0]["resourceNames"] == ["db-migrate"]
    assert template(only(objects, "Deployment"))["spec"]["initContainers"][0]["args"] == ["job", "db-migrate"]
