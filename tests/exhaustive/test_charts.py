"""What `audit` says of the gates that charts have, and what `inject` makes of them."""

import json

import pytest

from charts import COMPLETE, SHAPES, Shape, chart, job, script
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests import objects
from gatekeeper.manifests.audit import audit
from gatekeeper.manifests.inject import Wanted, inject
from gatekeeper.manifests.rbac import is_of_a_release

OF_EVERY = {"other-gate", "pod-security", "deadline", "missing-right", "token-in-app", "excess-right", "needless-token"}
"""Rules that a gate of another program nearly always breaks."""


REPLACED = {name: shape for name, shape in SHAPES.items() if shape.args}


def wanted(shape):
    words = shape.options.split()
    given = zip(words[::2], words[1::2], strict=True)
    return Wanted({name.removeprefix("--"): [value] for name, value in given}, rights=True)


def inits(text):
    (workload,) = (each for each in objects.workloads(objects.parse(text)) if each.manifest.kind == "Deployment")
    return {each["name"]: each for each in workload.inits}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_told(shape):
    """The gate is known by its program, what it waits for is told, and what is wrong with it."""
    found = audit(objects.parse(chart(shape)))
    assert [each.program for each in found.gates][:1] == ([shape.program] if shape.program else [])
    assert "cannot be told" not in "".join(each.needs for each in found.gates)
    assert {each.rule.slug for each in found.findings} - OF_EVERY == set(shape.found)


@pytest.mark.parametrize("shape", REPLACED.values(), ids=REPLACED)
def test_replaced(shape):
    """Each gate is replaced where it stands and waits for the same Jobs as long; what waits for other things stays."""
    text = chart(shape)
    done = inject(text, wanted(shape))
    before, after = inits(text), inits(done.text)
    stays = {*shape.kept, *shape.less}
    assert [" ".join(each["args"]) for name, each in after.items() if name not in stays] == list(shape.args)
    assert {name: after[name] for name in shape.kept} == {name: before[name] for name in shape.kept}
    for name, values in shape.less.items():
        assert ([each["value"] for each in after[name]["env"]] or after[name]["args"]) == values
        assert after[name] | {"env": (), "args": ()} == before[name] | {"env": (), "args": ()}
    assert [name for name in after if name in before] == list(before)
    wrong = [each for each in audit(objects.parse(done.text)).findings if each.container not in shape.kept]
    assert not {each.rule.slug for each in wrong} & {"missing-right", "unproven"}
    assert inject(done.text, wanted(shape)).text == done.text


@pytest.mark.parametrize("image", ["example.com/mirror/gk:1", "example.com/gatekeeper/init:1", "gk@sha256:0"])
@pytest.mark.parametrize(
    "options", [{"job": ["m-7"]}, {"selector": ["app=m,release=7"]}, {"tool": ["alembic"], "revision": ["a"]}]
)
def test_any_image(image, options):
    """What is injected is known under any name of its image: it has its rights, and is there once."""
    text = chart(SHAPES["reportportal analyzer"]).replace("spec:\n      service", "spec:\n      # one\n      service")
    gate = Wanted(options, image=image, secrets=["db/url"] if "tool" in options else [], rights=True)
    done = inject(text, gate)
    assert ("kind: Role\n" in done.text) is ("tool" not in options)
    assert inject(done.text, gate).text == done.text
    found = audit(objects.parse(done.text))
    assert [each.container for each in found.gates] == ["gate"]
    assert found.gates[0].program.startswith("gatekeeper ")


@pytest.mark.parametrize("name", ["m-7", "m-1.4.0", "m-20261128", "m-3f2a91c", "m-rev12", "m-x7k2p", "m-v1.4"])
def test_name_of_a_release(name):
    """A number, a hash or random letters at the end of a name are one release's."""
    assert is_of_a_release(name)


@pytest.mark.parametrize("name", ["db-migrate", "db-migrate-v2", "init-neo4j", "migrate-oauth2", "migrate-pg16", "7"])
def test_name_of_every_release(name):
    """What only has a digit in it is not."""
    assert not is_of_a_release(name)


@pytest.mark.parametrize(
    ("selector", "stale"),
    [
        ("app=migrate", True),
        ("app=migrate,app.kubernetes.io/instance=rel", True),
        ("app in (migrate)", True),
        ("app=migrate,revision=7", False),
        ("app=migrate,app.kubernetes.io/version=$(TAG)", False),
        ("app=migrate-7", False),
    ],
)
def test_stale_selector(selector, stale):
    """A selector that matches the Jobs of every release is opened by the last one's."""
    shape = Shape(f"- {{name: w, image: gatekeeper, args: [job, -l, '{selector}']}}\n", ())
    env = ", env: [{name: TAG, value: v1}]}\n"
    slugs = [each.rule.slug for each in audit(objects.parse(chart(shape).replace("']}\n", f"']{env}"))).findings]
    assert ("stale-job" in slugs) is stale


@pytest.mark.parametrize(
    ("container", "problem"),
    [
        ("image: gatekeeper, args: [--help]", "--help stands before its command"),
        ("image: gatekeeper, args: [--log-format, json, job, x]", "--log-format stands before its command"),
        ("image: gk, command: [sh, -c, 'gatekeeper job x; true']", "true follows, whatever the wait came to"),
        ("image: gk, command: [python, -I, -m, gatekeeper, job, x]", ""),
        ("image: gk, command: [tini, --, gatekeeper, job, x]", ""),
        ("image: gk, command: [sh, -c, exec gatekeeper job x]", ""),
        ("image: example.com/team/gatekeeper-py:1, args: [job, x]", ""),
    ],
)
def test_own_in_any_form(container, problem):
    """Gatekeeper is known in any form of its command, and where it would open by mistake that is told."""
    text = chart(Shape(f"- {{name: w, {container}}}\n", ()))
    found = audit(objects.parse(text))
    assert [each.program.partition(" ")[0] for each in found.gates] == ["gatekeeper"]
    told = " ".join(each.sentence for each in found.findings if each.rule.slug in {"unreadable-gate", "unproven"})
    assert (problem in told) if problem else not told


def test_image_that_is_told():
    """An image can be said to be gatekeeper's, whatever it is called."""
    text = chart(
        Shape("- {name: w, image: example.com/mirror/gk:1, args: [wait, --for=condition=complete, job/x]}\n", ())
    )
    assert [each.program for each in audit(objects.parse(text)).gates] == ["kubectl wait"]
    assert [each.program for each in audit(objects.parse(text), images=["example.com/mirror/gk"]).gates] == [
        "gatekeeper wait"
    ]
    done = inject(text, Wanted({}, image="example.com/mirror/gk:2", rights=True))
    assert inits(done.text)["w"]["args"] == ["job", "x", "--timeout", "30s"]
    assert [each.program for each in audit(objects.parse(done.text)).gates] == ["gatekeeper job"]


def test_what_waits_for_something_else_is_named():
    """Where there is no gate, what looks like one is said to be something else."""
    (finding,) = audit(objects.parse(chart(SHAPES["netbox"]))).findings
    assert finding.sentence.endswith("waits for something else: api of Deployment web (kubectl rollout status).")


def told(command):
    """Return what the audit says of an init container that runs this."""
    text = chart(Shape(f"- {{name: w, image: a, command: {json.dumps(command)}}}\n", ()))
    (finding,) = audit(objects.parse(text)).findings
    return finding


@pytest.mark.parametrize(
    "text",
    [
        "until pulpcore-manager migrate --check; do sleep 1; done",
        "while ! awx-manage migrate --check; do sleep 1; done",
        "wait-for-migrations",
        "/app/wait_for_db_migrations.sh",
        "until (bin/migrate-check); do sleep 1; done",
        "until npm run migration:check | grep 'No migrations are pending'; do sleep 1; done",
        "rake dependencies:check_migrations",
        "until python -m app.tools.check_migrations; do sleep 1; done",
        "until superset db current | grep head; do sleep 1; done",
        "until dotnet ef migrations list | grep -v Pending; do sleep 1; done",
        '[ "$(migrate -path /m -database $DB version 2>&1)" = 42 ]',
        "until vendor/bin/phinx status; do sleep 1; done",
        "npx typeorm migration:show -d data.js",
        """python3 -c 'connect(url).execute("select 1 from alembic_version")'""",
        "until psql -c 'select 1 from seaql_migrations'; do sleep 1; done",
    ],
)
def test_check_of_its_own(text):
    """What asks for migrations by a program of the app's own is a check, not the lack of a gate."""
    assert told(["sh", "-c", text]).rule.slug == "tool-check"


@pytest.mark.parametrize("text", ["app-db wait-for-head --timeout 60", "/scripts/wait-for-deps"])
def test_what_is_no_wait_for_it(text):
    """A command whose name begins like that of a known script is not taken for it."""
    assert told(["sh", "-c", text]).sentence == "No workload in these documents has a gate."


def test_named_like_a_gate():
    """Where there is no gate, what is named like one and cannot be told is said."""
    text = chart(Shape("- {name: wait-for-migrations, image: a, command: [node, wait.js]}\n", ()))
    (finding,) = audit(objects.parse(text)).findings
    assert finding.sentence.endswith("what they run does not tell: wait-for-migrations of Deployment web.")


def test_kept_check_is_told():
    """A tool's own check stays beside the gate that is added, and that is told."""
    done = inject(chart(SHAPES["airflow"]), Wanted({"job": ["m-7"]}))
    assert any("keeps its own gate check (airflow db check-migrations)" in note for note in done.notes)


def test_sibling():
    """A workload of the same image as one that has a gate is told to have none."""
    gated = chart(SHAPES["elixier"])
    other = gated.replace("name: web\nspec", "name: worker\nspec").partition("      initContainers")[0]
    app = "      containers: [{name: web, image: example.com/web:2}]\n"
    found = audit(objects.parse(f"{gated}---\n{other}{app}")).findings
    assert [each.workload for each in found if each.rule.slug == "ungated-sibling"] == ["Deployment worker"]
    found = audit(objects.parse(f"{gated}---\n{other}{app.replace('web:2', 'queue')}")).findings
    assert "ungated-sibling" not in [each.rule.slug for each in found]


@pytest.mark.parametrize("apps", ["[{name: a}, {name: g, image: gatekeeper, args: [job, x]}]"])
def test_wrong_list(apps):
    """A gate beside the app's containers holds nothing."""
    text = chart(Shape("[]\n", ())).partition("      containers:")[0] + f"      containers: {apps}\n"
    found = audit(objects.parse(text.replace("        []\n", "        []\n"))).findings
    assert "not-blocking" in [each.rule.slug for each in found]


@pytest.mark.parametrize("kind", ["CloneSet", "DeploymentConfig", "Anything"])
def test_kinds_of_their_own(kind):
    """A kind that nobody here knows is a workload where it has a pod as Deployments have it, and else none."""
    text = chart(SHAPES["openfga"]).replace("apps/v1\nkind: Deployment", f"example.com/v1\nkind: {kind}")
    assert [each.workload for each in audit(objects.parse(text)).gates] == [f"{kind} web"]
    assert "args: [job, rel-openfga-migrate," in inject(text, Wanted({}, rights=True, force=True)).text
    for other in ("containers: text", "containers: [text]", "containers: []"):
        cut = text.partition("      containers:")[0]
        assert not objects.workloads(objects.parse(f"{cut}      {other}\n"))


def test_rollout_of_a_deployment():
    """A Rollout that has its pod from a Deployment is not in the way of it."""
    rollout = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {workloadRef: {name: web}}\n"
    )
    assert (
        inject(f"{rollout}---\n{chart(SHAPES['elixier'])}", Wanted({}, rights=True)).text.count("args: [job, rel-") == 1
    )


def test_image_that_may_be_ours():
    """What is given a gate's arguments and has an unknown image is told of where there is no gate."""
    text = chart(Shape("- {name: w, image: 'example.com/mirror/gk:1', args: [job, m-7]}\n", ()))
    (finding,) = audit(objects.parse(text)).findings
    assert finding.sentence.endswith("where it is gatekeeper's, write --image example.com/mirror/gk.")


NEWEST = "--sort-by=.metadata.creationTimestamp -o jsonpath='{.items[-1:]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo job/m-7 | xargs kubectl wait", "known only in the pod"),
        ('eval "kubectl wait job/m-7"', "known only in the pod"),
        (f"kubectl wait {COMPLETE} job/${{JOB:-m-7}}", "known only in the pod"),
        (f"kubectl wait {COMPLETE} $(cat /shared/jobs)", "it also runs cat"),
        (f"kubectl wait {COMPLETE} $(kubectl get job -l app=m -o name | grep v7)", "known only in the pod"),
        (
            f"J=$(kubectl get job -l a=b -o name)\n[ $J ] || J=job/x\nkubectl wait {COMPLETE} $J",
            "known only in the pod",
        ),
        (f"until kubectl get job -l app=m {NEWEST}.status.succeeded}}' | grep 1; do :; done", "which of the Jobs that"),
        (f"J=$(kubectl get job -l a=b {NEWEST}.metadata.name}}')\nkubectl wait {COMPLETE} job/$J", "only in the pod"),
        (f"for i in a b; do echo $i && break; done; kubectl wait {COMPLETE} job/$i", "known only in the pod"),
        (f"j=(a)\nj+=(b)\nfor i in ${{j[@]}}; do kubectl wait {COMPLETE} job/$i; done", "known only in the pod"),
        (f"sh <<EOF\nkubectl wait {COMPLETE} job/$JOB\nEOF", "put together in the pod"),
        (f"cat <<EOF\n$(kubectl wait {COMPLETE} job/m-7)\nEOF", "put together in the pod"),
        (f"cat > /shared/x <<EOF\nx\nEOF\nkubectl wait {COMPLETE} job/m-7", "it also writes /shared/x"),
        (f"trap 'curl -X POST http://localhost/quit' EXIT\nkubectl wait {COMPLETE} job/m-7", "it also runs curl"),
        (f"end() {{ ./tell; }}\ntrap end EXIT\nkubectl wait {COMPLETE} job/m-7", "it also runs tell"),
        (f"trap 'exit 0' ERR\nkubectl wait {COMPLETE} job/m-7", "its trap for ERR"),
        (f"trap 'kubectl wait {COMPLETE} job/m-7' EXIT", "it waits when it ends"),
    ],
)
def test_unreadable(text, words):
    """What is put together in the pod, or does more than wait, is a gate that cannot be read."""
    shape = Shape(f"{script(text)}  volumeMounts: [{{name: x, mountPath: /shared}}]\n", ())
    (gate,) = audit(objects.parse(chart(shape))).gates
    assert words in gate.needs
    with pytest.raises(Misconfigured, match="write what takes its place"):
        inject(chart(shape), Wanted({}))


@pytest.mark.parametrize(
    ("command", "is_gate"),
    [
        (["node", "-e", "get('/apis/batch/v1/namespaces/shop/jobs/m-7', m => m.status.succeeded || wait())"], True),
        (
            ["python3", "-c", "while not client.BatchV1Api().read_namespaced_job('m-7', 'x').status.succeeded: pass"],
            True,
        ),
        (["node", "-e", "request('/apis/batch/v1/namespaces/shop/jobs', {method: 'POST', body})"], False),
        (["node", "-e", "connect(db)"], False),
    ],
)
def test_other_languages(command, is_gate):
    """What asks for Jobs in another language is a gate that cannot be read; it is replaced when that is told."""
    text = chart(Shape(f"- {{name: w, image: a, command: {json.dumps(command)}}}\n", ()))
    assert [each.program for each in audit(objects.parse(text)).gates] == ["a program of its own"] * is_gate
    done = inject(text, Wanted({"job": ["m-8"]}, replace="w", rights=True))
    assert [each["args"] for each in inits(done.text).values()] == [["job", "m-8"]]


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("[sh, -e, /scripts/wait.sh]", "/scripts/wait.sh"),
        ("[/scripts/wait.sh, m-7]", "/scripts/wait.sh"),
        ("[sh, -c, '. /scripts/lib.sh; wait_for m-7']", "/scripts/lib.sh"),
        ("[sh, -c, 'bash /scripts/wait.sh']", "/scripts/wait.sh"),
    ],
)
def test_file_that_is_not_read(command, file):
    """Where there is no gate, files are named that may wait, and whose text is not there."""
    (finding,) = audit(objects.parse(chart(Shape(f"- {{name: w, image: a, command: {command}}}\n", ())))).findings
    assert finding.sentence.endswith(f"cannot be read here: w of Deployment web ({file}).")


@pytest.mark.parametrize(
    "text",
    [
        "until pg_isready -h db; do sleep 1; done",
        "while ! nc -z db 5432; do sleep 1; done",
        "until mysqladmin ping -h db; do sleep 1; done",
        "wait-for-it.sh db:5432 -t 60",
        "kubectl rollout status deployment/db",
    ],
)
def test_waits_for_more(text):
    """A script that waits for something else, too, is a gate as any other; it stays, and a gate comes after it."""
    stream = chart(Shape(script(f"set -e\n{text}\nkubectl wait {COMPLETE} job/m-7 --timeout=60s\n"), ()))
    found = audit(objects.parse(stream))
    assert [each.needs for each in found.gates] == ["get, list, watch on Job m-7"]
    assert {each.rule.slug for each in found.findings} <= OF_EVERY
    with pytest.raises(Misconfigured, match=r"it waits for what .* tells, and for Jobs, too"):
        inject(stream, Wanted({}))
    before, after = inits(stream), inits(inject(stream, Wanted({"job": ["m-7"]}, rights=True)).text)
    assert [*after] == ["wait", "gate"]
    assert after["wait"] == before["wait"]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("helm.sh/hook: post-install", "GK403"),
        ("helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded", "GK402"),
    ],
)
def test_no_job_opens(more, rule):
    """A Job that comes late or goes soon jams no gate that opens without one, and would jam what takes its place."""
    text = f"if kubectl get job m-7; then kubectl wait {COMPLETE} job/m-7; else echo none; fi"
    stream = chart(Shape(script(text), (), more=job("m-7", more)))
    rules = [each.rule.id for each in audit(objects.parse(stream)).findings]
    assert "GK406" in rules
    assert rule not in rules
    with pytest.raises(Misconfigured, match=rule):
        inject(stream, Wanted({}))
    assert "args: [job, m-7," in inject(stream, Wanted({}, force=True)).text


@pytest.mark.parametrize("where", ["os: {name: windows}", "nodeSelector: {kubernetes.io/os: windows}"])
def test_windows(where):
    """On Windows no gate starts: the audit says so, and none is put there, be it by its name or with all others."""
    text = chart(SHAPES["galaxy"]).replace("serviceAccountName: web", f"serviceAccountName: web\n      {where}")
    for wanted in (Wanted({"job": ["m-7"]}), Wanted({"job": ["m-7"]}, every=True)):
        with pytest.raises(Misconfigured, match="on Windows"):
            inject(text, wanted)


@pytest.mark.parametrize("how", ["-X DELETE", "-sX PUT", "--request=PATCH", "-d {}", "--json {}"])
def test_request_that_writes(how):
    """A request that changes a Job is no wait for it."""
    text = f"until curl -s {how} https://x/apis/batch/v1/namespaces/shop/jobs/m-7; do sleep 1; done"
    gates = audit(objects.parse(chart(Shape(script(text), ())))).gates
    assert all(each.needs.endswith("how it asks the Kubernetes API for Jobs is not read") for each in gates)


@pytest.mark.parametrize("text", [f"cat <<EOF\nkubectl wait {COMPLETE} job/m-7\nEOF\n./prepare"])
def test_text_is_no_gate(text):
    """What is only printed is no gate."""
    assert not audit(objects.parse(chart(Shape(script(text), ())))).gates


@pytest.mark.parametrize(
    "text",
    [
        "shift\nkubectl wait --for=condition=complete job/$1",
        "set -- other\nkubectl wait --for=condition=complete job/$1",
        "f() { shift; kubectl wait --for=condition=complete job/$1; }; f a b",
    ],
)
def test_words_that_change(text):
    """Words that the script changes itself are not known."""
    shape = Shape(f"- {{name: w, image: k, command: [bash, -c, {json.dumps(text)}, w, m-7, m-8]}}\n", ())
    (gate,) = audit(objects.parse(chart(shape))).gates
    assert gate.needs.endswith("$1 is known only in the pod")
