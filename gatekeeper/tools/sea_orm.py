"""SeaORM, for Rust: a row per migration, by its file."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Table, Tool

_OWN_NAME = re.compile(r"\bimpl\s+(?:\w+::)*MigrationName\s+for\b(?:[^}]*?\bfn\s+name\b[^{]*\{\s*\"([^\"]+)\"\s*\})?")


def _read(tool: Tool, folder: Folder) -> Found:
    """Modules by the names of their files, whatever these are, or by the names that migrations give themselves."""
    named: list[tuple[str, str]] = []
    for path in folder:
        file = re.fullmatch(r"(?:.*/)?([^/.][^/]*)\.rs", path)
        text = layouts.without_comments(folder[path]) if file else ""
        own = _OWN_NAME.findall(text)
        if not all(own):
            raise ValueError(f"{path} computes its name, and nothing is run to know it; give --revision instead")
        named += [(name, path) for name in own]
        if file and (
            re.search(r"\bderive\([^)]*\bDeriveMigrationName\b", text)
            or (not own and re.match(r"m\d{8}_\d{6}_", file[1]))
        ):
            named.append((file[1], path))
    return layouts.ordered(tool, named)


TOOL = Tool(
    name="sea-orm",
    table=Table("seaql_migrations", ("version",), rows.applied_stem, "version"),
    also=("applied_at",),
    schemas=(CURRENT,),
    revision=revisions.stem,
    example="m20240102_000003_add_stock",
    order=revisions.by_text,
    directory=Directory(
        "m20240102_000003_add_stock.rs",
        _read,
        passed=r"\..*",
        signs=((r"[^/]+\.rs", r"\bDeriveMigrationName\b|\bMigrationTrait\b"),),
    ),
)
