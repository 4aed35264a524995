"""Directories of migrations of random shape, as pure values: the same seed gives the same tree.

A tree has migrations, of which some are merged only after others were applied, now and then a squash, which takes the
place of the first few, and oddities: files beside them of which each tool has its own opinion. What a migration looks
like is the tool's `Style`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    label: str = ""
    """The name of the branch that begins with it, for tools that name some."""
    needs: tuple["Migration", ...] = field(default=(), compare=False)
    """What it stands on, for tools that have graphs."""
    replaces: tuple["Migration", ...] = field(default=(), compare=False)
    """What it says that it replaces, for tools that can be told."""
    late: bool = field(default=False, compare=False)
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
    gone: bool = False
    """Whether it is removed."""
    late: bool = False


@dataclass(frozen=True)
class Tree:
    """A directory, as it is first and as it becomes."""

    entries: tuple[Entry, ...]
    count: int
    """How many of the first migrations the tool is to apply, 0 for all."""
    oddities: tuple[str, ...]
    """What is odd about it, in the names of `ODD`, `SQUASH` and `MOUNTED`."""


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
    squashes: bool = False
    """Whether a migration may say what of its app it replaces, which may stay beside it then."""


SLUGS = ("add_users", "create-index", "drop_Column", "a", "v2.0", "init", "up", "down", "add_users2", "x1", "test")
NUMBERS: tuple[Callable[[int], str], ...] = (
    str,
    "{:03}".format,
    "{:05}".format,
    lambda number: str(20240101000000 + number * 10101),
    lambda number: str(1704067200000 + number * 86400),
)


SQUASH, MOUNTED = "squash", "mounted"


def tree(random: Random, style: Style) -> Tree:
    """Return a tree of this style."""
    migrations = _migrations(random, style)
    odd = [random.choice(list(ODD)) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]
    is_late = random.random() < 0.7
    after = _squashed(random, style, migrations, late=is_late) if random.random() < 0.3 else migrations
    before = [one for one in (migrations if is_late else after) if not one.late]
    salt = random.random()
    entries = _changes(_files(style, salt, before), _files(style, salt, after))
    for name in odd:
        made = _extra(random, style, after)
        entries += [replace(entry, late=made.late) for entry in ODD[name](style.files(random, made), random)]
    count = random.randint(1, 3) if style.counts and random.random() < 0.5 else 0
    marks = [SQUASH] if after is not migrations else []
    if random.random() < 0.08 and not any("/" in entry.path or entry.link for entry in entries):
        entries, marks = _mounted(entries), [*marks, MOUNTED]
    return Tree(tuple(entries), count, (*odd, *marks))


def _files(style: Style, salt: float, migrations: Sequence[Migration]) -> Files:
    """Return the files of migrations, each the same wherever it is among others."""
    files = dict(style.frame(migrations))
    for migration in migrations:
        files |= style.files(Random(f"{salt} {migration.place}"), migration)
    return files


def _changes(first: Files, then: Files) -> list[Entry]:
    """Return the files that are there first, and what is done to them later."""
    early = [Entry(path, text) for path, text in first.items()]
    late = [Entry(path, text, late=True) for path, text in then.items() if first.get(path) != text]
    return [*early, *late, *(Entry(path, gone=True, late=True) for path in first if path not in then)]


def _migrations(random: Random, style: Style) -> list[Migration]:
    """Return a few migrations."""
    written, number = random.choice(NUMBERS), random.choice((0, 0, 1, 1, 1, 7))
    late = 0.12 if style.needs else 0.35  # of a graph, all that stands on what is late is late too
    made: list[Migration] = []
    for place in range(random.choice((0, 1, 2, 3, 3, 4, 5, 6, 8))):
        slug = random.choice(SLUGS) if random.random() < 0.5 else random.choice(SLUGS[:2])
        label = f"line{place}" if random.random() < 0.2 else ""
        one = Migration(place, written(number), slug, random.choice(APPS), label)
        made.append(_next(random, style, made, one, late))
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


def _squashed(random: Random, style: Style, migrations: Sequence[Migration], *, late: bool) -> Sequence[Migration]:
    """Return the migrations after one took the place of the first few.

    Tools that can be told what it replaces leave these beside it at first, and what follows them as it is.
    """
    early = [one for one in migrations if not one.late]
    if style.squashes and early:
        app = random.choice(early).app
        early = [one for one in early if one.app == app]
    replaced = early[: random.randint(2, 4)]
    if len(replaced) < 2:
        return migrations
    is_told, stays, follows = (style.squashes and random.random() < 0.7 for _ in range(3))
    needs = dict.fromkeys(need for one in replaced for need in one.needs if need not in replaced)
    last = replaced[-1]
    replaces = tuple(replaced) if is_told else ()
    squash = Migration(len(migrations), last.number, "squashed", last.app, "", tuple(needs), replaces, late)
    if is_told and stays:
        return [squash, *migrations]

    def following(one: Migration) -> Migration:
        return replace(one, needs=tuple(dict.fromkeys(squash if need in replaced else need for need in one.needs)))

    others = [one for one in migrations if one not in replaced]
    return [squash, *(others if is_told and follows else map(following, others))]


def in_branches(random: Random, before: Sequence[Migration], _: str) -> list[Migration]:
    """Stand on the last, mostly; now and then on an older one, or on all heads at once."""
    heads = [one for one in before if not any(one in other.needs for other in before)]
    if before and random.random() < 0.15:
        return [random.choice(before)]
    return heads if random.random() < 0.4 else heads[:1]


def in_apps(random: Random, before: Sequence[Migration], app: str) -> list[Migration]:
    """Stand on those of the app, in the same way, and now and then on one of another app."""
    own = [one for one in before if one.app == app and not any(one in other.replaces for other in before)]
    needs = in_branches(random, own, app) if random.random() < 0.3 else own[-1:]
    others = [one for one in before if one.app != app]
    return [*needs, random.choice(others)] if others and random.random() < 0.3 else needs


def _mounted(entries: Sequence[Entry]) -> list[Entry]:
    """Return the tree as the kubelet mounts a ConfigMap."""
    linked = [replace(entry, text="", link=f"..data/{entry.path}") for entry in entries]
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
