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


def runs(python):
    """Return whether it is an interpreter, and not a version manager's word for one that is not there."""
    return shutil.which(python) and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode


PYTHONS = [python for python in (f"python3.{minor}" for minor in range(11, 16)) if runs(python)] or [sys.executable]

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


@pytest.mark.parametrize("python", PYTHONS)
def test_installed(python, tmp_path):
    """The command, the module and the driver for MySQL work from an environment that has nothing else."""
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv/bin"
    subprocess.run([programs / "pip", "install", "--quiet", f"{WHEEL}[mysql]"], check=True)

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

    assert run(programs / "gatekeeper", "--version").stdout == f"gatekeeper {gatekeeper.__version__}\n"
    tools = run(programs / "python", "-m", "gatekeeper", "tools")
    assert (tools.returncode, "alembic" in tools.stdout) == (0, True)
    audit = run(programs / "gatekeeper", "audit", "-", given=POD)
    assert (audit.returncode, "GK201" in audit.stdout) == (3, True), audit.stderr
    for url in ("postgresql://127.0.0.1:1/shop", "mysql://app@127.0.0.1:1/shop"):
        command = programs / "gatekeeper", "schema", "--tool", "django", "--revision", "shop.0001", "--timeout", "1s"
        gate = run(*command, DATABASE_URL=url)
        assert (gate.returncode, "refused" in gate.stderr) == (124, True), gate.stderr
