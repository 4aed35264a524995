"""Directories in the ways in which several tools lay their migrations out."""

import re
from collections.abc import Iterable
from pathlib import PurePath

from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Found, Tool

CODE = r"[^/]+\.[cm]?[jt]s"
"""Pattern of the path of a module in JavaScript or TypeScript."""
PAGE = r".+\.php"
UP = r"\bup\b[ =:]*(?:async *)?(?:function *\w* *)?\(? *"
"""Pattern of the beginning of a function `up` in JavaScript, before its first parameter."""
_RIGHT = "rename or remove it, a right name is {0.example}"
SCRIPTS = "co|coffee|eg|iced|js|cjs|mjs|litcoffee|ls|ts|cts|mts"
"""The extensions of modules that Knex and node-pg-migrate load (rechoir's interpret)."""


def plain(tool: Tool, folder: Folder) -> Found:
    """Names tell it all. Several files of one name, up and down or source and compiled, are one migration."""
    return ordered(tool, files(tool, folder))


def with_extension(tool: Tool, folder: Folder) -> Found:
    """As plain, of a tool whose rows have a file's extension: it alone is left out of a name, and not one before it."""
    extension = PurePath(tool.directory.example if tool.directory else "").suffix
    return ordered(tool, ((name + extension, path) for name, path in files(tool, folder)))


def in_folders(tool: Tool, folder: Folder) -> Found:
    """Every folder that the tool looks into is a migration, whatever it is called; one without its file stops it."""
    found, file = plain(tool, folder), PurePath(tool.directory.example if tool.directory else "").name
    for path in folder.folders if found.revisions else ():
        if folder.looks_into(path) and "/" not in path and f"{path}/{file}" not in folder:
            raise ValueError(
                f"{path} is a folder without {file} and stops {tool.name}; add that file, or remove the folder"
            )
    return found


def files(tool: Tool, folder: Folder) -> list[tuple[str, str]]:
    """Return name and path of each migration. Raises ValueError for what stops the tool, which runs nothing then."""
    layout = tool.directory
    pattern, refused = (layout.files, layout.refused) if layout else ("", "")
    found = [(file[1], path) for path in folder if (file := re.fullmatch(pattern, path))]
    for path in folder if found and refused else ():
        if re.fullmatch(refused, path) and not re.fullmatch(pattern, path):
            raise ValueError(f"{path} stops {tool.name}, which runs no other migration then; {_RIGHT.format(layout)}")
    folder.refuse_called(pattern)
    return found


def each_once(named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return migrations, given as name and path, of a tool that runs none where two files have one name."""
    paths: dict[str, str] = {}
    for name, path in named:
        if paths.setdefault(name, path) != path:
            raise ValueError(
                f"{paths[name]} and {path} are both {name}; give one of them another, or name the folder of one"
            )
    return list(paths.items())


def once(tool: Tool, folder: Folder) -> Found:
    """Names tell it all, and each file is a migration of its own."""
    return ordered(tool, each_once(files(tool, folder)))


def ordered(tool: Tool, named: Iterable[tuple[str, str]]) -> Found:
    """Return migrations, given as name and path, in the tool's order; two names of one revision are a mistake."""
    names: dict[str, str] = {}
    for name, path in named:
        try:
            revision = tool.revision(name)
        except ValueError as fault:
            right = f"; {_RIGHT.format(tool.directory)}" if tool.directory else ""
            raise ValueError(f"{path} is called as no migration of {tool.name} is ({fault}){right}") from fault
        if names.setdefault(revision, name) != name:
            raise ValueError(f"{names[revision]} and {name} ({path}) are both {revision}; give one of them another")
    in_order = sorted(names, key=lambda revision: _place(tool, revision))
    return Found(tuple(in_order), tuple(in_order[-1:]))


def _place(tool: Tool, revision: str) -> tuple[bool, tuple[object, ...], str]:
    """Return where a revision sorts: those without a place come last."""
    place = tool.order(revision) if tool.order else None
    return place is None, () if place is None else (place,), revision


def without_comments(text: str) -> str:
    """Leave out what is commented out from the beginning of a line, in PHP, JavaScript and TypeScript."""
    return re.sub(r"(?m)^[ \t]*(?:(?://|#(?!\[)).*$|/\*(?s:.*?)\*/)", "", text)
