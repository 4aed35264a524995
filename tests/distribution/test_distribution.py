"""The wheel that `make dist` made, installed as a stranger would: for each Python at hand, in an empty environment."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gatekeeper

ROOT = Path(__file__).parents[2]
[WHEEL] = sorted(ROOT.glob("dist/*.whl")) or [ROOT / "dist/no wheel: run make dist"]


# Pyenv's own versions come first: its word for one stands in PATH, also where none is chosen.
SEARCHED = os.pathsep.join([*map(str, Path.home().glob(".pyenv/versions/*/bin")), os.environ["PATH"]])


def runs(python):
    """Return whether it is an interpreter, and not a version manager's word for one that is not there."""
    return python and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode


FOUND = {minor: shutil.which(f"python3.{minor}", path=SEARCHED) for minor in range(11, 16)}
PYTHONS = {f"3.{minor}": python for minor, python in FOUND.items() if runs(python)} or {"this": sys.executable}

TOOLS = ROOT / ".venv/distribution/bin"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web}]
  initContainers: [{name: gate, image: gatekeeper, args: [job, db-migrate, --timeout, 8m]}]
"""


def test_contents():
    """The wheel holds the package, its licence and nothing else, and says where things are."""
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    held = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gatekeeper").rglob("*.py")}
    held.add("gatekeeper/tools/proven.json")
    assert {name for name in names if ".dist-info/" not in name} == held
    assert any(name.endswith("licenses/LICENSE") for name in names)
    head, _, readme = metadata.partition("\n\n")
    assert re.findall("^(?:Name|Version): (.*)", head, re.MULTILINE) == ["migration-gatekeeper", gatekeeper.__version__]
    assert f"/raw/v{gatekeeper.__version__}/docs/gate.svg)" in readme
    assert not re.search(r"\]\((?!https://)", readme)


def test_built_again(tmp_path):
    """Another clone, on a machine where new files are nobody else's, gives the same bytes."""
    clone = tmp_path / "clone"
    made = [f"--assume-old=.venv/{name}ready" for name in ("", "distribution/")]
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], umask=0o077, check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    subprocess.run(["make", *made, "dist"], cwd=clone, umask=0o077, check=True)
    assert (clone / "dist" / WHEEL.name).read_bytes() == WHEEL.read_bytes()


@pytest.fixture
def run(tmp_path):
    """Run a command in an empty folder, and return what it wrote and how it ended."""

    def run(*command, given="", **environment):
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS)
def test_installed(python, run, tmp_path):
    """The command, the module and the driver for MySQL work from an environment that has nothing else."""
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv/bin"
    subprocess.run([programs / "pip", "install", "--quiet", f"{WHEEL}[mysql]"], check=True)

    assert run(programs / "gatekeeper", "--version").stdout == f"gatekeeper {gatekeeper.__version__}\n"
    tools = run(programs / "python", "-m", "gatekeeper", "tools")
    assert (tools.returncode, "alembic" in tools.stdout) == (0, True)
    audit = run(programs / "gatekeeper", "audit", "-", given=POD)
    assert (audit.returncode, "GK201" in audit.stdout) == (3, True), audit.stderr
    for url in ("postgresql://127.0.0.1:1/shop", "mysql://app@127.0.0.1:1/shop"):
        command = programs / "gatekeeper", "schema", "--tool", "django", "--revision", "shop.0001", "--timeout", "1s"
        gate = run(*command, DATABASE_URL=url)
        assert (gate.returncode, "refused" in gate.stderr) == (124, True), gate.stderr


def test_pipx(run, tmp_path):
    """Pipx gives the command an environment of its own."""
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    installed = run(TOOLS / "pipx", "install", f"{WHEEL}[mysql]", **places)
    assert installed.returncode == 0, installed.stderr
    assert run(tmp_path / "bin/gatekeeper", "--version").stdout == f"gatekeeper {gatekeeper.__version__}\n"


def test_uvx(run, tmp_path):
    """Uvx runs the command without installing anything."""
    places = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_TOOL_DIR": str(tmp_path / "tools")}
    told = run(TOOLS / "uvx", "--from", WHEEL, "gatekeeper", "--version", **places)
    assert told.stdout == f"gatekeeper {gatekeeper.__version__}\n", told.stderr
