"""Other programs' arguments against a real API server: the gate that they start is `gatekeeper job`'s."""

import pytest

SPELLINGS = {
    "kubectl wait": ("wait", "--for=condition=complete", "--timeout=40s", "job/migrate", "-n", "{}"),
    "kubectl wait, apart": ("wait", "--for", "condition=Complete", "--timeout", "40s", "-n{}", "job", "migrate"),
    "kubectl wait, by group": ("wait", "jobs.v1.batch/migrate", "--for=condition=complete=true", "--namespace={}"),
    "kubectl wait, by label": ("wait", "job", "-l", "app=shop", "--for=condition=complete", "-n={}"),
    "k8s-wait-for": ("job-wr", "migrate", "-n", "{}"),
}


@pytest.fixture
def environment(apiserver):
    """Return the environment that makes a gate ask the API server as its administrator."""
    return {"GATEKEEPER_KUBECONFIG": str(apiserver.kubeconfig)}


@pytest.mark.parametrize("argv", SPELLINGS.values(), ids=SPELLINGS)
def test_drop_in(apiserver, namespace, gate, environment, argv):
    """The arguments that a chart has hold the pod until the Job is Complete, wherever their namespace stands."""
    apiserver.create_job(namespace, "migrate", labels={"app": "shop"})
    held = gate(*(arg.format(namespace) for arg in argv), environment=environment)
    held.until("has no condition yet")
    apiserver.complete(namespace, "migrate")
    assert held.end() == 0
    assert held.message.startswith("opened: Job")


def test_timeouts(apiserver, namespace, gate, environment):
    """As kubectl, `wait` has 30 s if not told otherwise, by its arguments or by the gate's own variable."""
    argv = ["wait", "--for=condition=complete", "job/migrate", "-n", namespace]
    gate(*argv, environment=environment).until("30s left]")
    gate(*argv, environment={**environment, "GATEKEEPER_TIMEOUT": "2m"}).until("2m left]")
    gate(*argv, "--timeout=90s", environment={**environment, "GATEKEEPER_TIMEOUT": "2m"}).until("1m30s left]")
    assert gate(*argv, "--timeout=0", environment=environment).end() == 124


def test_failed(apiserver, namespace, gate, environment):
    """A failed Job ends it at once, where kubectl would wait for its timeout."""
    apiserver.create_job(namespace, "migrate")
    apiserver.fail(namespace, "migrate")
    held = gate("wait", "--for=condition=complete", "job/migrate", "-n", namespace, environment=environment)
    assert held.end() == 3
    assert "has failed" in held.message
