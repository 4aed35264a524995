"""A gate never takes down what was running: the table of manifests/README.md, a row and an event at a time.

Every example that is applied is taken through the events at once; in each, the pod of its first release that serves is
deleted, or joined by another, and what becomes of the new one is a row here. The next release is the same files, with
what its author changes. Where a deployer runs the migration before anything else, only its Job is applied until then.
"""

import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from kubernetes.client import ApiClient

from recorder.fixture import HISTORIES
from servers.cluster import MANIFESTS, PATIENCE, Namespace, Object, Pod
from servers.examples import DATABASES, WHOLE, built, migrate, runnable, services
from servers.postgres import Postgres

ALEMBIC = "examples/schema-alembic"
HELM = "examples/helm"
PATTERNS = [*WHOLE, *runnable(), ALEMBIC]
JOB_FIRST = {HELM, "examples/helm-hook", "examples/argo-cd-presync", "examples/argo-cd-sync-waves"}
"""Where hooks or waves have the Job done before anything else of the release is applied."""
RUN_AGAIN = {"examples/argo-cd-presync"}
"""Where a revert runs the older release's migration first: it never comes to the gate if that fails."""
EVENTS = ("migrating", "failed", "rolled back", "scaled up")
CHANGES = {"-1-0-0": "-2-0-0", "web-migrate-1": "web-migrate-2", "shop.0003_stock": "shop.0005_tag", '"7"': '"9"'}
"""What the author of the next release changes: the names, or the revision."""
ROWS = [
    (event, pattern) for event in EVENTS for pattern in PATTERNS if event != "rolled back" or pattern not in RUN_AGAIN
]
DJANGO = "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '{}', now())"
FLYWAY = (
    "INSERT INTO flyway_schema_history VALUES ({0}, '{0}', 'more', 'SQL', 'V{0}__more.sql', 1, 'app', now(), 5, {1})"
)
STANDS = "UPDATE alembic_version SET version_num = '{}'"
STEPS = {
    "migrating": (DJANGO.format("0004_shelf"), STANDS.format("d40000000004")),
    "failed": (FLYWAY.format(8, "false"),),
    "rolled back": (
        "DELETE FROM flyway_schema_history WHERE NOT success",
        FLYWAY.format(8, "true"),
        FLYWAY.format(9, "true"),
        DJANGO.format("0005_tag"),
        STANDS.format("d50000000005"),
    ),
    "scaled up": (),
}
"""What the next release's migration, in two steps of which the second fails at first, leaves in the databases."""


class Rollout(NamedTuple):
    """An example that was applied, and the two releases of it."""

    directory: str
    namespace: Namespace
    first: list[Object]
    second: list[Object]
    template: str
    """The hash of the first release's pods."""
    jobs: list[str]
    """The uid of the first release's Job, if there is one."""

    def is_first(self, pod: Pod) -> bool:
        """Tell whether a pod is the first release's."""
        return pod.seen.metadata.labels["pod-template-hash"] == self.template

    def uids(self) -> list[str]:
        """Return the uid that its Job has now."""
        names = [job["metadata"]["name"] for job in of_kind(self.first, "Job")]
        return [self.namespace.job(name).metadata.uid for name in names]


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [found for found in objects if found["kind"] in kinds]


def next_release(directory: str, namespace: Namespace, folder: Path) -> list[Object]:
    """Return the objects of the next release."""
    if not folder.exists():
        shutil.copytree(MANIFESTS, folder)
        for path in folder.rglob("*.yaml"):
            text = path.read_text()
            for old, new in CHANGES.items():
                text = text.replace(old, new)
            path.write_text(text)
    objects = built(namespace, directory, folder)
    if directory == HELM:  # as the chart has it in revision 2: tests/deployers
        (role,) = of_kind(objects, "Role")
        role["rules"][0]["resourceNames"] = [f"web-migrate-{revision}" for revision in range(1, 8)]
    return objects


def with_migrations(objects: list[Object], *more: tuple[str, str]) -> list[Object]:
    """Have the stand-in for the app's image write the migrations that a real one holds."""
    files = {
        str(path.relative_to(HISTORIES / "alembic/migrations")): path.read_text()
        for path in (HISTORIES / "alembic/migrations").rglob("*.py")
    }
    files |= {
        f"versions/{revision}.py": f'revision = "{revision}"\ndown_revision = "{before}"\n' for revision, before in more
    }
    writes = [f"printf %s {shlex.quote(text)} > /migrations/{name}" for name, text in files.items()]
    (deployment,) = of_kind(objects, "Deployment")
    copying = deployment["spec"]["template"]["spec"]["initContainers"][0]
    copying["command"] = ["sh", "-ec", "\n".join(["mkdir /migrations/versions", *writes])]
    return objects


def quick(objects: list[Object], command: str, *, suspend: bool = False) -> list[Object]:
    """Have the Jobs run this command once."""
    for job in of_kind(objects, "Job"):
        job["spec"] |= {"backoffLimit": 0, "suspend": suspend}
        container = job["spec"]["template"]["spec"]["containers"][0]
        container |= {"command": ["sh", "-c", command], "args": []}
    return of_kind(objects, "Job")


@pytest.fixture(scope="module")
def alembic(cluster: ApiClient, kubeconfig: str, examples_database: Postgres) -> Iterator[Namespace]:
    """Apply the example that needs an image with migrations, on a database that has them."""
    namespace = Namespace(cluster, kubeconfig)
    namespace.apply(*services(examples_database.host, examples_database.port))
    migrate(examples_database, "alembic", "c94a02be7d13")
    namespace.apply(*with_migrations(built(namespace, ALEMBIC)))
    yield namespace
    namespace.remove()


@pytest.fixture(scope="module")
def rollouts(
    applied: dict[str, Namespace], alembic: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> list[Rollout]:
    """Return all of them, each with its first release serving."""
    folder = tmp_path_factory.mktemp("next") / "manifests"
    found = []
    for directory, namespace in [*applied.items(), (ALEMBIC, alembic)]:
        first, second = built(namespace, directory), next_release(directory, namespace, folder)
        if directory == ALEMBIC:
            first = with_migrations(first)
            second = with_migrations(second, ("d40000000004", "c94a02be7d13"), ("d50000000005", "d40000000004"))
        opened = namespace.opened()
        template = opened.seen.metadata.labels["pod-template-hash"]
        found.append(Rollout(directory, namespace, first, second, template, []))
        found[-1].jobs.extend(found[-1].uids())
    return found


def but_jobs(objects: list[Object]) -> list[Object]:
    return [found for found in objects if found["kind"] != "Job"]


def begin(rollout: Rollout) -> None:
    """Begin the next release, whose migration does not end."""
    for job in quick(rollout.second, "true", suspend=True):
        rollout.namespace.replace(job)
    if rollout.directory not in JOB_FIRST:
        rollout.namespace.apply(*but_jobs(rollout.second))


def fail(rollout: Rollout) -> None:
    """Have the next release's migration fail."""
    for job in quick(rollout.second, "exit 1"):
        rollout.namespace.replace(job)
        rollout.namespace.kubectl("wait", "--for=condition=failed", f"job/{job['metadata']['name']}", "--timeout=60s")


def roll_back(rollout: Rollout) -> None:
    """Complete the next release, then go back to the first: by kubectl, and by applying what it was."""
    namespace = rollout.namespace
    for job in quick(rollout.second, "true"):
        namespace.replace(job)
    namespace.apply(*but_jobs(rollout.second))
    # An undo while the first release still has its replica starts no pod.
    namespace.kubectl("rollout", "status", "deployment/web", f"--timeout={PATIENCE}s")
    namespace.kubectl("rollout", "undo", "deployment/web")
    hooks = rollout.directory in {HELM, "examples/helm-hook"}  # Helm runs none in a rollback
    namespace.apply(*(but_jobs(rollout.first) if hooks else rollout.first))


def scale_up(rollout: Rollout) -> None:
    rollout.namespace.kubectl("scale", "deployment/web", "--replicas=2")


HAPPENS: dict[str, Callable[[Rollout], None]] = dict(zip(EVENTS, (begin, fail, roll_back, scale_up), strict=True))


@pytest.fixture(scope="module")
def started(rollouts: list[Rollout], examples_database: Postgres) -> dict[tuple[str, str], str]:
    """Return, of each event and example, the last words of the gate of the first release's new pod."""
    told: dict[tuple[str, str], str] = {}
    for event in EVENTS:
        for name in DATABASES:
            with examples_database.connect(name) as connection:
                for step in STEPS[event]:
                    connection.execute(step)
        those = [rollout for rollout in rollouts if (event, rollout.directory) in ROWS]
        with ThreadPoolExecutor(len(those)) as pool:
            words = pool.map(partial(successor, event=event), those)
            told |= {(event, rollout.directory): said for rollout, said in zip(those, words, strict=True)}
    return told


def successor(rollout: Rollout, event: str) -> str:
    """Let this happen, and return the last words of the gate of the pod of the first release that comes after it."""
    namespace, last = rollout.namespace, ""
    before = {pod.uid for pod in namespace.pods()}
    HAPPENS[event](rollout)
    if event in {"migrating", "failed"}:
        for pod in filter(rollout.is_first, namespace.pods()):
            namespace.core.delete_namespaced_pod(pod.name, namespace.name, grace_period_seconds=0)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for pod in namespace.pods():
            if rollout.is_first(pod) and pod.uid not in before:
                last = pod.message or namespace.log(pod)
                if pod.ready:
                    return last
        time.sleep(1)
    return last or "no pod came"


@pytest.mark.parametrize(("event", "directory"), ROWS)
def test_old_pods_start(started, event, directory):
    """A pod of the release that serves starts, whatever becomes of the next release."""
    assert started[event, directory].startswith("opened: "), started[event, directory]


@pytest.mark.parametrize("directory", [pattern for pattern in PATTERNS if pattern != "examples/helm-hook"])
def test_no_migration_runs_twice(started, rollouts, directory):
    """After all of it, the first release's Job is the one that ran in the beginning."""
    (rollout,) = [each for each in rollouts if each.directory == directory]
    assert rollout.uids() == rollout.jobs


def test_the_table_has_every_pattern():
    """manifests/README.md says of each example what becomes of its old pods, in one of the two tables."""
    table = (MANIFESTS / "README.md").read_text().split("## Old pods come back")[1].split("\n## ")[0]
    shown = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert sorted(shown) == sorted([*PATTERNS, "examples/image-volume"])
