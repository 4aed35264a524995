"""Where people run it: the pre-commit hook, the action for GitHub and the plugin for Helm call what there is."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gatekeeper import __version__
from gatekeeper.cli import main as cli

ROOT = Path(__file__).parents[2]
AUDITS = ROOT / "tests/unit/manifests/audit"


@pytest.mark.parametrize(("files", "code"), [(["right.yaml"], 0), (["right.yaml", "cluster-admin.yaml"], 3)])
def test_hook(files, code):
    """The hook audits the files that are told, together."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *argv = shlex.split(hook["entry"])
    assert program == "gatekeeper"
    assert cli.main([*argv, *(str(AUDITS / file) for file in files)]) == code


@pytest.mark.parametrize(
    ("files", "ignore", "code"),
    [("right.yaml", "", 0), ("prefix*.yaml", "", 3), ("right.yaml prefixed.yaml", "GK404", 0), ("none*.yaml", "", 2)],
)
def test_action(tmp_path, files, ignore, code):
    """The action's audit splits and expands what it is given, and its last step ends as the audit did."""
    action = yaml.safe_load((ROOT / ".github" / "actions" / "audit" / "action.yml").read_text())
    steps = action["runs"]["steps"]
    audit = next(each for each in steps if each.get("id") == "audit")
    program = tmp_path / "gatekeeper" / "bin" / "gatekeeper"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gatekeeper "$@"\n')
    program.chmod(0o755)
    given = {"FILES": files, "NAMESPACE": "", "IGNORE": ignore}
    assert audit["env"].keys() == given.keys()
    env = os.environ | given | {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    env["PYTHONPATH"] = str(ROOT)
    done = subprocess.run([*bash, audit["run"]], env=env, cwd=AUDITS, check=False, capture_output=True)
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert outputs["code"] == str(code)
    assert done.returncode == (code if code == 2 else 0)
    last = subprocess.run([*bash, steps[-1]["run"]], env=env | {"CODE": outputs["code"]}, check=False)
    assert last.returncode == code


def test_helm_plugin():
    """The plugin runs what reads a stream and prints one."""
    plugin = yaml.safe_load((ROOT / "manifests" / "helm-plugin" / "plugin.yaml").read_text())
    assert plugin["version"] == __version__
    (command,) = plugin["runtimeConfig"]["platformCommand"]
    assert [command["command"], *command["args"]] == ["gatekeeper", "inject", "-"]
