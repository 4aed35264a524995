"""TypeORM: a row per migration, by its class."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Table, Tool


def revision(text: str) -> str:
    """`AddUsers1700000000000`, or as its file is called, `1700000000000-AddUsers.ts`, `1700000000000-add-users.ts`."""
    name = revisions.stem(text)
    if file := re.fullmatch(r"(\d{13})-([\w-]+)", name, re.ASCII):
        words = re.split("[-_]", file[2])
        return "".join(part[:1].upper() + part[1:] for part in words) + file[1]
    return name


_FILES = r"(?:.*/)?[^/.][^/]*(?<!\.d)\.[cm]?[jt]s"
_CLASS = re.compile(
    r"(?:\b([\w$]+)\s*=\s*)?\bclass\b(?:\s+(?!(?:extends|implements)\b)([\w$]+))?([^{]*)|\bfunction\s+(\w*\d{13})\s*\("
)
"""A class, also one that is assigned to its name, as bundlers write it, or a function, as ES5 has it."""
_OWN = re.compile(r"(?m)(?:^|[;{}.]|public|readonly)[ \t]*name *(?:: *string *)?= *[\"'`](\w*\d{13})\b")
_KEPT = re.compile(r"\bstatic *\{ *[\w$]+\(this, *[\"'](\w*\d{13})[\"']\)")
"""What a migration says its name is, and what a bundler that has shortened its class's."""


def _read(tool: Tool, folder: Folder) -> Found:
    """Classes by their property `name`, else by their own, which ends in 13 digits (MigrationExecutor.ts)."""
    named: list[tuple[str, str]] = []
    for path in folder:
        text = layouts.without_comments(folder[path]) if re.fullmatch(_FILES, path) else ""
        parts = _CLASS.split(text)[1:]
        before = len(named)
        for variable, written, head, function, body in zip(*(parts[place::5] for place in range(5)), strict=True):
            own = _OWN.search(body) or _KEPT.search(body)
            name = own[1] if own else written or variable or function or ""
            if re.search(r"\d{13}$", name):
                named.append((name, path))
            elif head and "MigrationInterface" in head:
                raise ValueError(f"{path} has a class {name} without a time in its name; call it {name}1700000000000")
        if len(named) == before and re.match(r"(?:.*/)?\d{13}-", path) and re.search(r"\bup\b", text):
            raise ValueError(
                f"{path} has no class with a time in its name, and nothing is run to know it; name its class"
            )
    return layouts.ordered(tool, named)


TOOL = Tool(
    name="typeorm",
    table=Table("migrations", ("name", "timestamp"), rows.applied(), "timestamp"),
    also=("id",),
    has_namesake=True,
    schemas=(CURRENT,),
    search_path=(),  # node-postgres knows no such parameter
    revision=revision,
    example="AddStock1700000000000",
    order=revisions.by_leading_number(r"(\d{13})$"),
    directory=Directory(
        "1700000000000-AddStock.ts",
        _read,
        passed=r"\..*",
        in_any_encoding=True,
        signs=((layouts.CODE, r"\bMigrationInterface\b|\bclass \w*[A-Za-z_]\d{13}\b"),),
    ),
)
