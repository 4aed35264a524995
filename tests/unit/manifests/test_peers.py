"""What `kubectl wait`, k8s-wait-for and shell scripts wait for, told from their text alone."""

from dataclasses import replace

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.manifests.containers import is_gatekeeper, recognise
from gatekeeper.manifests.peers import JobWait, job_wr, kubectl_wait, wait_for

COMPLETE = "--for=condition=complete"
KUBECTL = "example.com/tools/kubectl:1.34"
K8S_WAIT_FOR = "example.com/mirror/k8s-wait-for:v2.0"


@pytest.mark.parametrize(
    ("line", "jobs"),
    [
        ("job/db-migrate", ("db-migrate",)),
        ("jobs/db-migrate", ("db-migrate",)),
        ("Job/db-migrate", ("db-migrate",)),
        ("job.batch/db-migrate", ("db-migrate",)),
        ("jobs.batch/db-migrate", ("db-migrate",)),
        ("job.v1.batch/db-migrate", ("db-migrate",)),
        ("jobs.v1.batch/db-migrate", ("db-migrate",)),
        ("job db-migrate", ("db-migrate",)),
        ("jobs.batch db-migrate db-seed", ("db-migrate", "db-seed")),
        ("job/db-migrate jobs/db-seed", ("db-migrate", "db-seed")),
        ("job/db-migrate job/db-migrate", ("db-migrate",)),
        ("-- job/db-migrate", ("db-migrate",)),
    ],
)
def test_jobs(line, jobs):
    """Jobs are named in every way that kubectl takes."""
    assert kubectl_wait([COMPLETE, *line.split()]) == JobWait("kubectl wait", jobs=jobs)


@pytest.mark.parametrize(
    "condition",
    [
        "--for=condition=complete",
        "--for condition=Complete",
        "--for=condition=COMPLETE",
        "--for=condition=complete=true",
        "--for=condition=Complete=True",
        "--for=condition=complete --for=condition=Complete",
        "--for=create --for=condition=complete",
        "--for=condition=complete --for=create",
    ],
)
def test_conditions(condition):
    """Completion is written in any case, and beside creation."""
    assert kubectl_wait(["job/db-migrate", *condition.split()]) == JobWait("kubectl wait", jobs=("db-migrate",))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-n shop", {"namespace": "shop"}),
        ("-nshop", {"namespace": "shop"}),
        ("-n=shop", {"namespace": "shop"}),
        ("--namespace shop", {"namespace": "shop"}),
        ("--namespace=shop", {"namespace": "shop"}),
        ("-n dev -n shop", {"namespace": "shop"}),
        ("-Rnshop", {"namespace": "shop"}),
        ("--namespace=", {}),
        ("--timeout=600s", {"timeout": "600s"}),
        ("--timeout 10m", {"timeout": "10m"}),
        ("--timeout -1s", {"timeout": "-1s"}),
        ("--timeout=-1s", {"timeout": "-1s"}),
        ("--timeout=0", {"timeout": "0"}),
        ("--timeout=0s", {"timeout": "0s"}),
        ("--timeout=1h30m --timeout=60s", {"timeout": "60s"}),
        ("-o name", {}),
        ("-oname", {}),
        ("--output=json -v=4", {}),
        ("-v4 --v 4 -v 4", {}),
        ("--request-timeout 5s --request_timeout=5s", {}),
        ("--allow-missing-template-keys --show-managed-fields=false --recursive", {}),
        ("--template={{.metadata.name}} --cache-dir /tmp", {}),
        ("--all=false -A=false", {}),
    ],
)
def test_options(options, expected):
    """Options are split as kubectl splits them; those that only say how it prints and asks count for nothing."""
    found = kubectl_wait([*options.split(), "job/db-migrate", COMPLETE])
    assert found == JobWait("kubectl wait", jobs=("db-migrate",), **expected)
    assert found == kubectl_wait([COMPLETE, "job/db-migrate", *options.split()])


@pytest.mark.parametrize(
    ("argv", "labels"),
    [
        (["job", "-l", "app=shop"], "app=shop"),
        (["jobs", "-lapp=shop"], "app=shop"),
        (["-l=app=shop,tier!=cache", "job"], "app=shop,tier!=cache"),
        (["--selector", "app in (shop, web)", "jobs.batch"], "app in (shop, web)"),
        (["--selector= app=shop", "job"], "app=shop"),
    ],
)
def test_labels(argv, labels):
    """A selector stands in place of names."""
    assert kubectl_wait([COMPLETE, *argv]) == JobWait("kubectl wait", labels=labels)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("job/db-migrate", "--for is missing"),
        ("job/db-migrate --for=delete", "--for=delete: a Job that is gone"),
        ("job/db-migrate --for=create", "--for=create: a Job that exists has not ended yet"),
        ("job/db-migrate --for=jsonpath={.status.succeeded}=1", "fields and counters do not tell"),
        ("job/db-migrate --for=condition=failed", "ends with exit code 3 when it has failed"),
        ("job/db-migrate --for=condition=complete --for=condition=failed", "--for=condition=failed: "),
        ("job/db-migrate --for=condition=complete,failed", "the one condition that proves"),
        ("job/db-migrate --for=condition=complete=false", "the one condition that proves"),
        ("job/db-migrate --for=Condition=complete", "the one condition that proves"),
        ("job/db-migrate --for=complete", "the one condition that proves"),
        ("pod/web --for=condition=ready", "it waits for pod, and only a Job can prove"),
        ("deployment.apps/web --for=condition=available", "it waits for deployment.apps, and"),
        ("cronjob/db-migrate --for=condition=complete", "it waits for cronjob, and"),
        ("jobs.v1/db-migrate --for=condition=complete", "it waits for jobs.v1, and"),
        ("job/db-migrate pod/web --for=condition=complete", "it waits for pod, and"),
        ("job,pod db-migrate --for=condition=complete", "it waits for job,pod, and"),
        ("job job/db-migrate --for=condition=complete", "job job/db-migrate mixes two spellings"),
        ("job/db/migrate --for=condition=complete", "'db/migrate' is not the name of a Job"),
        ("job/ --for=condition=complete", "'' is not the name of a Job"),
        ("job db-migrate,db-seed --for=condition=complete", "'db-migrate,db-seed' is not the name of a Job"),
        ("job --for=condition=complete", "no Job is named"),
        ("--for=condition=complete", "no Job is named"),
        ("job -l= --for=condition=complete", "no Job is named"),
        ("job/db-migrate -lapp=shop --for=condition=complete", "exclude each other"),
        ("job -lapp --for=condition=complete -l app:shop", "--selector: 'app:shop' is not a label selector"),
        ("job/db-migrate --for=condition=complete -n Shop", "--namespace: 'Shop' is not the name of a namespace"),
        ("job/db-migrate --for=condition=complete --timeout=soon", "--timeout: 'soon' is not a duration"),
        ("job/db-migrate --for=condition=complete --timeout=", "--timeout: '' is not a duration"),
        ("job/db-migrate --for=condition=complete --timeout", "--timeout has no value"),
        ("job/db-migrate --for=condition=complete --retries=3", "--retries is not an option that is known"),
        ("job/db-migrate --for=condition=complete -x", "-x is not an option that is known"),
        ("job/db-migrate --for=condition=complete - ", "job/db-migrate - mixes two spellings"),
        ("--retries job/db-migrate --for=condition=complete", "--retries is not an option that is known"),
        ("job --all --for=condition=complete", "--all: every Job of a namespace"),
        ("job -A -lapp=shop --for=condition=complete", "--all-namespaces: a gate looks into one namespace"),
        ("-f job.yaml --for=condition=complete", "--filename: gatekeeper takes Jobs by name or by label"),
        ("job --field-selector=metadata.name=a --for=condition=complete", "--field-selector: gatekeeper takes"),
        ("job/db-migrate --context staging --for=condition=complete", "gatekeeper job db-migrate --kubeconfig"),
        ("job/db-migrate --kubeconfig=/k --for=condition=complete", "--kubeconfig: gatekeeper asks the cluster"),
        ("job/db-migrate -s 127.0.0.1 --for=condition=complete", "--server: gatekeeper asks the cluster"),
        ("job/db-migrate --insecure-skip-tls-verify --for=condition=complete", "--insecure-skip-tls-verify: "),
        ("job/db-migrate --token=hunter2 --for=condition=complete", "--token: gatekeeper asks as the pod's"),
        ("job/db-migrate --as admin --for=condition=complete", "--as: gatekeeper asks as the pod's"),
    ],
)
def test_refused(line, words):
    """What is no Job's completion is refused with the reason, one sentence that shows what would be right."""
    with pytest.raises(Misconfigured) as caught:
        kubectl_wait(line.split())
    message = str(caught.value)
    assert words in message
    assert "for example" in message
    assert "hunter" not in message


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["db-migrate"], {"jobs": ("db-migrate",)}),
        (["db-migrate", "-n", "shop"], {"jobs": ("db-migrate",), "namespace": "shop"}),
        (["db-migrate", "-n shop"], {"jobs": ("db-migrate",), "namespace": "shop"}),
        (["db-migrate", "--namespace=shop"], {"jobs": ("db-migrate",), "namespace": "shop"}),
        (["-lapp=shop"], {"labels": "app=shop"}),
        (["-l app=shop"], {"labels": "app=shop"}),
        (["-l", "app=shop", "-nshop"], {"labels": "app=shop", "namespace": "shop"}),
        (["-lrelease in (shop), chart notin (x)"], {"labels": "release in (shop), chart notin (x)"}),
        (["--selector=app=shop"], {"labels": "app=shop"}),
        (["db-migrate", "--timeout", "10m"], {"jobs": ("db-migrate",), "timeout": "10m"}),
    ],
)
def test_job_wr(argv, expected):
    """k8s-wait-for hands its arguments to kubectl, all but the first of them split at spaces."""
    assert job_wr(argv) == JobWait("k8s-wait-for", **expected)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "no Job is named"),
        (["job/db-migrate"], "job job/db-migrate mixes two spellings"),
        (["db-migrate", "--kubeconfig", "/k"], "--kubeconfig: gatekeeper asks the cluster"),
        (["db-migrate", "--for=condition=complete"], "--for is kubectl's option"),
    ],
)
def test_bad_job_wr(argv, words):
    """What k8s-wait-for could not do, or gatekeeper cannot, is refused."""
    with pytest.raises(Misconfigured, match="; write for example ") as caught:
        job_wr(argv)
    assert words in str(caught.value)


def test_wait_for():
    """The first word tells the program."""
    assert wait_for(["wait", COMPLETE, "job/db-migrate"]) == JobWait("kubectl wait", jobs=("db-migrate",))
    assert wait_for(["job-wr", "db-migrate"]) == JobWait("k8s-wait-for", jobs=("db-migrate",))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["job", "db-migrate"], "job is gatekeeper's own command"),
        (["job-we", "db-migrate"], "job-we: it counts a failed Job as ready"),
        (["pod", "-lapp=web"], "pod: a pod that is ready or has ended"),
        (["pod-we", "web"], "pod-we: a pod"),
        (["pod-wr", "web"], "pod-wr: a pod"),
        (["service", "web"], "service: a Service that answers"),
        (["node", "a"], "node: it is not a command that is known"),
        ([], "it is given no arguments"),
    ],
)
def test_wait_for_nothing(argv, words):
    """What proves no migration is refused with the sentence why."""
    with pytest.raises(Misconfigured, match="; write for example gatekeeper job") as caught:
        wait_for(argv)
    assert words in str(caught.value)


def container(command=None, args=None, image=KUBECTL, **more):
    """Return an init container as a manifest has it."""
    given = {"name": "wait", "image": image, "command": command, "args": args} | more
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    "found",
    [
        container(["kubectl", "wait", COMPLETE, "job/db-migrate"]),
        container(["kubectl"], ["wait", COMPLETE, "job/db-migrate"]),
        container(["/usr/local/bin/kubectl", "wait", "job", "db-migrate", COMPLETE]),
        container(["oc", "wait", COMPLETE, "job/db-migrate"], image="example.com/cli"),
        container(None, ["wait", COMPLETE, "job/db-migrate"]),
        container(None, ["wait", COMPLETE, "job/db-migrate"], "{{ .Values.image }}"),
        container(None, ["kubectl", "wait", COMPLETE, "job/db-migrate"], "example.com/k8s"),
        container(None, ["-c", f"kubectl wait {COMPLETE} job/db-migrate"], "example.com/shell"),
        container(["tini", "--", "kubectl", "wait", COMPLETE, "job/db-migrate"]),
        container(["timeout", "-s", "KILL", "600", "kubectl", "wait", COMPLETE, "job/db-migrate"]),
        container(["env", "HOME=/tmp", "kubectl", "wait", COMPLETE, "job/db-migrate"]),
    ],
)
def test_kubectl_in_a_container(found):
    """`kubectl wait` is recognised as entry point, as argument, and behind programs that only run it."""
    assert recognise(found) == JobWait("kubectl wait", jobs=("db-migrate",))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (f"kubectl wait {COMPLETE} job/db-migrate", {}),
        (f"exec kubectl wait {COMPLETE} job/db-migrate", {}),
        (f"kubectl -n shop wait {COMPLETE} job/db-migrate", {"namespace": "shop"}),
        (f"set -e; echo 'it waits'; kubectl wait {COMPLETE} job/db-migrate && echo done", {}),
        (f'kubectl wait \\\n  {COMPLETE} \\\n  --timeout=600s \\\n  "job/db-migrate"\n', {"timeout": "600s"}),
        (f"# it's the migration\nkubectl wait {COMPLETE} job/db-migrate # don't go on before", {}),
        (f"kubectl wait {COMPLETE} job/db-migrate 2>/dev/null >>/tmp/log 2>&1", {}),
        (f"kubectl wait {COMPLETE} job/db-migrate || exit 1", {}),
        (f"kubectl wait {COMPLETE} job/db-migrate || {{ echo failed; exit 1; }}", {}),
        (f"if ! kubectl wait {COMPLETE} job/db-migrate; then exit 1; fi", {}),
        (f"(sleep 1; kubectl wait {COMPLETE} job/db-migrate)", {}),
        (f"A=1 kubectl wait {COMPLETE} job/db-migrate", {}),
        (f"echo until while; kubectl wait {COMPLETE} job/db-migrate", {}),
        (f"until true; do :; done; kubectl wait {COMPLETE} job/db-migrate", {}),
        (f"echo 'not $(psql)'; kubectl wait {COMPLETE} job/db-migrate", {}),
        (f'echo "$(date)"; kubectl wait {COMPLETE} job/db-migrate', {}),
        (f'echo "at $(date) $((1+1))"; kubectl wait {COMPLETE} job/db-migrate', {}),
        (f"timeout 600 sh -c 'kubectl wait {COMPLETE} job/db-migrate'", {}),
        (f"until kubectl wait {COMPLETE} --timeout=60s job/db-migrate; do sleep 5; done", {"timeout": "-1s"}),
        (f"while ! kubectl wait {COMPLETE} job/db-migrate\ndo\n  sleep 5\ndone", {"timeout": "-1s"}),
        (f"while true; do kubectl wait {COMPLETE} job/db-migrate && break; sleep 5; done", {"timeout": "-1s"}),
        (f"until kubectl wait {COMPLETE} job/db-migrate || echo no; do :; done", {"timeout": "-1s"}),
        (
            (
                f"kubectl wait {COMPLETE} job/db-migrate --timeout=5m & done=$!\n"
                "kubectl wait --for=condition=failed job/db-migrate --timeout=5m && exit 1 & failed=$!\n"
                "wait -n $done $failed; code=$?; kill $done $failed; exit $code"
            ),
            {"timeout": "5m"},
        ),
        (
            f"until kubectl get job db-migrate; do sleep 1; done; kubectl wait {COMPLETE} --timeout=60s job/db-migrate",
            {"timeout": "60s"},
        ),
        (
            f"kubectl wait {COMPLETE} job/db-migrate --timeout=5m && kubectl wait {COMPLETE} job/db-seed",
            {"jobs": ("db-migrate", "db-seed"), "timeout": "5m30s"},
        ),
        (
            f"kubectl wait {COMPLETE} job/db-migrate --timeout=-1s\nkubectl wait {COMPLETE} job/db-seed",
            {"jobs": ("db-migrate", "db-seed"), "timeout": "-1s"},
        ),
    ],
)
@pytest.mark.parametrize("shell", [["sh", "-c"], ["/bin/bash", "-euo", "pipefail", "-c"], ["busybox", "sh", "-xec"]])
def test_kubectl_in_a_script(shell, script, expected):
    """`kubectl wait` is recognised in a shell script; in a loop without end it has no timeout."""
    wait = JobWait("kubectl wait", **({"jobs": ("db-migrate",)} | expected))
    assert replace(recognise(container([*shell, script])), opens="", absent=False) == wait
    assert replace(recognise(container(shell, [script], "example.com/alpine")), opens="", absent=False) == wait


JSONPATH = """-o jsonpath='{.status.conditions[?(@.type=="Complete")].status}'"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("until kubectl get job db-migrate -o jsonpath={.status.succeeded} | grep 1; do sleep 5; done", {}),
        (f"until kubectl get job/db-migrate {JSONPATH} 2>/dev/null | grep -q 'True'; do sleep 5; done", {}),
        (f'while [ "$(kubectl get job db-migrate {JSONPATH})" != "True" ]; do sleep 5; done', {}),
        ('until [[ "$(kubectl get job db-migrate -o jsonpath="{.status.succeeded}")" == "1" ]]; do sleep 5; done', {}),
        ("while [ `kubectl get jobs db-migrate -o jsonpath={.status.succeeded}` != 1 ]; do sleep 5; done", {}),
        ("while [ $(kubectl get jobs.batch db-migrate -o name) != x ]; do sleep 5; done", {}),
        (
            (
                "while true; do\n  S=$(kubectl get job db-migrate -n shop -o jsonpath='{.status.succeeded}')\n"
                '  if [ "$S" = "1" ]; then echo "it\'s done"; exit 0; fi\n  i=$((i+1)); sleep 5\ndone'
            ),
            {"namespace": "shop"},
        ),
        ("for i in $(seq 1 60); do kubectl get job db-migrate | grep 1/1 && exit 0; sleep 5; done; exit 1", {}),
        ("until kubectl -n shop describe job db-migrate | grep '1 Succeeded'; do sleep 5; done", {"namespace": "shop"}),
        (
            'K="kubectl -n shop"\nuntil $K get job db-migrate | grep 1/1; do sleep 5; done',
            {"namespace": "shop"},
        ),
        ("until kubectl get jobs -l app=shop | grep 1/1; do sleep 5; done", {"jobs": (), "labels": "app=shop"}),
    ],
)
def test_shell_loop(script, expected):
    """A loop that asks for a Job is recognised, and waits for this Job's completion."""
    timeout = "" if "for i in" in script else "-1s"
    wait = JobWait("a shell loop", **({"jobs": ("db-migrate",), "timeout": timeout} | expected))
    assert replace(recognise(container(["/bin/sh", "-c", script])), opens="", absent=False) == wait


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (container(None, ["job-wr", "db-migrate"], K8S_WAIT_FOR), {}),
        (container(None, ["job", "db-migrate"], "groundnuty/k8s-wait-for"), {}),
        (
            container(None, ["job", "db-migrate", "-n", "shop"], "groundnuty/k8s-wait-for@sha256:0"),
            {"namespace": "shop"},
        ),
        (container(None, ["job-wr", "db-migrate"], "example.com:5000/team-k8s-wait-for:no-root-v1.7"), {}),
        (container(None, ["job-wr", "db-migrate"], "example.com/renamed"), {}),
        (container(["wait_for.sh"], ["job", "db-migrate"], K8S_WAIT_FOR), {}),
        (container(["timeout", "600", "wait_for.sh", "job", "db-migrate"], None, K8S_WAIT_FOR), {"timeout": "10m"}),
        (
            container(["sh", "-c", "wait_for.sh job a && wait_for.sh job-wr b"], None, K8S_WAIT_FOR),
            {"jobs": ("a", "b")},
        ),
        (container(None, ["job", "-lapp=shop"], K8S_WAIT_FOR), {"jobs": (), "labels": "app=shop"}),
    ],
)
def test_k8s_wait_for_in_a_container(found, expected):
    """k8s-wait-for is recognised by its image, its script, or the commands that are its alone."""
    assert recognise(found) == JobWait("k8s-wait-for", **({"jobs": ("db-migrate",)} | expected))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (container(None, ["wait", COMPLETE, "job/$(JOB_NAME)"]), "job/$(JOB_NAME) is known only in the pod"),
        (container(None, ["wait", COMPLETE, "job/a", "-n", "$(NS)"]), "$(NS) is known only in the pod"),
        (container(None, ["wait", COMPLETE, "job/{{ .Release.Name }}"]), "a template that is not rendered"),
        (container(None, ["wait", "--for=condition=ready", "pod/db-0"]), "it waits for pod, and"),
        (container(None, ["job-we", "db-migrate"], K8S_WAIT_FOR), "job-we: it counts a failed Job as ready"),
        (container(None, ["service", "db"], K8S_WAIT_FOR), "service: a Service"),
        (container(None, ["job", "{{ .Values.job }}"], K8S_WAIT_FOR), "a template that is not rendered"),
        (container(None, None, K8S_WAIT_FOR), "it is given no arguments"),
        (container(["/wait.sh"], None, K8S_WAIT_FOR), "its command is not k8s-wait-for's own"),
        *(
            (container(["sh", "-c", script]), problem)
            for script, problem in [
                (f"kubectl wait {COMPLETE} job/$JOB", "job/$JOB is known only in the pod"),
                (f'kubectl wait {COMPLETE} "job/${{JOB}}"', "job/${JOB} is known only in the pod"),
                (f"kubectl wait {COMPLETE} job/$(date)", "job/$... is known only in the pod"),
                (f"kubectl wait {COMPLETE} job/{{{{ .Release.Name }}}}-db", "a template that is not rendered"),
                (f"kubectl wait {COMPLETE} job/a || true", "|| true opens it although the wait failed"),
                (f"kubectl wait {COMPLETE} job/a || echo late", "|| echo opens it although the wait failed"),
                (f"kubectl wait {COMPLETE} job/a || exit 0", "|| exit opens it although the wait failed"),
                (f"kubectl wait {COMPLETE} job/a && ./manage.py check", "it also runs manage.py, which would be"),
                (f"kubectl apply -f job.yaml; kubectl wait {COMPLETE} job/a", "it also runs kubectl apply"),
                (f"wait-for-it db:5432 -- ./prepare; kubectl wait {COMPLETE} job/a", "it also runs wait-for-it"),
                (f"mysqladmin flush-logs; kubectl wait {COMPLETE} job/a", "it also runs mysqladmin"),
                (f"kubectl rollout restart deploy/a; kubectl wait {COMPLETE} job/a", "it also runs kubectl rollout"),
                (f"kubectl wait {COMPLETE} job/$(./name)", "it also runs name, which would be missed"),
                (f'kubectl wait {COMPLETE} job/a; echo "$(psql -c x)"', "it also runs psql"),
                (f"echo \"it's $(psql) isn't\"; kubectl wait {COMPLETE} job/a", "it also runs psql"),
                (f"kubectl wait {COMPLETE} job/a; sh /start.sh", "it runs sh /start.sh, which cannot be read"),
                ("kubectl wait --for=condition=failed job/a && exit 1", "ends with exit code 3 when it has failed"),
                (f"kubectl wait {COMPLETE} job/$(JOB_NAME)", "job/${JOB_NAME} is known only in the pod"),
                (f"kubectl wait {COMPLETE} 'job/a", "its script cannot be read: no closing quotation"),
                (f"kubectl wait {COMPLETE} job/$(a", "its script cannot be read: no closing parenthesis"),
                ("until kubectl get jobs | grep db-migrate | grep 1/1; do sleep 1; done", "no Job is named"),
                ("until kubectl get job $JOB -o name; do sleep 1; done", "$JOB is known only in the pod"),
            ]
        ),
    ],
)
def test_problem(found, problem):
    """What is recognised and cannot be translated says why, in one clause, and nothing else."""
    wait = recognise(found)
    assert problem in wait.problem
    assert "write for example" not in wait.problem
    assert wait == JobWait(wait.program, problem=wait.problem, readiness=wait.readiness)
    assert wait.readiness is ("waits for pod" in problem or "service:" in problem)
    assert wait.program


@pytest.mark.parametrize(
    "found",
    [
        {},
        container(),
        container(["./manage.py", "migrate"], image="example.com/app"),
        container(None, ["wait"], "example.com/app"),
        container(None, ["job", "db-migrate"], "example.com/app"),
        container(None, ["get", "job/db-migrate"]),
        container(["kubectl", "get", "job", "db-migrate"]),
        container(["sh", "-c", "until nc -z db 5432; do sleep 1; done"]),
        container(["sh", "-c", "kubectl get job db-migrate || exit 1"]),
        container(["sh", "-c", "until kubectl get pods; do sleep 1; done; kubectl get job db-migrate"]),
        container(["sh", "-c", f"echo 'kubectl wait {COMPLETE} job/a'"]),
        container(["sh", "-c", f"# kubectl wait {COMPLETE} job/a"]),
        container(["sh", "-c", "echo 'not closed"]),
        container(["sh", "/wait.sh"]),
        container(["bash", "--rcfile", "/wait.sh"]),
        container(["sh", "-x", f"kubectl wait {COMPLETE} job/a"]),
        container(None, ["-x"], "example.com/shell"),
        container(["sh", "-c"]),
        container("kubectl wait", {"a": 1}, 7),
        container(None, ["wait", COMPLETE, "job/db-migrate"], "example.com/gatekeeper:1"),
        container(None, ["job-wr", "db-migrate"], "example.com/gatekeeper:1"),
    ],
)
def test_no_gate(found):
    """What waits for no Job, or is gatekeeper itself, is no other program's gate."""
    assert recognise(found) is None


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (container(None, ["job", "db-migrate"], "example.com/gatekeeper:1"), True),
        (container(None, ["schema", "--tool=flyway"], "gatekeeper@sha256:0"), True),
        (container(None, ["wait", COMPLETE, "job/a"], "example.com/gatekeeper"), True),
        (container(["gatekeeper"], ["job", "db-migrate"], "example.com/app"), True),
        (container(["/usr/bin/gatekeeper", "job", "db-migrate"], None, "example.com/app"), True),
        (container(["python", "-m", "gatekeeper", "job", "db-migrate"], None, "example.com/app"), True),
        (container(None, ["job", "db-migrate", "--require=release=7"], "example.com/gate"), True),
        (container(None, ["schema", "--tool", "flyway", "--revision", "7"], "example.com/gate"), True),
        (container(None, ["job", "a"], "example.com/gate", env=[{"name": "GATEKEEPER_TIMEOUT", "value": "1m"}]), True),
        (container(None, ["job", "a"], "example.com/gate", env=[{"name": "TIMEOUT", "value": "1m"}]), False),
        (container(None, ["job", "db-migrate"], K8S_WAIT_FOR), False),
        (container(None, ["job", "db-migrate"], "example.com/app"), False),
        (container(None, ["--port=8443"], "openpolicyagent/gatekeeper:v3"), False),
        (container(["/manager"], ["job"], "openpolicyagent/gatekeeper:v3"), False),
        (container(None, ["tools"], "example.com/gatekeeper"), False),
        (container(None, None, "example.com/gatekeeper"), False),
        ({}, False),
    ],
)
def test_is_gatekeeper(found, own):
    """A container is gatekeeper's by its program, its image and command, or options that are its alone."""
    assert is_gatekeeper(found) is own
