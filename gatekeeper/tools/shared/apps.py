"""Migrations of apps, each in its app's folder `migrations`, as Django and Tortoise have them."""

import ast
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from gatekeeper.tools.shared import python
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import PASSED, Found, Tool

Files = Mapping[str, str]

PATH = r"(?:(?:.*/)?migrations/)?[^/]+\.py"
"""Pattern of the path of what may be a migration, in a project or in an app's own folder of them."""
_IN_APP = re.compile(r"(?:(?P<app>.*)/)?migrations/(?P<name>[^/._~][^/.]*)\.py")
_COMPILED = re.compile(r"((?:.*/)?migrations/[^/._~][^/.]*)(?:\.[^/]*)?\.(?:pyc|so|pyd)")
_MODULE = r"(?:.*/)?migrations/[^/_~][^/]*\.(?:pyc?|so)"
"""What Python lists as a module: also a folder, which it cannot load."""
_ELSEWHERE = re.compile(r"(?:.*/)?[^/._~][^/.]*\.py")
_LOOKS = re.compile(r"(?m)^class Migration\([\w.]*\bMigration\)")


@dataclass(frozen=True, slots=True)
class AppMigrations:
    """Migrations by `app.name`, each with what it says of others."""

    parents: Mapping[str, frozenset[str]]
    replaces: Mapping[str, frozenset[str]]
    """Only of those that replace others, which Django calls squashed."""

    @property
    def wanted(self) -> list[str]:
        """Return what must be applied, in order: whatever is replaced is so by way of what replaces it."""
        return python.in_order(self._standing())

    @property
    def leaves(self) -> list[str]:
        """Return those that no other one of their app follows."""
        followed = {(_app(name), parent) for name, parents in self._standing().items() for parent in parents}
        return [name for name in self.wanted if (_app(name), name) not in followed]

    def _standing(self) -> dict[str, frozenset[str]]:
        """Return the graph without what is replaced; what replaces it stands in for it."""
        instead = {each: name for name, replaced in self.replaces.items() for each in replaced}

        def stand_in(name: str) -> str:
            while name in instead:
                name = instead[name]
            return name

        return {
            name: frozenset(each for each in map(stand_in, parents) if each in self.parents and each != name)
            for name, parents in self.parents.items()
            if name not in instead
        }


def _app(name: str) -> str:
    return name.partition(".")[0]


def app_migrations(files: Files, folder: str, *, squashes: bool) -> AppMigrations:
    """Return the migrations of every app, whose label is the name of its folder unless its configuration has another.

    A folder called migrations in which no module has a class Migration is some other tool's.
    """
    modules = {path: _IN_APP.fullmatch(path) for path in files}
    told = {path: _told(path, files[path], squashes=squashes) for path, found in modules.items() if found}
    ours = {_home(path) for path, found in told.items() if found}
    beside: dict[str, list[str]] = {}
    for path in files:
        if path.endswith(".py"):
            beside.setdefault(_home(path), []).append(path)
    labels: dict[str, str] = {}
    parents, replaces = {}, {}
    for path, migration in told.items():
        found = modules[path]
        if not found or _home(path) not in ours:
            continue
        if migration is None:
            raise ValueError(f"{path} has no class Migration; begin its name with _ if it is not a migration")
        app = found["app"] or ""
        if app not in labels:
            labels[app] = _label(files, app or folder, beside.get(app, ()))
        name = f"{labels[app]}.{found['name']}"
        if name in parents:
            raise ValueError(f"there are two migrations {name}; set a label in the apps.py of one of the two apps")
        parents[name], replaced = migration
        if replaced:
            replaces[name] = replaced
    # Else there is no end to what stands in for a migration.
    python.in_order({name: replaced & replaces.keys() for name, replaced in replaces.items()})
    return AppMigrations(parents, replaces)


def _told(path: str, text: str, *, squashes: bool) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return what a migration depends on, and what it replaces; None for what is none. No syntax tree is kept."""
    if not (migration := _class(path, text, "Migration")):
        return None
    # A squash that computes them has a row of its own in the end, and so has each of them (record_migration).
    replaced = _pairs(migration, "replaces") if squashes and _is_written_out(migration, "replaces") else []
    return frozenset(_pairs(migration, "dependencies")), frozenset(replaced)


def _home(path: str) -> str:
    return path.rpartition("/")[0]


def _label(files: Files, app: str, modules: Iterable[str]) -> str:
    """Return an app's label. Its configuration is in apps.py, or in the module of it that the settings name."""
    labels = set[str]()
    for path in modules:
        is_for_it = f"/{path}".endswith("/apps.py")
        text = files[path]
        for node in python.parse(path, text).body if "label" in text and (is_for_it or "AppConfig" in text) else ():
            if isinstance(node, ast.ClassDef) and (is_for_it or _is_configuration(node)):
                told = [value for name, value in python.assignments(node.body) if name == "label"]
                labels |= {_name(path, python.literal(path, "label", value)) for value in told}
    if len(labels) > 1:
        raise ValueError(f"{app} has the labels {' and '.join(sorted(labels))}; leave one, or give --revision")
    return labels.pop() if labels else _name(app, app.rpartition("/")[2])


def _is_configuration(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith("AppConfig") for base in node.bases)


def _name(path: str, label: object) -> str:
    if not isinstance(label, str) or not label:
        raise ValueError(f"the app of {path or 'these migrations'} has no name; mount them as APP/migrations")
    return label


def _class(path: str, text: str, name: str) -> ast.ClassDef | None:
    classes = (node for node in python.parse(path, text).body if isinstance(node, ast.ClassDef) and node.name == name)
    return next(classes, None)


def _values(migration: ast.ClassDef, name: str) -> list[ast.expr | None]:
    return [value for assigned, value in python.assignments(migration.body) if assigned == name]


def _is_written_out(migration: ast.ClassDef, name: str) -> bool:
    with suppress(ValueError):
        return all(python.literal("", name, value) is not None for value in _values(migration, name))
    return False


def _pairs(migration: ast.ClassDef, name: str) -> list[str]:
    """Return an attribute's `("app", "name")`, each as `app.name`; calls and names among them are left out."""
    pairs = []
    for node in (node for value in _values(migration, name) if value for node in ast.walk(value)):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(app)), ast.Constant(value=str(migration_name))]):
                pairs.append(f"{app}.{migration_name}")
    return pairs


def _refuse_compiled(folder: Folder) -> None:
    """Raise ValueError for a migration of which there is no text: Python loads it as any other."""
    for path in folder:
        if (found := _COMPILED.fullmatch(path)) and f"{found[1]}.py" not in folder:
            raise ValueError(f"{path} is compiled, and nothing is run to know it; add {found[1]}.py, or remove it")


def _refuse_elsewhere(folder: Folder) -> None:
    """Raise ValueError for a migration that only settings (Django's MIGRATION_MODULES) may make one of some app."""
    for path in folder:
        if _ELSEWHERE.fullmatch(path) and not _IN_APP.fullmatch(path) and _LOOKS.search(folder.text(path)):
            raise ValueError(
                f"{path} has a class Migration and is in no folder called migrations, so that only the settings tell "
                "whether it runs, and for which app; name the directory of one app, or give --revision instead"
            )


def read(tool: Tool, folder: Folder) -> Found:
    """Below a project, one app, or its migrations folder alone, whose configuration then lies beside it."""
    if folder.root.name == "migrations":
        modules = sorted(path.name for path in folder.root.parent.glob("*.py"))
        folder = Folder(folder.root.parent, PASSED, only=("migrations", *modules))
    _refuse_compiled(folder)
    folder.refuse_called(_MODULE)
    _refuse_elsewhere(folder)
    apps = app_migrations(folder, folder.root.name, squashes=tool.name == "django")
    return Found(
        tuple(apps.wanted), tuple(apps.leaves), {name: (replaced,) for name, replaced in apps.replaces.items()}
    )
