"""Migrations that are Python modules: Alembic's, Django's, Tortoise's and yoyo's, read by `ast`, never imported.

Pure: files are texts by their paths. Whatever cannot be told without running it is a ValueError, with a clause that
says which file it is in and what would be right.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Any

Files = Mapping[str, str]

_COMPOUND = (ast.If, ast.Try, ast.With, ast.For, ast.While)


# -- Alembic ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Graph:
    """Alembic's revisions, each with what must be there before it: its down revisions and what it depends on."""

    parents: Mapping[str, frozenset[str]]

    @property
    def heads(self) -> list[str]:
        """Return those that no other one needs: all of these, and no others, have a row in the end."""
        needed = frozenset[str]().union(*self.parents.values())
        return [revision for revision in self.parents if revision not in needed]

    def descendants(self, revision: str) -> list[str]:
        """Return what stands on a revision, at any distance."""
        found = {revision}
        for other in TopologicalSorter(self.parents).static_order():
            if self.parents[other] & found:
                found.add(other)
        return [other for other in self.parents if other in found and other != revision]

    def resolve(self, text: str) -> list[str]:
        """Return the revisions that a user means by an id, the beginning of one, `head` or `heads`."""
        if text == "heads" or (text == "head" and len(self.heads) == 1):
            return self.heads
        if text == "head":
            raise ValueError(f"it has the heads {', '.join(self.heads)}; write heads, or one of them")
        if text in self.parents:
            return [text]
        found = [revision for revision in self.parents if revision.startswith(text)]
        if len(found) != 1:
            means = f"it may be {' or '.join(found)}" if found else "no file has it"
            raise ValueError(f"{text!r} is not one of its revisions, {means}; write for example {self.heads[-1]}")
        return found


def alembic_graph(files: Files) -> Graph:
    """Return the graph of those files that have both a revision and a down revision, as Alembic demands."""
    read = {path: _constants(path, text, "revision", "down_revision", "depends_on", "branch_labels")
            for path, text in files.items() if path.endswith(".py") and "down_revision" in text}  # fmt: skip
    paths: dict[str, str] = {}
    labels: dict[str, str] = {}
    for path, values in read.items():
        if "down_revision" not in values:
            continue
        revision = values.get("revision")
        if not isinstance(revision, str) or not revision:
            raise ValueError(f'{path} has no revision; write for example revision = "ae1027a6acf2"')
        if revision in paths:
            raise ValueError(f"{paths[revision]} and {path} are both revision {revision}; give one of them another")
        paths[revision] = path
        labels |= dict.fromkeys(_names(path, values.get("branch_labels")), revision)
    parents = {}
    for revision, path in sorted(paths.items(), key=lambda item: item[1]):
        down = _names(path, read[path]["down_revision"])
        needs = [_needed(name, paths, labels) for name in _names(path, read[path].get("depends_on"))]
        if lost := [name for name in (*down, *needs) if name not in paths]:
            raise ValueError(f"{path} follows {', '.join(lost)}, which no file has; add that file")
        parents[revision] = frozenset((*down, *needs))
    order = {revision: place for place, revision in enumerate(_sorted(parents))}
    return Graph({revision: parents[revision] for revision in sorted(parents, key=order.__getitem__)})


def _needed(name: str, revisions: Mapping[str, object], labels: Mapping[str, str]) -> str:
    """Return the revision that depends_on means: an id, a branch's label, the beginning of an id."""
    if name in revisions or name in labels:
        return labels.get(name, name)
    found = [revision for revision in revisions if revision.startswith(name)]
    return found[0] if len(found) == 1 else name


def _names(path: str, value: object) -> tuple[str, ...]:
    """Return what Alembic writes as None, one name or several."""
    names = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list | set) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'{path} has {value!r} where names are to be; write for example "ae1027a6acf2"')
    return tuple(names)


# -- Django, Tortoise ---------------------------------------------------------------------------------------------

_IN_APP = re.compile(r"(?:(?P<app>.*)/)?migrations/(?P<name>[^/._~][^/.]*)\.py")


@dataclass(frozen=True, slots=True)
class AppMigrations:
    """Migrations by `app.name`, each with what it says of others."""

    parents: Mapping[str, frozenset[str]]
    replaces: Mapping[str, frozenset[str]]
    """Only of those that replace others, which Django calls squashed."""

    @property
    def wanted(self) -> list[str]:
        """Return what must be applied, in order: whatever is replaced is so by way of what replaces it."""
        return _sorted(self._standing())

    @property
    def leaves(self) -> list[str]:
        """Return those that no other one of their app follows."""
        followed = {(_app(name), parent) for name, parents in self._standing().items() for parent in parents}
        return [name for name in self.wanted if (_app(name), name) not in followed]

    def proofs(self, name: str) -> list[frozenset[str]]:
        """Return the sets of rows that prove a squashed migration as well as its own: all of what it replaces."""
        if not (replaced := self.replaces.get(name)):
            return []
        ways = [[frozenset({each}), *self.proofs(each)] for each in sorted(replaced)]
        return [frozenset[str]().union(*way) for way in product(*ways)]

    def _standing(self) -> dict[str, frozenset[str]]:
        """Return the graph without what is replaced; what replaces it stands in for it."""
        instead = {each: name for name, replaced in self.replaces.items() for each in replaced}

        def stand_in(name: str) -> str:
            while name in instead:
                name = instead[name]
            return name

        return {
            name: frozenset(map(stand_in, parents)) & self.parents.keys() - {name}
            for name, parents in self.parents.items()
            if name not in instead
        }


def _app(name: str) -> str:
    return name.partition(".")[0]


def app_migrations(files: Files, folder: str, *, squashes: bool) -> AppMigrations:
    """Return the migrations of every app, whose label is the name of its folder unless its apps.py says otherwise.

    A folder called migrations in which no module has a class Migration is some other tool's.
    """
    modules = {path: _IN_APP.fullmatch(path) for path in files}
    classes = {path: _class(path, files[path], "Migration") for path, found in modules.items() if found}
    ours = {path.rpartition("/")[0] for path, found in classes.items() if found}
    labels: dict[str, str] = {}
    parents, replaces = {}, {}
    for path, migration in classes.items():
        found = modules[path]
        if not found or path.rpartition("/")[0] not in ours:
            continue
        if migration is None:
            raise ValueError(f"{path} has no class Migration; begin its name with _ if it is not a migration")
        app = found["app"] or ""
        if app not in labels:
            labels[app] = _label(files, app, folder)
        name = f"{labels[app]}.{found['name']}"
        if name in parents:
            raise ValueError(f"there are two migrations {name}; set a label in the apps.py of one of the two apps")
        parents[name] = frozenset(_pairs(path, migration, "dependencies", strict=False))
        if squashes and (replaced := _pairs(path, migration, "replaces", strict=True)):
            replaces[name] = frozenset(replaced)
    _sorted({name: replaced & replaces.keys() for name, replaced in replaces.items()})  # else proofs have no end
    return AppMigrations(parents, replaces)


def _label(files: Files, app: str, folder: str) -> str:
    path = f"{app}/apps.py".lstrip("/")
    tree = _parse(path, files[path]) if path in files else ast.Module([], [])
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    labels = [value for node in classes for name, value in _assignments(node.body) if name == "label"]
    if len(labels) > 1:
        raise ValueError(f"{path} has several labels; leave one, or give --revision")
    label = _literal(path, "label", labels[0]) if labels else app.rpartition("/")[2] or folder
    if not isinstance(label, str) or not label:
        raise ValueError("the app that these migrations are of has no name; mount them as APP/migrations")
    return label


def _class(path: str, text: str, name: str) -> ast.ClassDef | None:
    classes = (node for node in _parse(path, text).body if isinstance(node, ast.ClassDef) and node.name == name)
    return next(classes, None)


def _pairs(path: str, migration: ast.ClassDef, name: str, *, strict: bool) -> list[str]:
    """Return an attribute's `("app", "name")`, each as `app.name`; calls and names among them are left out."""
    values = [value for assigned, value in _assignments(migration.body) if assigned == name and value]
    if strict:
        for value in values:
            _literal(path, name, value)
    pairs = []
    for node in (node for value in values for node in ast.walk(value)):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(app)), ast.Constant(value=str(migration_name))]):
                pairs.append(f"{app}.{migration_name}")
    return pairs


# -- yoyo ---------------------------------------------------------------------------------------------------------


def yoyo_order(files: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return names of migrations, given with their paths and texts, in yoyo's order: by name, after what they need."""
    needs = {name: _yoyo_needs(path, text) for name, (path, text) in files.items()}
    for name, others in needs.items():
        if lost := others - needs.keys():
            raise ValueError(f"{files[name][0]} depends on {', '.join(sorted(lost))}, which no file has; add that file")
    _sorted(needs)
    left, order = sorted(needs), list[str]()
    while left:
        following = next(name for name in left if needs[name] <= set(order))
        order.append(following)
        left.remove(following)
    return order


def _yoyo_needs(path: str, text: str) -> frozenset[str]:
    if path.endswith(".py"):
        return frozenset(_names(path, _constants(path, text, "__depends__").get("__depends__")))
    comments = re.match(r"(?:[^\S\n]*(?:--[^\n]*)?(?:\n|\Z))*", text)
    return frozenset(" ".join(re.findall(r"(?m)^\s*--\s*depends\s*:(.*)$", comments[0] if comments else "")).split())


# -- Python -------------------------------------------------------------------------------------------------------


def _parse(path: str, text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise ValueError(f"{path} is not Python that can be parsed ({fault}); mend the file") from fault


def _constants(path: str, text: str, *names: str) -> dict[str, Any]:
    """Return the constants that a module assigns to some names."""
    return {name: _literal(path, name, value) for name, value in _assignments(_parse(path, text).body) if name in names}


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield names and their values; no value where it depends on what happens when the code runs."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    names = (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
                    yield from ((name, value if isinstance(target, ast.Name) else None) for name in names)
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value:
                yield name, value
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name, None
            case _ if isinstance(statement, _COMPOUND):
                inside = (node for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement)
                yield from ((name, None) for name, _ in _assignments(list(inside)))


def _literal(path: str, name: str, value: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(value or ast.Name(name))
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{path} computes {name}, and nothing is run to know it; write it out") from None


def _sorted(graph: Mapping[str, frozenset[str]]) -> list[str]:
    """Return a graph's names, each after those that it follows, else in the graph's own order."""
    try:
        return list(TopologicalSorter({name: sorted(others) for name, others in graph.items()}).static_order())
    except CycleError as fault:
        raise ValueError(f"{', '.join(fault.args[1])} follow each other in a circle; mend their order") from fault
