"""Streams that are made to take time and memory without bound do not: each of these would, read naively, take years."""

import pytest

from charts import Shape, chart, script
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import objects
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted, inject

GATE = "- {name: w, image: gatekeeper, args: [job, m-7]}\n"
PLAIN = chart(Shape(GATE, ()))
API = "apiVersion: rbac.authorization.k8s.io/v1\n"
ALIASES = "kind: ConfigMap\nmetadata: {name: x}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 20)
)
ROLES = "---\n".join(
    f"{API}kind: ClusterRole\nmetadata: {{name: r{at}, labels: {{a: b}}}}\n"
    "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: []\n"
    for at in range(40)
)
BINDING = (
    f"{API}kind: ClusterRoleBinding\nmetadata: {{name: b}}\nroleRef: {{kind: ClusterRole, name: r0}}\n"
    "subjects: [{kind: Group, name: 'system:serviceaccounts'}]\n"
)
FUNCTIONS = "".join(f"f{at}() {{\n f{at + 1} a\n f{at + 1} b\n}}\n" for at in range(60))


def test_aliases_of_aliases():
    """A stream that stands for billions of values is refused, as kubectl does."""
    with pytest.raises(Misconfigured, match="its aliases make more than 1000000 values of it"):
        objects.parse(f"{ALIASES}---\n{PLAIN}")


def test_roles_of_roles():
    """Roles that are made of each other are read once, however often they refer to themselves."""
    stream = f"{ROLES}---\n{BINDING}---\n{PLAIN}"
    assert audit(objects.parse(stream)).gates
    assert inject(stream, Wanted({"timeout": ["8m"]}, rights=True)).text != stream


@pytest.mark.parametrize(
    ("inits", "words"),
    [
        (script(f"{FUNCTIONS}f0; kubectl wait --for=condition=complete job/x"), "call each other too deeply"),
        (script(f"echo {'$(' * 5000}{')' * 5000}; kubectl wait job/x"), "nested too deeply"),
        (script("kubectl wait job/x; " * 10_000), "it has more than 100000 characters"),
        (script(f"kubectl wait {'((' * 20_000}"), "no Job is named"),
        (GATE.replace("m-7", f"-l, 'a in (x{',x' * 100_000})'"), "its selector has more than 2000 characters"),
    ],
    ids=["functions", "substitutions", "length", "parentheses", "selector"],
)
def test_gate(inits, words):
    """A gate that takes too long to read is one that cannot be read."""
    stream = chart(Shape(inits, ()))
    told = " ".join(each.sentence for each in audit(objects.parse(stream)).findings)
    assert words in told
    if "gatekeeper" not in inits:
        with pytest.raises(Misconfigured, match="--replace w"):
            inject(stream, Wanted({}))
