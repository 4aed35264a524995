"""What `audit` says of quotas and limit ranges is what the API server's admission does."""

import time

import pytest
from kubernetes.client import ApiException, CoreV1Api

from quotas import CASES

PATIENCE = 60.0


def refusal(core: CoreV1Api, namespace: str, resources: dict, spec: dict) -> str:
    """Return why a pod with a gate of these resources is not admitted, nothing where it is."""
    gate = {"name": "gate", "image": "example.com/gatekeeper", "resources": resources}
    app = {"name": "web", "image": "example.com/web", "resources": APP}
    pod = {"metadata": {"name": "web"}, "spec": {"initContainers": [gate], "containers": [app], **spec}}
    try:
        core.create_namespaced_pod(namespace, pod, dry_run="All")
    except ApiException as fault:
        if fault.status != 403:
            raise
        return str(fault.body)
    return ""


APP = {"requests": {"cpu": "60m", "memory": "64Mi"}, "limits": {"cpu": "60m", "memory": "64Mi"}}
"""Of an app that nothing here refuses by itself."""
PROBES = (
    {"requests": {"cpu": "9k", "memory": "9Ti"}, "limits": {"cpu": "9k", "memory": "9Ti"}},
    {"requests": {"cpu": "0", "memory": "1"}, "limits": {"cpu": "9k", "memory": "9Ti"}},
    {},
)
"""Resources of which each object here refuses some, once the server has read it."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_admission(apiserver, namespace, case):
    """A pod is refused where the audit says that it is, and admitted where it does not."""
    core = CoreV1Api(apiserver.api)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "default"}})
    for each in case.objects():
        if each["kind"] == "LimitRange":
            core.create_namespaced_limit_range(namespace, each)
        else:
            core.create_namespaced_resource_quota(namespace, each)
            # No controller counts what is there.
            status = {"status": {"hard": case.hard, "used": dict.fromkeys(case.hard, "0")}}
            core.patch_namespaced_resource_quota_status("q", namespace, status)
    spec = {**case.pod, "automountServiceAccountToken": False}
    deadline = time.monotonic() + PATIENCE
    while any(each["kind"] == "LimitRange" for each in case.objects()) and not any(
        "status unknown" not in (told := refusal(core, namespace, each, spec)) and told for each in PROBES
    ):
        assert time.monotonic() < deadline, "the limit range is never read"
        time.sleep(0.1)
    while "status unknown" in (told := refusal(core, namespace, case.resources, spec)):
        assert time.monotonic() < deadline, "the quota's status is never read"
        time.sleep(0.1)
    assert bool(told) is bool(case.refused), told
