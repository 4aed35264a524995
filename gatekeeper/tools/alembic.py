"""Alembic: the table keeps the current heads of a graph, and no more."""

import configparser
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path, PurePath

from gatekeeper.tools.shared import python, revisions, rows
from gatekeeper.tools.shared.folder import Folder, text_of
from gatekeeper.tools.shared.record import Directory, Found, Table, Tool


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


def graph_of(files: Mapping[str, str]) -> Graph:
    """Return the graph of those files that have both a revision and a down revision, as Alembic demands."""
    read = {path: python.constants(path, text, "revision", "down_revision", "depends_on")
            for path, text in files.items() if _LOADED.fullmatch(path) and "down_revision" in text}  # fmt: skip
    homes = {_home(path) for path, values in read.items() if "down_revision" in values}
    for path in files:
        if _LOADED.fullmatch(path) and _home(path) in homes and "down_revision" not in read.get(path, ()):
            raise ValueError(
                f"{path} has no down_revision, without which Alembic reads none of its folder; move it away"
            )
    paths: dict[str, str] = {}
    labels: dict[str, str] = {}
    for path, values in read.items():
        if "down_revision" not in values:
            continue
        revision = values.get("revision")
        if not isinstance(revision, str) or not revision:
            raise ValueError(f'{path} has no revision; write for example revision = "ae1027a6acf2"')
        if revision in paths:
            raise ValueError(
                f"{paths[revision]} and {path} are both revision {revision}; give one of them another, "
                "or name the folder of one environment"
            )
        paths[revision] = path
    needed = {path: _names(path, read[path].get("depends_on")) for path in paths.values()}
    if not paths.keys() >= {name for names in needed.values() for name in names}:  # else labels may be computed
        labels = {label: revision for revision, path in paths.items() for label in _labels(path, files[path])}
    parents = {}
    for revision, path in sorted(paths.items(), key=lambda item: item[1]):
        down = _names(path, read[path]["down_revision"])
        needs = [_needed(name, paths, labels) for name in needed[path]]
        if lost := [name for name in (*down, *needs) if name not in paths]:
            raise ValueError(f"{path} follows {', '.join(lost)}, which no file has; add that file")
        parents[revision] = frozenset((*down, *needs))
    order = {revision: place for place, revision in enumerate(python.in_order(parents))}
    return Graph({revision: parents[revision] for revision in sorted(parents, key=order.__getitem__)})


def _home(path: str) -> str:
    return path.rpartition("/")[0]


_LOADED = re.compile(r"(?:.*/)?(?!\.#|__init__)[^/]*\.py")
"""Of the files of a folder of revisions, those that Alembic loads (script/base.py)."""


def _labels(path: str, text: str) -> tuple[str, ...]:
    return _names(path, python.constants(path, text, "branch_labels").get("branch_labels"))


def _names(path: str, value: object) -> tuple[str, ...]:
    return python.names(path, value, '"ae1027a6acf2"')


def _needed(name: str, revisions: Mapping[str, object], labels: Mapping[str, str]) -> str:
    """Return the revision that depends_on means: an id, a branch's label, the beginning of an id."""
    if name in revisions or name in labels:
        return labels.get(name, name)
    found = [revision for revision in revisions if revision.startswith(name)]
    return found[0] if len(found) == 1 else name


def _files(folder: Folder) -> dict[str, str]:
    """Return the modules that Alembic looks at: of a folder of revisions not what is below it, unless it is told to.

    That is said in its configuration, in the directory or above it. (script/base.py, `_list_py_dir`)
    """
    configuration = _configuration(folder.root)
    is_recursive = any(_RECURSIVE.search(text) for text in configuration.values())
    homes = _locations(configuration, folder.root)
    if any(_SOURCELESS.search(text) for text in configuration.values()):
        _refuse_compiled(homes or [folder.root])
    if homes:
        return _files_of(homes, folder.root, "__pycache__" if is_recursive else ".*")
    files = {path: folder[path] for path in folder if path.endswith(".py")}
    _refuse_environments(files)
    revisions = [path for path, text in files.items() if re.search(r"(?m)^down_revision\b", text)]
    homes_of_them = {PurePath(home) for home in {_home(path) for path in revisions}}
    inner = {str(home) for home in homes_of_them if not homes_of_them.isdisjoint(home.parents)}
    below = [path for path in revisions if _home(path) in inner]
    if not below or is_recursive:
        return files
    if not configuration:
        raise ValueError(
            f"{below[0]} is below a folder that has revisions too, and no alembic.ini in or above the directory tells "
            "whether Alembic reads it (recursive_version_locations); add that, or leave out what Alembic does not read"
        )
    known = {
        str(python.constants(path, files[path], "revision").get("revision")) for path in revisions if path not in below
    }
    for path in below:
        if known.intersection(_names(path, python.constants(path, files[path], "down_revision").get("down_revision"))):
            raise ValueError(
                f"{path} follows a revision of a folder above it, and Alembic reads it only if it is told to; add "
                "recursive_version_locations = true to alembic.ini, or leave out what Alembic does not read"
            )
    return {path: text for path, text in files.items() if path not in below}


_RECURSIVE = re.compile(r"(?m)^\s*recursive_version_locations\s*[=:](?!\s*(false|no|off|0)\b)")
_SOURCELESS = re.compile(r"(?m)^\s*sourceless\s*[=:]\s*(?!false|no|off|0)\w")
_LOCATIONS = re.compile(r"(?m)^\s*version_locations\s*[=:]")
"""Lines of a configuration that make Alembic look below a folder, at compiled files too, and in named folders alone."""


def _refuse_environments(files: Mapping[str, str]) -> None:
    """Raise ValueError for several environments, each of which has a history of its own."""
    homes = [path.removesuffix("env.py") for path in files if f"/{path}".endswith("/env.py")]
    homes = [home for home in homes if any(path.startswith(f"{home}versions/") for path in files)]
    if len(homes) > 1:
        raise ValueError(f"{homes[0] or './'} and {homes[1]} are environments of their own; name the folder of one")


def _refuse_compiled(places: Sequence[Path]) -> None:
    """Raise ValueError for a revision of which there is no text."""
    for path in (path for place in places for path in sorted(place.rglob("*.py[co]"))):
        folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
        if not (source := folder / f"{path.name.partition('.')[0]}.py").exists():
            raise ValueError(
                f"{path.name} is compiled, which Alembic reads where its configuration says sourceless, and nothing is "
                f"run to know it; add {source.name}, or give --revision instead"
            )


def _configuration(root: Path) -> dict[Path, str]:
    """Return the nearest configuration of Alembic's in or above a directory, by its files, nothing without one."""
    for place in (root, *root.parents):
        found = {}
        for name, mark in (("alembic.ini", ""), ("pyproject.toml", "[tool.alembic]")):
            if not (place / name).is_file():  # a pipe would never end
                continue
            with suppress(OSError, ValueError):  # what is no text
                text = text_of(place / name, name)
                if mark in text:
                    found[place / name] = text
        if found:
            return found
    return {}


def _locations(configuration: Mapping[Path, str], root: Path) -> list[Path]:
    """Return the version_locations of the environment that a directory is of; nothing where that has none.

    A configuration may have several environments, or be of another directory.
    """
    environments = [
        [Path(os.path.realpath(file.parent / location)) for location in locations]
        for file, text in configuration.items()
        if _LOCATIONS.search(text)
        for locations in _listed(file, text)
    ]
    real = Path(os.path.realpath(root))
    meant = [
        environment
        for environment in environments
        if any(home == real or home in real.parents or real in home.parents for home in environment)
    ]
    homes = list(dict.fromkeys(home for environment in meant for home in environment))
    if any({*environment}.isdisjoint(meant[0]) for environment in meant):
        raise ValueError(f"{homes[0]} and {homes[-1]} are of environments of their own; name the folder of one")
    others = [home for environment in environments for home in environment]
    lost = [home for home in homes or others if not home.is_dir()]
    if lost and (homes or lost == others):  # none is there: they may be meant from where Alembic is run
        raise ValueError(
            f"{', '.join(file.name for file in configuration)} has {lost[0]} among its version_locations, which is not "
            "there; add that folder, or give --revision instead"
        )
    return homes


def _listed(file: Path, text: str) -> list[list[str]]:
    """Return the version_locations of each environment, as Alembic splits them (config.py). Raises ValueError."""
    here = {"here": file.parent.as_posix()}
    try:
        if file.suffix == ".toml":
            found = [[each % here for each in tomllib.loads(text)["tool"]["alembic"].get("version_locations", ())]]
        else:
            parser = configparser.ConfigParser(here)
            parser.read_string(text)
            found = [_split(parser[section]) for section in parser.sections()]
    except (configparser.Error, ValueError, TypeError, KeyError) as fault:
        raise ValueError(
            f"{file.name} has version_locations that Alembic cannot read either ({fault}); mend it"
        ) from fault
    for location in (location for locations in found for location in locations):
        if ":" in location and not location.startswith("/"):
            raise ValueError(
                f"{file.name} has {location} among its version_locations, which is a Python package's, and nothing is "
                "run to find it; give --revision instead"
            )
    return found


def _split(section: Mapping[str, str]) -> list[str]:
    locations = section.get("version_locations", "")
    separator = section.get("path_separator", section.get("version_path_separator"))
    if separator is None:
        return re.split(r", *|(?: +)", locations) if locations else []
    return [each.strip() for each in locations.split(_SEPARATORS[separator]) if each]


_SEPARATORS = {"space": " ", "newline": "\n", "os": ":", ":": ":", ";": ";"}


def _files_of(homes: Sequence[Path], root: Path, passed: str) -> dict[str, str]:
    """Return the modules in folders, by their paths from a directory."""
    files: dict[str, str] = {}
    for home in homes:
        folder = Folder(home, passed, follows=False)
        above = os.path.relpath(home, os.path.realpath(root))
        files |= {os.path.normpath(f"{above}/{path}"): folder[path] for path in folder if path.endswith(".py")}
    return files


def _read(_: Tool, folder: Folder) -> Found:
    """The table keeps the current heads, so that these are what is wanted and the whole graph is known."""
    graph = graph_of(_files(folder))
    heads = tuple(graph.heads)
    return Found(heads, heads, known=frozenset(graph.parents))


def _standing_on(folder: Folder, given: Sequence[str]) -> Found:
    """Return revisions of the graph, each of which is proven by every head that stands on it too."""
    graph = graph_of(_files(folder))
    names = tuple(dict.fromkeys(name for text in given for name in graph.resolve(text)))
    proofs = {name: tuple(frozenset({other}) for other in graph.descendants(name)) for name in names}
    return Found(names, names, proofs, frozenset(graph.parents))


TOOL = Tool(
    name="alembic",
    table=Table("alembic_version", ("version_num",), rows.applied()),
    revision=revisions.word,
    example="ae1027a6acf2",
    heads=True,
    directory=Directory(
        "versions/ae1027a6acf2_add_stock.py",
        _read,
        signs=((r".+\.py", r"(?m)^down_revision\b"),),
        standing_on=_standing_on,
    ),
)
