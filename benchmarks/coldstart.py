"""A pod is scheduled, with its image there: how soon does its gate look? In the cluster that KUBECONFIG names.

The scheduler's event tells the one instant, the container's log as the node stamps it the other: where these are two
machines, their clocks have to agree.
"""

import os
from datetime import datetime

from kubernetes import client, config, utils

from benchmarks.job import GATEKEEPER, JOB, KUBECTL_WAIT, beside
from benchmarks.plan import Plan
from benchmarks.programs import until
from benchmarks.report import Row
from gatekeeper.manifests import rbac

ACCOUNT = "web"


def measure(image: str, kubectl_image: str, plan: Plan) -> list[Row]:
    """Return the row; the cluster has both images."""
    # What is run, and a line of its log that shows it has asked for the Job.
    contenders = {
        GATEKEEPER: ({"image": image, "args": ["job", JOB]}, "waiting:"),
        KUBECTL_WAIT: (
            {"image": kubectl_image, "command": ["kubectl", "wait", "--for=condition=complete", f"job/{JOB}", "-v=6"]},
            "/jobs",
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    cluster = config.new_client_from_config(os.environ["KUBECONFIG"])
    core = client.CoreV1Api(cluster)
    namespace = core.create_namespace({"metadata": {"generateName": "bench-"}}).metadata.name
    try:
        _grant(cluster, namespace)
        for turn in range(plan.cold_starts + 1):
            for name, (container, first_look) in contenders.items():
                taken = _first_look(core, namespace, container, first_look)
                if turn:  # the first one may unpack the image
                    seconds[name].append(taken)
    finally:
        core.delete_namespace(namespace)
    return [beside("cold start: pod scheduled -> first look", seconds, "s", 1)]


def _grant(cluster: client.ApiClient, namespace: str) -> None:
    """Create a Job that nobody runs, and an account that may read it as either program does."""
    account, role, binding = rbac.objects(rbac.grant([JOB], service_account=ACCOUNT, create_service_account=True))
    role["rules"][0]["verbs"].append("get")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": "example.com/migrate"}]}}
    job = {"metadata": {"name": JOB}, "spec": {"suspend": True, "template": template}}
    for manifest in (account, role, binding, {"apiVersion": "batch/v1", "kind": "Job", **job}):
        utils.create_from_dict(cluster, manifest, namespace=namespace)


def _first_look(core: client.CoreV1Api, namespace: str, container: dict[str, object], text: str) -> float:
    """Return seconds from a pod's scheduling to the line of its log that has this text."""
    spec = {
        "serviceAccountName": ACCOUNT,
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "gate", "imagePullPolicy": "Never", **container}],
    }
    name = core.create_namespaced_pod(namespace, {"metadata": {"generateName": "gate-"}, "spec": spec}).metadata.name

    def line() -> str:
        [status] = core.read_namespaced_pod(name, namespace).status.container_statuses or [None]
        if status is None or status.state.waiting:
            return ""
        log = core.read_namespaced_pod_log(name, namespace, timestamps=True)
        return next((line for line in log.splitlines() if text in line), "")

    until(line, 60, lambda: f"pod {name} does not say {text!r}")
    stamp, _, _ = line().partition(" ")
    core.delete_namespaced_pod(name, namespace)
    [event] = core.list_namespaced_event(namespace, field_selector=f"involvedObject.name={name},reason=Scheduled").items
    return (datetime.fromisoformat(f"{stamp[:26]}+00:00") - event.event_time).total_seconds()
