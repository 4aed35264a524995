"""Gates as the world's charts have them: shapes written anew, one for each row of what was seen, and what is true.

Each is an init container of a Deployment, or several, beside what else the chart has. Tests audit it, replace it, and
give what comes out to a real API server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent

COMPLETE = "--for=condition=complete"
JSONPATH = "-o jsonpath='{.items[0].status.conditions[?(@.type==\"Complete\")].status}'"


@dataclass(frozen=True)
class Shape:
    """One row."""

    inits: str
    """Init containers, as YAML."""
    args: tuple[str, ...]
    """Of each gate that takes their place, in their order; none where there is nothing to replace."""
    program: str = ""
    """Of the first gate that the audit tells."""
    more: str = ""
    """Other documents."""
    kept: tuple[str, ...] = ()
    """Init containers that stay as they are."""
    found: tuple[str, ...] = ()
    """Rules whose findings there are, beside those of every foreign gate."""
    less: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Init containers of which only the environment or the arguments change, with what these come to."""
    options: str = ""
    """Of inject."""


def script(
    text: str, *, shell: str = "bash", options: str = "-c", image: str = "example.com/tools/kubectl:1.34"
) -> str:
    """Return an init container that runs a script."""
    body = indent(text.strip("\n"), "      ")
    return f"- name: wait\n  image: {image}\n  command: [{shell}, {options}]\n  args:\n    - |\n{body}\n"


def job(name: str, more: str = "", labels: str = "") -> str:
    """Return a Job."""
    return (
        f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  labels: {{{labels}}}\n"
        f"  annotations: {{{more}}}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n"
        "      containers: [{name: migrate, image: example.com/app:1}]\n"
    )


def rights(namespace: str) -> str:
    """Return a Role and its binding, as a chart that names its namespace has them."""
    api = "rbac.authorization.k8s.io"
    return (
        f"apiVersion: {api}/v1\nkind: Role\nmetadata: {{name: jobs, namespace: {namespace}}}\n"
        "rules: [{apiGroups: [batch], resources: [jobs], verbs: [get, list, watch]}]\n---\n"
        f"apiVersion: {api}/v1\nkind: RoleBinding\nmetadata: {{name: jobs, namespace: {namespace}}}\n"
        f"roleRef: {{apiGroup: {api}, kind: Role, name: jobs}}\n"
        f"subjects: [{{kind: ServiceAccount, name: web, namespace: {namespace}}}]\n"
    )


K8S = "example.com/mirror/k8s-wait-for:2"
KUBECTL = "example.com/tools/kubectl:1.34"
SHAPES = {
    "openfga": Shape(
        f"- {{name: migrated, image: {K8S}, args: [job-wr, rel-openfga-migrate]}}\n",
        ("job rel-openfga-migrate --timeout -1s",),
        "k8s-wait-for",
        job("rel-openfga-migrate", "helm.sh/hook: 'post-install,post-upgrade'"),
        found=("stale-job", "late-job"),
    ),
    "openfga, mirrored": Shape(
        "- {name: migrated, image: example.com/mirror/gk:1, args: [job, rel-migrate, --timeout, 5m]}\n",
        ("job rel-migrate --timeout 5m",),
        "gatekeeper job",
        job("rel-migrate"),
        found=("stale-job",),
    ),
    "reportportal": Shape(
        f"- {{name: migrations, image: {K8S}, args: [job-wr, rel-migrations-7]}}\n",
        ("job rel-migrations-7 --timeout -1s",),
        "k8s-wait-for",
        job("rel-migrations-7") + "---\n" + rights("shop"),
    ),
    "reportportal analyzer": Shape(
        f"- {{name: api, image: {K8S}, args: [pod-wr, '-lapp=api']}}\n", (), kept=("api",), found=("no-gate",)
    ),
    "ironrag": Shape(
        f"- {{name: wait, image: {KUBECTL}, args: [wait, {COMPLETE}, -n, shop, --timeout=600s, job/rel-startup-3]}}\n",
        ("job rel-startup-3 --namespace shop --timeout 600s",),
        "kubectl wait",
        job("rel-startup-3"),
    ),
    "ironrag startup": Shape(
        script(
            "\n".join(f"kubectl wait deployment/{each} --for=condition=available" for each in ("db", "queue", "s3"))
        ),
        (),
        kept=("wait",),
        found=("no-gate",),
    ),
    "elixier": Shape(
        f"- {{name: db, image: {KUBECTL}, args: [wait, pod/db-0, --for=condition=ready]}}\n"
        f"- {{name: migrated, image: {KUBECTL}, args: [wait, job/rel-migrate-7, {COMPLETE}]}}\n",
        ("job rel-migrate-7 --timeout 30s",),
        "kubectl wait",
        kept=("db",),
    ),
    "elixier security": Shape(
        f"- {{name: db, image: {KUBECTL}, args: [wait, pod, -lapp=db, --for=condition=ready]}}\n"
        f"- {{name: migrated, image: {KUBECTL}, args: [wait, job/rel-migrate-7, {COMPLETE}]}}\n"
        f"- {{name: api, image: {KUBECTL}, args: [wait, pod, --all, --for=condition=ready]}}\n",
        ("job rel-migrate-7 --timeout 30s",),
        "kubectl wait",
        kept=("db", "api"),
    ),
    "neutree": Shape(
        f"- {{name: db, image: {K8S}, args: [pod, '-l app=db']}}\n"
        f"- {{name: migrated, image: {K8S}, args: [job, rel-migrate-7]}}\n",
        ("job rel-migrate-7 --timeout -1s",),
        "k8s-wait-for",
        kept=("db",),
    ),
    "cluedin": Shape(
        "".join(f"- {{name: job-{each}, image: {K8S}, args: [job, init-{each}-1]}}\n" for each in ("sql", "neo", "es"))
        + "".join(f"- {{name: service-{each}, image: {K8S}, args: [service, {each}]}}\n" for each in ("sql", "neo")),
        tuple(f"job init-{each}-1 --timeout -1s" for each in ("sql", "neo", "es")),
        "k8s-wait-for",
        kept=("service-sql", "service-neo"),
    ),
    "devtron": Shape(
        script(
            "COUNT=1\nwhile [ $COUNT -ne 0 ]; do\n"
            "  COUNT=$(kubectl get job -l app=migrate -n shop --no-headers | grep -v 1/1 | wc -l)\n  sleep 5\ndone\n"
        ),
        ("job --selector app=migrate --namespace shop --timeout -1s",),
        "a shell loop",
        job("app-migrate-7", labels="app: migrate") + "---\n" + rights("shop"),
        found=("stale-job",),
    ),
    "flightctl": Shape(
        script(
            "set -euo pipefail\ntimeout=600\nstart=$(date +%s)\nwhile true; do\n"
            f"  status=$(kubectl get job -l app=migrate,revision=7 {JSONPATH} || true)\n"
            '  if [[ "$status" == "True" ]]; then echo "done"; break; fi\n'
            "  elapsed=$(( $(date +%s) - start ))\n"
            '  if (( elapsed > timeout )); then echo "late"; exit 1; fi\n  sleep 2\ndone\n'
        ),
        ("job --selector app=migrate,revision=7 --timeout -1s",),
        "a shell loop",
    ),
    "flightctl, by the name of what is listed": Shape(
        script(
            'set -euo pipefail\nLABELS="app=migrate,revision=7"\nwhile true; do\n'
            "  JOB=$(kubectl get jobs -n shop -l \"$LABELS\" -o jsonpath='{.items[0].metadata.name}' || true)\n"
            '  if [ -n "$JOB" ]; then\n'
            "    done=$(kubectl get job \"$JOB\" -n shop -o jsonpath='{.status.succeeded}' || echo 0)\n"
            '    if (( done > 0 )); then echo "$JOB is done"; exit 0; fi\n  fi\n  sleep 5\ndone\n'
        ),
        ("job --selector app=migrate,revision=7 --namespace shop --timeout -1s",),
        "a shell loop",
    ),
    "a wait for what is listed": Shape(
        script(f"kubectl wait {COMPLETE} --timeout=60s $(kubectl get job -l app=migrate,revision=7 -o name)\n"),
        ("job --selector app=migrate,revision=7 --timeout 60s",),
        "kubectl wait",
    ),
    "a wait for each that is listed": Shape(
        script(
            "set -e\nfor job in $(kubectl get job -l app=migrate,revision=7 -o name); do\n"
            f"  kubectl wait {COMPLETE} --timeout=60s $job\ndone\n"
        ),
        ("job --selector app=migrate,revision=7 --timeout 60s",),
        "kubectl wait",
    ),
    "words that are demanded": Shape(
        script(
            "w() {\n  local name=${1:?}\n  until kubectl get job ${name:?} | grep 1/1; do\n"
            "    sleep ${INTERVAL:-1}\n  done\n}\nw m-7\n"
        ),
        ("job m-7 --timeout -1s",),
        "a shell loop",
    ),
    "a script that a shell reads": Shape(
        script(f"cat <<EOF\nit's late\nEOF\nbash -e <<'EOF'\nkubectl wait {COMPLETE} --timeout=60s job/m-7\nEOF\n"),
        ("job m-7 --timeout 60s",),
        "kubectl wait",
    ),
    "a trap that opens": Shape(
        script(f"trap 'exit 0' EXIT\nkubectl wait {COMPLETE} --timeout=60s job/m-7\n"),
        ("job m-7 --timeout 60s",),
        "kubectl wait",
        found=("unproven",),
    ),
    "eoapi": Shape(
        script(
            'wait_for_job_by_label() {\n  local label="$1"\n'
            '  until [ "$(kubectl get job -l "$label" -o jsonpath=\'{.items[*].status.succeeded}\')" = "1" ]; do\n'
            '    echo "waiting for $label"\n    sleep 5\n  done\n}\nwait_for_job_by_label "app=migrate,release=r-7"\n'
        ),
        ("job --selector app=migrate,release=r-7 --timeout -1s",),
        "a shell loop",
    ),
    "eoapi, for two labels": Shape(
        script(
            'set -eu\nw () {\n  label="$1"\n  while :; do\n'
            '    jobs=$(kubectl get job -l "$label" -o name || true)\n'
            '    if [ -z "$jobs" ]; then sleep 5; continue; fi\n    all=true\n    for job in $jobs; do\n'
            f'      status=$(kubectl get "$job" {JSONPATH.replace(".items[0]", "")} || echo Unknown)\n'
            '      if [ "$status" != "True" ]; then all=false; fi\n    done\n'
            '    [ "$all" = true ] && return 0\n    sleep 5\n  done\n}\n'
            'w "app=migrate,release=r-7"\nw "app=seed,release=r-7"\n'
        ),
        (
            "job --selector app=migrate,release=r-7 --timeout -1s",
            "job --selector app=seed,release=r-7 --timeout -1s",
        ),
        "a shell loop",
    ),
    "by a name and by a label": Shape(
        "- {name: first, image: example.com/app:1}\n"
        + script(
            f"set -e\nkubectl wait {COMPLETE} job/a-7 --timeout=60s\n"
            f"kubectl wait {COMPLETE} job -l app=b,release=r-7 --timeout=90s\n"
        )
        + "- {name: last, image: example.com/app:1}\n",
        ("job a-7 --timeout 60s", "job --selector app=b,release=r-7 --timeout 90s"),
        "kubectl wait",
        kept=("first", "last"),
    ),
    "openstack": Shape(
        "- name: init\n  image: example.com/kubernetes-entrypoint:1\n  command: [kubernetes-entrypoint]\n  env:\n"
        "    - {name: DEPENDENCY_JOBS, value: 'db-sync-1,bootstrap-1'}\n    - {name: DEPENDENCY_SERVICE, value: ''}\n",
        ("job db-sync-1 bootstrap-1 --timeout -1s",),
        "kubernetes-entrypoint",
    ),
    "openstack, Services too": Shape(
        "- name: init\n  image: example.com/kubernetes-entrypoint:1\n  command: [kubernetes-entrypoint]\n  env:\n"
        "    - {name: DEPENDENCY_JOBS, value: db-sync-1}\n    - {name: DEPENDENCY_SERVICE, value: 'shop:db'}\n",
        ("job db-sync-1",),
        "kubernetes-entrypoint",
        kept=("init",),
        options="--job db-sync-1",
    ),
    "openstack, Services and several Jobs": Shape(
        "- name: init\n  image: example.com/kubernetes-entrypoint:1\n  command: [kubernetes-entrypoint]\n  env:\n"
        "    - {name: DEPENDENCY_SERVICE, value: 'shop:db'}\n    - {name: DEPENDENCY_JOBS, value: 'db-sync-1,ks-1'}\n"
        '    - name: DEPENDENCY_JOBS_JSON\n      value: \'[{"labels": {"app": "ks", "revision": "1"}}]\'\n'
        "- {name: perms, image: example.com/app:1}\n",
        ("job db-sync-1 ks-1 --timeout -1s", "job --selector app=ks,revision=1 --timeout -1s"),
        "kubernetes-entrypoint",
        kept=("perms",),
        less={"init": ["shop:db", "", ""]},
    ),
    "onap": Shape(
        "- name: ready\n  image: example.com/onap/oom/readiness:7.0.1\n  args: [--job-name, rel-init-1]\n"
        "  env: [{name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]\n",
        ("job rel-init-1 --timeout 10m",),
        "ONAP's readiness",
    ),
    "onap, a Service and two Jobs": Shape(
        "- name: ready\n  image: example.com/mirror/ready:5\n  command: [/app/ready.py]\n"
        "  args: [--job-name, rel-init-1, --service-name, db, -t, '15', --job-name, rel-seed-1]\n  env: []\n",
        ("job rel-init-1 rel-seed-1 --timeout 15m",),
        "ONAP's readiness",
        less={"ready": ["--service-name", "db", "-t", "15"]},
    ),
    "onap, a Service": Shape(
        "- {name: ready, image: example.com/readiness:7, args: [--service-name, db]}\n",
        (),
        kept=("ready",),
        found=("no-gate",),
    ),
    "airflow of bitnami": Shape(
        script(". /opt/airflow-env.sh\nairflow_wait_for_db_connection\nairflow_wait_for_db_migrations\n"),
        (),
        kept=("wait",),
        found=("tool-check",),
    ),
    "migrates by its entry point": Shape(
        "- {name: migrate, image: 'example.com/app:1', args: [migrate]}\n",
        (),
        kept=("migrate",),
        found=("self-migrating",),
    ),
    "airflow": Shape(
        "- {name: check, image: example.com/airflow:2, args: [airflow, db, check-migrations]}\n",
        (),
        kept=("check",),
        found=("tool-check",),
    ),
    "signoz": Shape(
        "- {name: check, image: example.com/collector:1, args: [migrate, sync, check]}\n",
        (),
        kept=("check",),
        found=("tool-check",),
    ),
    "posthog": Shape(
        script("until python manage.py migrate --check; do sleep 5; done\n", image="example.com/app:1"),
        (),
        kept=("wait",),
        found=("tool-check",),
    ),
    "a query": Shape(
        script("until psql -tc 'select version_num from alembic_version' | grep ab12; do sleep 1; done\n"),
        (),
        kept=("wait",),
        found=("tool-check",),
    ),
    "galaxy": Shape(
        script("until [ -f /galaxy/init_done ]; do sleep 1; done\n"), (), kept=("wait",), found=("no-gate",)
    ),
    "netbox": Shape(
        f"- {{name: api, image: {KUBECTL}, command: [kubectl, rollout, status, deployment/api]}}\n",
        (),
        kept=("api",),
        found=("no-gate",),
    ),
    "chatwoot": Shape(
        script("until nc -z db 5432; do sleep 1; done\n"),
        (),
        more=job("rel-migrate", "helm.sh/hook: post-install"),
        kept=("wait",),
        found=("no-gate",),
    ),
    "openmetadata": Shape(
        "- {name: migrate, image: example.com/app:1, command: [alembic, -c, a.ini, upgrade, head]}\n",
        (),
        kept=("migrate",),
        found=("self-migrating",),
    ),
    "convoy": Shape(
        "- {name: migrate, image: example.com/app:1, args: [migrate, up]}\n",
        (),
        kept=("migrate",),
        found=("self-migrating",),
    ),
    "a variable": Shape(
        f"- {{name: wait, image: {K8S}, args: [job, $(JOB)], env: [{{name: JOB, value: db-migrate-7}}]}}\n",
        ("job db-migrate-7 --timeout -1s",),
        "k8s-wait-for",
    ),
    "variables of a script": Shape(
        script(f'JOB=db-migrate-7\nkubectl wait {COMPLETE} "job/${{JOB}}" -n $POD_NAMESPACE\n')
        + "  env:\n    - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}\n",
        ("job db-migrate-7 --timeout 30s",),
        "kubectl wait",
    ),
    "a list of Jobs": Shape(
        script(f"set -e\nfor job in migrate-7 seed-7; do kubectl wait {COMPLETE} job/$job --timeout=60s; done\n"),
        ("job migrate-7 seed-7 --timeout 2m",),
        "kubectl wait",
    ),
    "an array of Jobs": Shape(
        script(
            f'set -e\njobs=(migrate-7 seed-7)\nfor job in "${{jobs[@]}}"; do\n'
            f'  kubectl wait {COMPLETE} "job/$job" --timeout=60s\ndone\n'
        ),
        ("job migrate-7 seed-7 --timeout 2m",),
        "kubectl wait",
    ),
    "a list of Jobs, each or none": Shape(
        script(
            "for job in migrate-7 seed-7; do\n  echo $job\n"
            f"  if ! kubectl wait {COMPLETE} job/$job --timeout=60s; then\n    echo late\n    exit 1\n  fi\ndone\n"
        ),
        ("job migrate-7 seed-7 --timeout 2m",),
        "kubectl wait",
    ),
    "a case": Shape(
        script(
            "while true; do\n  case \"$(kubectl get job db-migrate-7 -o jsonpath='{.status.conditions[0].type}')\" in\n"
            "    Complete|SuccessCriteriaMet) exit 0 ;;\n    *Failed*) exit 1 ;;\n  esac\n  sleep 2\ndone\n"
        ),
        ("job db-migrate-7 --timeout -1s",),
        "a shell loop",
    ),
    "created, then complete": Shape(
        script(
            f"set -e\nkubectl wait --for=create job/m-7 --timeout=60s\nkubectl wait {COMPLETE} job/m-7 --timeout=60s\n"
        ),
        ("job m-7 --timeout 60s",),
        "kubectl wait",
    ),
    "created in one, complete in the next": Shape(
        f"- {{name: there, image: {KUBECTL}, args: [wait, --for=create, job/m-7]}}\n"
        f"- {{name: done, image: {KUBECTL}, args: [wait, {COMPLETE}, job/m-7]}}\n",
        ("job m-7 --timeout 30s",),
        "kubectl wait",
        kept=("there",),
    ),
    "a script that ends with 0": Shape(
        script(f"kubectl wait {COMPLETE} --timeout=300s job/db-migrate-7\necho starting\n"),
        ("job db-migrate-7 --timeout 300s",),
        "kubectl wait",
        found=("unproven",),
    ),
    "a loop that gives up": Shape(
        script("for i in $(seq 60); do kubectl get job m-7 | grep 1/1 && break; sleep 5; done\n"),
        ("job m-7",),
        "a shell loop",
        found=("unproven",),
    ),
    "a limit": Shape(
        script("until kubectl get job m-7 | grep 1/1; do sleep 5; done\n", shell="timeout", options="600, sh, -c"),
        ("job m-7 --timeout 10m",),
        "a shell loop",
    ),
    "a request in a loop": Shape(
        script(
            "API=https://kubernetes.default.svc\nNS=$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)\n"
            "TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\n"
            'until curl -sk -H "Authorization: Bearer $TOKEN" "$API/apis/batch/v1/namespaces/$NS/jobs/m-7/status" |\n'
            "  grep -q '\"succeeded\": 1'; do sleep 5; done\n",
            shell="sh",
            image="example.com/curl:8",
        ),
        ("job m-7 --timeout -1s",),
        "a shell loop",
    ),
    "a request, as the manual has it": Shape(
        script(
            "ACCOUNT=/var/run/secrets/kubernetes.io/serviceaccount\nNAMESPACE=$(cat ${ACCOUNT}/namespace)\n"
            "TOKEN=$(cat ${ACCOUNT}/token)\n"
            'state() {\n  curl -s --cacert ${ACCOUNT}/ca.crt --header "Authorization: Bearer ${TOKEN}" -X GET \\\n'
            "    https://kubernetes.default.svc/apis/batch/v1/namespaces/${NAMESPACE}/jobs/m-7 | jq .status.succeeded\n"
            '}\nwhile [ "$(state)" != 1 ]; do sleep 5; done\n',
            shell="sh",
            image="example.com/curl:8",
        ),
        ("job m-7 --timeout -1s",),
        "a shell loop",
    ),
    "a request until a time": Shape(
        script(
            'api="https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT_HTTPS}"\n'
            "token=/var/run/secrets/kubernetes.io/serviceaccount/token\n"
            'auth="Authorization: Bearer $(cat "$token")"\n'
            'url="${api}/apis/batch/v1/namespaces/shop/jobs/m-7"\nend=$(( $(date +%s) + 600 ))\n'
            'while [ "$(date +%s)" -lt "$end" ]; do\n  body=$(curl --silent --header "$auth" "$url" || true)\n'
            '  if echo "$body" | grep -Eq \'"succeeded"[[:space:]]*:[[:space:]]*[1-9]\'; then exit 0; fi\n'
            "  sleep 2\ndone\necho late >&2\nexit 1\n",
            shell="sh",
            options="-ec",
            image="example.com/curl:8",
        ),
        ("job m-7 --namespace shop --timeout -1s",),
        "a shell loop",
    ),
    "busybox's request": Shape(
        script(
            "while true; do\n"
            "  wget -qO- --no-check-certificate 'https://10.96.0.1/apis/batch/v1/namespaces/shop/jobs?labelSelector="
            "app%3Dmigrate%2Crev%3D7' | grep -q Complete && break\n  sleep 1\ndone\n",
            shell="busybox",
            options="sh, -c",
            image="busybox:1",
        ),
        ("job --selector app=migrate,rev=7 --namespace shop --timeout -1s",),
        "a shell loop",
    ),
    "pods of a Job": Shape(
        script("until kubectl get pods -l job-name=m-7 -o jsonpath='{..phase}' | grep Succeeded; do sleep 1; done\n"),
        ("job m-7 --timeout -1s",),
        "a shell loop",
    ),
    "a pod of a Job": Shape(
        f"- {{name: wait, image: {KUBECTL}, args: [wait, pod, -l, 'batch.kubernetes.io/job-name=m-7', -n, shop, "
        "'--for=jsonpath={.status.phase}=Succeeded', --timeout=5m]}\n",
        ("job m-7 --namespace shop --timeout 5m",),
        "kubectl wait",
    ),
    "words that are given": Shape(
        f"- {{name: wait, image: {KUBECTL}, command: [sh, -ec, 'exec kubectl wait {COMPLETE} \"$@\"', wait], "
        "args: [job/m-7, --timeout=5m]}\n",
        ("job m-7 --timeout 5m",),
        "kubectl wait",
    ),
    "words of a function": Shape(
        script(f'set -eu\nw() {{ kubectl wait {COMPLETE} --timeout=5m "$@"; }}\nw job/a-7 job/b-7\n'),
        ("job a-7 b-7 --timeout 5m",),
        "kubectl wait",
    ),
    "k3s": Shape(
        f"- {{name: wait, image: 'example.com/k3s@sha256:{'0' * 64}', command: [k3s, kubectl, wait, job/m-7, "
        f"{COMPLETE}]}}\n",
        ("job m-7 --timeout 30s",),
        "kubectl wait",
    ),
    "a default": Shape(
        script(f'exec kubectl wait {COMPLETE} "job/${{JOB:-old-6}}" --timeout="${{LIMIT:-60s}}"\n')
        + "  env: [{name: JOB, value: m-7}, {name: LIMIT}]\n",
        ("job m-7 --timeout 60s",),
        "kubectl wait",
    ),
    "the condition by its path": Shape(
        script("kubectl wait --for='jsonpath={.status.conditions[?(@.type==\"Complete\")].status}=True' job/m-7\n"),
        ("job m-7 --timeout 30s",),
        "kubectl wait",
    ),
}


def chart(shape: Shape) -> str:
    """Return the stream that a chart of this shape renders."""
    return (
        "# Source: chart/templates/deployment.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n"
        "spec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n"
        "    spec:\n      serviceAccountName: web\n      initContainers:\n"
        f"{indent(shape.inits, ' ' * 8)}      containers:\n        - name: web\n          image: example.com/web:1\n"
        + (f"---\n{shape.more}" if shape.more else "")
    )
