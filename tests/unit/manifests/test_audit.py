"""What an audit finds in rendered manifests, and how it tells it."""

import copy
import io
import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import findings, grants
from gatekeeper.manifests import objects as manifests
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.findings import RULES
from gatekeeper.manifests.grants import Need
from gatekeeper.manifests.objects import part

FOLDER = Path(__file__).parent / "audit"
SHIPPED = Path(__file__).parents[3] / "manifests"
RBAC = "rbac.authorization.k8s.io"
POD = ("spec", "template", "spec")
GATE = (*POD, "initContainers", 0)
ARGS = (*GATE, "args")
REQUIRE = ["--require", "app.kubernetes.io/version=1.4.0"]
SCHEMA = ["schema", "--tool", "alembic", "--revision", "ae1027a6acf2"]
WATCHING = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]}


@cache
def _parsed(name: str):
    return manifests.read(str(FOLDER / name))


def read(name):
    return copy.deepcopy(_parsed(name))


def found(objects, namespace=""):
    return audit(objects, namespace).findings


def slugs(objects, namespace=""):
    return [each.rule.slug for each in found(objects, namespace)]


def put(kind, path, value):
    """Return a change of the right manifests: the value at a path in the object of a kind."""

    def change(objects):
        (content,) = (each.content for each in objects if each.kind == kind)
        *parents, last = path
        for key in parents:
            content = content.setdefault(key, {}) if isinstance(content, dict) else content[key]
        content[last] = value

    return change


def add(kind, name, *, namespace="", group=RBAC, **content):
    """Return a change of the right manifests: one more object."""
    metadata = {"labels": content.pop("labels", {})}
    return lambda objects: objects.append(
        manifests.Manifest(group, kind, name, namespace, {"metadata": metadata} | content)
    )


def bind(role, *subjects, kind="ClusterRole", everywhere=False, labels=None):
    """Return a change of the right manifests: one more binding."""
    return add(
        "ClusterRoleBinding" if everywhere else "RoleBinding",
        "more",
        namespace="" if everywhere else "shop",
        roleRef={"kind": kind, "name": role},
        subjects=list(subjects),
        labels=labels or {},
    )


def changed(*changes):
    objects = read("right.yaml")
    for change in changes:
        change(objects)
    return objects


def args(*words):
    return put("Deployment", ARGS, list(words))


def released(field):
    source = {"name": "RELEASE", "valueFrom": {"fieldRef": {"fieldPath": field}}}
    return put("Deployment", (*GATE, "env"), [source])


WEB = {"kind": "ServiceAccount", "name": "web"}
annotated = partial(put, "Job", ("metadata", "annotations"))
automount = partial(put, "Deployment", (*POD, "automountServiceAccountToken"))


@pytest.mark.parametrize("name", ["right.yaml", "list.yaml"])
def test_right(name):
    """A gate that has what it needs, and no more, has no finding."""
    found = audit(read(name))
    assert found.findings == ()
    (gate,) = found.gates
    assert gate.needs == "list, watch on Job db-migrate of namespace shop"
    assert gate.granted == ("list, watch on jobs.batch db-migrate by RoleBinding shop/web-gate",)
    assert gate.token_in == ("gate",)
    assert gate.pod_security == "restricted"


@pytest.mark.parametrize("folder", ["job", "schema"])
def test_shipped(folder):
    """The manifests that the project ships have no finding."""
    objects = [each for path in sorted((SHIPPED / folder).glob("*.yaml")) for each in manifests.read(str(path))]
    found = audit(objects)
    assert (len(found.gates), found.findings) == (1, ())


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        # The container.
        ([put("Deployment", ARGS, ["web"])], ["no-gate"], "No workload in these documents has a gate"),
        ([args("job", "DB")], ["unreadable-gate"], "'DB' is not the name of a Job"),
        (
            [put("Deployment", (*GATE, "image"), "k8s-wait-for"), args("job-we", "db", "-n", "shop")],
            ["unreadable-gate"],
            "What k8s-wait-for waits for cannot be told: job-we: ",
        ),
        ([args("job", "a", "--require", "v=1", "--require", "v=2")], ["unreadable-gate"], "one value of a key"),
        ([args("job", "a", "-n=shop")], ["unreadable-gate"], "'=shop' is not the name of a namespace"),
        ([args("job", "a", "-n", "Shop")], ["unreadable-gate"], "'Shop' is not the name of a namespace"),
        ([args("job", "--timeout")], ["unreadable-gate"], "--timeout has no value"),
        ([args("job", "db-migrate", "--help")], ["unreadable-gate"], "--help is among its arguments"),
        ([args(*SCHEMA, "-h", "db.shop.svc")], ["unreadable-gate"], "-h is among its arguments"),
        ([args("job", "a", "--timeout", "soon")], ["unreadable-gate"], "'soon' is not a duration"),
        ([args("job", "a", "--require", "release")], ["unreadable-gate"], "'release' is not KEY=VALUE"),
        ([args("job", "a", "--if-absent", "skip")], ["unreadable-gate"], "'skip' is none of wait, open, fail"),
        ([args("job", "db-$(TAG)", *REQUIRE)], ["unreadable-gate"], "db-$(TAG) is known only in the pod"),
        ([put("Deployment", (*GATE, "restartPolicy"), "Always")], ["not-blocking"], "makes gate a sidecar"),
        # Rights.
        ([put("Role", ("rules", 0, "verbs"), ["list"])], ["missing-right"], "grants watch on Job db-migrate"),
        ([put("Role", ("rules", 0, "verbs"), ["*"])], ["excess-right"], "every verb on jobs.batch db-migrate"),
        ([put("Role", ("rules", 0, "verbs"), ["get", "list", "watch"])], ["excess-right"], ": get on jobs.batch db-m"),
        ([put("Role", ("rules", 0), WATCHING)], ["excess-right"], ": list, watch on all jobs.batch."),
        (
            [put("Role", ("rules", 0, "resourceNames"), ["db-migrate", "db-seed"])],
            ["excess-right"],
            ": list, watch on jobs.batch db-seed.",
        ),
        (
            [put("Role", ("rules", 0, "resources"), ["jobs", "pods"])],
            ["excess-right"],
            "watch on pods.batch db-migrate",
        ),
        (
            [put("Role", ("rules", 0, "apiGroups"), [""])],
            ["missing-right", "excess-right"],
            "grants list, watch on Job",
        ),
        ([put("Role", ("rules", 0, "resourceNames"), ["db"])], ["missing-right", "excess-right"], "Job db-migrate"),
        ([put("RoleBinding", ("subjects", 0, "namespace"), "other")], ["missing-right"], "ServiceAccount shop/web"),
        (
            [put("RoleBinding", ("subjects", 0, "namespace"), "other")],
            ["missing-right"],
            "applied there, say so by -n.",
        ),
        ([put("RoleBinding", ("subjects", 0), WEB)], [], ""),
        ([put("RoleBinding", ("subjects", 0), {"kind": "User", "name": "system:serviceaccount:shop:web"})], [], ""),
        (
            [put("RoleBinding", ("roleRef", "name"), "gone")],
            ["missing-right", "unknown-role"],
            "unless Role shop/gone does",
        ),
        ([put("Role", ("rules",), []), bind("edit", WEB)], ["excess-right"], "Secrets too"),
        (
            [
                bind("edit", WEB),
                add(
                    "ClusterRole",
                    "part",
                    rules=[{"apiGroups": [""], "resources": list("abc"), "verbs": ["get"]}],
                    labels={f"{RBAC}/aggregate-to-view": "true"},
                ),
                add("ClusterRole", "rest", rules=[WATCHING], labels={f"{RBAC}/aggregate-to-edit": "true"}),
            ],
            ["excess-right"],
            "get on all b; and 3 more.",
        ),
        (
            [
                bind("sum", WEB),
                add("ClusterRole", "sum", aggregationRule={"clusterRoleSelectors": [{}]}),
                add("ClusterRole", "other", aggregationRule={"clusterRoleSelectors": [{}]}),
            ],
            [],
            "",
        ),
        (
            [bind("view", WEB | {"namespace": "shop"}, everywhere=True)],
            ["excess-right"],
            "ClusterRoleBinding more gives ServiceAccount shop/web what",
        ),
        ([bind("view", WEB)], ["excess-right"], "read of nearly everything in the namespace"),
        ([bind("cluster-admin", WEB)], ["excess-right"], "every verb on everything."),
        (
            [bind("cluster-admin", WEB | {"namespace": "shop"}, everywhere=True)],
            ["excess-right"],
            "every verb on everything, in every namespace.",
        ),
        (
            [bind("view", {"kind": "Group", "name": "system:serviceaccounts"}, everywhere=True)],
            ["excess-right"],
            "by way of group system:serviceaccounts what",
        ),
        (
            [bind("view", {"kind": "Group", "name": "system:serviceaccounts:shop"})],
            ["excess-right"],
            "by way of group system:serviceaccounts:shop what",
        ),
        ([bind("view", {"kind": "Group", "name": "system:serviceaccounts:other"})], [], ""),
        ([bind("view", {"kind": "Group", "name": "system:authenticated"})], ["excess-right"], "group system:authentic"),
        (
            [
                add(
                    "ClusterRoleBinding",
                    "system:discovery",
                    roleRef={"kind": "ClusterRole", "name": "system:discovery"},
                    subjects=[{"kind": "Group", "name": "system:authenticated"}],
                ),
                add("ClusterRole", "system:discovery", rules=[{"nonResourceURLs": ["/api"], "verbs": ["get"]}]),
            ],
            [],
            "",
        ),
        (
            [
                bind(
                    "cluster-admin",
                    WEB | {"namespace": "shop"},
                    everywhere=True,
                    labels={"kubernetes.io/bootstrapping": "rbac-defaults"},
                )
            ],
            ["excess-right"],
            "every verb on everything, in every namespace.",
        ),
        (
            [
                bind("sum", WEB),
                add("ClusterRole", "sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to": "sum"}}]}),
                add(
                    "ClusterRole",
                    "part",
                    rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
                    labels={"to": "sum"},
                ),
                add("ClusterRole", "rest", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
            ],
            ["excess-right"],
            "through ClusterRole sum: get on all secrets.",
        ),
        (
            [
                bind("view", WEB),
                add(
                    "ClusterRole",
                    "part",
                    rules=[{"apiGroups": ["acme.org"], "resources": ["*"], "verbs": ["get"]}],
                    labels={f"{RBAC}/aggregate-to-view": "true"},
                ),
            ],
            ["excess-right"],
            "get on everything of acme.org",
        ),
        (
            [
                put("Deployment", (*POD, "serviceAccountName"), "default"),
                put("RoleBinding", ("subjects", 0, "name"), "default"),
                automount(False),
            ],
            ["default-account"],
            "to which RoleBinding shop/web-gate gives rights",
        ),
        # Tokens.
        ([automount(True)], ["token-in-app"], "is mounted in web: automountServiceAccountToken is not false"),
        ([put("ServiceAccount", ("automountServiceAccountToken",), True)], ["token-in-app"], "is mounted in web"),
        ([put("ServiceAccount", ("automountServiceAccountToken",), True), automount(False)], [], ""),
        (
            [
                put(
                    "Deployment",
                    (*POD, "containers", 0, "volumeMounts"),
                    [{"name": "gate-token", "mountPath": "/token"}],
                )
            ],
            ["token-in-app"],
            "is mounted in web: the volume is mounted there, too",
        ),
        ([put("Deployment", (*GATE, "volumeMounts"), [])], ["no-token"], "no token is mounted at /var/run"),
        (
            [
                put(
                    "Deployment",
                    (*POD, "volumes", 0, "projected", "sources", 0, "serviceAccountToken", "audience"),
                    "x",
                )
            ],
            ["no-token"],
            "no token is mounted",
        ),
        (
            [
                put(
                    "Deployment",
                    (*POD, "volumes", 0, "projected", "sources", 0, "serviceAccountToken", "audience"),
                    "https://kubernetes.default.svc",
                )
            ],
            [],
            "",
        ),
        (
            [
                lambda objects: next(
                    part(each.content, *POD)["volumes"].append({"name": "old", "secret": {"secretName": "web-token"}})
                    for each in objects
                    if each.kind == "Deployment"
                ),
                put("Deployment", (*POD, "containers", 0, "volumeMounts"), [{"name": "old", "mountPath": "/token"}]),
                lambda objects: objects.append(
                    manifests.Manifest(
                        "",
                        "Secret",
                        "web-token",
                        "shop",
                        {
                            "metadata": {"annotations": {"kubernetes.io/service-account.name": "web"}},
                            "type": "kubernetes.io/service-account-token",
                        },
                    )
                ),
            ],
            ["token-in-app"],
            "is mounted in web: the volume is mounted there, too",
        ),
        (
            [
                automount(True),
                put(
                    "Deployment",
                    (*POD, "containers", 0, "volumeMounts"),
                    [{"name": "nothing", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
                ),
            ],
            [],
            "",
        ),
        (
            [
                put("Deployment", (*POD, "serviceAccountName"), None),
                put("Deployment", (*POD, "serviceAccount"), "web"),
            ],
            [],
            "",
        ),
        # Jobs and time.
        (
            [
                args("job", "-l", "app=web, tier==db"),
                put("Role", ("rules", 0), WATCHING),
                put("Job", ("metadata", "labels"), {"app": "web", "tier": "db"}),
                put("Job", ("spec", "ttlSecondsAfterFinished"), 60),
            ],
            ["stale-job", "removed-job"],
            "ttlSecondsAfterFinished: 60 removes Job shop/db-migrate",
        ),
        (
            [
                args("job", "-l", "app=web"),
                put("Role", ("rules", 0), WATCHING),
                put("Job", ("spec", "ttlSecondsAfterFinished"), 60),
            ],
            ["stale-job"],
            "app=web matches both, and nothing else is demanded",
        ),
        (
            [add("Job", "db-migrate", namespace="other", group="batch", spec={"ttlSecondsAfterFinished": 0})],
            [],
            "",
        ),
        (
            [
                add("Job", "db-migrate-seed-7", namespace="other", group="batch"),
                args("job", "seed-7"),
                put("Role", ("rules", 0, "resourceNames"), ["seed-7"]),
            ],
            [],
            "",
        ),
        (
            [args("job", "db", *REQUIRE), put("Role", ("rules", 0, "resourceNames"), ["db"])],
            ["renamed-job"],
            "these documents have db-migrate instead",
        ),
        (
            [args("job", "migrate", *REQUIRE), put("Role", ("rules", 0, "resourceNames"), ["migrate"])],
            ["renamed-job"],
            "these documents have db-migrate instead",
        ),
        ([args("job", "db-migrate")], ["stale-job"], "add --require app.kubernetes.io/version=1.4.0"),
        (
            [args("job", "db-migrate", "--require=app.kubernetes.io/version=1.5.0")],
            ["unmet-require"],
            "where it is 1.4.0: the gate never opens",
        ),
        ([args("job", "db-migrate", "--require", "release=7")], ["unmet-require"], "where it is missing"),
        ([args("job", "db-migrate", "--require", "release=$(RELEASE)")], [], ""),
        (
            [args("job", "db-migrate", "--require", "release=$(RELEASE)"), released("metadata.labels['release']")],
            ["unmet-require"],
            "RELEASE is the pod's label release, which its template does not have",
        ),
        (
            [
                args("job", "db-migrate", "--require", "release=$(RELEASE)"),
                released("metadata.annotations['example.com/of']"),
                put("Deployment", ("spec", "template", "metadata", "annotations"), {"example.com/of": ""}),
            ],
            ["unmet-require"],
            "RELEASE is the pod's annotation example.com/of",
        ),
        (
            [
                args("job", "db-migrate", "--require", "release=$(RELEASE)"),
                released("metadata.labels['release']"),
                put("Deployment", ("spec", "template", "metadata", "labels", "release"), "7"),
            ],
            [],
            "",
        ),
        ([put("Job", ("spec", "ttlSecondsAfterFinished"), 0)], ["removed-job"], "ttlSecondsAfterFinished: 0 removes"),
        (
            [
                annotated(
                    {"helm.sh/hook": "pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
                )
            ],
            ["removed-job"],
            "helm.sh/hook-delete-policy: hook-succeeded removes Job shop/db-migrate",
        ),
        (
            [
                annotated(
                    {"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}
                )
            ],
            ["removed-job"],
            "argocd.argoproj.io/hook-delete-policy: HookSucceeded removes",
        ),
        ([annotated({"helm.sh/hook": "pre-install,pre-upgrade"}), args("job", "db-migrate")], [], ""),
        ([annotated({"helm.sh/hook": "pre-install"}), args("job", "db-migrate")], ["stale-job"], "has the same name"),
        ([annotated({"helm.sh/hook": "post-install, post-upgrade"})], ["late-job"], "after the workload is ready"),
        ([annotated({"argocd.argoproj.io/hook": "PostSync"})], ["late-job"], "argocd.argoproj.io/hook: PostSync"),
        (
            [
                args("job", "db-migrate", *REQUIRE, "--if-absent", "open"),
                put("Job", ("spec", "ttlSecondsAfterFinished"), 9),
            ],
            ["unproven"],
            "whenever there is no Job",
        ),
        (
            [
                put(
                    "Job",
                    ("spec", "template", "spec", "initContainers"),
                    [{"image": "gatekeeper", "args": ["job", "db-migrate"]}],
                ),
                put("Job", ("spec", "template", "spec", "automountServiceAccountToken"), True),
                put("Job", ("spec", "template", "spec", "serviceAccountName"), "web"),
            ],
            ["token-in-app", "waits-for-itself", "pod-security"],
            "The gate waits for Job shop/db-migrate, of which it is a part",
        ),
        ([args("job", "db-migrate", *REQUIRE, "--timeout", "10m")], ["deadline"], "waits 10m, and progressDeadline"),
        ([args("job", "db-migrate", *REQUIRE, "--timeout=-1s")], ["deadline"], "waits without end"),
        (
            [put("Deployment", ("spec", "progressDeadlineSeconds"), 480)],
            ["deadline"],
            "progressDeadlineSeconds is 480:",
        ),
        ([put("Deployment", ("spec", "progressDeadlineSeconds"), 481)], [], ""),
        # Pod Security.
        ([put("Deployment", (*GATE, "securityContext", "privileged"), True)], ["pod-security"], "privileged: false."),
        (
            [put("Deployment", (*GATE, "securityContext", "capabilities", "add"), ["NET_BIND_SERVICE"])],
            [],
            "",
        ),
        (
            [put("Deployment", (*GATE, "securityContext", "capabilities", "add"), ["NET_RAW"])],
            ["pod-security"],
            "no capabilities.add.",
        ),
        (
            [put("Deployment", (*GATE, "securityContext"), {"capabilities": {"drop": ["ALL"]}})],
            ["pod-security"],
            "allowPrivilegeEscalation: false; runAsNonRoot: true; seccompProfile: {type: RuntimeDefault}.",
        ),
        (
            [
                put("Deployment", (*GATE, "securityContext", "runAsNonRoot"), None),
                put("Deployment", (*POD, "securityContext"), {"runAsUser": 0}),
            ],
            ["pod-security"],
            "runAsNonRoot: true; runAsUser: 65532.",
        ),
        (
            [put("Deployment", (*POD, "securityContext"), {"runAsUser": 0})],
            ["never-starts"],
            "write into its securityContext: runAsUser: 65532.",
        ),
        (
            [automount(True), put("Deployment", (*POD, "containers", 0, "command"), ["kubectl", "proxy"])],
            [],
            "",
        ),
    ],
)
def test_wrong(changes, expected, words):
    """Each thing that is wrong with a gate is one finding, that says so or says what cures it."""
    wrong = found(changed(*changes))
    assert [each.rule.slug for each in wrong] == expected
    told = " ".join(f"{each.sentence} {each.cure}" for each in wrong)
    assert words in told


def test_every_rule_is_found():
    """The rules that no other test here names are none."""
    tests = Path(__file__).parents[2]
    pages = (
        Path(__file__),
        Path(__file__).with_name("test_quotas.py"),
        tests / "exhaustive/test_charts.py",
        tests / "charts.py",
    )
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert [slug for slug in RULES if f'"{slug}"' not in text] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "helm-hook.yaml",
            ["other-gate", "excess-right", "token-in-app", "stale-job", "late-job", "deadline", "pod-security"],
        ),
        (
            "cluster-admin.yaml",
            [
                "other-gate",
                "excess-right",
                "default-account",
                "token-in-app",
                "stale-job",
                "removed-job",
                "pod-security",
            ],
        ),
        (
            "revision-loop.yaml",
            ["other-gate", "missing-right", "token-in-app", "deadline", "pod-security"],
        ),
        ("prefixed.yaml", ["renamed-job"]),
    ],
)
def test_charts(name, expected):
    """What charts do is found to be wrong in what it is wrong in."""
    assert slugs(read(name)) == expected


@pytest.mark.parametrize(
    ("gate", "program", "needs"),
    [
        ({"args": ["job", "a", "b", "a"]}, "gatekeeper job", "list, watch on Jobs a, b of namespace shop"),
        ({"args": ["job", "-n", "db", "a"]}, "gatekeeper job", "list, watch on Job a of namespace db"),
        ({"args": ["job", "-ndb", "--", "a"]}, "gatekeeper job", "list, watch on Job a of namespace db"),
        (
            {"args": ["job", "-l", "app=web"]},
            "gatekeeper job",
            "list, watch on every Job of namespace shop, for RBAC knows no labels",
        ),
        ({"args": ["job", "--selector=app=web"]}, "gatekeeper job", "list, watch on every Job of namespace shop"),
        ({"args": ["job", "a", "--kubeconfig", "/kube/config"]}, "gatekeeper job", "nothing"),
        ({"command": ["gatekeeper", "job"], "args": ["a"]}, "gatekeeper job", "list, watch on Job a of namespace shop"),
        (
            {"command": ["python", "-m", "gatekeeper", "job", "a"]},
            "gatekeeper job",
            "list, watch on Job a of namespace shop",
        ),
        (
            {"args": ["job", "a-$(TAG)"], "env": [{"name": "TAG", "value": "7"}]},
            "gatekeeper job",
            "list, watch on Job a-7 of namespace shop",
        ),
        (
            {"args": ["job", "a"], "env": [{"name": "GATEKEEPER_NAMESPACE", "value": "db"}]},
            "gatekeeper job",
            "list, watch on Job a of namespace db",
        ),
        (
            {"args": ["job", "a", "-n", "ops"], "env": [{"name": "GATEKEEPER_NAMESPACE", "value": "db"}]},
            "gatekeeper job",
            "list, watch on Job a of namespace ops",
        ),
        (
            {"args": ["job", "a"], "env": [{"name": "GATEKEEPER_NAMESPACE", "valueFrom": {}}]},
            "gatekeeper",
            "cannot be told: $(GATEKEEPER_NAMESPACE) is known only in the pod",
        ),
        ({"args": ["job", "$$(TAG)"]}, "gatekeeper", "cannot be told: $(TAG) is known only in the pod"),
        ({"args": ["job", "a", "-l", "app=web"]}, "gatekeeper", "cannot be told: it has to be given names of Jobs, or"),
        ({"args": ["schema", "--revision", "7"]}, "gatekeeper", "cannot be told: --tool is missing"),
        ({"args": ["schema", "--migrations", "/app/db"]}, "gatekeeper schema", "nothing"),
        ({"args": SCHEMA}, "gatekeeper schema", "nothing"),
        ({"args": ["schema"], "env": [{"name": "GATEKEEPER_TOOL", "value": "bun"}]}, "gatekeeper schema", "nothing"),
        (
            {"args": [*SCHEMA, "--trust-history", "--job", "a"]},
            "gatekeeper schema",
            "list, watch on Job a of namespace",
        ),
        (
            {"args": ["wait", "--for=condition=complete", "job/a"]},
            "gatekeeper wait",
            "list, watch on Job a of namespace",
        ),
        ({"args": ["wait", "--for=delete", "job/a"]}, "gatekeeper", "cannot be told: --for=delete: a Job that is gone"),
        ({"args": ["job-wr", "a"]}, "gatekeeper job-wr", "list, watch on Job a of namespace shop"),
        (
            {"image": "bitnami/kubectl", "args": ["wait", "--for=condition=complete", "job/a", "-n", "db"]},
            "kubectl wait",
            "get, list, watch on Job a of namespace db",
        ),
        (
            {"image": "bitnami/kubectl", "args": ["wait", "--for=condition=complete", "job", "-l", "app=web"]},
            "kubectl wait",
            "get, list, watch on every Job of namespace shop",
        ),
        (
            {"image": "groundnuty/k8s-wait-for", "args": ["job-wr", "a"]},
            "k8s-wait-for",
            "get on Job a of namespace shop",
        ),
        (
            {"image": "groundnuty/k8s-wait-for", "args": ["job-wr", "-lapp=web"]},
            "k8s-wait-for",
            "get, list on every Job of namespace shop",
        ),
        ({"image": "groundnuty/k8s-wait-for", "args": ["job-we", "a"]}, "k8s-wait-for", "cannot be told: job-we: "),
        (
            {
                "image": "bitnami/kubectl",
                "command": ["sh", "-c", "until kubectl get job a | grep 1/1; do sleep 1; done"],
            },
            "a shell loop",
            "get on Job a of namespace shop",
        ),
    ],
)
def test_needs(gate, program, needs):
    """What a gate needs is read from its command line and environment."""
    whole = {"name": "gate", "image": "gatekeeper:0.1.0"} | gate
    (told,) = audit(changed(put("Deployment", GATE, whole))).gates
    assert (told.program, told.needs[: len(needs)]) == (program, needs)


@pytest.mark.parametrize(
    ("words", "env", "expected"),
    [
        (["wait", "--for=condition=complete", "job/db-migrate"], {}, ["stale-job"]),
        (["wait", "--for=condition=complete", "job/db-migrate", "--timeout=10m"], {}, ["stale-job", "deadline"]),
        (["wait", "--for=condition=complete", "job/db-migrate"], {"TIMEOUT": "10m"}, ["stale-job", "deadline"]),
        (["job-wr", "db-migrate"], {"TIMEOUT": "10m"}, ["stale-job", "deadline"]),
        (["job-wr", "db-migrate"], {}, ["stale-job"]),
        (["job-wr", "db-migrate"], {"REQUIRE": "app.kubernetes.io/version=1.4.0"}, []),
        (["job", "db-migrate"], {"REQUIRE": "app.kubernetes.io/version=1.4.0 tier=db"}, ["unmet-require"]),
        (["job", "db-migrate", *REQUIRE], {"REQUIRE": "tier=db"}, []),
    ],
)
def test_environment(words, env, expected):
    """Another program's arguments mean what `gatekeeper job` makes of them, with the environment that it reads."""
    variables = [{"name": f"GATEKEEPER_{name}", "value": value} for name, value in env.items()]
    assert slugs(changed(args(*words), put("Deployment", (*GATE, "env"), variables))) == expected


SCHEMA_GATE = (args(*SCHEMA), put("Deployment", (*GATE, "volumeMounts"), []))


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ([put("RoleBinding", ("subjects",), [])], [], ""),
        ([], ["excess-right"], "what no gate needs, through Role shop/web-gate: list, watch on jobs.batch db-migrate."),
        ([], ["excess-right"], "delete RoleBinding shop/web-gate: no other container of the pod has the token"),
        (
            [put("RoleBinding", ("subjects",), []), automount(True)],
            ["needless-token"],
            "a token is mounted in gate, web",
        ),
        ([args(*SCHEMA, "--timeout=1h"), put("RoleBinding", ("subjects",), [])], ["deadline"], "waits 1h"),
        ([args(*SCHEMA, "--job", "db-migrate")], ["no-token"], "The gate reads a Job"),
        ([args(*SCHEMA, "--job", "db-migrate"), automount(True)], ["token-in-app"], "mounted in web"),
    ],
)
def test_schema(changes, expected, words):
    """A schema gate needs neither a right nor a token, unless a Job is its messenger; no Job of it can be stale."""
    wrong = found(changed(*SCHEMA_GATE, put("Job", ("spec", "ttlSecondsAfterFinished"), 0), *changes))
    assert [each.rule.slug for each in wrong] == expected
    assert words in " ".join(f"{each.sentence} {each.cure}" for each in wrong)


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        (
            [put("RoleBinding", ("subjects",), [])],
            "apply what this prints: gatekeeper rbac --job db-migrate --service-account web -n shop",
        ),
        (
            [args("job", "-l", "app=web"), put("RoleBinding", ("subjects",), [])],
            "apply what this prints: gatekeeper rbac --selector app=web --service-account web -n shop",
        ),
        (
            [args("job", "seed-7", "-n", "db"), put("RoleBinding", ("subjects",), [])],
            "apply what this prints: gatekeeper rbac --job seed-7 --service-account web -n shop --job-namespace db",
        ),
        (
            [put("Role", ("rules", 0), WATCHING)],
            (
                "leave this one rule in Role shop/web-gate: {apiGroups: [batch], resources: [jobs], "
                "resourceNames: [db-migrate], verbs: [list, watch]}."
            ),
        ),
        (
            [put("Role", ("rules", 0, "verbs"), ["*"]), automount(True)],
            (
                "leave this one rule in Role shop/web-gate, beside what the app needs: {apiGroups: [batch], "
                "resources: [jobs], resourceNames: [db-migrate], verbs: [list, watch]}."
            ),
        ),
        (
            [put("RoleBinding", ("roleRef",), {"kind": "ClusterRole", "name": "view"})],
            (
                "replace RoleBinding shop/web-gate by what this prints: "
                "gatekeeper rbac --job db-migrate --service-account web -n shop"
            ),
        ),
        (
            [bind("view", {"kind": "Group", "name": "system:serviceaccounts"})],
            "bind the ServiceAccounts that need it by name instead of the group system:serviceaccounts.",
        ),
    ],
)
def test_cures_of_rights(changes, cure):
    """The change that cures a right too few or too many can be made as it is told."""
    first, *_ = found(changed(*changes))
    assert first.cure == cure


def test_cured():
    """A Role that is left with the rule that the cure names has no finding any more."""
    rule = WATCHING | {"resourceNames": ["db-migrate"]}
    assert slugs(changed(put("Role", ("rules",), [WATCHING, rule]))) == ["excess-right"]
    assert slugs(changed(put("Role", ("rules",), [rule]))) == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("apps/v1 StatefulSet", ()),
        ("apps/v1 DaemonSet", ()),
        ("apps/v1 ReplicaSet", ()),
        ("argoproj.io/v1alpha1 Rollout", ()),
        ("batch/v1 Job", ()),
        ("batch/v1 CronJob", ("jobTemplate", "spec")),
        ("v1 ReplicationController", ()),
        ("serving.knative.dev/v1 Service", ()),
        ("apps.openshift.io/v1 DeploymentConfig", ()),
    ],
)
def test_kinds(kind, path):
    """Each kind of workload is looked into; no other kind of that name is."""
    spec = {"template": {"spec": {"initContainers": [{"name": "gate", "image": "gatekeeper", "args": SCHEMA}]}}}
    for key in reversed(path):
        spec = {key: spec}
    version, name = kind.split()
    text = json.dumps({"apiVersion": version, "kind": name, "metadata": {"name": "web"}, "spec": spec})
    assert [gate.workload for gate in audit(manifests.parse(text)).gates] == [f"{name} web"]
    assert audit(manifests.parse(text.replace(version, "acme.org/v1"))).gates == ()


def test_deadline_of_kinds():
    """A StatefulSet has no progress deadline."""
    objects = read("cluster-admin.yaml")
    assert "deadline" not in slugs(objects)
    assert "deadline" in slugs([_as_deployment(each) for each in objects])


def _as_deployment(manifest):
    is_workload = manifest.kind == "StatefulSet"
    return manifests.Manifest("apps", "Deployment", "web", "", manifest.content) if is_workload else manifest


@pytest.mark.parametrize(
    ("namespace", "text", "workload"),
    [
        ("", "", "Deployment web"),
        ("ops", "", "Deployment ops/web"),
        ("", "kind: Role\nmetadata: {name: x, namespace: shop}", "Deployment shop/web"),
        ("ops", "kind: Role\nmetadata: {name: x, namespace: shop}", "Deployment ops/web"),
        ("", f"apiVersion: {RBAC}/v1\nkind: RoleBinding\nsubjects: [{{namespace: shop}}]", "Deployment shop/web"),
        ("", "kind: A\nmetadata: {namespace: a}\n---\nkind: B\nmetadata: {namespace: b}", "Deployment web"),
    ],
)
def test_namespace(namespace, text, workload):
    """Objects that name no namespace are in the one that is given, or in the only one that others name."""
    spec = {"template": {"spec": {"initContainers": [{"name": "gate", "image": "gatekeeper", "args": SCHEMA}]}}}
    own = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    (gate,) = audit(manifests.parse(f"{own}\n---\n{text}"), namespace).gates
    assert gate.workload == workload


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no Kubernetes object in it"),
        ("# nothing\n---\n", "has no Kubernetes object in it"),
        ("a: [", "is not a stream of Kubernetes objects (while parsing"),
        ("{{ if .Values.gate }}", "is not a stream of Kubernetes objects"),
        ("Error: chart not found", "has no kind"),
        ("kind: A\n---\n\n- 7", "what begins in line 4 is no object"),
        ("kind: A\n---\n{kind: B}\n{kind: C}", "is not a stream of Kubernetes objects"),
        ("kind: A\nmetadata: 7", "metadata is not an object"),
        ("kind: A\nmetadata: {name: b, labels: 7}", "A b: labels is not an object"),
        ("kind: A\nmetadata: {name: b, annotations: 7}", "A b: annotations is not an object"),
        ("kind: List\nitems: {}", "has no Kubernetes object"),
        ("kind: List\nitems: 7", "items is not a list"),
        ("kind: List\nitems: [7]", "items is not a list of objects"),
        ("&a\nkind: List\nitems: [*a]", "is not a stream of Kubernetes objects"),
        ("[" * 5000, "is not a stream of Kubernetes objects"),
    ],
)
def test_unreadable(text, words):
    """What is no stream of objects is Misconfigured, and told with a right example."""
    with pytest.raises(Misconfigured) as told:
        manifests.parse(text)
    assert words in str(told.value)
    assert "write for example kustomize build overlays/production | gatekeeper audit -" in str(told.value)


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("Deployment", POD, "Deployment shop/web: spec.template.spec is not an object"),
        ("Deployment", (*POD, "initContainers"), "initContainers is not a list"),
        ("Deployment", (*GATE, "env"), "env is not a list"),
        ("Deployment", (*GATE, "volumeMounts"), "volumeMounts is not a list"),
        ("Deployment", (*POD, "volumes"), "volumes is not a list"),
        ("Deployment", (*POD, "volumes", 0, "projected"), "projected is not an object"),
        ("Deployment", (*GATE, "securityContext"), "securityContext is not an object"),
        ("Deployment", ARGS, "args is not a list"),
        ("Job", ("spec",), "Job shop/db-migrate: spec is not an object"),
        ("Role", ("rules",), "Role shop/web-gate: rules is not a list"),
        ("Role", ("rules", 0, "verbs"), "Role shop/web-gate: verbs is not a list"),
        ("RoleBinding", ("subjects",), "RoleBinding shop/web-gate: subjects is not a list"),
        ("RoleBinding", ("roleRef",), "RoleBinding shop/web-gate: roleRef is not an object"),
    ],
)
def test_malformed(kind, path, words):
    """What is malformed is Misconfigured, with the object and the field; it is never passed over."""
    with pytest.raises(Misconfigured) as told:
        audit(changed(put(kind, path, 7)))
    assert words in str(told.value)


def test_read_as_kubernetes_does():
    """Dates and a lone equals sign are text, and each object knows where it begins."""
    text = "kind: A\nmetadata: {name: 2024-01-01}\n---\n# none\n---\nkind: B\nmetadata: {name: =}\n"
    assert [(each.kind, each.name, each.line) for each in manifests.parse(text)] == [
        ("A", "2024-01-01", 1),
        ("B", "=", 6),
    ]


GATED = {"template": {"spec": {"initContainers": [{"name": "gate", "image": "gatekeeper", "args": SCHEMA}]}}}
ONE = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": GATED})
ITEM = json.dumps({"metadata": {"name": "web"}, "spec": GATED})


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}\n{ONE}",
        f"{ONE}{ONE}",
        f"\ufeff{ONE}\n\n{json.dumps(json.loads(ONE), indent=2)}\n",
        f'{{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{ITEM}, {ITEM}]}}',
        "\n---\n".join([ONE, ONE.replace('"Deployment"', '!x "Deployment"')]),
        f"!y\napiVersion: v1\nkind: List\nitems: !z [{ONE}, !x {ONE}]",
    ],
)
def test_streams(text):
    """JSON objects stand one after another, lists of one kind say it once, and tags of one's own mean nothing."""
    assert [gate.workload for gate in audit(manifests.parse(text)).gates] == ["Deployment web"] * 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_encodings(tmp_path, encoding):
    """What a byte order mark tells is read so."""
    path = tmp_path / "rendered.yaml"
    mark = "\ufeff" if encoding.endswith("e") else ""
    path.write_bytes(f"{mark}{ONE}".encode(encoding))
    assert [each.kind for each in manifests.read(str(path))] == ["Deployment"]


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_files(tmp_path, content):
    """A file that cannot be read is Misconfigured."""
    path = tmp_path / "rendered.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match="cannot be read"):
        manifests.read(str(path))


def test_standard_input(monkeypatch):
    """`-` is standard input, also with a byte order mark."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfkind: A\n")))
    assert [each.kind for each in manifests.read("-")] == ["A"]


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"to": "sum"}}, True),
        ({"matchLabels": {"to": "x"}}, False),
        ({"matchExpressions": [{"key": "to", "operator": "In", "values": ["sum", "x"]}]}, True),
        ({"matchExpressions": [{"key": "to", "operator": "NotIn", "values": ["sum"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["sum"]}]}, True),
        ({"matchExpressions": [{"key": "to", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "to", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "to", "operator": "Exists"}], "matchLabels": {"to": "x"}}, False),
    ],
)
def test_aggregation(selector, matches):
    """An aggregated ClusterRole has the rules of those that a selector chooses."""
    objects = changed(
        put("Role", ("rules",), []),
        bind("sum", WEB),
        add("ClusterRole", "sum", aggregationRule={"clusterRoleSelectors": [selector]}),
        add("ClusterRole", "part", labels={"to": "sum"}, rules=[WATCHING | {"resourceNames": ["db-migrate"]}]),
    )
    assert slugs(objects) == ([] if matches else ["missing-right"])


SAME_NAMESPACE = put("RoleBinding", ("subjects", 0), WEB)


def test_everywhere():
    """A right in every namespace is too much, also where no namespace is named."""
    role = add("ClusterRole", "gate", rules=[WATCHING | {"resourceNames": ["db-migrate"]}])
    objects = [replace(each, namespace="") for each in changed(SAME_NAMESPACE, bind("gate", WEB), role)]
    assert slugs(objects) == []
    objects = [replace(each, kind="ClusterRoleBinding") if each.name == "more" else each for each in objects]
    assert slugs(objects) == ["excess-right"]


def test_missing():
    """What is missing is only what no binding grants: some verbs, of some Jobs."""
    objects = changed(put("Role", ("rules", 0, "verbs"), ["list"]))
    given = grants.Grants(objects).to("shop", "web")
    assert grants.missing(Need(("list", "watch"), "shop", ("db-migrate",)), given) == Need(
        ("watch",), "shop", ("db-migrate",)
    )
    assert grants.missing(Need(("list",), "shop", ("db-migrate", "b")), given) == Need(("list",), "shop", ("b",))
    assert grants.missing(Need(("list",), "shop", ("db-migrate",)), given) is None
    assert grants.missing(Need(("list",), "shop"), given) == Need(("list",), "shop")
    assert grants.missing(Need(("list",), "db", ("db-migrate",)), given) == Need(("list",), "db", ("db-migrate",))


TABLE = """\
Deployment pr42-web
  gate      gate: gatekeeper job, Job db-migrate
  needs     list, watch on Job db-migrate
  granted   list, watch on jobs.batch db-migrate by RoleBinding pr42-web-gate
  token in  gate
  security  restricted
  GK404     renamed-job: The gate waits for Job db-migrate, and these documents have pr42-db-migrate instead: namePrefix
            and nameSuffix do not reach arguments by themselves.
            cure: use manifests/components, which tell kustomize of the reference, or write the name that it gets.

1 finding in 1 gate
"""


def test_table():
    """The table has what an auditor asks of each gate, then what is wrong with it and its cure."""
    assert findings.render(audit(read("prefixed.yaml")), "table") == TABLE


def test_table_without_a_gate():
    """Documents without a gate say so."""
    text = findings.render(audit(manifests.parse("kind: Namespace")), "table")
    assert text.startswith("  GK101     no-gate: No workload in these documents has a gate.\n")
    assert text.endswith("\n\n1 finding in no gates\n")


def test_json():
    """JSON has all of it, by name."""
    told = json.loads(findings.render(audit(read("prefixed.yaml")), "json"))
    assert told["gates"] == [
        {
            "workload": "Deployment pr42-web",
            "container": "gate",
            "program": "gatekeeper job",
            "waits_for": "Job db-migrate",
            "needs": "list, watch on Job db-migrate",
            "granted": ["list, watch on jobs.batch db-migrate by RoleBinding pr42-web-gate"],
            "token_in": ["gate"],
            "pod_security": "restricted",
        }
    ]
    (finding,) = told["findings"]
    assert finding["sentence"].startswith("The gate waits for Job db-migrate")
    assert finding["cure"].startswith("use manifests/components")
    assert {key: finding[key] for key in ("id", "rule", "level", "workload", "container", "line")} == {
        "id": "GK404",
        "rule": "renamed-job",
        "level": "error",
        "workload": "Deployment pr42-web",
        "container": "gate",
        "line": 2,
    }


@pytest.mark.parametrize(
    ("source", "uri"),
    [("-", "stdin"), ("a b/c#.yaml", "a%20b/c%23.yaml"), ("/tmp/a b.yaml", "file:///tmp/a%20b.yaml")],
)
def test_sarif(source, uri):
    """SARIF has each rule once, and each finding with its rule, file and line."""
    objects = manifests.parse((FOLDER / "cluster-admin.yaml").read_text(encoding="utf-8"), source)
    wrong = audit(objects)
    log = json.loads(findings.render(wrong, "sarif"))
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert log["version"] == "2.1.0"
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == [each.rule.id for each in wrong.findings]
    for each, finding in zip(run["results"], wrong.findings, strict=True):
        assert each["ruleId"] == finding.rule.id
        assert each["level"] in {"error", "warning", "note"}
        assert finding.sentence in each["message"]["text"]
        assert finding.cure in each["message"]["text"]
        place = each["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": uri}, "region": {"startLine": 15}}


def test_sarif_of_nothing():
    """A clean audit is a run without results, which is how code scanning closes its alerts."""
    (run,) = json.loads(findings.render(audit(read("right.yaml")), "sarif"))["runs"]
    assert run["results"] == []


def test_ignored():
    """Findings of an accepted rule are counted, no more."""
    found = audit(read("cluster-admin.yaml"))
    ids = {each.rule.id for each in found.findings}
    first = min(ids)
    kept = found.without([first])
    assert {each.rule.id for each in kept.findings} == ids - {first}
    assert kept.ignored == len(found.findings) - len(kept.findings) > 0
    assert findings.render(kept, "table").endswith(f", {kept.ignored} ignored\n")
    assert json.loads(findings.render(kept, "json"))["ignored"] == kept.ignored
    assert found.without(ids).findings == ()


def test_rules():
    """Ids and slugs are stable names: none is there twice, and each rule is under its slug."""
    assert len({rule.id for rule in RULES.values()}) == len(RULES)
    assert all(rule.slug == slug for slug, rule in RULES.items())
    assert {rule.level for rule in RULES.values()} == {"error", "warning", "note"}


@pytest.mark.parametrize(
    ("more", "excess"),
    [
        ("db-migrate-1-3-9", ""),
        ("db-migrate-2-0-0-rc1", ""),
        ("db-seed-1-3-9", "db-seed-1-3-9"),
        ("db-migrate", "db-migrate"),
    ],
)
def test_other_releases_of_a_job(more, excess):
    """The right to read the Job that is named after another release is not too much: pods of that one need it."""
    (role,) = (each for each in read("right.yaml") if each.kind == "Role")
    namespace = role.namespace
    need = Need(("list", "watch"), namespace, ("db-migrate-1-4-0",))
    given = {**WATCHING, "resourceNames": ["db-migrate-1-4-0", more]}
    told = grants.Granted(role, "Role web-gate", (given,), "ServiceAccount web").excess([need])
    assert told == ([f"list, watch on jobs.batch {excess}"] if excess else [])


HOSTILE = "\x1b[2J\n::error::x ##[error]\u202e\x9b1m"


@pytest.mark.parametrize("form", findings.FORMS)
def test_hostile_text(form):
    """What a manifest says moves no cursor, and is no command to what runs the audit."""
    objects = changed(
        args("job", "db-migrate", "--require", "v=1"),
        put("Job", ("metadata", "labels"), {"v": HOSTILE}),
        put("Deployment", (*POD, "containers", 0, "name"), HOSTILE),
    )
    objects = [replace(each, name=HOSTILE) if each.kind == "Deployment" else each for each in objects]
    text = findings.render(audit(objects), form)
    assert all(each.isprintable() or each == "\n" for each in text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert form != "table" or "##[" not in text


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "User", "name": "system:serviceaccount:default:web"},
        {"kind": "Group", "name": "system:serviceaccounts:default"},
    ],
)
def test_unknown_namespace(subject):
    """Where the namespace decides which rights an account has and is not told, that is said."""
    names = [WEB | {"namespace": each} for each in "ab"]
    objects = [replace(each, namespace="") for each in changed(bind("cluster-admin", subject, everywhere=True))]
    objects = [each for each in objects if each.kind not in {"Role", "RoleBinding"}]
    assert "unknown-namespace" in slugs(objects)
    assert "unknown-namespace" not in slugs(objects, "default")
    assert "excess-right" in slugs(objects, "default")
    objects[-1].content["subjects"] = names
    assert "unknown-namespace" in slugs(objects)
