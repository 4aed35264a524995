"""Imports go one way, between the folders and within them, and each library has one place that imports it."""

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import gatekeeper

ROOT = Path(gatekeeper.__file__).parent
FOLDERS = {
    "__main__": {"cli", "gate"},
    "cli": {"gate", "histories", "jobs", "manifests", "tools"},
    "jobs": {"gate", "manifests"},
    "histories": {"gate", "tools"},
    "tools": {"manifests"},
    "manifests": {"gate"},
    "gate": set(),
}
"""What each folder imports of the others, from top to bottom. All may have the version."""
TOOLS = {"__init__": {"shared"}, "a tool": {"shared"}, "shared": set[str]()}
"""The same within `tools`: no tool's module imports another one's."""
LIBRARIES = {
    "kubernetes": {"jobs.kube"},
    "urllib3": {"jobs.kube"},
    "psycopg": {"histories.postgres"},
    "pymysql": {"histories.mysql"},
    "yaml": {"manifests.documents"},
    "typer": {"cli.main", "cli.options", "cli.gates", "cli.desk"},
    "tenacity": {"gate.loop"},
}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
"""By the name that follows `gatekeeper.`; a folder's stands for its `__init__`."""


@cache
def imported(module: str) -> set[str]:
    """Return the dotted name of whatever a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom():
                assert node.level == 0, f"{module} has a relative import"
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(module: str) -> set[str]:
    """Return the modules of gatekeeper that a module imports."""
    names = {name.removeprefix("gatekeeper.") for name in imported(module) if name.startswith("gatekeeper.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} - {""}


def test_folders():
    """A folder imports what the table says, and all of that is below it."""
    seen: dict[str, set[str]] = {}
    for module in MODULES:
        folder = module.partition(".")[0]
        seen.setdefault(folder, set()).update(name.partition(".")[0] for name in own_imports(module))
    assert {folder: names - {folder} for folder, names in seen.items() if folder != "__init__"} == FOLDERS
    order = list(FOLDERS)
    assert all(FOLDERS[folder] <= set(order[place + 1 :]) for place, folder in enumerate(order))


def test_tools():
    """A tool's module uses what the tools share, and no other tool's."""
    seen: dict[str, set[str]] = {}
    for module in (module for module in MODULES if module.split(".")[0] == "tools"):
        _, _, rest = module.partition(".")
        place = "__init__" if not rest else "shared" if rest.partition(".")[0] == "shared" else "a tool"
        used = {name.split(".")[1] for name in own_imports(module) if name.startswith("tools.")}
        seen.setdefault(place, set()).update(used - ({"shared"} if place == "shared" else set()))
    assert seen == TOOLS


def test_no_circles():
    """No two modules import each other, at any distance."""
    assert list(TopologicalSorter({module: own_imports(module) for module in MODULES}).static_order())


def test_libraries():
    """Each third-party library is imported in one place alone, and there are no others."""
    users: dict[str, set[str]] = {}
    for module in MODULES:
        for library in {name.split(".")[0] for name in imported(module)} - sys.stdlib_module_names - {"gatekeeper"}:
            users.setdefault(library, set()).add(module)
    assert users == LIBRARIES
