"""Entity Framework Core, for .NET: a row per migration, by its id.

EFCore.NamingConventions spells the columns in another way (`migration_id`, `MIGRATION_ID`, `migrationid`), and leaves
the table's name as it is.
"""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Table, Tool


def _read(tool: Tool, folder: Folder) -> Found:
    """A migration is a class with this attribute, which the tools write into NAME.Designer.cs (MigrationsAssembly).

    Several contexts may share a history, each of which has a newest.
    """
    contexts: dict[str, list[tuple[str, str]]] = {}
    for path in folder:
        text = folder[path] if path.endswith(".cs") else ""
        for found in _ATTRIBUTE.finditer(text):
            if not found["id"]:
                raise ValueError(
                    f"{path} computes the id of a migration, and nothing is run to know it; write it out, or give "
                    "--revision instead"
                )
            context = _CONTEXT.search(text)
            contexts.setdefault(context[1] if context else "", []).append((found["id"], path))
    every = [layouts.ordered(tool, named) for named in contexts.values()] or [layouts.plain(tool, folder)]
    wanted = layouts.ordered(tool, ((revision, "") for found in every for revision in found.revisions))
    return Found(wanted.revisions, tuple(revision for found in every for revision in found.newest))


_ATTRIBUTE = re.compile(
    r"(?m)^[^\n\"/]*[\[,]\s*(?:[\w.]+\.)?Migration(?:Attribute)?\s*\(\s*(?:id\s*:\s*)?(?:@?\"(?P<id>[^\"]+)\"\s*\)|[^\s\")])"
)


_CONTEXT = re.compile(r"\bDbContext(?:Attribute)?\s*\(\s*typeof\s*\(\s*([\w.:]+)")


TOOL = Tool(
    name="ef-core",
    table=Table("__EFMigrationsHistory", ("MigrationId",), rows.applied(), "MigrationId"),
    also=("ProductVersion",),
    respells_columns=True,
    schemas=(CURRENT,),
    revision=revisions.stem,
    example="20240102030405_AddStock",
    order=revisions.by_text,
    directory=Directory(
        "20240102030405_AddStock.cs",
        _read,
        files=r"(?:.*/)?(\d{14}_[^/.]+)\.cs",
        in_any_encoding=True,
        signs=((r".+\.cs", r"\[Migration\(\""),),
    ),
)
