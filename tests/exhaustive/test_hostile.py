"""Streams that are made to take time and memory without bound do not: each of these would, read naively, take years."""

import time

import pytest

from charts import Shape, chart, script
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import beside, grants, objects
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
        (script(f"{FUNCTIONS}f0; kubectl wait --for=condition=complete job/x"), "functions are nested too deeply"),
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


SIZE = 100_000
LIMIT = 12.0
"""Seconds of CPU, of which most take one: what grew with the square of its size, or faster, took minutes."""
DEPLOYMENT = PLAIN.removeprefix("# Source: chart/templates/deployment.yaml\n")
LOOP = script("kubectl wait --for=condition=complete job/m-7\n" * 40)
ROLE = (
    f"{API}kind: Role\nmetadata: {{name: r@}}\n"
    "rules: [{apiGroups: [batch], resources: [jobs], verbs: [list, watch], resourceNames: [m-7]}]\n---\n"
    f"{API}kind: RoleBinding\nmetadata: {{name: r@}}\nroleRef: {{kind: Role, name: r@}}\n"
    "subjects: [{kind: ServiceAccount, name: web@}]\n"
)
JOB = (
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: m-@, labels: {app: m}}\n"
    "spec: {template: {spec: {containers: [{name: m}]}}}\n"
)


def many(text, size=SIZE, *, start="", end="", between=""):
    """Return a text again and again, with numbers for its @, to a size."""
    count = size // (len(text) + len(between))
    return start + between.join(text.replace("@", str(at)) for at in range(count)) + end


def stream(*texts):
    return "---\n".join(texts)


MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: "
NAMED = DEPLOYMENT.replace("name: web\nspec", "name: web@\nspec").replace(
    "serviceAccountName: web", "serviceAccountName: web@"
)
LARGE = {
    "tiny documents": stream(many("kind: X\n", between="---\n"), PLAIN),
    "one line": stream(f"{MAP}{{a: '{'x ' * (SIZE // 2)}'}}\n", PLAIN),
    "a block": stream(f"{MAP}\n  a: |\n{many('    b = @ # c' + chr(10))}", PLAIN),
    "a flow list": stream(f"{MAP}[{'x,' * (SIZE // 2)}]\n", PLAIN),
    "deep": stream(f"{MAP}{'[' * (SIZE // 2)}{']' * (SIZE // 2)}\n", PLAIN),
    "open": stream(f"{MAP}{'{a: ' * SIZE}\n", PLAIN),
    "dashes": stream(f"{MAP}\n {'- ' * (SIZE // 2)}x\n", PLAIN),
    "anchors": stream(f"{MAP}\n{many('- &a@ x' + chr(10) + '- *a@' + chr(10))}", PLAIN),
    "comments": "# gatekeeper: x\n" * (SIZE // 16) + PLAIN,
    "workloads": many(NAMED, between="---\n"),
    "a list": many(
        '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web@"}, "spec": {"template": {"spec": '
        '{"serviceAccountName": "web", "initContainers": [{"name": "w", "image": "gatekeeper", "args": ["job", "m"]}], '
        '"containers": [{"name": "web"}]}}}}',
        start='{"kind": "List", "items": [',
        end="]}",
        between=", ",
    ),
    "objects of JSON": many('{"kind": "X", "a": [1, 2, 3]}\n') + '{"kind": "Y"}\n',
    "rights": many(f"{NAMED}---\n{ROLE}", between="---\n"),
    "rights of one": stream(many(ROLE.replace("web@", "web"), between="---\n"), DEPLOYMENT),
    "Jobs": many(f"{NAMED.replace('m-7', 'm-@')}---\n{JOB}", between="---\n"),
    "Jobs and selectors": many(f"{NAMED.replace('m-7', '-l, app=m')}---\n{JOB}", between="---\n"),
    "scripts": many(chart(Shape(LOOP, ())), between="---\n"),
    "names": PLAIN.replace("m-7", many("m-@", between=", ")),
    "names of a Role": stream(
        ROLE.replace("@", "").replace("m-7", many("m-@", between=", ")),
        DEPLOYMENT.replace("m-7", many("m-@", between=", ")),
    ),
    "variables": PLAIN.replace("m-7]", f"m-7], env: [{many('{name: V@, value: x}', between=', ')}]"),
    "variables of variables": PLAIN.replace(
        "m-7]", "$(V)], env: [{name: V, value: xx}" + ", {name: V, value: $(V)$(V)}" * (SIZE // 28) + "]"
    ),
    "init containers": PLAIN.replace(
        "[job, m-7]}\n", f"[job, m-7]}}\n{many('        - {name: w@, image: x}' + chr(10))}"
    ),
    "volumes": PLAIN + "      volumes:\n" + many("        - {name: v@, emptyDir: {}}\n"),
    "quotas": stream(
        many("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q@}\nspec: {hard: {pods: 1}}\n", between="---\n"),
        DEPLOYMENT,
    ),
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_large(text):
    """What is large is read in time that grows with it, or is refused with a sentence."""
    started = time.process_time()
    told = []
    for ask in (
        lambda: audit(objects.parse(text)),
        lambda: inject(text, Wanted({"timeout": ["8m"]}, every=True, force=True, rights=text[0] != "{")),
    ):
        try:
            ask()
        except Misconfigured as fault:
            told.append(str(fault))
    assert time.process_time() - started < LIMIT, told


@pytest.mark.parametrize(
    ("where", "name", "text", "words"),
    [
        (grants, "MOST", stream(PLAIN, BINDING, *[DEPLOYMENT] * 3), "give rights more than 2 times"),
        (grants, "MOST_AGGREGATED", stream(PLAIN, BINDING, ROLES), "more than 2 ClusterRoles are made of others"),
        (beside, "MOST_MATCHES", LARGE["Jobs and selectors"], "too many to be compared"),
        (beside, "MOST_QUOTAS", LARGE["quotas"], "more than 2 quotas and limit ranges"),
        (objects, "MOST_CONTAINERS", LARGE["init containers"], "Deployment web: its pod has more than 2 containers"),
    ],
)
def test_too_many(monkeypatch, where, name, text, words):
    """What can only be judged with everything else is refused where there is too much of it."""
    monkeypatch.setattr(where, name, 2)
    with pytest.raises(Misconfigured, match=words):
        audit(objects.parse(text))
