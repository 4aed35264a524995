"""Whatever a manifest holds, `audit` judges it or says what is wrong, and `inject` adds the gate and nothing else."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import objects
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted
from gatekeeper.manifests.inject import inject as add

RIGHT = Path(__file__).parents[1] / "unit" / "manifests" / "audit" / "right.yaml"
WITH_GATE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      serviceAccountName: web
      automountServiceAccountToken: false
      containers: [{name: web, image: example.com/web}]
      initContainers:
        - name: migrated
          image: example.com/gatekeeper:1 # ours
          args: [schema, --tool, alembic, --revision=aaa1, --timeout, 8m]
          env:
            - {name: DATABASE_URL, value: postgresql://app@db/app}
"""
JOB = Wanted({"job": ["db-migrate"]})
SCHEMA = Wanted({"tool": ["alembic"], "revision": ["b"]}, secrets=["db/url"])


def places(value: object) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of everything within a value."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (key,)
        yield from ((key, *path) for path in places(each))


def spoiled(right: object, odd: object) -> Iterator[object]:
    """Yield a manifest again and again, each time with something odd in another place."""
    for *parents, last in places(right):
        content = copy.deepcopy(right)
        parent = content
        for key in parents:
            parent = parent[key]
        parent[last] = odd
        yield content


@pytest.mark.parametrize("odd", [None, True, 7, "x", [], [7], ["x"], [[]], [{}], {}, {"x": {}}], ids=repr)
def test_every_place_of_audit(odd):
    """Whatever stands anywhere in a manifest, it is judged or Misconfigured."""
    right = objects.read(str(RIGHT))
    for place, manifest in enumerate(right):
        for content in spoiled(manifest.content, odd):
            try:
                parsed = objects.parse(json.dumps(content))
                audit([*right[:place], *parsed, *right[place + 1 :]])
            except Misconfigured as fault:
                assert str(fault)  # noqa: PT017 - either way is right


@pytest.mark.parametrize("odd", [None, 7, "x", [7], [{}], {"x": []}], ids=repr)
def test_every_place_of_inject(odd):
    """Whatever stands anywhere in a manifest, it is changed as ever or Misconfigured."""
    for content in spoiled(yaml.safe_load(WITH_GATE), odd):
        wanted = Wanted({"timeout": ["9m"]}, secrets=["db/url"], service_account="shop", rights=True)
        try:
            changed = add(yaml.safe_dump(content), wanted).text
        except Misconfigured:
            continue
        assert add(changed, wanted).text == changed


# Any stream.

COMMENTS = st.sampled_from(["# a comment", "#", "# \u00e9 \u2713", "  # deeper", "    # deep"])
NAMES = st.sampled_from(["web", "a-b", '"quoted"', "'on'", "\u00e9"])
SERVICE = ["---", "apiVersion: v1", "kind: Service", "metadata: {name: web}"]
HEAD = ["---", "apiVersion: apps/v1", "kind: Deployment", "metadata: {name: web, namespace: shop}", "spec:"]


@st.composite
def containers(draw: st.DrawFn, key: str, dash: str) -> list[str]:
    """Return the lines of some containers, in brackets or in blocks."""
    if draw(st.booleans()):
        return [f"{key}: [{{name: {draw(NAMES)}, image: a}}]"]
    lines = [f"{key}:"]
    for name in draw(st.lists(NAMES, min_size=1, max_size=3)):
        lines += [f"{dash}- name: {name}", f"{dash}  image: example.com/a:1"]
        lines += draw(st.sampled_from([[], [f"{dash}  command: [run, '# no comment']"], [f"{dash}  # args: []"]]))
        lines += draw(st.sampled_from([[], [f"{dash}  workingDir: |", f"{dash}    # no comment", f"{dash}    text"]]))
    return lines


@st.composite
def streams(draw: st.DrawFn) -> str:
    """Return a stream with one workload that serves, in some layout."""
    step = " " * draw(st.sampled_from([1, 2, 4]))
    dash = draw(st.sampled_from(["", step]))
    optional = [
        draw(containers("initContainers", dash)),
        [draw(st.sampled_from(["volumes: []", "volumes:", "volumes: ~", "volumes: null # none"]))],
        ["automountServiceAccountToken: false"],
        ["nodeSelector: {a: b}", "# its end"],
    ]
    parts = [["serviceAccountName: web"], draw(containers("containers", dash))]
    parts += [part for part in optional if draw(st.booleans())]
    pod = [line for part in draw(st.permutations(parts)) for line in [*part, *draw(st.lists(COMMENTS, max_size=1))]]
    lines = [*HEAD, f"{step}template:", f"{step * 2}spec:", *(step * 3 + line for line in pod)]
    lines = [*draw(st.sampled_from([[], SERVICE])), *lines, *draw(st.sampled_from([[], SERVICE, ["..."]]))]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    # A block scalar that no line end ends would get one, so that is refused.
    is_open = any("workingDir" in line for line in lines[-5:])
    return newline.join(lines) + (newline if is_open else draw(st.sampled_from(["", newline])))


@given(streams(), st.booleans())
def test_any_stream(text, is_schema):
    """Whatever the layout, all of its lines are there in their order, and it means what it meant, with the gate."""
    wanted = SCHEMA if is_schema else JOB
    changed = add(text, wanted).text
    assert add(changed, wanted).text == changed
    left = iter(changed.splitlines())
    for line in text.splitlines():
        # Lists that were empty or in brackets have got more.
        start = line.partition(":" if "volumes:" in line else "]")[0]
        assert any(each == line or (start != line and each.startswith(start)) for each in left)
    before, after = objects.parse(text), objects.parse(changed)
    assert [each.content for each in before if each.kind == "Service"] == [
        each.content for each in after if each.kind == "Service"
    ]
    (old,), (new,) = objects.workloads(before), objects.workloads(after)
    *inits, gate = new.inits
    assert inits == old.inits
    assert gate["args"] == (["schema", "--tool", "alembic", "--revision", "b"] if is_schema else ["job", "db-migrate"])
    pod = old.pod | ({} if is_schema else {"automountServiceAccountToken": False}) | {"initContainers": new.inits}
    volumes = new.pod.get("volumes")
    assert new.pod == pod | ({} if is_schema else {"volumes": volumes})
    assert is_schema or [volume["name"] for volume in volumes] == ["gate-token"]


# Any pod, with any gates.

OTHERS = st.sampled_from([
    "{name: %s, image: example.com/app:1, command: [./prepare]}",
    "{name: %s, image: example.com/k8s-wait-for:2, args: [pod, -lapp=db]}",
    "{name: %s, image: example.com/k8s-wait-for:2, args: [service, db]}",
    "{name: %s, image: example.com/kubectl, args: [wait, pod/db-0, --for=condition=ready]}",
    "{name: %s, image: example.com/app:1, command: [sh, -c, 'until nc -z db 5432; do sleep 1; done']}",
    "{name: %s, image: example.com/proxy:1, restartPolicy: Always}",
])  # fmt: skip
GATES = st.sampled_from([
    "{name: %s, image: example.com/k8s-wait-for:2, args: [job-wr, m-7]}",
    "{name: %s, image: example.com/kubectl, args: [wait, job/m-7, --for=condition=complete, --timeout=60s]}",
    "{name: %s, image: example.com/tools, command: [sh, -c, 'until kubectl get job m-7 | grep 1/1; do sleep 1; done']}",
    "{name: %s, image: example.com/gatekeeper:1, args: [job, m-7, --timeout, 8m]}",
    "{name: %s, image: example.com/e, command: [kubernetes-entrypoint], env: [{name: DEPENDENCY_JOBS, value: m-7}]}",
])  # fmt: skip
TEMPLATE = ("spec", "template", "spec")
KINDS = st.sampled_from(
    [
        ("apps/v1", "Deployment", TEMPLATE),
        ("apps/v1", "StatefulSet", TEMPLATE),
        ("apps/v1", "DaemonSet", TEMPLATE),
        ("batch/v1", "Job", TEMPLATE),
        ("batch/v1", "CronJob", ("spec", "jobTemplate", *TEMPLATE)),
        ("v1", "Pod", ("spec",)),
    ]
)
SEVERAL = st.sampled_from([
    "{name: %s, image: e, env: [{name: DEPENDENCY_SERVICE, value: db}, {name: DEPENDENCY_JOBS, value: m-7}]}",
    "{name: %s, image: onap/readiness:7, args: [--service-name, db, --job-name, m-7]}",
    "{name: %s, image: k, command: [sh, -c, 'for r in a b; do until kubectl get job -l r=$r-7; do :; done; done']}",
])  # fmt: skip
"""Each becomes two containers, the first of which has the name."""
NAMED = st.sampled_from([{"name": "web"}, {"name": "web", "namespace": "shop"}, {"generateName": "web-"}])
POD_PARTS = st.lists(
    st.sampled_from([
        "securityContext: {}", "securityContext: {runAsUser: 0}", "securityContext: {runAsUser: 1000, fsGroup: 1000}",
        "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}", "hostNetwork: true",
        "automountServiceAccountToken: true", "automountServiceAccountToken: false", "os: {name: linux}",
        "resources: {limits: {memory: 1Gi}}", "nodeSelector: {kubernetes.io/arch: arm64}",
        "ephemeralContainers: [{name: debug, image: example.com/debug:1}]", "imagePullSecrets: [{name: pull}]",
        "volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}]",
        "volumes: [{name: gate-token, emptyDir: {}}, {name: c0-token, emptyDir: {}}]",
    ]),
    unique_by=lambda part: part.partition(":")[0],
    max_size=5,
)  # fmt: skip
APP = "{name: web, image: example.com/web:1, args: [--log, $(LEVEL)], env: [{name: LEVEL, value: $$(A)}]}"


@st.composite
def pods(draw: st.DrawFn) -> str:
    """Return a workload with some init containers, of which some are gates, in blocks or between brackets."""
    spec = {"serviceAccountName": "web"}
    for part in draw(POD_PARTS):
        spec |= yaml.safe_load(part)
    inits = draw(st.lists(st.one_of(OTHERS, GATES, SEVERAL), max_size=5))
    if inits:
        spec["initContainers"] = [yaml.safe_load(text % f"c{at}") for at, text in enumerate(inits)]
    spec["containers"] = [yaml.safe_load(APP)]
    version, kind, path = draw(KINDS)
    for key in reversed(path):
        spec = {key: spec}
    stream = {"apiVersion": version, "kind": kind, "metadata": draw(NAMED), **spec}
    style = draw(st.sampled_from([True, False, None]))
    return yaml.safe_dump(stream, default_flow_style=style, sort_keys=False, explicit_start=True)


@given(pods(), st.sampled_from(["", "example.com/mirror/gk:1"]))
def test_any_pod(text, image):
    """Every other container means what it meant, twice is once, and the audit of what comes out has no error."""
    (before,) = objects.workloads(objects.parse(text))
    is_gate = [any(word in str(each) for word in ("job", "JOBS")) for each in before.inits]
    # Job and Pod are meant by their name alone, or by the gate that they have.
    name = "" if any(is_gate) else f"{before.manifest.kind}/{before.manifest.name}"
    wanted = Wanted({"job": ["m-7"]} if name else {}, [name] if name else [], every=not name, image=image, rights=True)
    done = add(text, wanted)
    assert add(done.text, wanted).text == done.text
    (after,) = objects.workloads(objects.parse(done.text))
    kept = [each for each, gate in zip(before.inits, is_gate, strict=True) if not gate]
    assert [each for each in after.inits if each in kept] == kept
    names = [each["name"] for each in before.inits]
    assert [each["name"] for each in after.inits if each["name"] in names] == names
    own = {"initContainers", "volumes", "automountServiceAccountToken"}
    assert {key: after.pod[key] for key in after.pod.keys() - own} == {
        key: before.pod[key] for key in before.pod.keys() - own
    }
    volumes = before.pod.get("volumes", [])
    assert after.pod.get("volumes", [])[: len(volumes)] == volumes
    several = sum(any(word in str(each) for word in ("SERVICE", "service-name", "r=$r-7")) for each in before.inits)
    assert len(after.inits) == len(before.inits) + (not any(is_gate)) + several
    found = audit(objects.parse(done.text)).findings
    assert [each for each in found if each.rule.level == "error"] == []
