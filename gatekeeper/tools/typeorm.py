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


def _read(tool: Tool, folder: Folder) -> Found:
    """Classes by their property `name`, else by their own, which ends in 13 digits (MigrationExecutor.ts)."""
    named = []
    for path in folder:
        text = layouts.without_comments(folder[path]) if re.fullmatch(_FILES, path) else ""
        parts = re.split(r"\bclass\s+([\w$]+)([^{]*)", text)[1:]
        for class_name, head, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            own = re.search(r"(?m)(?:^|[;{.]|public|readonly)[ \t]*name *(?:: *string *)?= *[\"'`](\w*\d{13})\b", body)
            name = own[1] if own else class_name
            if re.search(r"\d{13}$", name):
                named.append((name, path))
            elif "MigrationInterface" in head:
                raise ValueError(f"{path} has a class {name} without a time in its name; call it {name}1700000000000")
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
        signs=((layouts.CODE, r"\bMigrationInterface\b|\bclass \w*[A-Za-z_]\d{13}\b"),),
    ),
)
