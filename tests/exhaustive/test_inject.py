"""A gate is added to rendered manifests, and every byte that is not its own stays as it was."""

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from gatekeeper.cli import main as cli
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import documents, objects, rbac
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted
from gatekeeper.manifests.inject import inject as add

SHIPPED = Path(__file__).parents[2] / "manifests"
JOB = "--job db-migrate"
WANTED = Wanted({"job": ["db-migrate"]})
SCHEMA = "--tool alembic --revision ae1027a6acf2 --secret db/url"

GATE = """\
- name: gate
  image: ghcr.io/gatekeeper/gatekeeper:0.1.0
  args: [job, db-migrate]
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    requests:
      cpu: 10m
      memory: 64Mi
    limits:
      memory: 128Mi
  securityContext:
    allowPrivilegeEscalation: false
    capabilities:
      drop: [ALL]
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - name: gate-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
"""
VOLUME = """\
- name: gate-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
"""
NARROW_GATE = GATE.replace(
    """\
    - name: gate-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
""",
    """\
  - name: gate-token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
""",
)
NARROW_VOLUME = """\
- name: gate-token
  projected:
    sources:
    - serviceAccountToken:
        path: token
        expirationSeconds: 3600
    - configMap:
        name: kube-root-ca.crt
        items:
        - key: ca.crt
          path: ca.crt
    - downwardAPI:
        items:
        - path: namespace
          fieldRef:
            fieldPath: metadata.namespace
"""
TOLD = """\
# gatekeeper: GK201 missing-right: Nothing in these documents grants list, watch on Job db-migrate to ServiceAccount \
web.
# gatekeeper: GK401 stale-job: The Job that the last release left behind opens this gate: db-migrate has the same name \
in each release, and nothing else is demanded of it.
"""
MARKS = {
    "@gate": TOLD + GATE,
    "@volume": VOLUME,
    "@narrow-gate": TOLD + NARROW_GATE,
    "@narrow-volume": NARROW_VOLUME,
}
KINDS = {
    "Deployment": ("apps/v1", "spec"),
    "StatefulSet": ("apps/v1", "spec"),
    "DaemonSet": ("apps/v1", "spec"),
    "ReplicaSet": ("apps/v1", "spec"),
    "Rollout": ("argoproj.io/v1alpha1", "spec"),
    "CronJob": ("batch/v1", "spec: {schedule: '@daily', jobTemplate: {spec"),
    "Job": ("batch/v1", "spec"),
}


@pytest.fixture
def inject(monkeypatch, capsysbinary):
    """Return what `gatekeeper inject -` does: a text and a command line in, what is printed out."""

    def run(text: str, line: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert cli.main(["inject", "-", *shlex.split(line)]) == 0
        return capsysbinary.readouterr().out.decode()

    return run


KUBECTL_WAIT = "{name: w, image: kubectl, args: [wait, --for=condition=complete, job/m]}"


def deployment(pod: str, name: str = "web") -> str:
    """Return a Deployment around the lines of a pod's spec."""
    head = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
    return head + indent(dedent(pod).strip("\n") + "\n", " " * 6)


def container(text: str, name: str = "gate") -> dict:
    """Return the init container of a name, of the only workload that has init containers."""
    found = objects.workloads(objects.parse(text))
    (there,) = (each for workload in found for each in workload.inits if each["name"] == name)
    return there


def both(diff: str) -> tuple[str, str]:
    """Return what was before and after a diff: its lines have a column for - and +, and may name a part of the gate."""
    sides = []
    for sign in "-+":
        lines = []
        for line in dedent(diff).strip("\n").split("\n"):
            mark = line[1:].strip()
            if line[:1] in (" ", sign, ""):
                text = indent(MARKS[mark], " " * (len(line[1:]) - len(mark))) if mark in MARKS else f"{line[1:]}\n"
                lines.append(text)
        sides.append("".join(lines))
    return sides[0], sides[1]


LAYOUTS = {
    "kustomize: narrow lists": """
         apiVersion: apps/v1
         kind: Deployment
         metadata:
           name: web
         spec:
           template:
             spec:
               containers:
               - image: example.com/web
                 name: web
               serviceAccountName: web
        +      automountServiceAccountToken: false
        +      initContainers:
        +      @narrow-gate
        +      volumes:
        +      @narrow-volume
        """,
    "helm: comments everywhere": """
         # The shop.
         ---
         # Source: shop/templates/deployment.yaml
         apiVersion: apps/v1   # stable
         kind: Deployment
         metadata:
           name: "web"
           # no labels
         spec:
           template:
             spec: # of the pod
               # who it is
               serviceAccountName: 'web'

               initContainers: # in this order
                 # first the proxy
                 - name: proxy # a sidecar
                   image: example.com/proxy
                   restartPolicy: Always
                   # resources: {}

                   # nor limits
        +        @gate
               # then the app
               containers:
                 - name: web
                   image: example.com/web # pinned
                   # command: [debug]
               volumes:
                 - name: scratch
                   emptyDir: {}
                   # sizeLimit: 1Gi
        +        @volume
        +      automountServiceAccountToken: false
               # the end of the pod
         # the end
         ...
         ---
         # nothing here
         ---
         apiVersion: v1
         kind: Service
         metadata: {name: web}
        """,
    "empty lists": """
         apiVersion: apps/v1
         kind: Deployment
         metadata:
           name: web
         spec:
           template:
             spec:
               serviceAccountName: web
               automountServiceAccountToken: false
        -      initContainers: [] # none yet
        +      initContainers:  # none yet
        +        @gate
        -      volumes:   ~
        +      volumes:
        +        @volume
               containers:
                 - name: web
                   image: |
                     example.com/web
        """,
    "nothing where the lists are": """
         apiVersion: apps/v1
         kind: Deployment
         metadata:
           name: web
         spec:
           template:
             spec:
               initContainers:
        +        @gate
               # volumes of the app
               volumes: # none
        +        @volume
               automountServiceAccountToken: false
               serviceAccountName: web
               containers: [{name: web, image: example.com/web}]
        """,
    "anchors": """
         apiVersion: apps/v1
         kind: Deployment
         metadata:
           name: web
           labels: &labels
             app: web
         spec:
           selector:
             matchLabels: *labels
           template:
             metadata:
               labels: *labels
             spec:
               automountServiceAccountToken: false
               serviceAccountName: web
               containers:
                 - &web
                   name: web
                   image: example.com/web
                   env: &env
                     - {name: A, value: "1"}
                 - <<: *web
                   name: worker
                   env: *env
               volumes:
                 - &scratch {name: scratch, emptyDir: {}}
        +        @volume
               initContainers:
                 - <<: *web
                   name: prepare
                   env: *env
        +        @gate
        """,
    "a block scalar last": """
         apiVersion: apps/v1
         kind: Deployment
         metadata: {name: web}
         spec:
           template:
             spec:
               serviceAccountName: web
               containers:
                 - name: web
                   command: [sh, -c]
                   args:
                     - |+
                       # not a comment
                       exec web

        +      automountServiceAccountToken: false
        +      initContainers:
        +        @gate
        +      volumes:
        +        @volume
         ---
         kind: List
         apiVersion: v1
         items: []
        """,
    "a List": """
         apiVersion: v1
         kind: List
         items:
         - apiVersion: v1
           kind: Secret
           metadata: {name: db}
         - apiVersion: apps/v1
           kind: Deployment
           metadata: {name: web}
           spec:
             template:
               spec:
                 serviceAccountName: web
                 automountServiceAccountToken: false
                 initContainers:
                 - {name: prepare, image: example.com/web}
        +        @narrow-gate
                 containers:
                 - {name: web, image: example.com/web}
        +        volumes:
        +        @narrow-volume
         - apiVersion: batch/v1
           kind: Job
           metadata: {name: db-migrate}
        """,
}


@pytest.mark.parametrize("diff", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_layout(diff, newline, mark):
    """The gate is written in the layout around it; nothing else changes, not even the line ends."""
    before, after = (mark + side.replace("\n", newline) for side in both(diff))
    assert add(before, WANTED).text == after
    assert add(after, WANTED).text == after


@pytest.mark.parametrize("diff", LAYOUTS.values(), ids=LAYOUTS)
def test_no_final_newline(diff):
    """A text that does not end its last line does not afterwards."""
    before, after = (side.removesuffix("\n") for side in both(diff))
    assert add(before, WANTED).text == after


def test_wide(inject):
    """Four spaces stay four spaces."""
    before = deployment("serviceAccountName: web\ncontainers:\n- {name: web, image: example.com/web}")
    before = "".join(" " * (len(line) - len(line.lstrip())) + line for line in before.splitlines(keepends=True))
    printed = inject(before, SCHEMA)
    assert printed.startswith(before)
    assert "\n            securityContext:\n" not in printed
    assert "\n            - name: gate\n              image: " in printed
    assert "\n              securityContext:\n                  allowPrivilegeEscalation: false\n" in printed


INLINE_GATE = yaml.safe_load(GATE)[0]
INLINE_VOLUME = yaml.safe_load(VOLUME)[0]
JSON_GATE, JSON_VOLUME = json.dumps(INLINE_GATE), json.dumps(INLINE_VOLUME)
FLOW_GATE, FLOW_VOLUME = rbac.flow(INLINE_GATE), rbac.flow(INLINE_VOLUME)
FLOW = {
    "json": (
        """{
    "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web"},
    "spec": {"template": {"spec": {
        "serviceAccountName": "web",
        "automountServiceAccountToken": false,
        "initContainers": [],
        "containers": [{"name": "web", "image": "example.com/w\u00e9b"}]
    }}}
}
""",
        [
            ('"initContainers": []', f'"initContainers": [{JSON_GATE}]'),
            ('b"}]\n', f'b"}}],\n        "volumes": [{JSON_VOLUME}]\n'),
        ],
    ),
    "flow": (
        (
            "{kind: Deployment, apiVersion: apps/v1, metadata: {name: web}, spec: {template: {spec: {"
            "serviceAccountName: web, containers: [{name: web}], initContainers: [{name: prepare}]}}}} # one line\n"
        ),
        [
            (
                "{name: prepare}]",
                f'{{name: prepare}}, {JSON_GATE}], "automountServiceAccountToken": false, "volumes": [{JSON_VOLUME}]',
            )
        ],
    ),
    "flow in a block": (
        deployment("{serviceAccountName: web, containers: [{name: web}],}"),
        [
            ("  template:\n    spec:", f"  template:\n{indent(TOLD, ' ' * 4)}    spec:"),
            (
                "{name: web}],",
                (
                    "{name: web}], automountServiceAccountToken: false, "
                    f"initContainers: [{FLOW_GATE}], volumes: [{FLOW_VOLUME}],"
                ),
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "changes"), FLOW.values(), ids=FLOW)
def test_flow(inject, text, changes):
    """Between brackets the gate is written on the line, in JSON where the document is JSON."""
    after = text
    for old, new in changes:
        assert old in text
        after = after.replace(old, new)
    assert inject(text, JOB) == after
    assert inject(after, JOB) == after


def test_objects_of_json(inject):
    """JSON objects that stand one after another stay so, and the gate is in the one that is meant."""
    service = '{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "\u00e9"}}'
    text = f"{service}\n{FLOW['json'][0]}\n{service}\n"
    printed = inject(text, JOB)
    assert printed == f"{service}\n{inject(FLOW['json'][0], JOB)}\n{service}\n"
    assert inject(printed, JOB) == printed


@pytest.mark.parametrize("kind", KINDS)
def test_kind(inject, kind):
    """Each kind of workload has its pod where it has it; a Job is only taken by its name."""
    version, spec = KINDS[kind]
    closing = "}}" if "{" in spec else ""
    text = (
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\n"
        f"{spec}: {{template: {{spec: {{serviceAccountName: web, containers: [{{name: web}}]}}}}}}{closing}\n"
    )
    named = "--workload job/web" if kind == "Job" else ""
    (workload,) = objects.workloads(objects.parse(inject(text, f"{JOB} {named}")))
    assert workload.inits == [INLINE_GATE]
    assert workload.pod["volumes"] == [INLINE_VOLUME]
    assert workload.pod["automountServiceAccountToken"] is False


def test_pod(inject):
    """A Pod is only taken by its name."""
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: web}]\n"
    assert container(inject(text, f"{SCHEMA} --workload Pod/web"))["env"]


@pytest.mark.parametrize(
    ("example", "line"),
    [
        ("job", "--job db-migrate-1-0-0"),
        ("schema", "--tool django --revision shop.0003_stock --secret db/url"),
    ],
)
def test_shipped(inject, example, line):
    """What is added is the gate of `manifests`, and what is there already is left alone."""
    text = (SHIPPED / example / "deployment.yaml").read_text()
    line = f"{line} --timeout 8m"
    assert inject(text, line) == text
    bare = yaml.safe_load(text)
    pod = bare["spec"]["template"]["spec"]
    gate, volumes = pod.pop("initContainers"), pod.pop("volumes", None)
    found = yaml.safe_load(inject(yaml.safe_dump(bare), line))["spec"]["template"]["spec"]
    assert found["initContainers"] == gate
    assert found.get("volumes") == volumes


@pytest.mark.parametrize("component", ["job-gate", "schema-gate"])
def test_components(inject, component):
    """What is added is what the kustomize Components add."""
    template = yaml.safe_load((SHIPPED / "components" / component / "gate.yaml").read_text())["template"]["spec"]
    line = {"job-gate": JOB, "schema-gate": SCHEMA}[component]
    found = container(inject(deployment("serviceAccountName: web\ncontainers: [{name: web}]"), line))
    (shipped,) = template["initContainers"]
    assert {key: found[key] for key in shipped if key not in ("name", "volumeMounts")} == {
        key: shipped[key] for key in shipped if key not in ("name", "volumeMounts")
    }
    assert set(found) - set(shipped) <= {"args", "env"}


# Other programs' gates.

COMPLETE = "--for=condition=complete"
OTHERS = {
    "kubectl wait": (
        f"image: example.com/kubectl\nargs: [wait, {COMPLETE}, --timeout=600s, job/db-migrate]",
        ["job", "db-migrate", "--timeout", "600s"],
    ),
    "kubectl wait, its own time": (
        f"image: example.com/kubectl\ncommand: [kubectl, wait, {COMPLETE}, job/db-migrate, -n, shop]",
        ["job", "db-migrate", "--namespace", "shop", "--timeout", "30s"],
    ),
    "a script": (
        (
            'image: example.com/tools\ncommand: ["/bin/sh", "-c"]\nargs:\n  - |\n    set -e\n'
            f"    kubectl wait {COMPLETE} job/a\n    kubectl wait --timeout 9m {COMPLETE} job/b"
        ),
        ["job", "a", "b", "--timeout", "9m30s"],
    ),
    "k8s-wait-for": ("image: example.com/k8s-wait-for:v2.0\nargs: [job-wr, 'on']", ["job", "on", "--timeout", "-1s"]),
    "k8s-wait-for, by label": (
        'image: example.com/k8s-wait-for:v2.0\nargs: [job, "-lapp in (shop, web)"]',
        ["job", "--selector", "app in (shop, web)", "--timeout", "-1s"],
    ),
    "a loop": (
        "image: example.com/tools\ncommand: [sh, -c, 'until kubectl get job db-migrate -o name; do sleep 1; done']",
        ["job", "db-migrate", "--timeout", "-1s"],
    ),
    "gatekeeper's own": (
        f"image: example.com/gatekeeper\nargs: [wait, {COMPLETE}, job/db-migrate]",
        ["wait", COMPLETE, "job/db-migrate"],
    ),
}


def other(gate: str) -> str:
    """Return a Deployment with another program's gate between two init containers."""
    return deployment(
        "serviceAccountName: web\nautomountServiceAccountToken: false\ninitContainers:\n"
        "- name: first # one\n  image: example.com/a\n\n# holds it\n- name: wait-for-db # two\n"
        f"{indent(gate, '  ')} # ten minutes\n# three\n- name: last\n  image: example.com/b\n"
        "containers:\n- {name: web, image: example.com/web}"
    )


@pytest.mark.parametrize(("gate", "args"), OTHERS.values(), ids=OTHERS)
def test_replace(inject, gate, args):
    """Another program's gate is replaced where it stands, and waits for the same Jobs."""
    before = other(gate)
    printed = inject(before, "")
    (workload,) = objects.workloads(objects.parse(printed))
    assert [each["name"] for each in workload.inits] == ["first", "wait-for-db", "last"]
    assert container(printed, "wait-for-db")["args"] == args
    assert "command" not in container(printed, "wait-for-db")
    assert inject(printed, "") == printed
    outside = [line for line in before.splitlines() if line not in indent(gate, " " * 8).splitlines()]
    kept = [line for line in outside if "# ten" not in line and "# two" not in line]
    assert [line for line in printed.splitlines() if line in kept] == kept


def test_replace_and_tell(inject):
    """What is given beside it wins over what is translated, and comes again in the next run."""
    line = "--job db-migrate --require app.kubernetes.io/version=1.10 --timeout 8m"
    printed = inject(other(OTHERS["kubectl wait"][0]), line)
    args = ["job", "db-migrate", "--timeout", "8m", "--require", "app.kubernetes.io/version=1.10"]
    assert container(printed, "wait-for-db")["args"] == args
    assert inject(printed, line) == printed
    assert inject(printed, "") == printed


def test_replace_by_another_proof(inject):
    """A history is waited for as long as the Job was."""
    printed = inject(other(OTHERS["kubectl wait"][0]), SCHEMA)
    assert container(printed, "wait-for-db")["args"][:3] == ["schema", "--timeout", "600s"]


# A gate that is there.

OWN = """
serviceAccountName: web
automountServiceAccountToken: false
containers: [{name: web, image: example.com/web}]
initContainers:
  - name: migrated
    image: example.com/gatekeeper:1 # ours
    args:
      - schema # the proof
      - --tool
      - alembic
      - --revision=aaa1 # newest
      - --timeout
      - 8m
    env:
      - {name: DATABASE_URL, value: postgresql://app@db/app}
"""
CHANGES = {
    "nothing": ("", []),
    "the same": ("--tool alembic --revision aaa1 --timeout 8m", []),
    "another image": ("--image example.com/gatekeeper:2", [("gatekeeper:1 # ours", "gatekeeper:2 # ours")]),
    "a Secret": (
        "--secret db/url",
        [("value: postgresql://app@db/app}", "valueFrom: {secretKeyRef: {name: db, key: url}}}")],
    ),
    "a variable more": (
        "--secret GATEKEEPER_PASSWORD=db/password",
        [
            (
                "postgresql://app@db/app}\n",
                (
                    "postgresql://app@db/app}\n            - name: GATEKEEPER_PASSWORD\n              valueFrom:\n"
                    "                secretKeyRef:\n                  name: db\n                  key: password\n"
                ),
            )
        ],
    ),
    "another account": ("--service-account shop", [("serviceAccountName: web", "serviceAccountName: shop")]),
}


@pytest.mark.parametrize(("line", "changes"), CHANGES.values(), ids=CHANGES)
def test_in_place(inject, line, changes):
    """A gate that is there is brought to what is told, and keeps the rest."""
    before = after = deployment(OWN)
    for old, new in changes:
        assert old in before
        after = after.replace(old, new)
    assert inject(before, line) == after
    assert inject(after, line) == after


ARGS = {
    "another revision": ("--revision bbb2", ["schema", "--tool", "alembic", "--revision", "bbb2", "--timeout", "8m"]),
    "another tool": (
        "--tool flyway --revision 1.10",
        ["schema", "--timeout", "8m", "--tool", "flyway", "--revision", "1.10"],
    ),
    "a file of revisions": (
        "--revision-file /etc/revision",
        ["schema", "--tool", "alembic", "--timeout", "8m", "--revision-file", "/etc/revision"],
    ),
    "a messenger": (
        "--tool alembic --job db-migrate",
        ["schema", "--tool", "alembic", "--revision", "aaa1", "--timeout", "8m", "--job", "db-migrate"],
    ),
}


@pytest.mark.parametrize(("line", "args"), ARGS.values(), ids=ARGS)
def test_arguments(inject, line, args):
    """What is given replaces what says the same; another proof replaces all but for how long it is waited for."""
    printed = inject(deployment(OWN), line)
    assert container(printed, "migrated")["args"] == args
    assert inject(printed, line) == printed


def test_two_gates(inject):
    """Of gatekeeper's two gates, the one of the mode that is told is brought to it; what suits both, both get."""
    other_gate = "initContainers:\n  - {name: a, image: example.com/gatekeeper, args: [job, a]}\n"
    before = deployment(OWN.replace("initContainers:\n", other_gate))
    printed = inject(before, "--tool alembic --revision bbb2")
    assert container(printed, "migrated")["args"][4] == "bbb2"
    assert container(printed, "a") == container(before, "a")
    printed = inject(before, "--timeout 9m")
    assert [container(printed, name)["args"][-1] for name in ("a", "migrated")] == ["9m", "9m"]


def test_command(inject):
    """A command that is there keeps the program, and gives its arguments to `args`."""
    text = deployment(
        "serviceAccountName: web\ncontainers: [{name: web}]\ninitContainers:\n"
        "- {name: gate, image: example.com/tools, command: [python, -m, gatekeeper, job, a]}"
    )
    found = container(inject(text, "--timeout 8m"))
    assert found["command"] == ["python", "-m", "gatekeeper"]
    assert found["args"] == ["job", "a", "--timeout", "8m"]


def test_both_proofs(inject):
    """A schema gate can have a messenger, and then has the token that it needs for it."""
    printed = inject(deployment("serviceAccountName: web\ncontainers: [{name: web}]"), f"{SCHEMA} {JOB}")
    found = container(printed)
    assert found["args"] == ["schema", "--tool", "alembic", "--revision", "ae1027a6acf2", "--job", "db-migrate"]
    assert found["env"] == [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]
    assert found["volumeMounts"] == INLINE_GATE["volumeMounts"]


def test_schema_needs_no_account(inject):
    """A schema gate asks nothing of Kubernetes: any account will do, and the token is as it was."""
    printed = inject(deployment("containers: [{name: web}]"), SCHEMA)
    assert "volumeMounts" not in container(printed)
    assert "serviceAccountName" not in printed
    assert "automountServiceAccountToken" not in printed
    assert [each.rule.slug for each in audit(objects.parse(printed)).findings] == ["needless-token"]


def test_mount(inject):
    """Files for the gate come from volumes that the pod has."""
    text = deployment("containers: [{name: web}]\nvolumes: [{name: migrations, image: {reference: example.com/web}}]")
    found = container(inject(text, "--tool alembic --migrations /m/versions --mount migrations=/m --secret db/url"))
    assert found["volumeMounts"] == [{"name": "migrations", "mountPath": "/m", "readOnly": True}]


def test_names_that_are_taken(inject):
    """A container or a volume of the gate's name stays, and the gate takes another one."""
    text = deployment(
        "serviceAccountName: web\ncontainers: [{name: gate}]\nvolumes: [{name: gate-2-token, emptyDir: {}}]"
    )
    printed = inject(text, JOB)
    assert container(printed, "gate-2")["volumeMounts"][0]["name"] == "gate-2-token-2"
    assert inject(printed, JOB) == printed


@pytest.mark.parametrize("name", ["on", "1.10", "null", "0x1f", "1e3", "2026-11-21", "y", "010"])
def test_names_that_are_no_text(inject, name):
    """A name that YAML would take for something else has quotes."""
    assert container(inject(deployment("serviceAccountName: web\ncontainers: [{name: web}]"), f"--job {name}"))[
        "args"
    ] == ["job", name]


def test_automount(inject):
    """An app that is meant to have the token keeps it."""
    text = deployment("serviceAccountName: web\nautomountServiceAccountToken: true\ncontainers: [{name: web}]")
    assert "automountServiceAccountToken: true" in inject(text, JOB)


# The pod still starts, and nothing else of it is broken.


@pytest.mark.parametrize(
    ("pod", "user"),
    [
        ("{runAsUser: 0}", 65532),
        ("{runAsNonRoot: false, runAsUser: 0}", 65532),
        ("{runAsUser: 1000}", None),
        ("{}", None),
    ],
)
@pytest.mark.parametrize("line", [JOB, SCHEMA])
def test_root(inject, pod, user, line):
    """In a pod of root the gate has a user of its own, without which the kubelet would never start it."""
    text = deployment(f"serviceAccountName: web\nsecurityContext: {pod}\ncontainers: [{{name: web}}]")
    printed = inject(text, line)
    assert container(printed)["securityContext"].get("runAsUser") == user
    assert "never-starts" not in [each.rule.slug for each in audit(objects.parse(printed)).findings]
    assert inject(printed, line) == printed


def test_root_of_a_gate_that_is_there(inject):
    """A gate that would never start gets a user, too."""
    text = deployment(OWN + "    securityContext: {runAsNonRoot: true}\nsecurityContext: {runAsUser: 0}")
    assert [each.rule.slug for each in audit(objects.parse(text)).findings] == ["never-starts"]
    assert container(inject(text, ""), "migrated")["securityContext"] == {"runAsNonRoot": True, "runAsUser": 65532}


REPLACED = "image: example.com/kubectl\nargs: [wait, --for=condition=complete, job/db-migrate]\n"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("{runAsUser: 1001, runAsGroup: 1001}", {"runAsUser": 1001, "runAsGroup": 1001}),
        ("{runAsUser: 0, runAsNonRoot: false}", {}),
        ("{seLinuxOptions: {level: 's0:c1'}}", {"seLinuxOptions": {"level": "s0:c1"}}),
        (
            "{seccompProfile: {type: Localhost, localhostProfile: a.json}}",
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}},
        ),
        ("{appArmorProfile: {type: RuntimeDefault}}", {"appArmorProfile": {"type": "RuntimeDefault"}}),
        ("{appArmorProfile: {type: Unconfined}, seccompProfile: {type: Unconfined}}", {}),
        ("{privileged: true, allowPrivilegeEscalation: true, capabilities: {add: [NET_RAW]}}", {}),
    ],
)
def test_security_of_the_replaced(inject, said, kept):
    """What the replaced container said of its user and its confinement stays; what would weaken the gate does not."""
    printed = inject(other(f"{REPLACED}securityContext: {said}"), "")
    assert container(printed, "wait-for-db")["securityContext"] == INLINE_GATE["securityContext"] | kept


@pytest.mark.parametrize(
    ("said", "line", "resources"),
    [
        ("{}", "", {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}),
        (
            "{limits: {cpu: 5m, memory: 16Mi, ephemeral-storage: 1Gi}}",
            "",
            {"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi", "cpu": "5m", "ephemeral-storage": "1Gi"}},
        ),
        (
            "{requests: {cpu: 1m}, limits: {cpu: 5m}}",
            "--limits memory=48Mi,cpu=0.5",
            {"requests": {"memory": "48Mi", "cpu": "1m"}, "limits": {"memory": "48Mi", "cpu": "0.5"}},
        ),
        (
            "{}",
            "--limits cpu=5m --requests memory=32Mi",
            {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "128Mi", "cpu": "5m"}},
        ),
    ],
)
def test_resources(inject, said, line, resources):
    """A quota is met by what the replaced container had, or by what is given; no request is above its limit."""
    printed = inject(other(f"{REPLACED}resources: {said}"), line)
    assert container(printed, "wait-for-db")["resources"] == resources
    assert inject(printed, line) == printed


def test_pull_policy(inject):
    """How images are pulled stays as the replaced container has it."""
    printed = inject(other(f"{REPLACED}imagePullPolicy: Always"), "")
    assert container(printed, "wait-for-db")["imagePullPolicy"] == "Always"


def test_long_name(inject):
    """No name is longer than the API server takes."""
    name = "wait-for-the-database-migrations-of-the-availability-api-job"
    printed = inject(other(REPLACED.strip()).replace("wait-for-db", name), "")
    (mount,) = container(printed, name)["volumeMounts"]
    assert mount["name"] == f"{name[:56]}-token"
    assert inject(printed, "") == printed


CLIENTS = [
    "{name: db, image: example.com/mirror/k8s-wait-for:2, args: [pod, -lapp=db]}",
    "{name: deps, image: e/kubernetes-entrypoint:1, env: [{name: DEPENDENCY_SERVICE, value: db}]}",
    "{name: api, image: example.com/tools, command: [kubectl], args: [rollout, status, deployment/api]}",
    "{name: api, image: example.com/tools, command: [sh, -c, 'set -e; oc get pods']}",
]


@pytest.mark.parametrize("client", CLIENTS)
def test_client_keeps_its_token(inject, client, capsysbinary):
    """A pod of which another container asks the Kubernetes API keeps its token, and that is told."""
    text = deployment(f"serviceAccountName: web\ninitContainers: [{client}]\ncontainers: [{{name: web}}]")
    printed = inject(text, "--job db-migrate --workload Deployment/web")
    assert "automountServiceAccountToken" not in printed
    assert "deps" in client or "token-in-app" in [each.rule.slug for each in audit(objects.parse(printed)).findings]
    assert any("keeps its token, for " in each for each in add(text, WANTED).notes)


def test_account_with_rights_keeps_its_token():
    """A pod whose account may do more in these documents keeps its token."""
    role = "---\n" + (SHIPPED / "job" / "role.yaml").read_text().replace("[list, watch]", "[list, watch, delete]")
    binding = "---\n" + (SHIPPED / "job" / "rolebinding.yaml").read_text()
    done = add(deployment("serviceAccountName: web\ncontainers: [{name: web}]") + role + binding, WANTED)
    assert "automountServiceAccountToken" not in done.text
    words = "RoleBinding web-gate-db-migrate-1-0-0 grants more to its account than the gate needs"
    assert any(words in each for each in done.notes)


def test_account_that_is_left(inject):
    """What a pod loses with its account is told, or given to the new one."""
    text = deployment("serviceAccountName: old\ncontainers: [{name: web}]") + (
        "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: old, annotations: {role: x}}\n"
        "imagePullSecrets: [{name: registry}]\n---\n"
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: app}\n"
        "roleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: old}]\n"
    )
    wanted = Wanted({"job": ["db-migrate"]}, service_account="new", rights=True)
    done = add(text, wanted)
    (account,) = (each for each in objects.parse(done.text) if (each.kind, each.name) == ("ServiceAccount", "new"))
    assert account.content["imagePullSecrets"] == [{"name": "registry"}]
    assert "Deployment web runs as new now, and loses what RoleBinding app granted to old" in done.notes
    assert "ServiceAccount old has annotations: new has to have those that the app needs" in done.notes


# Rights.


def noted(text: str, line: str) -> tuple[str, ...]:
    options = {"job": shlex.split(line)} if line else {}
    return add(text, Wanted(options, service_account="web")).notes


def test_rbac(inject):
    """What the gate may not do yet is added once, and makes the audit content."""
    text = deployment("containers: [{name: web}]")
    line = "--job db-migrate-2 --service-account web --rbac"
    printed = inject(text, line)
    assert [each.kind for each in objects.parse(printed)] == ["Deployment", "ServiceAccount", "Role", "RoleBinding"]
    assert audit(objects.parse(printed)).findings == ()
    assert inject(printed, line) == printed
    windows = inject(text.replace("\n", "\r\n").removesuffix("\r\n"), line)
    assert windows == printed.replace("\n", "\r\n")


def test_account_alone(inject):
    """A schema gate's pod can be given an account of its own, which grants nothing."""
    printed = inject(deployment("containers: [{name: web}]"), f"{SCHEMA} --service-account web --rbac")
    assert [each.kind for each in objects.parse(printed)] == ["Deployment", "ServiceAccount"]
    assert inject(printed, f"{SCHEMA} --service-account web --rbac") == printed


def test_rights_that_are_there(inject):
    """What other documents grant is not granted twice, and not told."""
    text = "".join(f"---\n{(SHIPPED / 'job' / f'{name}.yaml').read_text()}" for name in ("role", "rolebinding"))
    bare = deployment("serviceAccountName: web\ncontainers: [{name: web}]") + text
    assert inject(bare, "--job db-migrate-1-0-0 --rbac").endswith(text)
    assert not any("lack" in note for note in noted(bare, "db-migrate-1-0-0"))


def test_hint():
    """What is missing is told, with the command that prints it."""
    text = deployment("containers: [{name: web}]").replace("name: web\nspec", "name: web\n  namespace: shop\nspec")
    command = "gatekeeper rbac --job=db-migrate --service-account web -n shop --create-service-account"
    assert any(f"apply what {command} prints" in note for note in noted(text, "db-migrate"))


def web(*pods: str, more: str = "") -> str:
    """Return Deployments of several names, and more documents."""
    texts = [deployment(pod, name) for name, pod in zip(("web", "api", "worker"), pods, strict=False)]
    return "---\n".join([*texts, *([more] if more else [])])


MIGRATE = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: db-migrate%s}\nspec: {%s}\n"
ALONE = "serviceAccountName: web\ncontainers: [{name: web}]"


@pytest.mark.parametrize(
    ("job", "line", "words"),
    [
        (MIGRATE % (", annotations: {helm.sh/hook: post-install}", ""), JOB, "GK403"),
        (MIGRATE % (", annotations: {helm.sh/hook-delete-policy: hook-succeeded}", ""), JOB, "GK402"),
        (MIGRATE % ("", "ttlSecondsAfterFinished: 60"), JOB, "GK402"),
        (MIGRATE % (", labels: {v: '1'}", ""), f"{JOB} --require v=2", "GK405"),
        (MIGRATE % ("", ""), f"{JOB} --require v=2", "where it is missing"),
        (MIGRATE % ("", ""), "--job migrate", "GK404"),
        (
            (MIGRATE % ("", "template: {spec: {serviceAccountName: web, containers: [{name: a}]}}")),
            f"{JOB} --workload Job/db-migrate",
            "GK408",
        ),
    ],
)
def test_condemned(inject, job, line, words):
    """A gate that the audit would condemn is refused, unless that is asked for, and then its text says so."""
    text = web(ALONE, more=job)
    with pytest.raises(Misconfigured, match="write --force to have this gate all the same") as caught:
        inject(text, line)
    assert words in str(caught.value)
    printed = inject(text, f"{line} --force")
    assert "# gatekeeper: GK4" in printed
    assert inject(printed, f"{line} --force") == printed


def test_condemned_before(inject):
    """What was wrong with the gate that is replaced stays, and keeps it from being replaced no longer."""
    text = other(REPLACED.strip()) + "---\n" + MIGRATE % ("", "ttlSecondsAfterFinished: 60")
    printed = inject(text, "")
    assert container(printed, "wait-for-db")["args"][0] == "job"
    assert "# gatekeeper: GK402 removed-job: ttlSecondsAfterFinished: 60 removes Job db-migrate" in printed


BRACKETS = {
    "the list": "      initContainers: [{name: w, image: k, args: [wait, --for=condition=complete, job/m]}] # one\n",
    "an item": "      initContainers:\n      -   {name: w, image: k, args: [wait, --for=condition=complete, job/m]}\n",
    "on a line of their own": "      initContainers:\n        [\n          {name: a},\n          "
    "{name: w, image: k, args: [wait, --for=condition=complete, job/m]},\n        ]\n",
}


@pytest.mark.parametrize("inits", BRACKETS.values(), ids=BRACKETS)
def test_comments_of_brackets(inject, inits):
    """What is said of a gate between brackets stands above the line that these are on, once."""
    text = web(ALONE).replace("      containers:", f"{inits}      containers:")
    printed = inject(text, "--rbac")
    at = printed.index("# gatekeeper: GK401 ")
    after = printed[at:].split("\n")[1].strip()
    assert after.startswith(("initContainers:", "-   {name: w"))
    assert inject(printed, "--rbac") == printed
    assert "# gatekeeper" not in inject(printed, "--rbac --require v=1")


def test_notes_of_json():
    """What finds no place in JSON is noted, once, and each thing in one way."""
    text = json.dumps(yaml.safe_load(deployment("serviceAccountName: web\ncontainers: [{name: web}]")))
    done = add(text, WANTED)
    assert "#" not in done.text
    assert sorted(note[:5] for note in done.notes) == ["Deplo", "GK401", "these"]
    assert add(done.text, WANTED).text == done.text
    replaced = deployment(f"serviceAccountName: web\ninitContainers: [{KUBECTL_WAIT}]\ncontainers: [{{name: web}}]")
    done = add(json.dumps(yaml.safe_load(replaced)), Wanted({}))
    assert [note[:5] for note in done.notes if note.startswith("GK")] == ["GK401"]


def test_comments_follow(inject):
    """What is said above a gate goes when it is true no longer, and no other comment does."""
    text = web(ALONE).replace("containers:", "initContainers:\n      # first\n      - {name: a}\n      containers:")
    printed = inject(text, JOB)
    assert printed.count("# gatekeeper: ") == 2
    printed = inject(printed, f"{JOB} --rbac --require v=1")
    assert "# gatekeeper: " not in printed
    assert "# first" in printed
    assert inject(printed, f"{JOB} --rbac --require v=1") == printed


def test_shared_name_is_told():
    """That releases share the Job's name is told, with the option for it."""
    text = web(ALONE, more=MIGRATE % (", labels: {app.kubernetes.io/version: '7'}", ""))
    assert any("--require app.kubernetes.io/version=7" in note for note in add(text, WANTED).notes)
    assert not any("GK401" in note for note in add(text, Wanted({"job": ["db-migrate-7"]})).notes)


# Several workloads, several gates, and those that cannot be read.

WAIT = "initContainers: [{name: wait, image: kubectl, args: [wait, --for=condition=complete, job/%s]}]\n"


def all_args(text: str) -> list[list[str]]:
    return [each["args"] for workload in objects.workloads(objects.parse(text)) for each in workload.inits]


def test_all(inject):
    """Every workload that has a gate gets gatekeeper's, and no other; told what to wait for, every one does."""
    text = web(WAIT % "a-1" + ALONE, ALONE, WAIT % "b-2" + ALONE, more=MIGRATE % ("", ""))
    printed = inject(text, "--all --rbac")
    assert all_args(printed) == [["job", name, "--timeout", "30s"] for name in ("a-1", "b-2")]
    roles = [each for each in objects.parse(printed) if each.kind == "Role"]
    assert [each.content["rules"][0]["resourceNames"] for each in roles] == [["a-1"], ["b-2"]]
    assert inject(printed, "--all --rbac") == printed
    printed = inject(text, "--all --job c-3")
    assert [each[1] for each in all_args(printed)] == ["c-3"] * 3
    with pytest.raises(Misconfigured, match="no workload in these documents has a gate"):
        inject(web(ALONE), "--all")


def test_workloads(inject):
    """Several workloads are chosen by name, those of one name by their namespaces."""
    named = [deployment(ALONE).replace("name: web\nspec", f"name: web\n  namespace: {each}\nspec") for each in "ab"]
    text = "---\n".join([*named, deployment(ALONE, "api")])
    printed = inject(text, f"{JOB} --workload deployment/a/web --workload Deployment/api")
    assert [len(each.inits) for each in objects.workloads(objects.parse(printed))] == [1, 0, 1]
    with pytest.raises(Misconfigured, match="for example --workload Deployment/a/web, or --all"):
        inject(text, f"{JOB} --workload Deployment/web")


def test_a_role_gets_one_name_more(inject):
    """The Role that is there for one Job gets the name of another."""
    printed = inject(web(ALONE, ALONE), "--job a --workload Deployment/web --rbac")
    printed = inject(printed, "--job b --workload Deployment/api --rbac")
    assert printed.count("\nkind: Role\n") == 1
    assert "resourceNames: [a, b]" in printed
    assert not [each for each in audit(objects.parse(printed)).findings if each.rule.slug == "missing-right"]


def test_a_role_of_one_run_gets_one_name_more(inject):
    """Two workloads of one account, whose gates wait for two Jobs, get one Role."""
    pods = [
        ALONE.replace("containers:", f"initContainers: [{KUBECTL_WAIT.replace('job/m', f'job/{name}')}]\ncontainers:")
        for name in "ab"
    ]
    printed = inject(web(*pods), "--all --rbac")
    assert printed.count("\nkind: Role\n") == 1
    assert "resourceNames: [a, b]" in printed


def test_several_waits(inject):
    """Each of several waits becomes a gate where it stands."""
    waits = "[{name: a, args: [job-wr, a-1]}, {name: first}, {name: b, image: k8s-wait-for, args: [job, b-2]}]"
    printed = inject(deployment(f"{ALONE}\ninitContainers: {waits}"), "--timeout 8m")
    (workload,) = objects.workloads(objects.parse(printed))
    assert [each.get("args") for each in workload.inits] == [
        ["job", "a-1", "--timeout", "8m"],
        None,
        ["job", "b-2", "--timeout", "8m"],
    ]
    assert inject(printed, "--timeout 8m") == printed


UNREAD = "initContainers: [{name: a}, {name: wait, image: kubectl, command: [sh, -c, './x; kubectl wait job/$(a)']}]\n"


def test_replace_what_cannot_be_read(inject):
    """A gate that cannot be read is replaced where it stands, once it is told what by."""
    line = "--replace wait --job db-migrate-7"
    printed = inject(deployment(UNREAD + ALONE), line)
    assert container(printed, "wait")["args"] == ["job", "db-migrate-7"]
    assert "command" not in container(printed, "wait")
    assert inject(printed, line) == printed
    printed = inject(web(UNREAD + ALONE, ALONE), f"--all {line}")
    assert [len(each.inits) for each in objects.workloads(objects.parse(printed))] == [2, 0]


# Namespaces as Helm leaves them.

IN_SHOP = "".join(
    f"---\n{(SHIPPED / 'job' / f'{name}.yaml').read_text()}".replace("metadata:", "metadata:\n  namespace: shop", 1)
    for name in ("role", "rolebinding")
)


@pytest.mark.parametrize("flag", ["", ", -n, shop"])
@pytest.mark.parametrize("line", ["", "-n shop"])
def test_rights_of_the_release(inject, flag, line):
    """Rights that are there in the one namespace that is named are seen, whether the gate names it or not."""
    wait = WAIT.replace("job/%s", f"job/db-migrate-1-0-0{flag}")
    printed = inject(deployment(wait + ALONE) + IN_SHOP, f"--rbac {line}")
    assert printed.count("\nkind: Role\n") == 1


def test_namespace_of_the_gate_alone(inject):
    """The namespace that a gate alone names is the release's: what is added is left to whoever applies it."""
    printed = inject(deployment(WAIT % "a, -n, shop" + ALONE), "--rbac")
    assert "namespace:" not in printed.partition("kind: Role\n")[2]
    assert [each.rule.slug for each in audit(objects.parse(printed)).findings if each.rule.level == "error"] == []


def test_jobs_elsewhere(inject):
    """Jobs of another namespace have their rights there, and the workload's own namespace has to be known for it."""
    printed = inject(deployment(ALONE), "--job a --job-namespace data -n shop --rbac")
    assert container(printed)["args"] == ["job", "a", "--namespace", "data"]
    assert "name: shop:web-gate" in printed.replace('"', "")
    text = web(ALONE, more="kind: A\nmetadata: {namespace: a}\n---\nkind: B\nmetadata: {namespace: b}\n")
    with pytest.raises(Misconfigured, match="write where it is applied, for example -n shop"):
        inject(text, "--job a --job-namespace data --rbac")


# Refusals.

PLAIN = deployment("serviceAccountName: web\ncontainers: [{name: web}]")
SHARING = """\
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec: {template: {spec: &pod {serviceAccountName: web, containers: [{name: web}]}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: api}
  spec: {template: {spec: *pod}}
"""


def test_too_large_with_gates(monkeypatch):
    """What is too large only with its gates is told so, and not taken for a matter of layout."""
    documents.load_all.cache_clear()
    monkeypatch.setattr(documents, "MOST_WRITTEN", 50)
    with pytest.raises(Misconfigured, match="comes out is too large for one stream"):
        add(PLAIN, WANTED)


REFUSALS = {
    "nothing": ("", JOB, "no Kubernetes object in it"),
    "only comments": ("# nothing\n---\n", JOB, "no Kubernetes object in it"),
    "no YAML": ("a: b: c", JOB, "is not a stream of Kubernetes objects"),
    "a tab": ("kind: Deployment\nspec:\n\ttemplate: {}\n", JOB, "is not a stream of Kubernetes objects"),
    "a template": ("kind: Deployment\nmetadata: {{ .Values.a }}\n", JOB, "a template that is not rendered yet"),
    "no workload": ("kind: Service\nmetadata: {name: a}\n", JOB, "there is no workload in these documents;"),
    "only a Job": (PLAIN.replace("apps/v1", "batch/v1").replace("Deployment", "Job"), JOB, "only Job/web;"),
    "several workloads": (PLAIN + "---\n" + PLAIN.replace("web\nspec", "api\nspec"), JOB, "could each be meant"),
    "several of a name": (PLAIN + "---\n" + PLAIN, f"{JOB} --workload Deployment/web", "could each be meant"),
    "another name": (PLAIN, f"{JOB} --workload Deployment/api", "no Deployment/api in these documents, only"),
    "no pod": (PLAIN.partition("spec")[0] + "spec: {workloadRef: {name: a}}\n", JOB, "has no pod of its own"),
    "nothing to wait for": (PLAIN, "", "what the gate is to wait for is not told"),
    "no database": (PLAIN, "--tool alembic --revision ae10", "no database is given"),
    "the default account": (deployment("containers: [{name: web}]"), JOB, "runs as the ServiceAccount default"),
    "a bad account": (PLAIN, f"{JOB} --service-account Web", "is not the name of a ServiceAccount"),
    "a bad Job": (PLAIN, "--job job/db-migrate", "is not the name of a Job"),
    "a bad selector": (PLAIN, "--selector a/b/c=?", "--selector: "),
    "a Job and a selector": (PLAIN, f"{JOB} -l app=web", "one of both"),
    "a bad time": (PLAIN, f"{JOB} --timeout soon", "--timeout: 'soon'"),
    "a bad requirement": (PLAIN, f"{JOB} --require 7", "--require: '7'"),
    "a bad policy": (PLAIN, f"{JOB} --if-absent maybe", "--if-absent: 'maybe'"),
    "an option of the other gate": (PLAIN, f"{SCHEMA} --if-absent wait", "--if-absent is no option of gatekeeper sch"),
    "an option of no tool": (PLAIN, f"{JOB} --revision 1", "--revision is no option of gatekeeper job"),
    "an option for people": (PLAIN, f"{JOB} --kubeconfig a", "--kubeconfig"),
    "an unknown tool": (PLAIN, "--tool make --revision 1 --secret db/url", "--tool: 'make'"),
    "a bad revision": (PLAIN, "--tool flyway --revision one --secret db/url", "--revision one"),
    "no revision": (PLAIN, "--tool flyway --secret db/url", "--revision 1.2"),
    "a password": (PLAIN, "--tool flyway --revision 1 --database postgresql://a:hunter2@db/a", "argv is public"),
    "a bad Secret": (PLAIN, f"{SCHEMA} --secret db", "--secret: 'db'"),
    "a variable twice": (PLAIN, f"{SCHEMA} --secret a/b", "--secret gives DATABASE_URL twice"),
    "a mark of two values": (PLAIN, f"{JOB} --require v=1 --require v=2", "one value of a key"),
    "a namespace that is a path": (PLAIN, f"{JOB} --job-namespace shop/jobs", "--job-namespace: 'shop/jobs'"),
    "bad limits": (PLAIN, f"{SCHEMA} --limits cpu:1", "--limits: 'cpu:1' is not NAME=QUANTITY"),
    "a bad quantity": (PLAIN, f"{SCHEMA} --requests cpu=some", "--requests: 'cpu=some' is not NAME=QUANTITY"),
    "a bad mount": (PLAIN, f"{SCHEMA} --mount db", "--mount: 'db'"),
    "no such volume": (PLAIN, f"{SCHEMA} --mount db=/etc/db", "has no volume db, only none at all"),
    "a file that is not there": (PLAIN, f"{SCHEMA} --password-file /etc/db/p", "no volume has /etc/db/p in the gate"),
    "a migrations directory of a table": (
        PLAIN,
        "--tool table --table a --column b --migrations /m --secret db/url --image x",
        "--migrations goes with",
    ),
    "other rights of that name": (
        f"{PLAIN}---\n" + (SHIPPED / "job" / "role.yaml").read_text(),
        "--job db-migrate-1-0-0 --rbac",
        "Role web-gate-db-migrate-1-0-0 is there already",
    ),
    "rights after JSON": (json.dumps(yaml.safe_load(PLAIN)), f"{JOB} --rbac", "nothing can follow a document of JSON"),
    "a script with more": (
        other(f"image: a\ncommand: [sh, -c, 'kubectl wait {COMPLETE} job/a; ./prepare']"),
        JOB,
        "what the init container wait-for-db waits for cannot be told: it also runs prepare",
    ),
    "a gate that cannot be read": (
        other("image: example.com/gatekeeper\nargs: [job, a, --timeout]"),
        JOB,
        "cannot be told: --timeout has no value",
    ),
    "a Service": (other("image: example.com/k8s-wait-for\nargs: [service, db]"), "", "what the gate is to wait for is"),
    "a Job that the pod names": (
        other(f"image: kubectl\nargs: [wait, {COMPLETE}, job/$(JOB)]"),
        "",
        "$(JOB) is known only in the pod",
    ),
    "nothing of that name": (other(OTHERS["a loop"][0]), f"{JOB} --replace wait", "no init container wait, only first"),
    "nothing of that name anywhere": (PLAIN, f"{JOB} --replace wait --all", "no workload in these documents has wait"),
    "two gates": (
        deployment(
            "serviceAccountName: web\ncontainers: [{name: web}]\n"
            "initContainers: [{name: a, image: k8s-wait-for, args: [job, a]}, {name: b, args: [job-wr, b]}]"
        ),
        JOB,
        "has several gates: a, b",
    ),
    "a gate that is a sidecar": (
        deployment(f"{OWN}    restartPolicy: Always"),
        "",
        "restartPolicy: Always makes migrated a sidecar",
    ),
    "a schema gate": (deployment(OWN), JOB, "has a schema gate; write --tool"),
    "an alias": (SHARING, f"{JOB} --workload Deployment/api", "the anchor &pod shares"),
    "an anchor": (SHARING, f"{JOB} --workload Deployment/web", "the anchor &pod shares"),
    "a merge key": (
        PLAIN.replace("metadata:\n  name: web", "metadata: {name: web, annotations: &a {initContainers: [{name: b}]}}")
        + "      <<: *a\n",
        JOB,
        "initContainers comes by a merge key",
    ),
    "a block scalar without its line end": (
        PLAIN.replace("{name: web}]", "{name: web}]\n      schedulerName: |\n        a").removesuffix("\n"),
        JOB,
        "leave no place for the change",
    ),
    "a key twice": (PLAIN + "      serviceAccountName: shop\n", f"{JOB} --service-account web", "is there twice"),
}


@pytest.mark.parametrize(("text", "line", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refused(inject, capsysbinary, text, line, words):
    """What cannot be done is refused in one sentence, which shows what would be right, and nothing is printed."""
    with pytest.raises(Misconfigured) as caught:
        inject(text, line)
    message = str(caught.value)
    assert words in message
    assert "write" in message
    assert "\n" not in message
    assert "hunter2" not in message
    assert capsysbinary.readouterr().out == b""


def test_file(tmp_path, capsys):
    """A file is read and never written, and what is to be known of the change is told beside it."""
    file = tmp_path / "web.yaml"
    file.write_text(PLAIN)
    assert cli.main(["inject", str(file), *JOB.split()]) == 0
    printed, told = capsys.readouterr()
    assert printed.startswith(PLAIN)
    assert "automountServiceAccountToken: false now" in told
    assert "these documents lack list, watch on Job db-migrate for ServiceAccount web" in told
    assert file.read_text() == PLAIN
    assert [each.name for each in tmp_path.iterdir()] == ["web.yaml"]
    with pytest.raises(Misconfigured, match="/no/file cannot be read"):
        cli.main(["inject", "/no/file", *JOB.split()])


@pytest.mark.parametrize(
    "command",
    [f"inject - {JOB}", "audit -", "rbac --job a --service-account web", "tools", "--version"],
)
@pytest.mark.parametrize(
    ("shell", "why"),
    [("exec {} >/dev/full", b"No space left on device"), ("exec {} >&-", b"standard output is closed")],
    ids=["full", "closed"],
)
def test_full_disk(shell, why, command):
    """What cannot be printed whole is no success."""
    line = shell.format(f"{shlex.quote(sys.executable)} -m gatekeeper {command}")
    ended = subprocess.run(["/bin/sh", "-c", line], input=PLAIN.encode(), stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 2
    assert b"misconfigured: not all could be printed (" + why in ended.stderr


WRITTEN = {
    "plain": lambda text: text,
    "comments at documents": lambda text: text.replace("---", "--- # one\t\U0001f600") + "...\n# the end\n",
    "an end": lambda text: f"%YAML 1.1\n---\n{text}...\n",
    "an empty document last": lambda text: f"{text}---\n",
    "a comment last": lambda text: f"{text}---\n# nothing\t\n",
    "no line end": lambda text: text.rstrip("\n"),
    "spaces and tabs": lambda text: (
        text.replace("metadata:", "metadata: \t").replace("image: ", "image:\t ") + "# \t\n"
    ),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "wide spaces": lambda text: f"# \xa0\u3000\n{text}# \xe9\n",
}
ENCODED = {
    "utf-8": "utf-8", "utf-8-sig": "utf-8-sig", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
    "utf-32-le": "utf-32-le", "utf-32-be": "utf-32-be",
}  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["unix", "windows", "mac"])
@pytest.mark.parametrize("encoding", ENCODED)
def test_bytes(monkeypatch, capsysbinary, written, newline, encoding):
    """Every byte of a stream that is not the gate's stays, in whatever encoding and with whatever line ends it is."""
    mark = "\ufeff" if "le" in encoding or "be" in encoding else ""
    service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: db\n---\n"
    pod = "serviceAccountName: web\ncontainers:\n  - name: web\n    image: example.com/web"
    text = mark + written(service + deployment(pod)).replace("\n", newline)

    def run(given: bytes) -> bytes:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        assert cli.main(["inject", "-", *JOB.split(), "--rbac"]) == 0
        return capsysbinary.readouterr().out

    printed = run(text.encode(encoding))
    after = printed.decode(encoding)
    assert printed == after.encode(encoding)
    assert run(printed) == printed
    lines, left = iter(after.split(newline)), text.split(newline)
    assert all(any(line == found for found in lines) for line in left if line)
    if newline == "\r\n":
        assert after.count("\n") == after.count("\r") == after.count("\r\n")
    assert after.startswith(text[:40])


def test_no_text(inject, monkeypatch):
    """What is not UTF-8 is refused."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("é".encode("latin-1"))))
    with pytest.raises(Misconfigured, match="is not UTF-8 text"):
        cli.main(["inject", "-", *JOB.split()])


# Whatever there is.
