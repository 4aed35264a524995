"""Imports go one way, and each library has one module that imports it."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

import gatekeeper

FOLDER = Path(gatekeeper.__file__).parent
LAYERS = {
    "__main__": {"cli", "exits"},
    "cli": {
        "report", "exits", "audit", "inject", "findings", "manifests", "catalogue", "directories", "kube", "mysql",
        "postgres", "schema", "tools", "history", "job", "gate", "peers", "rbac", "settings", "output", "clock",
        "verdict", "__init__",
    },
    "report": {"clock", "exits", "gate", "output", "durations", "verdict"},
    "exits": {"settings", "output", "clock", "verdict"},
    "kube": {"rbac", "settings", "clock", "verdict", "__init__"},
    "audit": {"durations", "findings", "grants", "manifests", "peers", "rbac", "settings", "waits"},
    "inject": {"edits", "grants", "manifests", "peers", "rbac", "settings", "waits", "__init__"},
    "edits": {"documents", "rbac"},
    "findings": {"__init__"},
    "waits": {"grants", "manifests", "peers", "settings"},
    "grants": {"manifests", "rbac"},
    "manifests": {"documents", "settings"},
    "catalogue": {"tools"},
    "directories": {"changelogs", "modules", "revisions", "history", "settings", "tools"},
    "mysql": {"clock", "schema", "tools", "history", "settings", "verdict"},
    "postgres": {"clock", "schema", "tools", "history", "settings", "verdict"},
    "schema": {"tools", "history", "verdict"},
    "tools": {"revisions", "history"},
    "changelogs": {"documents", "revisions"},
    "documents": set(),
    "modules": set(),
    "revisions": set(),
    "history": {"verdict"},
    "job": {"durations", "verdict"},
    "gate": {"clock", "durations", "verdict"},
    "peers": {"settings", "durations"},
    "rbac": {"settings"},
    "settings": {"durations"},
    "output": set(),
    "clock": {"verdict"},
    "durations": set(),
    "verdict": set(),
    "__init__": set(),
}  # fmt: skip
"""What each module imports of gatekeeper, from top to bottom."""
LIBRARIES = {
    "kubernetes": ["kube"],
    "urllib3": ["kube"],
    "psycopg": ["postgres"],
    "pymysql": ["mysql"],
    "yaml": ["documents"],
    "typer": ["cli"],
    "tenacity": ["gate"],
}
MODULES = sorted(path.stem for path in FOLDER.glob("*.py"))


@cache
def imported(module: str) -> list[str]:
    """Return the dotted name of whatever a module imports, anywhere in it."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    names = []
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names += [alias.name for alias in node.names]
            case ast.ImportFrom():
                names += [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
    return names


def own_imports(module: str) -> set[str]:
    """Return the modules of gatekeeper that a module imports."""
    parts = [name.split(".")[1] for name in imported(module) if name.startswith("gatekeeper.")]
    return {part if part in MODULES else "__init__" for part in parts}


def test_every_module_has_a_layer():
    """No module is outside of the table."""
    assert sorted(LAYERS) == MODULES


@pytest.mark.parametrize("module", LAYERS)
def test_imports(module):
    """A module imports what the table says, and all of that is below it."""
    assert own_imports(module) == LAYERS[module]
    order = list(LAYERS)
    assert LAYERS[module] <= set(order[order.index(module) + 1 :])


def test_libraries():
    """Each third-party library is imported by one module alone, and there are no others."""
    users: dict[str, list[str]] = {}
    for module in MODULES:
        for library in {name.split(".")[0] for name in imported(module)} - sys.stdlib_module_names - {"gatekeeper"}:
            users.setdefault(library, []).append(module)
    assert users == LIBRARIES
