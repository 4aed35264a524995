"""What `gatekeeper inject` prints is taken by kubectl and a real API server, and its gate has the rights it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from charts import SHAPES, chart
from servers.apiserver import ApiServer
from servers.kubebuilder import assets

WORKLOADS = """\
# One of each kind, and the migration.
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec:
    selector: {matchLabels: &labels {app: web}}
    template: &template
      metadata: {labels: *labels}
      spec:
        containers: [{name: web, image: example.com/web}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: db-migrate}
spec:
  managedBy: example.com/test
  template:
    spec: {restartPolicy: Never, containers: [{name: migrate, image: example.com/web}]}
"""
EXAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "examples").glob("*/kustomization.yaml"))
OPTIONS = ("--job", "db-migrate", "--service-account", "web", "--rbac", "--timeout", "1m")


def inject(text: str, *options: str) -> str:
    """Return what `gatekeeper inject -` prints."""
    argv = [sys.executable, "-m", "gatekeeper", "inject", "-", *options]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


def kubectl(apiserver: ApiServer, namespace: str, text: str, *argv: str) -> str:
    """Return what kubectl prints."""
    command = [str(assets() / "kubectl"), "--kubeconfig", str(apiserver.kubeconfig), "-n", namespace, *argv]
    home = {**os.environ, "HOME": str(apiserver.directory)}
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=home).stdout


def test_pipe(apiserver, namespace, gate):
    """A stream goes through it into kubectl, and the gate that came of it opens with the rights that came with it."""
    told = kubectl(apiserver, namespace, inject(WORKLOADS, *OPTIONS), "apply", "-f", "-")
    assert {line.partition(" ")[0] for line in told.splitlines()} == {
        "deployment.apps/web",
        "job.batch/db-migrate",
        "serviceaccount/web",
        "role.rbac.authorization.k8s.io/web-gate",
        "rolebinding.rbac.authorization.k8s.io/web-gate",
    }
    live = kubectl(apiserver, namespace, "", "get", "deployment", "web", "-o", "yaml")
    pod = yaml.safe_load(live)["spec"]["template"]["spec"]
    kubeconfig = apiserver.kubeconfig_for(namespace, pod["serviceAccountName"])
    held = gate(*pod["initContainers"][0]["args"], "--kubeconfig", str(kubeconfig))
    held.until("has no condition yet")
    apiserver.complete(namespace, "db-migrate")
    assert held.end() == 0


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_live(apiserver, namespace, form):
    """What the API server made of it, with all of its defaults, is left as it is in every form that kubectl has."""
    kubectl(apiserver, namespace, inject(WORKLOADS, *OPTIONS), "apply", "-f", "-")
    live = kubectl(apiserver, namespace, "", "get", "deployment,role,rolebinding", "-o", form)
    assert inject(live, *OPTIONS) == live
    changed = inject(live, "--timeout", "2m")
    assert changed != live
    assert "deployment.apps/web configured" in kubectl(apiserver, namespace, changed, "apply", "-f", "-")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.parent.name)
def test_example(example):
    """Every example has its gate already, so what kustomize builds of it goes through unchanged."""
    built = subprocess.run(
        [assets() / "kubectl", "kustomize", example.parent], capture_output=True, text=True, check=True
    )
    assert inject(built.stdout) == built.stdout


GATED = {name: shape for name, shape in SHAPES.items() if shape.args}


def test_charts(apiserver, namespace):
    """What becomes of the gates that charts have is taken by the API server, with every field known to it."""
    documents = []
    for at, shape in enumerate(GATED.values()):
        done = inject(chart(shape), "--rbac", *shape.options.split())
        for each in yaml.safe_load_all(done):
            each["metadata"] = {key: value for key, value in each["metadata"].items() if key != "namespace"}
            each["metadata"]["name"] += f"-{at}"
            documents.append(each)
    dry = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    told = kubectl(apiserver, namespace, yaml.safe_dump_all(documents), *dry)
    assert told.count("deployment.apps/web-") == len(GATED)
    assert all(line.endswith("created (server dry run)") for line in told.splitlines())
