"""`gatekeeper job` against a real API server, as a ServiceAccount for which one request too many is a 403."""

import base64
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException

from gatekeeper.gate.clock import Clock
from gatekeeper.gate.verdict import Denied
from gatekeeper.jobs.kube import MEMORY, Cluster, JobReader, in_cluster
from servers.apiserver import ApiServer
from servers.front import Exchange, Front, forward
from servers.gate import GateProcess
from servers.kubebuilder import assets

Start = Callable[..., GateProcess]
BATCH = {"apiGroups": ["batch"], "resources": ["jobs"]}
RULE = {**BATCH, "resourceNames": ["migrate"], "verbs": ["list", "watch"]}
LONG_AGO = datetime.now(UTC) - timedelta(days=3)
START = {"startTime": "2026-01-02T03:04:05Z"}


def condition(kind: str, status: str = "True") -> dict[str, list[dict[str, str]]]:
    """Return the status of a Job with this one condition."""
    return {"conditions": [{"type": kind, "status": status, "reason": "Why", "message": "Words that say why"}]}


def grant(apiserver: ApiServer, namespace: str, *rules: dict[str, Any]) -> None:
    """Give the ServiceAccount `gate` a Role of these rules."""
    group = "rbac.authorization.k8s.io"
    named = {"apiVersion": f"{group}/v1", "metadata": {"name": "gate"}}
    reference = {"apiGroup": group, "kind": "Role", "name": "gate"}
    subject = {"kind": "ServiceAccount", "name": "gate"}
    role = {**named, "kind": "Role", "rules": rules}
    apiserver.apply([role, {**named, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}], namespace)


def outage(apiserver: ApiServer, gate: GateProcess) -> None:
    """Stop the API server until the gate says so, and start it again."""
    apiserver.stop()
    try:
        told = gate.until("the API server cannot be reached")
        assert "; awaiting condition Complete" in told.text
    finally:
        apiserver.start()


def through(front: Front, apiserver: ApiServer, folder: Path) -> Path:
    """Return the administrator's kubeconfig, but for the way to the API server: that is through the front."""
    own = apiserver.kubeconfig.read_text().replace(apiserver.url, f"https://{front.host}:{front.port}")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(own.replace(str(apiserver.ca_file), str(front.ca_file)))
    return kubeconfig


@pytest.fixture
def kubeconfig(apiserver: ApiServer, namespace: str) -> Path:
    """Return a kubeconfig of the ServiceAccount `gate`, which has no rights yet."""
    return apiserver.kubeconfig_for(namespace, "gate")


@pytest.fixture
def unbound(kubeconfig: Path, gate: Start) -> Start:
    """Start a gate as a ServiceAccount that has no rights yet."""
    return lambda *args, **options: gate("job", *args, "--kubeconfig", str(kubeconfig), **options)


@pytest.fixture
def bound(apiserver: ApiServer, namespace: str, unbound: Start) -> Start:
    """Start a gate as a ServiceAccount that may list and watch the Job `migrate`, and nothing else."""
    grant(apiserver, namespace, RULE)
    return unbound


def asked(apiserver: ApiServer, namespace: str) -> list[tuple[str, str, int]]:
    """Return verb, path and answer of each request that the gate made."""
    user = f"system:serviceaccount:{namespace}:gate"
    made = [request for request in apiserver.requests() if request.user == user]
    return [(request.verb, request.uri.partition("?")[0], request.code) for request in made]


# -- states of a Job ----------------------------------------------------------------------------------------------

UNFINISHED = {
    "no status": ({}, "has no condition yet"),
    "running": ({**START, "active": 1}, "is running (pods: 1 active)"),
    "no pod ready": ({**START, "active": 1, "ready": 0}, "has no pod that is ready (pods: 1 active)"),
    "between two tries": (
        {**START, "failed": 1},
        "waits before it tries again (pods: 1 failed), and fails after more than 6",
    ),
    "no pod made": (START, "has started at 2026-01-02T03:04:05Z, and no pod could be made for it yet"),
    "resumed": ({**START, "active": 1, "ready": 1} | condition("Suspended", "False"), "is running (pods: 1 active)"),
    "suspended": (condition("Suspended"), "is suspended"),
    "success criteria met": (START | condition("SuccessCriteriaMet"), "has met its success criteria"),
    "unknown condition": (START | condition("Migrated"), "has Migrated=True"),
    "Complete is False": (START | condition("Complete", "False"), "has Complete=False"),
    "Complete is Unknown": (START | condition("Complete", "Unknown"), "has Complete=Unknown"),
    "Failed is Unknown": (START | condition("Failed", "Unknown"), "has Failed=Unknown"),
}


@pytest.mark.parametrize(("status", "said"), UNFINISHED.values(), ids=UNFINISHED)
def test_unfinished(apiserver, namespace, bound, status, said):
    """A Job that has not finished is waited for, with what was seen, until it is Complete."""
    apiserver.create_job(namespace, "migrate")
    apiserver.set_status(namespace, "migrate", status)
    gate = bound("migrate")
    gate.until(f"waiting: Job {namespace}/migrate: {said}")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    assert gate.message.startswith(f"opened: Job {namespace}/migrate: is Complete since ")


def test_complete(apiserver, namespace, bound):
    """A Job that is Complete opens the gate, which says how long it has been so."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate", LONG_AGO)
    gate = bound("migrate")
    assert gate.end() == 0
    assert "before this gate began" in gate.message
    assert "--require KEY=VALUE" in gate.message


FAILURES = {
    "Failed": (condition("FailureTarget")["conditions"] + condition("Failed")["conditions"], "has failed: "),
    "FailureTarget": (condition("FailureTarget")["conditions"], "is failing: "),
}


@pytest.mark.parametrize(("conditions", "said"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("waited", [False, True], ids=["before", "meanwhile"])
def test_failed(apiserver, namespace, bound, conditions, said, waited):
    """A Job that failed, or is about to, refuses the gate with its reason and its message."""
    apiserver.create_job(namespace, "migrate")
    apiserver.run(namespace, "migrate")
    gate = bound("migrate") if waited else None
    if waited:
        gate.until("is running")
    status = {"active": None, "ready": 0, "failed": 1, "conditions": conditions}
    apiserver.set_status(namespace, "migrate", status)
    gate = gate or bound("migrate")
    assert gate.end() == 3
    assert gate.message.startswith(f"refused: Job {namespace}/migrate: {said}Why")
    assert "Words that say why" in gate.message


def test_on_failure_wait(apiserver, namespace, bound):
    """With --on-failure wait, a Job that failed is held for until a new one is Complete."""
    apiserver.create_job(namespace, "migrate")
    apiserver.fail(namespace, "migrate")
    gate = bound("migrate", "--on-failure", "wait")
    gate.until(f"waiting: Job {namespace}/migrate: has failed: BackoffLimitExceeded")
    apiserver.delete_job(namespace, "migrate")
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


@pytest.mark.parametrize("marks", ["labels", "annotations"])
@pytest.mark.parametrize("end", [ApiServer.complete, ApiServer.fail])
def test_another_release(apiserver, namespace, bound, marks, end):
    """A Job of another release is waited out, however it ended; this release's, marked as required, opens."""
    apiserver.create_job(namespace, "migrate", **{marks: {"version": "1"}})
    end(apiserver, namespace, "migrate")
    gate = bound("migrate", "--require", "version=2")
    gate.until("is a Job of another release: version is 1; awaiting version=2")
    apiserver.delete_job(namespace, "migrate")
    gate.until("does not exist; awaiting its creation")
    apiserver.create_job(namespace, "migrate", **{marks: {"version": "2"}})
    gate.until("has no condition yet")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def apply_by_kubectl(*flags: str) -> Callable[[ApiServer, str, dict[str, Any]], object]:
    """Return what applies a Job by kubectl."""

    def apply(apiserver: ApiServer, namespace: str, job: dict[str, Any]) -> None:
        command = [
            assets() / "kubectl",
            f"--kubeconfig={apiserver.kubeconfig}",
            "-n",
            namespace,
            "apply",
            "-f-",
            *flags,
        ]
        subprocess.run(command, input=json.dumps(job), encoding="utf-8", check=True, stdout=subprocess.DEVNULL)

    return apply


def apply_by_helm(apiserver: ApiServer, namespace: str, job: dict[str, Any]) -> None:
    """Create a Job, or patch what differs, as Helm 3 does."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    try:
        apiserver.request("POST", f"{path}?fieldManager=helm", job)
    except ApiException:
        labels = {"metadata": {"labels": job["metadata"]["labels"]}}
        content_type = "application/strategic-merge-patch+json"
        apiserver.request("PATCH", f"{path}/migrate?fieldManager=helm", labels, content_type)


def apply_by_argo_cd(apiserver: ApiServer, namespace: str, job: dict[str, Any]) -> None:
    """Apply a Job as Argo CD does with ServerSideApply=true."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/migrate?fieldManager=argocd-controller&force=true"
    apiserver.request("PATCH", path, job, "application/apply-patch+yaml")


def patch(apiserver: ApiServer, namespace: str, metadata: dict[str, Any]) -> None:
    """Merge these fields into the metadata of a Job."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/migrate"
    apiserver.request("PATCH", path, {"metadata": metadata}, "application/merge-patch+json")


DEPLOYERS = {
    "kubectl apply": apply_by_kubectl(),
    "kubectl apply --server-side": apply_by_kubectl("--server-side"),
    "Helm": apply_by_helm,
    "Argo CD": apply_by_argo_cd,
}


def released(version: str) -> dict[str, Any]:
    """Return the Job of a release, whose pods are those of every release."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": "example.com/migrate:latest"}]}
    spec = {"managedBy": "example.com/test", "template": {"spec": pod}}
    metadata = {"name": "migrate", "labels": {"version": version}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("deploy", DEPLOYERS.values(), ids=DEPLOYERS)
def test_mark_of_a_new_job(apiserver, namespace, bound, deploy):
    """A Job that was created with the mark opens the gate, whoever did so, did it again, or annotates it later."""
    deploy(apiserver, namespace, released("2"))
    apiserver.run(namespace, "migrate")
    gate = bound("migrate", "--require", "version=2")
    gate.until("is running")
    time.sleep(1.1)  # what is written from now on is so in another second
    deploy(apiserver, namespace, released("2"))
    apiserver.complete(namespace, "migrate")
    patch(apiserver, namespace, {"annotations": {"example.com/seen": "yes"}})
    assert gate.end() == 0
    assert bound("migrate", "--require", "version=2").end() == 0


@pytest.mark.parametrize("complete", [True, False], ids=["Complete", "running"])
@pytest.mark.parametrize("deploy", DEPLOYERS.values(), ids=DEPLOYERS)
def test_mark_that_was_moved(apiserver, namespace, bound, deploy, complete):
    """A Job of the last release that the next one marked anew, and did not run again, opens no gate."""
    deploy(apiserver, namespace, released("1"))
    apiserver.run(namespace, "migrate")
    if complete:
        apiserver.complete(namespace, "migrate")
    gate = bound("migrate", "--require", "version=2")
    gate.until("is a Job of another release: version is 1; awaiting version=2")
    time.sleep(1.1)
    deploy(apiserver, namespace, released("2"))
    gate.until("may be a Job of another release that was marked anew: it has version=2 since 2")
    if not complete:
        apiserver.complete(namespace, "migrate")
    again = bound("migrate", "--require", "version=2", "--timeout", "0")
    assert again.end() == 124
    assert "put version into the template of its pods too, or name the Job after the release" in again.message
    apiserver.delete_job(namespace, "migrate")
    deploy(apiserver, namespace, released("2"))
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def test_mark_by_a_fast_clock(apiserver, namespace, bound):
    """A mark that was moved opens no gate where the Job controller's clock is fast; one that was resumed since does."""
    later = datetime.now(UTC) + timedelta(minutes=5)
    apiserver.create_job(namespace, "migrate", labels={"version": "1"})
    apiserver.run(namespace, "migrate", later)
    time.sleep(1.1)
    patch(apiserver, namespace, {"labels": {"version": "2"}})
    apiserver.complete(namespace, "migrate", later)
    again = bound("migrate", "--require", "version=2", "--timeout", "0")
    assert again.end() == 124
    assert "may be a Job of another release that was marked anew" in again.message
    apiserver.delete_job(namespace, "migrate")
    apiserver.create_job(namespace, "migrate", labels={"version": "1"}, suspend=True)
    time.sleep(1.1)
    patch(apiserver, namespace, {"labels": {"version": "2"}})
    resumed = condition("Suspended", "False")["conditions"]
    apiserver.run(namespace, "migrate", later)
    complete = apiserver.complete(namespace, "migrate", later)["status"]["conditions"]
    apiserver.set_status(namespace, "migrate", {"conditions": [*resumed, *complete]})
    assert bound("migrate", "--require", "version=2").end() == 0


def test_mark_without_a_record(apiserver, namespace, bound):
    """A Job whose managedFields somebody cleared is not known to be of this release, unless its pods' template is."""
    job = released("2")
    apply_by_helm(apiserver, namespace, job)
    apiserver.complete(namespace, "migrate")
    patch(apiserver, namespace, {"managedFields": [{}]})
    gate = bound("migrate", "--require", "version=2")
    gate.until("it has version=2 since a time that it does not tell")
    apiserver.delete_job(namespace, "migrate")
    job["spec"]["template"]["metadata"] = {"labels": {"version": "2"}}
    apply_by_helm(apiserver, namespace, job)
    patch(apiserver, namespace, {"managedFields": [{}]})
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


@pytest.mark.parametrize("end", [ApiServer.complete, ApiServer.fail])
def test_being_deleted(apiserver, namespace, bound, end):
    """A Job that is being deleted counts for nothing, however it ended; its successor opens."""
    apiserver.create_job(namespace, "migrate")
    end(apiserver, namespace, "migrate")
    apiserver.delete_job(namespace, "migrate", foreground=True)
    gate = bound("migrate")
    gate.until("is being deleted; awaiting its successor")
    apiserver.delete_job(namespace, "migrate")
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def test_deleted_meanwhile(apiserver, namespace, bound):
    """A Job that disappears while the gate waits is awaited again."""
    apiserver.create_job(namespace, "migrate")
    gate = bound("migrate")
    gate.until("has no condition yet")
    apiserver.delete_job(namespace, "migrate")
    gate.until("does not exist; awaiting its creation")
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def delete_in_foreground(apiserver: ApiServer, namespace: str, name: str) -> None:
    """Let a Job be there as being deleted."""
    apiserver.delete_job(namespace, name, foreground=True)


@pytest.fixture
def paused(apiserver: ApiServer, namespace: str, bound: Start) -> Start:
    """Start a gate that has no CPU while these steps are made, and then reads at once all that was told of them."""

    def start(*steps: Callable[..., object]) -> GateProcess:
        apiserver.create_job(namespace, "migrate")
        apiserver.run(namespace, "migrate")
        gate = bound("migrate")
        gate.until("is running")
        gate.signal(signal.SIGSTOP)
        for step in steps:
            step(apiserver, namespace, "migrate")
        gate.signal(signal.SIGCONT)
        return gate

    return start


@pytest.mark.parametrize("remove", [ApiServer.delete_job, delete_in_foreground])
def test_complete_and_removed_at_once(paused, remove):
    """A Job that was Complete opens the gate, though its removal is read together with that."""
    assert paused(ApiServer.complete, remove).end() == 0


def test_complete_while_it_is_removed(paused):
    """A Job that was Complete only while it was being deleted opens no gate."""
    gate = paused(delete_in_foreground, ApiServer.complete, ApiServer.delete_job)
    gate.until("does not exist")
    gate.signal(signal.SIGTERM)
    assert gate.end() == 143


@pytest.mark.parametrize("anew", [False, True], ids=["gone", "anew"])
def test_proof_of_two_that_is_gone(apiserver, namespace, unbound, anew):
    """Of two Jobs, one that was Complete and was removed is proof when the other is Complete, but for a new one."""
    grant(apiserver, namespace, {**RULE, "resourceNames": ["migrate", "seed"]})
    for name in ("migrate", "seed"):
        apiserver.create_job(namespace, name)
    gate = unbound("migrate", "seed")
    gate.until("migrate: has no condition yet")
    gate.until("seed: has no condition yet")
    apiserver.complete(namespace, "migrate")
    apiserver.delete_job(namespace, "migrate")
    gate.until("migrate: is Complete")
    if anew:
        apiserver.create_job(namespace, "migrate")
        apiserver.run(namespace, "migrate")
        gate.until("migrate: is running")
    apiserver.complete(namespace, "seed")
    if anew:
        gate.until("seed: is Complete")
        apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def test_absent(apiserver, namespace, bound):
    """A Job that does not exist yet is awaited."""
    gate = bound("migrate")
    gate.until("does not exist; awaiting its creation")
    apiserver.create_job(namespace, "migrate")
    gate.until("has no condition yet")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0


def test_absent_open(namespace, bound):
    """With --if-absent open, a Job that does not exist opens the gate, which says that this proves nothing."""
    gate = bound("migrate", "--if-absent", "open")
    assert gate.end() == 0
    assert gate.message.startswith(f"opened: Job {namespace}/migrate: does not exist; opened UNPROVEN")


def test_absent_fail(namespace, bound):
    """With --if-absent fail, a Job that does not exist refuses the gate."""
    gate = bound("migrate", "--if-absent", "fail")
    assert gate.end() == 3
    assert gate.message.startswith(f"refused: Job {namespace}/migrate: does not exist")


def test_several(apiserver, namespace, unbound):
    """Of several Jobs, every one must be Complete."""
    grant(apiserver, namespace, {**RULE, "resourceNames": ["migrate", "seed"]})
    for name in ("migrate", "seed"):
        apiserver.create_job(namespace, name)
    apiserver.complete(namespace, "seed")
    gate = unbound("migrate", "seed")
    gate.until(f"open: Job {namespace}/seed: is Complete")
    gate.until(f"waiting: Job {namespace}/migrate: has no condition yet")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    assert gate.message.count("is Complete") == 2


def test_dead_watch_among_two(apiserver, namespace, gate, tmp_path):
    """A Job that was Complete when its watch died, and runs anew since, holds a gate whose other Job completes."""
    dead = threading.Event()

    def answer(exchange: Exchange) -> None:
        if not (exchange.watches and "migrate" in exchange.path):
            forward(exchange)
            return
        with exchange.ask() as response:
            exchange.begin(200)
            while (data := response.read1()) and not dead.is_set():
                exchange.chunk(data)
            exchange.pause(60)

    for name in ("migrate", "seed"):
        apiserver.create_job(namespace, name)
    with Front(apiserver, tmp_path) as front:
        front.answer = answer
        kubeconfig = through(front, apiserver, tmp_path)
        process = gate("job", "migrate", "seed", "-n", namespace, "--kubeconfig", str(kubeconfig))
        process.until("migrate: has no condition yet")
        apiserver.complete(namespace, "migrate")
        process.until("migrate: is Complete")
        dead.set()
        apiserver.delete_job(namespace, "migrate")
        apiserver.create_job(namespace, "migrate")
        apiserver.run(namespace, "migrate")
        apiserver.complete(namespace, "seed")
        process.until("migrate: is running")
        dead.clear()
        apiserver.complete(namespace, "migrate")
        assert process.end() == 0


def test_cost_of_two(apiserver, namespace, unbound):
    """Before two Jobs open the gate each is listed once more, so that their wait costs six requests."""
    names = ["migrate", "seed"]
    grant(apiserver, namespace, {**RULE, "resourceNames": names})
    for name in names:
        apiserver.create_job(namespace, name)
    gate = unbound(*names)
    for name in names:
        gate.until(f"{name}: has no condition yet")
        apiserver.complete(namespace, name)
    assert gate.end() == 0
    assert sorted(verb for verb, _, _ in asked(apiserver, namespace)) == ["list"] * 4 + ["watch"] * 2


def test_selector(apiserver, namespace, unbound):
    """With --selector, there must be a match, and every match must be Complete."""
    grant(apiserver, namespace, {**BATCH, "verbs": ["list", "watch"]})
    apiserver.create_job(namespace, "other", labels={"app": "api"})
    gate = unbound("--selector", "app=web")
    gate.until("does not exist; awaiting its creation")
    apiserver.create_job(namespace, "migrate", labels={"app": "web"})
    gate.until("has no condition yet")
    apiserver.create_job(namespace, "seed", labels={"app": "web"})
    gate.until("migrate has no condition yet; awaiting condition Complete; seed has no condition yet")
    apiserver.complete(namespace, "migrate")
    gate.until(f"Jobs {namespace}/app=web: seed has no condition yet")
    apiserver.complete(namespace, "seed")
    assert gate.end() == 0
    assert "all 2 are Complete" in gate.message
    assert {verb for verb, _, _ in asked(apiserver, namespace)} == {"list", "watch"}


@pytest.mark.parametrize("end", [ApiServer.complete, ApiServer.fail])
def test_selector_of_several_releases(apiserver, namespace, unbound, end):
    """With --selector and --require, a Job that an earlier release left behind is passed over, however it ended."""
    grant(apiserver, namespace, {**BATCH, "verbs": ["list", "watch"]})
    apiserver.create_job(namespace, "migrate-1", labels={"app": "web", "version": "1"})
    end(apiserver, namespace, "migrate-1")
    gate = unbound("--selector", "app=web", "--require", "version=2")
    gate.until("does not exist with version=2 (1 without); awaiting its creation")
    apiserver.create_job(namespace, "migrate-2", labels={"app": "web", "version": "2"})
    gate.until("has no condition yet")
    apiserver.complete(namespace, "migrate-2")
    assert gate.end() == 0


CRON_JOB = """
apiVersion: batch/v1
kind: CronJob
metadata: {{name: db-migrate}}
spec:
  schedule: "@yearly"
  suspend: true
  jobTemplate:
    metadata:
      labels: {{app.kubernetes.io/name: db-migrate, app.kubernetes.io/version: "{version}"}}
    spec:
      template:
        spec: {{restartPolicy: Never, containers: [{{name: migrate, image: example.com/migrate}}]}}
"""


def test_jobs_of_a_cron_job(apiserver, namespace, unbound):
    """Of the Jobs that kubectl makes from a CronJob the gate awaits its release's, whichever is the newest."""

    def kubectl(*args: str, stdin: str = "") -> None:
        program = [assets() / "kubectl", "--kubeconfig", apiserver.kubeconfig, "--namespace", namespace]
        subprocess.run([*program, *args], input=stdin, text=True, check=True, capture_output=True)

    def made(version: str, name: str) -> None:
        kubectl("apply", "--filename=-", stdin=CRON_JOB.format(version=version))
        kubectl("create", "job", name, "--from=cronjob/db-migrate")

    grant(apiserver, namespace, {**BATCH, "verbs": ["list", "watch"]})
    release = ["--selector", "app.kubernetes.io/name=db-migrate", "--require", "app.kubernetes.io/version=2.0.0"]
    made("1.0.0", "db-migrate-a")
    apiserver.complete(namespace, "db-migrate-a")
    gate = unbound(*release)
    gate.until("does not exist with app.kubernetes.io/version=2.0.0 (1 without); awaiting its creation")
    made("2.0.0", "db-migrate-b")
    gate.until("has no condition yet")
    made("1.0.0", "db-migrate-c")
    apiserver.complete(namespace, "db-migrate-c")
    apiserver.run(namespace, "db-migrate-b")
    gate.until("is running")
    apiserver.complete(namespace, "db-migrate-b")
    assert gate.end() == 0
    made("1.0.0", "db-migrate-d")
    assert unbound(*release, "--timeout", "0").end() == 0


@pytest.mark.parametrize("args", [["migrate"], ["--selector", "app=web"]], ids=["name", "selector"])
def test_answer_of_another_namespace(apiserver, namespace, gate, tmp_path, args):
    """Where something on the way answers with another namespace's Job, that proves nothing, listed or watched."""
    other = f"{namespace}-other"
    apiserver.create_namespace(other)
    apiserver.create_job(other, "migrate", labels={"app": "web"})
    with Front(apiserver, tmp_path) as front:
        front.answer = lambda exchange: forward(exchange, exchange.path.replace(f"/{namespace}/", f"/{other}/"))
        kubeconfig = through(front, apiserver, tmp_path)
        told = ["job", *args, "-n", namespace, "--kubeconfig", str(kubeconfig), "--timeout"]
        watching = gate(*told, "3s")
        watching.until("does not exist; awaiting its creation")
        apiserver.complete(other, "migrate")
        listing = gate(*told, "0")
        assert (listing.end(), watching.end()) == (124, 124)
        assert "does not exist; awaiting its creation" in listing.message


def test_part_of_a_list(apiserver, namespace, gate, tmp_path):
    """A list of which something on the way holds back a part proves nothing of all Jobs that labels match."""
    apiserver.create_job(namespace, "migrate", labels={"app": "web"})
    apiserver.complete(namespace, "migrate")
    listing = apiserver.request("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs")
    listing["metadata"]["continue"] = "more"
    with Front(apiserver, tmp_path) as front:
        front.answer = lambda exchange: exchange.reply(200, json.dumps(listing).encode())
        kubeconfig = str(through(front, apiserver, tmp_path))
        process = gate("job", "-l", "app=web", "-n", namespace, "--kubeconfig", kubeconfig, "--timeout", "0")
        assert process.end() == 124, process.log
        assert "is a part of the list" in process.message


@pytest.mark.parametrize("null", [True, False], ids=["null", "empty"])
def test_list_of_nothing(apiserver, namespace, gate, tmp_path, null):
    """A list without Jobs is one, be it empty or null."""
    listing = {"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "1"}}
    body = json.dumps({**listing, "items": None if null else []}).encode()
    with Front(apiserver, tmp_path) as front:
        front.answer = lambda exchange: exchange.reply(200, body)
        process = gate("job", "migrate", "--kubeconfig", str(through(front, apiserver, tmp_path)), "--timeout", "0")
        assert process.end() == 124
        assert "does not exist; awaiting its creation" in process.message


def test_watches_that_end_at_once(apiserver, namespace, gate, tmp_path):
    """A server that ends each watch after an event is asked for lists at the usual pace, and for a watch every 5 s."""
    asked: list[bool] = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange.watches)
        if exchange.lists:
            forward(exchange)
            return
        with exchange.ask(exchange.path.partition("&watch=")[0]) as response:
            job = {"kind": "Job", **json.loads(response.read())["items"][0]}
        exchange.begin(200)
        exchange.chunk(json.dumps({"type": "ADDED", "object": job}).encode() + b"\n")
        exchange.chunk(b"")

    apiserver.create_job(namespace, "migrate")
    with Front(apiserver, tmp_path) as front:
        front.answer = answer
        kubeconfig = str(through(front, apiserver, tmp_path))
        process = gate("job", "migrate", "-n", namespace, "--kubeconfig", kubeconfig, "--timeout", "8s")
        assert process.end() == 124
    assert sum(asked) == 2
    assert len(asked) < 16


# -- promptness and cost ------------------------------------------------------------------------------------------


def test_prompt(apiserver, namespace, bound):
    """The gate ends as soon as the Job is Complete."""
    apiserver.create_job(namespace, "migrate")
    gate = bound("migrate")
    gate.until("has no condition yet")
    began = time.monotonic()
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    assert time.monotonic() - began < 1


def test_cost_complete(apiserver, namespace, bound):
    """A Job that is Complete costs one request."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    assert bound("migrate").end() == 0
    assert asked(apiserver, namespace) == [("list", f"/apis/batch/v1/namespaces/{namespace}/jobs", 200)]


def test_cost_wait(apiserver, namespace, bound):
    """A wait costs two requests, whatever the Job goes through."""
    gate = bound("migrate")
    gate.until("does not exist")
    apiserver.create_job(namespace, "migrate")
    gate.until("has no condition yet")
    apiserver.run(namespace, "migrate")
    gate.until("is running")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    assert asked(apiserver, namespace) == [("list", path, 200), ("watch", path, 200)]


# -- rights -------------------------------------------------------------------------------------------------------


def test_no_rights(apiserver, namespace, unbound):
    """Without a Role the gate is denied, with the one rule that lets the same command pass."""
    apiserver.create_job(namespace, "migrate")
    apiserver.complete(namespace, "migrate")
    gate = unbound("migrate", "--timeout", "3s")
    assert gate.end() == 4
    assert gate.message.startswith(f"denied: Job {namespace}/migrate: the API server answers 403")
    rules = yaml.safe_load(gate.message.partition("needs the rule ")[2])
    assert rules == [RULE]
    grant(apiserver, namespace, *rules)
    assert unbound("migrate", "--timeout", "3s").end() == 0


def test_no_watch(apiserver, namespace, unbound):
    """With a Role that lacks watch the gate is denied, with the whole rule."""
    grant(apiserver, namespace, {**RULE, "verbs": ["list"]})
    apiserver.create_job(namespace, "migrate")
    gate = unbound("migrate", "--timeout", "3s")
    assert gate.end() == 4
    assert yaml.safe_load(gate.message.partition("needs the rule ")[2]) == [RULE]


def test_bad_token(kubeconfig, bound):
    """A token that the API server does not accept denies the gate."""
    kubeconfig.write_text(re.sub("token: .*", "token: not-of-this-cluster", kubeconfig.read_text()))
    gate = bound("migrate", "--timeout", "1s", secrets=["not-of-this-cluster"])
    assert gate.end() == 4
    assert "the API server answers 401" in gate.message


def test_token_of_another_audience(apiserver, namespace, kubeconfig, bound):
    """A token that is not meant for the API server denies the gate, which says what is wrong with it."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/gate/token"
    token = apiserver.request("POST", path, {"spec": {"audiences": ["vault"]}})["status"]["token"]
    kubeconfig.write_text(re.sub("token: .*", f"token: {token}", kubeconfig.read_text()))
    gate = bound("migrate", "--timeout", "1s", secrets=[token])
    assert gate.end() == 4
    assert "whose audience is the API server" in gate.message


def test_kubeconfig_of_data(apiserver, namespace, kubeconfig, bound, tmp_path):
    """What a kubeconfig holds as data, keys among it, is kept in memory and not left behind; nothing is on a disk."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    authority = Path(cluster.pop("certificate-authority")).read_bytes()
    cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    kubeconfig.write_text(yaml.safe_dump(config))
    before = set(Path(MEMORY).iterdir())
    gate = bound("migrate", environment={"TMPDIR": str(tmp_path)})
    gate.until("does not exist")
    assert any(path.read_bytes() == authority for path in set(Path(MEMORY).iterdir()) - before)
    assert not list(tmp_path.iterdir())
    gate.signal(signal.SIGTERM)
    assert gate.end() == 143
    assert not any(path.read_bytes() == authority for path in set(Path(MEMORY).iterdir()) - before)


# -- outages ------------------------------------------------------------------------------------------------------


def test_watch_lost(apiserver, namespace, bound):
    """A Job that is seen to be Complete opens the gate, though it may no longer be watched after an outage."""
    apiserver.create_job(namespace, "migrate")
    gate = bound("migrate")
    gate.until("has no condition yet")
    grant(apiserver, namespace, {**RULE, "verbs": ["list"]})
    outage(apiserver, gate)
    apiserver.complete(namespace, "migrate")
    assert gate.end(30) == 0  # by a look in the grace that a denial is given


def test_timeout_0(apiserver, namespace, bound):
    """With --timeout 0 the gate looks once, and times out at once."""
    apiserver.create_job(namespace, "migrate")
    apiserver.run(namespace, "migrate")
    gate = bound("migrate", "--timeout", "0")
    began = gate.until("holding: ").at
    assert gate.end() == 124
    assert time.monotonic() - began < 1
    assert "is running (pods: 1 active)" in gate.message


# -- signals ------------------------------------------------------------------------------------------------------

LAUNCHERS = {"child": []}
if os.geteuid() == 0:
    LAUNCHERS["PID 1"] = ["unshare", "--pid", "--fork", "--kill-child"]


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(apiserver, namespace, bound, number, launcher):
    """A signal ends the gate at once, as PID 1 too."""
    apiserver.create_job(namespace, "migrate")
    gate = bound("migrate", launcher=launcher)
    gate.until("has no condition yet")
    began = time.monotonic()
    gate.signal(number)
    assert gate.end() == 128 + number
    assert time.monotonic() - began < 2
    assert gate.message.startswith(f"interrupted: {number.name} while waiting for Job {namespace}/migrate: has no")


# -- in a pod -----------------------------------------------------------------------------------------------------


@pytest.fixture
def account(apiserver: ApiServer, namespace: str) -> Path:
    """Return the folder of the ServiceAccount `gate`, which may list and watch the Job `migrate`, as a pod has it."""
    grant(apiserver, namespace, RULE)
    apiserver.create_job(namespace, "migrate")
    return apiserver.account(namespace, "gate")


@pytest.fixture
def pod(apiserver: ApiServer, account: Path) -> Cluster:
    """Return the cluster as a pod finds it."""
    host, port = apiserver.url.removeprefix("https://").split(":")
    return in_cluster(account, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})


def names(cluster: Cluster) -> list[str]:
    """List the Job `migrate`."""
    reader = JobReader(cluster, cluster.namespace, Clock(), name="migrate")
    return [job["metadata"]["name"] for job in reader.read(5, fresh=True)]


def test_in_cluster(pod, namespace):
    """A pod's folder is all that it takes to list the Job in the pod's namespace."""
    assert pod.namespace == namespace
    with closing(pod.client):
        assert names(pod) == ["migrate"]


def test_token_missing(pod, account):
    """A pod without a token is denied, with the folder to mount one at, until it is there."""
    token = (account / "token").read_text()
    (account / "token").unlink()
    with pytest.raises(Denied, match=f"mount a projected serviceAccountToken volume at {account}$"):
        names(pod)
    (account / "token").write_text(token)
    with closing(pod.client):
        assert names(pod) == ["migrate"]


def test_ca_missing(pod, account):
    """A pod whose volume lacks the API server's authority is denied, with what to mount, until it is there."""
    authority = (account / "ca.crt").read_text()
    for spoil in ((account / "ca.crt").unlink, lambda: (account / "ca.crt").write_text("")):
        spoil()
        with pytest.raises(Denied, match=f"^no ca.crt .*; mount the ConfigMap kube-root-ca.crt too, .* at {account}$"):
            names(pod)
    (account / "ca.crt").write_text(authority)
    with closing(pod.client):
        assert names(pod) == ["migrate"]


@pytest.mark.parametrize("content", [b"\n", b"a\nb", b"\xff", "größe".encode()])
def test_token_that_is_none(pod, account, content):
    """What can be no token is denied as that, and neither sent nor taken for the server's fault, until one is there."""
    token = (account / "token").read_text()
    (account / "token").write_bytes(content)
    with pytest.raises(Denied, match="token"):
        names(pod)
    (account / "token").write_text(token)
    with closing(pod.client):
        assert names(pod) == ["migrate"]


def test_authority_that_is_no_text(pod, account):
    """An authority in other bytes is missing, too."""
    (account / "ca.crt").write_bytes(b"\xff")
    with pytest.raises(Denied, match=r"no ca\.crt"):
        names(pod)


def test_namespace_that_is_no_text(account):
    """A namespace in other bytes is as good as none."""
    (account / "namespace").write_bytes(b"\xff")
    assert (
        in_cluster(account, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}).namespace is None
    )


def test_token_with_a_line_end(pod, account):
    """A token is taken without the line end that its file has."""
    with (account / "token").open("a") as file:
        file.write("\n")
    with closing(pod.client):
        assert names(pod) == ["migrate"]


@pytest.mark.parametrize("key", ["token", "tokenFile"])
def test_kubeconfig_token_with_a_line_end(kubeconfig, bound, tmp_path, key):
    """A kubeconfig's token is taken without the line end that it has, as it stands or in a file."""
    config = yaml.safe_load(kubeconfig.read_text())
    user = config["users"][0]["user"]
    token = user.pop("token") + "\n"
    (tmp_path / "token").write_text(token)
    user[key] = token if key == "token" else str(tmp_path / "token")
    kubeconfig.write_text(yaml.safe_dump(config))
    bound("migrate").until("does not exist")


def test_token_renewed(apiserver, namespace, pod, account):
    """A token that the kubelet renewed is used from the next request on."""
    with closing(pod.client):
        assert names(pod) == ["migrate"]
        (account / "token").write_text("expired")
        with pytest.raises(Denied, match="answers 401"):
            names(pod)
        apiserver.account(namespace, "gate")
        assert names(pod) == ["migrate"]


# -- the environment, and the log ---------------------------------------------------------------------------------


def test_environment(apiserver, namespace, bound):
    """What flags say, the environment says as well."""
    apiserver.create_job(namespace, "migrate", labels={"version": "1"})
    apiserver.complete(namespace, "migrate")
    gate = bound("migrate", environment={"GATEKEEPER_REQUIRE": "version=2", "GATEKEEPER_TIMEOUT": "0"})
    assert gate.end() == 124
    assert "awaiting version=2" in gate.message


def test_json_log(apiserver, namespace, bound):
    """With --log-format json, every line is a JSON object."""
    apiserver.create_job(namespace, "migrate")
    gate = bound("migrate", "--log-format", "json")
    gate.until("has no condition yet")
    apiserver.complete(namespace, "migrate")
    assert gate.end() == 0
    lines = [json.loads(line) for line in gate.log.splitlines()]
    assert [line["event"] for line in lines] == ["holding", "waiting", "open", "opened"]
    assert {line["check"] for line in lines} == {"", f"Job {namespace}/migrate"}
