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
    """Classes by namespace and name, all of a file's, in folders by year and month too (src/Finder).

    Which namespace is that of migrations the configuration says. So some are known by their base class or their file,
    and what is in or below the namespace of one is a migration too, or stops Doctrine.
    """
    classes = [
        (name, parent, path) for path in folder if path.lower().endswith(".php") for name, parent in _in(folder[path])
    ]
    known = [
        name
        for name, parent, path in classes
        if parent.endswith("Migration") or re.fullmatch(r"(?:.*/)?(?i:version)[^/]*", path)
    ]
    spaces = tuple(name.rpartition("\\")[0].lower() + "\\" for name in known if "\\" in name)
    return layouts.ordered(
        tool, ((name, path) for name, _, path in classes if name in known or name.lower().startswith(spaces))
    )


def _in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the base class of each class of a file that has one and is not abstract."""
    namespace = ""
    for found in _DECLARED.finditer(layouts.without_comments(text)):
        if found["class"]:
            yield namespace + found["class"], found["base"]
        else:
            namespace = f"{found['namespace']}\\" if found["namespace"] else ""


_DECLARED = re.compile(
    r"(?im)(?:^|(?<=[;{}/\]])|(?<=<\?php))[ \t]*"
    r"(?:namespace\b\s*(?P<namespace>[\w\\]*)\s*[;{]"
    r"|(?:(?:final|readonly)\s+)*class\s+(?P<class>\w+)\s+extends\s+(?P<base>[\w\\]+))"
)
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
    directory=Directory(
        "Version20240102030405.php", _read, passed=NONE, in_any_encoding=True, signs=((layouts.PAGE, _SIGN),)
    ),
)
