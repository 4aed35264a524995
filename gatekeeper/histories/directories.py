"""Read a directory of migrations, without running any of it: which must be applied, which is the newest, whose it is.

How a tool's directory looks is in the tool's own module. Here all faults are Misconfigured.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gatekeeper import tools
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories.judge import Wanted
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import PASSED, Directory, Found, Tool

SAMPLES = 50
"""How many files are searched for what gives a tool away."""
_HOME = re.compile(r"(?:.*/)?(?i:migrations?|migrate|drizzle|alembic)")
"""Path of a folder that is called as migrations are kept."""
_PROJECT = ("Cargo.toml", "atlas.hcl", "composer.json", "go.mod", "package.json", "pyproject.toml", "setup.py")
"""What lies in a project's own folder, whose files may be called as migrations are, and are none."""
_NOT_OURS = re.compile(rf"(?:.*/)?(?:{PASSED}|vendor)(?:/.*)?")
"""Path of what others have written, whose migrations are theirs."""
_VENDORED = re.compile(rf"(?:.*/)?vendor/{_HOME.pattern}")
"""Path of a folder of such migrations."""
_ABOVE = ("sqitch.plan", "meta")
"""What lies beside a folder that was named instead of the one that has it."""


def wanted(tool: Tool, directory: str, given: Sequence[str] = ()) -> Wanted:
    """Return what must be applied: every migration of the directory, or those given out of its graph."""
    place, found = _read(tool, directory, given)
    if found.unproven:
        raise Misconfigured(f"{place}: {found.unproven}")
    return Wanted(found.revisions, place, found.proofs, found.known, found.elsewhere, is_whole=not given)


def newest(tool: Tool, directory: str) -> list[str]:
    """Return the newest revisions of the directory, to be given as --revision."""
    place, found = _read(tool, directory)
    if not found.newest:
        raise Misconfigured(f"{place}: {found.unproven}")
    return list(found.newest)


def recognise(directory: str, *, surely: bool = False) -> Tool:
    """Return the tool whose migrations these unmistakably are, or one of several that agree on the newest.

    `surely` is for where its history matters: what several agree on, and what is only called so, is not enough there.
    """
    folder = _folder(directory, begins_in_a_file=os.path.isfile(directory))  # noqa: PTH113 - as given, `/./` and all
    try:
        found = _recognised(folder)
        folder = _folder(directory) if folder.named and not found else folder
        below = [(home, Folder(Path(home), PASSED)) for home in _homes(directory, folder)]
        if found:
            _refuse_others(found, directory, below)
            _refuse_more(found[0], directory, below)
        told = [] if found else [(home, place, each) for home, place in below if (each := _recognised(place))]
    except (OSError, ValueError) as fault:
        raise _misconfigured(directory, fault) from fault
    if len(told) == 1:
        [(home, folder, found)] = told
        _refuse_more(found[0], directory, below)
        directory = home
    if not found:
        raise Misconfigured(
            f"{directory}: no tool's migrations are recognised in it; {_one_of([home for home, _, _ in told])}"
            "name the tool, for example --tool flyway"
        )
    if surely and (len(found) > 1 or not _has_sign(found[0].directory, folder)):
        raise _several(found, directory)
    return found[0] if len(found) == 1 else _agreeing(found, directory)


def _recognised(folder: Folder) -> list[Tool]:
    """Return the tools that have a sign in the folder, else those whose migrations are called so."""
    return _signed(folder) or [
        tool for tool, layout in _layouts(folder) if layout.looks and _matching(layout.looks, folder)
    ]


def _signed(folder: Folder) -> list[Tool]:
    """Return the tools that have a sign in the folder."""
    return [tool for tool, layout in _layouts(folder) if _has_sign(layout, folder)]


def _layouts(folder: Folder) -> list[tuple[Tool, Directory]]:
    """Return the tools whose directory this may be: a file is named for some alone."""
    layouts = [(tool, tool.directory) for tool in tools.every() if tool.directory]
    return [(tool, layout) for tool, layout in layouts if layout.begins_in_a_file or not folder.named]


def _refuse_others(found: Sequence[Tool], directory: str, below: Sequence[tuple[str, Folder]]) -> None:
    """Raise Misconfigured where a folder of migrations below has a sign of another tool, and none of those found."""
    for home, folder in below:
        if any(_has_sign(tool.directory, folder) for tool in found):
            continue
        for other in _signed(folder):
            raise Misconfigured(
                f"{directory}: these may be the migrations of {found[0].name}, and those in {home} of {other.name}; "
                f"name the tool, for example --tool {found[0].name}, or write {home} if that is meant"
            )


def _refuse_more(tool: Tool, directory: str, below: Sequence[tuple[str, Folder]]) -> None:
    """Raise Misconfigured where folders of migrations below say another thing than the directory as a whole.

    It may be a project with what others have written, or with databases of several kinds. An app has one each.
    """
    layout = tool.directory
    if layout is None or layout.begins_in_a_file or any(map(_HOME.fullmatch, layout.example.split("/"))):
        return
    homes = [
        home for home, place in below if _has_sign(layout, place) or (layout.looks and _matching(layout.looks, place))
    ]
    homes = [home for home in homes if not any(home.startswith(f"{other}/") for other in homes)]
    if len(homes) > 1 or (homes and _told(tool, homes[0]) != _told(tool, directory)):
        places = homes[:2] if len(homes) > 1 else [*homes, "elsewhere in it"]
        raise Misconfigured(
            f"{directory}: there are migrations of {tool.name} in {' and '.join(places)}; "
            f"{_one_of(homes)}name the tool, for example --tool {tool.name}, which takes all of them"
        )


def _homes(directory: str, folder: Folder) -> list[str]:
    """Return the folders below one that are called as migrations are kept."""
    if folder.named:
        return []
    return [f"{directory}/{path}" for path in folder.folders if _HOME.fullmatch(path) and not _NOT_OURS.fullmatch(path)]


def _one_of(homes: Sequence[str]) -> str:
    """Return what to write instead of a directory that has several such folders, or none."""
    return f"write {' or '.join(homes)} if that is meant, or " if homes else ""


def _agreeing(found: Sequence[Tool], directory: str) -> Tool:
    """Return the first of several tools that can read the directory, if they find the same in it."""
    answers = {_told(tool, directory) for tool in found}
    if len(answers) != 1 or None in answers:
        raise _several(found, directory)
    return found[0]


def _several(found: Sequence[Tool], directory: str) -> Misconfigured:
    return Misconfigured(
        f"{directory}: these may be the migrations of {' or '.join(tool.name for tool in found)}; "
        f"name the tool, for example --tool {found[0].name}"
    )


def _told(tool: Tool, directory: str) -> tuple[str, ...] | None:
    """Return the newest that a tool finds in a directory that has its signs, None if it cannot read it."""
    try:
        return tuple(newest(tool, directory))
    except Misconfigured:
        return None


def _folder(
    directory: str,
    passed: str = PASSED,
    *,
    follows: bool = True,
    begins_in_a_file: bool = False,
    in_any_encoding: bool = False,
) -> Folder:
    """Return a folder. A file may be named with it: what is before `/./` is the folder then, else where the file is."""
    place, name = directory, ""
    if begins_in_a_file and os.path.isfile(directory):  # noqa: PTH113 - as given, `/./` and all
        place, _, name = directory.partition("/./") if "/./" in directory else directory.rpartition("/")
    try:
        folder = Folder(Path(place), passed=passed, follows=follows, in_any_encoding=in_any_encoding)
    except (OSError, ValueError) as fault:
        raise _misconfigured(directory, fault) from fault
    folder.named = os.path.normpath(name) if name else ""
    return folder


def _read(tool: Tool, directory: str, given: Sequence[str] = ()) -> tuple[str, Found]:
    """Return the directory that is given, or else the only folder of migrations below it, and what is in it."""
    layout = tool.directory
    if not layout:
        why = tool.in_code or "a history of one's own has no migrations directory"
        raise Misconfigured(f"{directory}: {why}; give --revision instead, for example --revision {tool.example}")
    here = _found(tool, layout, directory, given)
    marks = [name for name in _PROJECT if here.revisions and Path(directory, name).exists()]
    if here.revisions and not marks:
        return directory, here
    below = [
        (home, _found(tool, layout, home, given))
        for home in _homes(directory, _folder(directory, begins_in_a_file=layout.begins_in_a_file))
    ]
    below = [(home, found) for home, found in below if found.revisions]
    if here.revisions and (not below or any({*here.revisions} & {*found.revisions} for _, found in below)):
        return directory, here
    if here.revisions:
        raise Misconfigured(
            f"{directory}: {here.newest[-1]} may be a migration of {tool.name} or a file of the project that has "
            f"{marks[0]}; {_one_of([home for home, _ in below])}leave {marks[0]} out"
        )
    if len(below) == 1:
        return below[0]
    hint = "" if below else _above(tool, layout, Path(directory).absolute())
    raise Misconfigured(
        f"{directory}: there is no migration of {tool.name} in it; {hint}{_one_of([home for home, _ in below])}"
        f"a right one is {layout.example}"
    )


def _above(tool: Tool, layout: Directory, place: Path) -> str:
    """Return what to write instead of a folder of a directory that has migrations."""
    with suppress(OSError, ValueError):
        if layout.read(tool, Folder(place.parent, PASSED, only=(place.name, *_ABOVE))).revisions:
            return f"write {place.parent} if that is meant, or "
    return ""


def _found(tool: Tool, layout: Directory, directory: str, given: Sequence[str]) -> Found:
    folder = _folder(
        directory,
        layout.passed,
        follows=layout.follows,
        begins_in_a_file=layout.begins_in_a_file,
        in_any_encoding=layout.in_any_encoding,
    )
    try:
        found = layout.standing_on(folder, given) if given and layout.standing_on else layout.read(tool, folder)
        if layout.in_any_encoding:
            _refuse_replaced(found)
        if found.revisions:
            _refuse_vendored(tool, layout, directory, folder, found)
    except (OSError, ValueError) as fault:
        raise _misconfigured(directory, fault) from fault
    return found


def _refuse_replaced(found: Found) -> None:
    """Raise ValueError for a name that is in another encoding than the text was read in."""
    for revision in found.revisions:
        if "\N{REPLACEMENT CHARACTER}" in revision:
            raise ValueError(f"the name {revision!a} is not UTF-8 text where it is written; save that as UTF-8")


def _refuse_vendored(tool: Tool, layout: Directory, directory: str, folder: Folder, found: Found) -> None:
    """Raise ValueError where some are in what others have written: a project may have that below its own folder."""
    vendored = [path for path in folder.folders if _VENDORED.fullmatch(path) and folder.looks_into(path)]
    if vendored and layout.read(tool, _folder(directory, f"{layout.passed}|vendor")).revisions != found.revisions:
        raise ValueError(
            f"{vendored[0]} has migrations that others have written, which {tool.name} runs only if it is told to; "
            f"{_one_of(_homes(directory, folder))}leave vendor out"
        )


def _misconfigured(directory: str, fault: OSError | ValueError) -> Misconfigured:
    if isinstance(fault, OSError):
        return Misconfigured(
            f"{fault.filename or directory}: cannot be read ({fault.strerror}); "
            "write the path of one that is mounted and readable, for example /app/migrations"
        )
    return Misconfigured(f"{directory}: {fault}")


def _has_sign(layout: Directory | None, folder: Folder) -> bool:
    return any(
        not text or re.search(text, folder.text(path))
        for name, text in (layout.signs if layout else ())
        for path in _matching(name, folder)[-SAMPLES:]
    )


def _matching(pattern: str, folder: Folder) -> list[str]:
    return [path for path in ([folder.named] if folder.named else folder) if re.fullmatch(pattern, path)]
