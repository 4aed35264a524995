"""The rights that a gate needs, as real ServiceAccounts have them or not."""

import re
import subprocess
import sys

import yaml

from servers.cluster import JOB, migration, rights, web

RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}


def account(name, verbs=("list", "watch"), job=JOB, *, bound=True):
    """Return an account with a Role of its own, and a Deployment that uses it; all have this name."""
    service_account, role, binding = rights()
    for each in (service_account, role, binding):
        each["metadata"]["name"] = name
    role["rules"][0] |= {"verbs": list(verbs), "resourceNames": [job]}
    binding["roleRef"]["name"] = binding["subjects"][0]["name"] = name
    deployment = web("job", JOB, name=name)
    deployment["spec"]["template"]["spec"]["serviceAccountName"] = name
    return [service_account, role, *([binding] if bound else []), deployment]


def test_a_denied_gate_names_the_rule_that_lets_its_pod_start(namespace):
    """Whatever is wrong with the rights ends the gate with 4 within 40 s; the rule that it names releases the pod."""
    namespace.apply(
        migration(suspend=True),
        *account("no-watch", verbs=["list"]),
        *account("no-list", verbs=["watch"]),
        *account("other-job", job="other"),
        *account("unbound", bound=False),
    )
    denied = {}
    for name in ("no-watch", "no-list", "other-job", "unbound"):
        pod = denied[name] = namespace.pod(lambda pod: pod.ended, name)
        assert pod.ended.exit_code == 4
        assert (pod.ended.finished_at - pod.ended.started_at).total_seconds() <= 40
        assert pod.message.startswith(f"denied: Job {namespace.name}/{JOB}: the API server answers 403 (")
        rule = re.search(
            rf"a Role in namespace {namespace.name}, bound to that account, needs the rule - (.*)$", pod.message
        )
        named = {"metadata": {"name": f"{name}-named"}}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{name}-named"}
        subjects = [{"kind": "ServiceAccount", "name": name}]
        namespace.apply(
            {**RBAC, **named, "rules": [yaml.safe_load(rule[1])]},
            {**RBAC, **named, "kind": "RoleBinding", "roleRef": reference, "subjects": subjects},
        )
    namespace.resume()
    for name, pod in denied.items():
        assert namespace.opened(name).uid == pod.uid


def test_a_job_in_a_second_namespace(make_namespace):
    """A gate reads the Job of another namespace, with the rights there that `gatekeeper rbac` prints."""
    apps, jobs = make_namespace(), make_namespace()
    options = ["--job", JOB, "--service-account", "web", "-n", apps.name, "--job-namespace", jobs.name]
    command = [sys.executable, "-m", "gatekeeper", "rbac", *options]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    role, binding = yaml.safe_load_all(printed)
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {jobs.name}
    jobs.apply(role, binding, migration(suspend=True))
    apps.apply(rights()[0], web("job", JOB, "-n", jobs.name))

    held = apps.held(f"Job {jobs.name}/{JOB}: is suspended; see kubectl describe")
    jobs.resume()
    assert apps.opened().uid == held.uid
