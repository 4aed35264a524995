"""The examples for Argo CD in the hands of its own sync engine, on a real API server: what a sync does to the Jobs.

No controller runs: a Job is what the test makes of it, so a migration runs as long as is looked at.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from recorder.golang import inside
from servers.apiserver import ApiServer
from servers.kubebuilder import assets

pytestmark = pytest.mark.argo_cd
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests" / "examples"
ENGINE = "github.com/argoproj/argo-cd/gitops-engine/v3@v3.6.1"
PATIENCE = 60.0
LOOKED_AT = 4.0
"""Seconds for which a sync may do what it must not: it looks at its objects each second."""


class Sync:
    """A sync of an example, which is under way."""

    def __init__(self, program: Path, apiserver: ApiServer, namespace: str, objects: list[dict[str, Any]]) -> None:
        command = [program, apiserver.kubeconfig, namespace]
        with tempfile.TemporaryFile("w+") as manifests:
            yaml.safe_dump_all(objects, manifests)
            manifests.seek(0)
            self._process = subprocess.Popen(command, stdin=manifests, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def goes_on(self) -> bool:
        """Tell whether it is still under way."""
        return self._process.poll() is None

    def terminate(self) -> None:
        """Have the engine terminate it, as a user may while it is under way."""
        self._process.terminate()

    def ends(self) -> list[str]:
        """Return what it says of each object, and of itself in the last line."""
        said, _ = self._process.communicate(timeout=PATIENCE)
        return said.splitlines()


class App:
    """An application of Argo CD's: an example, synced into a namespace."""

    def __init__(self, start: Callable[[list[dict[str, Any]]], Sync], apiserver: ApiServer, namespace: str) -> None:
        self._start = start
        self._apiserver = apiserver
        self.namespace = namespace

    def sync(self, example: str, release: str = "1-0-0", **annotations: str) -> Sync:
        """Begin to sync a release of an example, whose Job has these options of Argo CD's besides."""
        built = subprocess.run(
            [assets() / "kubectl", "kustomize", EXAMPLES / example], capture_output=True, text=True, check=True
        ).stdout
        objects = list(yaml.safe_load_all(built.replace("1-0-0", release)))
        for job in [found for found in objects if found["kind"] == "Job"]:
            job["metadata"]["annotations"] |= {f"argocd.argoproj.io/{name}": annotations[name] for name in annotations}
        return self._start(objects)

    def _all(self, path: str) -> dict[str, dict[str, Any]]:
        found = self._apiserver.request("GET", path.format(self.namespace))["items"]
        return {each["metadata"]["name"]: each for each in found}

    def jobs(self) -> dict[str, str]:
        """Return the uid of each Job that is not being removed."""
        found = self._all("/apis/batch/v1/namespaces/{}/jobs").values()
        kept = [job["metadata"] for job in found if "deletionTimestamp" not in job["metadata"]]
        return {metadata["name"]: metadata["uid"] for metadata in kept}

    def roles(self) -> set[str]:
        """Return the names of the Roles that are bound."""
        bindings = self._all("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings").values()
        bound = {binding["roleRef"]["name"] for binding in bindings}
        return bound & self._all("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles").keys()

    def awaited(self) -> str:
        """Return the Job that the Deployment's gate awaits; nothing where there is no Deployment."""
        found = self._all("/apis/apps/v1/namespaces/{}/deployments").values()
        return next((each["spec"]["template"]["spec"]["initContainers"][-1]["args"][1] for each in found), "")

    def has(self, job: str, but: str = "") -> str:
        """Return the uid of a Job, another than this, once it is there and runs."""
        deadline = time.monotonic() + PATIENCE
        while (uid := self.jobs().get(job, but)) == but:
            assert time.monotonic() < deadline, f"no other Job {job} than {but or 'none'}"
            time.sleep(0.2)
        self._apiserver.run(self.namespace, job)
        return uid

    def is_collected(self, job: str) -> None:
        """Have a Job go that is being removed, as the garbage collector would when its pods are gone."""
        deadline = time.monotonic() + PATIENCE
        while job in self.jobs():
            assert time.monotonic() < deadline, f"{job} is not removed"
            time.sleep(0.2)
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{job}"
        self._apiserver.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def complete(self, job: str) -> None:
        self._apiserver.complete(self.namespace, job)

    def fail(self, job: str) -> None:
        self._apiserver.fail(self.namespace, job)

    def released(self, example: str, release: str) -> list[str]:
        """Sync a release whose migration is run and completed, and return what the sync says."""
        with self.sync(example, release) as sync:
            self.has(f"db-migrate-{release}")
            self.complete(f"db-migrate-{release}")
            return sync.ends()


@pytest.fixture
def app(apiserver: ApiServer, namespace: str) -> Iterator[App]:
    program = inside(ROOT / "build/argo-cd", (ROOT / "tests/servers/argo_cd.go").read_text(encoding="utf-8"), ENGINE)
    with ExitStack() as running:
        yield App(
            lambda objects: running.enter_context(Sync(program, apiserver, namespace, objects)), apiserver, namespace
        )


WAVES, PRESYNC = "argo-cd-sync-waves", "argo-cd-presync"
FIRST, SECOND = "db-migrate-1-0-0", "db-migrate-2-0-0"
SUCCEEDED = "Succeeded: "
TERMINATED = "Failed: Operation terminated"


@pytest.mark.parametrize("example", [WAVES, PRESYNC])
def test_the_migration_goes_first(app: App, example: str):
    """The Deployment is applied when the release's Job is Complete, and the last release's Job and right are left."""
    for release, job, last in (("1-0-0", FIRST, ""), ("2-0-0", SECOND, FIRST)):
        before = app.jobs()
        with app.sync(example, release) as sync:
            runs = app.has(job)
            time.sleep(LOOKED_AT)
            assert sync.goes_on()
            assert app.awaited() == last
            assert app.jobs() == before | {job: runs}
            app.complete(job)
            assert sync.ends()[-1].startswith(SUCCEEDED)
        assert app.awaited() == job
        assert app.jobs() == before | {job: runs}
    assert app.roles() == {"web-gate-1-0-0", "web-gate-2-0-0"}


def test_a_sync_while_the_migration_runs(app: App):
    """A sync that is begun while the Job runs, as the one before was ended, awaits that Job, and makes no other."""
    with app.sync(WAVES):
        runs = app.has(FIRST)
        time.sleep(LOOKED_AT)
    with app.sync(WAVES) as sync:
        time.sleep(LOOKED_AT)
        assert sync.goes_on()
        assert app.jobs() == {FIRST: runs}
        assert app.awaited() == ""
        app.complete(FIRST)
        assert sync.ends()[-1].startswith(SUCCEEDED)
    assert app.jobs() == {FIRST: runs}


def test_a_terminated_sync_leaves_the_migration(app: App):
    """A Job in a wave runs on when its sync is terminated, and the next sync awaits it."""
    with app.sync(WAVES) as sync:
        runs = app.has(FIRST)
        sync.terminate()
        assert sync.ends()[-1] == TERMINATED
    assert app.jobs() == {FIRST: runs}
    with app.sync(WAVES) as sync:
        time.sleep(LOOKED_AT)
        assert sync.goes_on()
        app.complete(FIRST)
        assert sync.ends()[-1].startswith(SUCCEEDED)
    assert app.jobs() == {FIRST: runs}


def test_a_terminated_sync_removes_a_hook(app: App):
    """A hook that runs is removed when its sync is terminated; the next runs it anew, once its pods are gone."""
    with app.sync(PRESYNC) as sync:
        runs = app.has(FIRST)
        sync.terminate()
        assert sync.ends()[-1] == TERMINATED
    assert app.jobs() == {}
    with app.sync(PRESYNC) as sync:
        time.sleep(LOOKED_AT)
        assert app.jobs() == {}
        app.is_collected(FIRST)
        app.has(FIRST, but=runs)
        assert app.awaited() == ""
        app.complete(FIRST)
        assert sync.ends()[-1].startswith(SUCCEEDED)
    assert app.awaited() == FIRST


def test_an_unchanged_sync(app: App):
    """A sync of what is there runs nothing."""
    app.released(WAVES, "1-0-0")
    before = app.jobs()
    assert app.sync(WAVES).ends()[-1].startswith(SUCCEEDED)
    assert app.jobs() == before


@pytest.mark.parametrize("example", [WAVES, PRESYNC])
def test_a_failed_migration(app: App, example: str):
    """A migration that fails ends the sync; the last release stays as it was, with what its gates need."""
    app.released(example, "1-0-0")
    before = app.jobs()
    with app.sync(example, "2-0-0") as sync:
        runs = app.has(SECOND)
        app.fail(SECOND)
        assert sync.ends()[-1].startswith("Failed: ")
    assert app.awaited() == FIRST
    assert app.jobs() == before | {SECOND: runs}
    assert "web-gate-1-0-0" in app.roles()


def test_a_revert(app: App):
    """A git revert runs no migration: the older release's Job is still there, and the newer one's stays."""
    for release in ("1-0-0", "2-0-0"):
        app.released(WAVES, release)
    before = app.jobs()
    assert app.sync(WAVES, "1-0-0").ends()[-1].startswith(SUCCEEDED)
    assert app.awaited() == FIRST
    assert app.jobs() == before
    assert app.roles() == {"web-gate-1-0-0", "web-gate-2-0-0"}


def test_a_hook_runs_in_every_sync(app: App):
    """The other example's Job is run again by a sync of what is there, as it says, and takes the place of the last."""
    app.released(PRESYNC, "1-0-0")
    last = app.jobs()[FIRST]
    with app.sync(PRESYNC) as sync:
        app.is_collected(FIRST)
        again = app.has(FIRST, but=last)
        app.complete(FIRST)
        assert sync.ends()[-1].startswith(SUCCEEDED)
    assert app.jobs() == {FIRST: again}


def test_what_the_example_must_not_have(app: App):
    """With Replace and Force a sync removes a migration that runs, and begins another: these tests would see it."""
    options = {"sync-options": "Force=true,Replace=true"}
    with app.sync(WAVES, **options):
        runs = app.has(FIRST)
        time.sleep(LOOKED_AT)
    with app.sync(WAVES, **options):
        app.has(FIRST, but=runs)
