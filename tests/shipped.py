"""The manifests that the project ships, as the cluster gets them: read, or built by kustomize."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from servers.kubebuilder import assets

MANIFESTS = Path(__file__).parents[1] / "manifests"

Object = dict[str, Any]


def _names(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(MANIFESTS)) for path in MANIFESTS.glob(pattern))


EXAMPLES = _names("examples/*")
COMPONENTS = _names("components/*")
POLICIES = _names("policies/*")
APPLIED = ["job", "schema", *_names("rbac/*"), *POLICIES, *EXAMPLES]
"""What is applied at once: with `kubectl apply -f`, or with `-k` where there is a kustomization."""


def kubectl(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run kubectl, and return what it wrote."""
    program = assets() / "kubectl"
    return subprocess.run([program, *args], capture_output=True, text=True, check=False)


def build(path: Path) -> list[Object]:
    """Return the objects that applying a kustomization, a directory of files, or a file would create."""
    if (path / "kustomization.yaml").exists():
        built = kubectl("kustomize", path)
        assert built.returncode == 0, built.stderr
        return list(yaml.safe_load_all(built.stdout))
    return [document for file in files(path) for document in yaml.safe_load_all(file.read_text())]


def files(path: Path) -> list[Path]:
    """Return the YAML files of a directory, or the one file."""
    return sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def minor(name: str) -> int:
    """Return the first Kubernetes 1.x that is to run this: the `kubeVersion` of an example's kustomization, or 29."""
    path = MANIFESTS / name / "kustomization.yaml"
    kustomization = yaml.safe_load(path.read_text()) if path.exists() else {}
    wanted = kustomization.get("metadata", {}).get("annotations", {}).get("kubeVersion", ">=1.29")
    return int(wanted.removeprefix(">=1."))
