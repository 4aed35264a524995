"""Doctrine Migrations, for PHP: a row per migration, by its class."""

import re
from collections.abc import Iterator

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Event
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, NONE, Directory, Found, Table, Tool


def revision(text: str) -> str:
    r"""`DoctrineMigrations\Version20240102030405`, or without the namespace, which then may be any."""
    found = re.fullmatch(r"(?:[A-Za-z_]\w*\\)*[A-Za-z_]\w*", name := revisions.stem(text).removeprefix("\\"), re.ASCII)
    if not found:
        raise ValueError("a revision is a PHP class")
    return name


def _events(name: object) -> Iterator[Event]:
    """Known by its class, with and without the namespace."""
    if not re.fullmatch(r"(?:[^\W\d]\w*\\)*[^\W\d]\w*", text := values.text(name)):
        raise ValueError(f"{name!r} is not a PHP class")
    yield Applied(text)
    yield Applied(text.rpartition("\\")[2])


def _read(tool: Tool, folder: Folder) -> Found:
    """Classes by namespace and name, all of a file's, in folders by year and month too (src/Finder)."""
    named = []
    for path in folder:
        text = layouts.without_comments(folder[path]).replace("<?php", "") if path.endswith(".php") else ""
        namespace = re.search(r"(?m)^[ \t]*namespace\s+([\w\\]+)\s*[;{]", text)
        classes = re.findall(r"(?m)^[ \t]*(?:final +|readonly +)*class\s+(\w+)\s+extends\s+([\w\\]+)", text)
        for name, parent in classes:
            if parent.endswith("Migration") or re.fullmatch(r"(?:.*/)?(?i:version)[^/]*", path):
                named.append((f"{namespace[1]}\\{name}" if namespace else name, path))
    return layouts.ordered(tool, named)


_SIGN = r"\bDoctrine\\Migrations\\|(?m:^(?:final +)?class +Version\d{14} +extends\b)"
"""What Doctrine makes names its base class, which may be the project's own then."""

TOOL = Tool(
    name="doctrine",
    table=Table(
        "doctrine_migration_versions",
        ("version",),
        rows.many(_events),
        "version",
    ),
    also=("executed_at", "execution_time"),
    schemas=(CURRENT,),
    revision=revision,
    example="DoctrineMigrations\\Version20240102030405",
    order=revisions.by_leading_number(r"(\d+)\w*$"),
    directory=Directory("Version20240102030405.php", _read, passed=NONE, signs=((layouts.PAGE, _SIGN),)),
)
