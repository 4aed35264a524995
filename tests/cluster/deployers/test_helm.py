"""The example chart in the hands of Helm itself, of both majors: no step of a release's life holds an older pod.

GATEKEEPER_TEST_HELM names the folder that `make test-helm` builds both programs in.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from servers.cluster import MANIFESTS, Namespace, Pod, eventually, gate_of, web

CHART = MANIFESTS / "examples" / "helm"
UNDO = {"3": "--atomic", "4": "--rollback-on-failure"}
WAIT = ("--wait", "--timeout", "90s")
FAILS = ("--timeout", "15s")
"""The migration is tried for longer than that: Helm gives up while it is."""

SUPPORTED = ("--kube-version", "1.29.0")
"""Helm 3 renders for an older one where it asks no cluster."""


class Release:
    """The release `web` in a namespace."""

    def __init__(self, program: Path, namespace: Namespace, kubeconfig: str, folder: Path) -> None:
        self.namespace = namespace
        self._helm = [program, "--kubeconfig", kubeconfig, "--namespace", namespace.name]
        self._values = folder / "values.yaml"
        self._environment = os.environ | {
            f"HELM_{each}_HOME": str(folder / each) for each in ("CACHE", "CONFIG", "DATA")
        }

    def helm(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run Helm, and return how it ended."""
        command = [*self._helm, *args]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def deploy(self, verb: str, migrate: list[str], *options: str) -> subprocess.CompletedProcess[str]:
        """Install or upgrade, with this command as the migration."""
        shipped = gate_of(web())["image"]
        gate = {"image": os.environ.get("GATEKEEPER_TEST_IMAGE", shipped)}
        self._values.write_text(json.dumps({"migrate": migrate, "gate": gate}))
        return self.helm(verb, "web", str(CHART), "--values", str(self._values), *options)

    def replaced(self, pod: Pod) -> Pod:
        """Delete a pod, and return the one that comes after it, once it is ready."""
        self.namespace.core.delete_namespaced_pod(pod.name, self.namespace.name, grace_period_seconds=0)
        return self.namespace.pod(lambda other: other.ready and other.uid != pod.uid)

    def awaits(self, pod: Pod) -> str:
        """Return the Job that a pod's gate has seen Complete."""
        assert pod.message.startswith(f"opened: Job {self.namespace.name}/"), pod.message
        return pod.seen.spec.init_containers[-1].args[1]

    def jobs(self) -> dict[str, Any]:
        """Return the uids of the release's Jobs, by revision."""
        found = {number: self.namespace.job(f"web-migrate-{number}") for number in range(1, 9)}
        return {number: job.metadata.uid for number, job in found.items() if job}


@pytest.fixture(params=UNDO)
def release(request, namespace: Namespace, kubeconfig: str, tmp_path: Path) -> Release:
    folder = os.environ.get("GATEKEEPER_TEST_HELM") or pytest.fail(
        "these tests need GATEKEEPER_TEST_HELM: make test-helm"
    )
    return Release(Path(folder, request.param, "helm").absolute(), namespace, kubeconfig, tmp_path)


@pytest.fixture
def undo(request) -> str:
    """The option by which this Helm goes back where an upgrade fails."""
    return UNDO[request.node.callspec.params["release"]]


def test_life_of_a_release(release: Release, undo: str):
    """Install, failed upgrades, upgrade and rollback: a pod of the release that serves starts after each, as new."""
    done = release.deploy("install", ["true"], *WAIT)
    assert done.returncode == 0, done.stderr
    assert "helm test web" in done.stdout
    first = release.namespace.opened()
    assert release.awaits(first) == "web-migrate-1"
    assert release.helm("test", "web").returncode == 0
    ran = release.jobs()

    assert release.deploy("upgrade", ["false"], *FAILS).returncode != 0
    assert release.jobs().keys() == {1, 2}
    again = release.replaced(first)
    assert release.awaits(again) == "web-migrate-1"

    assert release.deploy("upgrade", ["false"], undo, *FAILS).returncode != 0
    assert release.jobs().keys() == {1, 2, 3}  # what Helm goes back to is revision 4, and has no Job
    again = release.replaced(again)
    assert release.awaits(again) == "web-migrate-1"

    done = release.deploy("upgrade", ["true"], *WAIT)
    assert done.returncode == 0, done.stderr
    assert release.awaits(settled(release, "web-migrate-5")) == "web-migrate-5"

    done = release.helm("rollback", "web", "1", *WAIT)
    assert done.returncode == 0, done.stderr
    back = settled(release, "web-migrate-1")
    assert release.awaits(release.replaced(back)) == "web-migrate-1"
    assert release.jobs().keys() == {1, 2, 3, 5}
    assert release.jobs()[1] == ran[1]


def test_a_new_release_of_an_old_name_migrates(release: Release):
    """What uninstall leaves behind does not open the gates of a release that is installed again."""
    release.deploy("install", ["true"], *WAIT)
    left = release.jobs()
    assert release.helm("uninstall", "web", "--wait").returncode == 0
    assert release.jobs() == left
    done = release.deploy("install", ["true"], *WAIT)
    assert done.returncode == 0, done.stderr
    assert release.jobs().keys() == left.keys()
    assert release.jobs() != left


def settled(release: Release, job: str) -> Pod:
    """Return the one pod that is left, whose gate awaits this Job."""

    def is_it(pods: list[Pod]) -> Callable[..., object] | bool:
        return len(pods) == 1 and pods[0].ready and pods[0].seen.spec.init_containers[-1].args[1] == job

    return eventually(release.namespace.pods, is_it)[0]


REFUSED = {
    "a misspelled option": ('{"gate": {"timout": "3m"}}', "timout"),
    "a schema gate without its tool": ('{"gate": {"schema": {"revision": "7"}}}', "needs tool, revision and secret"),
    "a migration that is no command": ('{"migrate": "alembic upgrade head"}', "migrate"),
    "a revision that YAML takes for a number": ('{"gate": {"schema": {"tool": "flyway", "revision": 7}}}', "revision"),
}


@pytest.mark.parametrize(("values", "words"), REFUSED.values(), ids=REFUSED)
def test_values_that_are_refused(release: Release, tmp_path: Path, values: str, words: str):
    """Values that mean nothing are refused, and named."""
    (tmp_path / "wrong.json").write_text(values)
    done = release.helm("template", "web", str(CHART), "--values", str(tmp_path / "wrong.json"), *SUPPORTED)
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.parametrize("name", ["a" * 53, "a" * 52 + "b", "web", "123", "1e3", "0.1", "on", "null"])
def test_names_fit(release: Release, name: str):
    """No name is longer than an object's may be or no text, and releases that begin alike have names of their own."""
    done = release.helm("template", name, str(CHART), *SUPPORTED)
    names = {each["kind"]: each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout)}
    assert all(isinstance(each, str) for each in names.values()), names
    job = names["Job"]
    assert len(job) + len("000") <= 63
    assert name != "web" or job == "web-migrate-1"
