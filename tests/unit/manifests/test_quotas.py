"""What quotas and limit ranges refuse, in the cases that `tests/apiserver` asks a real API server."""

import pytest
import yaml

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import objects
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted, inject
from gatekeeper.manifests.resources import OF_A_GATE
from quotas import CASES, FOUR, USUAL


def workload(case, *, namespace=None):
    """Return a Deployment whose pods have the gate, and the namespace's objects."""
    gate = {"name": "gate", "image": "gatekeeper", "args": ["job", "m-7"], "resources": case.resources}
    pod = {"serviceAccountName": "web", "initContainers": [gate], "containers": [{"name": "web"}], **case.pod}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    beside = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in case.objects()]
    return yaml.safe_dump_all([{**deployment, "spec": {"template": {"spec": pod}}}, *beside])


def told(text, **options):
    found = audit(objects.parse(text), **options).findings
    return [f"{each.sentence} {each.cure}" for each in found if each.rule.slug == "not-admitted"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case):
    """What would be refused is told, and how it is cured."""
    found = told(workload(case))
    assert bool(found) is bool(case.refused)
    assert case.refused in " ".join(found)


def test_other_namespace():
    """A quota is that of its namespace."""
    text = workload(CASES["a limit on CPU"], namespace="shop")
    assert told(text, namespace="shop")
    assert not told(text, namespace="other")


def test_resources_of_the_pod():
    """A pod that has resources as a whole is not judged."""
    text = workload(CASES["a limit on CPU"])
    assert not told(text.replace("    spec:\n", "    spec:\n      resources: {limits: {cpu: 1}}\n", 1))


def test_inject():
    """What would be refused is not written, until what is missing is given."""
    text = workload(CASES["a limit on CPU"])
    text = text.replace("      initContainers:\n", "      volumes: []\n      initContainers_:\n")
    with pytest.raises(Misconfigured, match=r"\(GK503\) Cure: .* gatekeeper inject --limits cpu=100m\."):
        inject(text, Wanted({"job": ["m-7"]}))
    assert not told(inject(text, Wanted({"job": ["m-7"]}, limits={"cpu": "100m"})).text)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("ResourceQuota", "{hard: [cpu]}"),
        ("ResourceQuota", "{scopes: x}"),
        ("LimitRange", "{limits: {a: b}}"),
        ("LimitRange", "{limits: [x]}"),
        ("LimitRange", "{limits: [{type: Container, max: x}]}"),
    ],
)
def test_malformed(kind, spec):
    """What is no quota and no limit range is Misconfigured."""
    text = workload(CASES["of pods"]) + f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
    with pytest.raises(Misconfigured, match=f"{kind} x: "):
        told(text)


def test_every_resource_of_a_gate_is_counted():
    """The gate's own resources are those that the cases are about."""
    assert USUAL == OF_A_GATE
    assert set(FOUR) == {f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory")}
