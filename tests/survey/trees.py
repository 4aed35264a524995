"""Directories of migrations of random shape, as pure values: the same seed gives the same tree.

A tree has migrations, of which some are merged only after others were applied, and oddities: files beside them of which
each tool has its own opinion. What a migration looks like is the tool's `Style`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from random import Random

Files = dict[str, str]
"""Path -> text."""


@dataclass(frozen=True)
class Migration:
    """One migration, as every tool has it."""

    place: int
    """Where it was made among the others; no two have the same."""
    number: str
    """What its name begins with."""
    slug: str
    app: str
    """One of a few, for tools that have apps."""
    needs: tuple["Migration", ...] = ()
    """What it stands on, for tools that have graphs."""
    late: bool = False
    """Whether it is merged after others were applied."""

    @property
    def name(self) -> str:
        return f"{self.number}_{self.slug}"

    @property
    def sql(self) -> str:
        """Return a statement that no other migration's gets in the way of."""
        return f"CREATE TABLE t{self.place} (id int)"


@dataclass(frozen=True)
class Entry:
    """What is at a path of a tree, which may lead out of it."""

    path: str
    text: str = ""
    link: str = ""
    """What it is a link to, if it is one."""
    late: bool = False


@dataclass(frozen=True)
class Tree:
    """A directory, as it is first and as it becomes."""

    entries: tuple[Entry, ...]
    count: int
    """How many of the first migrations the tool is to apply, 0 for all."""
    oddities: tuple[str, ...]
    """What is odd about it, in the names of `ODD`."""


Needs = Callable[[Random, Sequence[Migration], str], Sequence[Migration]]


@dataclass(frozen=True)
class Style:
    """What a tool's migrations look like."""

    files: Callable[[Random, Migration], Files]
    """The files of one migration."""
    frame: Callable[[Sequence[Migration]], Files] = lambda _: {}
    """The files that are no migration's, given those that are there."""
    needs: Needs | None = None
    """Those before it -> what a migration of an app names as what it stands on, which is never merged after it."""
    counts: bool = True
    """Whether the tool can be told how many to apply."""


SLUGS = ("add_users", "create-index", "drop_Column", "a", "v2.0", "init", "up", "down", "add_users2", "x1", "test")
NUMBERS: tuple[Callable[[int], str], ...] = (
    str,
    "{:03}".format,
    "{:05}".format,
    lambda number: str(20240101000000 + number * 10101),
    lambda number: str(1704067200000 + number * 86400),
)


def tree(random: Random, style: Style) -> Tree:
    """Return a tree of this style."""
    migrations = _migrations(random, style)
    odd = [random.choice(list(ODD)) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]
    entries = [*_framed(style, migrations)]
    for migration in migrations:
        entries += [Entry(path, text, late=migration.late) for path, text in style.files(random, migration).items()]
    for name in odd:
        made = _extra(random, style, migrations)
        entries += [replace(entry, late=made.late) for entry in ODD[name](style.files(random, made), random)]
    count = random.randint(1, 3) if style.counts and random.random() < 0.5 else 0
    mounted = random.random() < 0.08 and not any("/" in entry.path or entry.link for entry in entries)
    return Tree(tuple(_mounted(entries) if mounted else entries), count, (*odd, *(["mounted"] if mounted else [])))


def _migrations(random: Random, style: Style) -> list[Migration]:
    """Return a few migrations."""
    written, number = random.choice(NUMBERS), random.choice((0, 0, 1, 1, 1, 7))
    made: list[Migration] = []
    for place in range(random.choice((0, 1, 2, 3, 3, 4, 5, 6, 8))):
        slug = random.choice(SLUGS) if random.random() < 0.5 else random.choice(SLUGS[:2])
        made.append(_next(random, style, made, Migration(place, written(number), slug, random.choice(APPS)), 0.35))
        number += random.choice((1, 1, 1, 2, 9))
    return made


APPS = ("shop", "billing", "group/stock")


def _extra(random: Random, style: Style, migrations: Sequence[Migration]) -> Migration:
    """Return one more migration, whose files an oddity makes of what it will, with a number of its own."""
    last = migrations[-1] if migrations else Migration(0, random.choice(NUMBERS)(0), "", random.choice(APPS))
    number = str(int(last.number) + random.randint(10, 99)).zfill(len(last.number))
    extra = Migration(random.randint(100, 999), number, random.choice(SLUGS), last.app)
    return _next(random, style, migrations, extra, 0.6)


def _next(random: Random, style: Style, before: Sequence[Migration], migration: Migration, late: float) -> Migration:
    """Return a migration that follows others, and is merged late with this probability."""
    needs = tuple(style.needs(random, before, migration.app)) if style.needs else ()
    is_late = random.random() < late or any(one.late for one in needs)
    return replace(migration, needs=needs, late=is_late)


def in_branches(random: Random, before: Sequence[Migration], _: str) -> list[Migration]:
    """Stand on the last, mostly; now and then on an older one, or on all heads at once."""
    heads = [one for one in before if not any(one in other.needs for other in before)]
    if before and random.random() < 0.15:
        return [random.choice(before)]
    return heads if random.random() < 0.4 else heads[:1]


def in_apps(random: Random, before: Sequence[Migration], app: str) -> list[Migration]:
    """Stand on the last one of the app, and now and then on one of another app."""
    own = [one for one in before if one.app == app][-1:]
    others = [one for one in before if one.app != app]
    return [*own, random.choice(others)] if others and random.random() < 0.3 else own


def _framed(style: Style, migrations: Sequence[Migration]) -> list[Entry]:
    first = style.frame([migration for migration in migrations if not migration.late])
    then = {path: text for path, text in style.frame(migrations).items() if first.get(path) != text}
    early = [Entry(path, text) for path, text in first.items()]
    return [*early, *(Entry(path, text, late=True) for path, text in then.items())]


def _mounted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the tree as the kubelet mounts a ConfigMap."""
    linked = [Entry(entry.path, link=f"..data/{entry.path}", late=entry.late) for entry in entries]
    data = [replace(entry, path=f"..2024_11_28/{entry.path}") for entry in entries]
    return [*data, Entry("..data", link="..2024_11_28"), *linked]


# -- oddities -----------------------------------------------------------------------------------------------------

Oddity = Callable[[Mapping[str, str], Random], list[Entry]]
"""The files of a migration -> what is there in their place."""


def _renamed(change: Callable[[PurePosixPath], str]) -> Oddity:
    """Give the files other names, or put them elsewhere: the last part of a path is what changes."""

    def odd(files: Mapping[str, str], _: Random) -> list[Entry]:
        paths = {PurePosixPath(path): text for path, text in files.items()}
        return [Entry(str(path.parent / change(path)), text) for path, text in paths.items()]

    return odd


def _rewritten(change: Callable[[str], str]) -> Oddity:
    return lambda files, _: [Entry(path, change(text)) for path, text in files.items()]


def _beside(name: str, text: str) -> Oddity:
    return lambda files, _: [Entry(str(PurePosixPath(path).parent / name), text) for path in list(files)[:1]]


def _linked(files: Mapping[str, str], random: Random) -> list[Entry]:
    """Links to files that are elsewhere."""
    entries = []
    for path, text in files.items():
        elsewhere = f"elsewhere/{random.randrange(10**6)}-{PurePosixPath(path).name}"
        entries += [Entry(f"../{elsewhere}", text), Entry(path, link="../" * (path.count("/") + 1) + elsewhere)]
    return entries


def _folder_linked(files: Mapping[str, str], random: Random) -> list[Entry]:
    """A link to a folder that is elsewhere."""
    elsewhere = f"elsewhere/{random.randrange(10**6)}"
    inside = [Entry(f"../{elsewhere}/{PurePosixPath(path).name}", text) for path, text in files.items()]
    parent = PurePosixPath(next(iter(files))).parent
    return [*inside, Entry(str(parent / "more"), link="../" * len([*parent.parts, ""]) + elsewhere)]


def _module(files: Mapping[str, str], _: Random) -> list[Entry]:
    """ECMAScript's kind of module."""
    paths = {PurePosixPath(path): text for path, text in files.items()}
    return [
        Entry(str(path.with_suffix(".mjs")), text.replace("exports.", "export const ")) for path, text in paths.items()
    ]


def _dangling(files: Mapping[str, str], _: Random) -> list[Entry]:
    return [Entry(path, link="nowhere") for path in files]


def _folders(files: Mapping[str, str], _: Random) -> list[Entry]:
    """Folders with the names of the files."""
    return [Entry(f"{path}/.gitkeep") for path in files]


ODD: Mapping[str, Oddity] = {
    "one more": _renamed(lambda path: path.name),
    "hidden": _renamed(lambda path: f".{path.name}"),
    "underscore": _renamed(lambda path: f"_{path.name}"),
    "tilde": _renamed(lambda path: f"~{path.name}"),
    "letter first": _renamed(lambda path: f"x{path.name}"),
    "space": _renamed(lambda path: path.name.replace("_", " ", 1)),
    "hyphen": _renamed(lambda path: path.name.replace("_", "-", 1)),
    "dot": _renamed(lambda path: path.name.replace("_", ".", 1)),
    "two underscores": _renamed(lambda path: path.name.replace("_", "__", 1)),
    "no separator": _renamed(lambda path: path.name.replace("_", "", 1)),
    "not ASCII": _renamed(lambda path: path.name.replace("_", "_é", 1)),
    "below": _renamed(lambda path: f"archive/{path.name}"),
    "in a hidden folder": _renamed(lambda path: f".old/{path.name}"),
    "in node_modules": _renamed(lambda path: f"node_modules/{path.name}"),
    "backup": _renamed(lambda path: f"{path.name}.bak"),
    "editor's": _renamed(lambda path: f"{path.name}~"),
    "no extension": _renamed(lambda path: path.stem),
    "upper case": _renamed(lambda path: f"{path.stem}{path.suffix.upper()}"),
    "test": _renamed(lambda path: f"{path.stem}_test{path.suffix}"),
    "spec": _renamed(lambda path: f"{path.stem}.spec{path.suffix}"),
    "declaration": _renamed(lambda path: f"{path.stem}.d.ts"),
    "another extension": _renamed(lambda path: f"{path.stem}.txt"),
    "TypeScript": _renamed(lambda path: f"{path.stem}.ts"),
    "module": _module,
    "link": _linked,
    "link to a folder": _folder_linked,
    "link to nothing": _dangling,
    "folder of its name": _folders,
    "byte order mark": _rewritten(lambda text: f"\ufeff{text}"),
    "Windows' lines": _rewritten(lambda text: text.replace("\n", "\r\n")),
    "nothing in it": _rewritten(lambda _: ""),
    "README": _beside("README.md", "# Migrations\n"),
    "keep": _beside(".gitkeep", ""),
    "index": _beside("index.js", "module.exports = {};\n"),
    "script": _beside("seed.sql", "SELECT 1;\n"),
    "helper": _beside("helpers.py", "X = 1\n"),
}
