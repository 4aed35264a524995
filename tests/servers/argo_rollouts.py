"""Argo Rollouts: its controller, built from its Go module, on this machine and with an administrator's rights."""

import subprocess
from pathlib import Path
from typing import Self

from recorder.golang import published
from servers.cluster import Namespace
from servers.postgres import free_port

MODULE = "github.com/argoproj/argo-rollouts@v1.10.2"
CONTROLLER = "cmd/rollouts-controller"


class ArgoRollouts:
    """A controller for a cluster that has none; it and what it defines, all Rollouts with it, go in the end."""

    def __init__(self, folder: Path, kubeconfig: str, namespace: Namespace) -> None:
        self._program = published(folder, CONTROLLER, MODULE)
        self._definitions = folder / MODULE / "manifests" / "crds"
        self._kubeconfig = kubeconfig
        self._log = folder / "controller.log"
        self._kubectl = namespace.kubectl

    def __enter__(self) -> Self:
        self._kubectl("apply", "--server-side", "--kustomize", self._definitions)
        self._kubectl("wait", "--for=condition=established", "--timeout=60s", "customresourcedefinitions", "--all")
        options = [f"--metricsport={free_port()}", f"--healthzPort={free_port()}", "--leader-elect=false"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, "--kubeconfig", self._kubeconfig, *options], stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._kubectl("delete", "--kustomize", self._definitions)
