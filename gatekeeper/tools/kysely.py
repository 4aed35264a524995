"""Kysely, for TypeScript: a row per migration, by its file."""

import re

from gatekeeper.tools.shared import layouts, locks, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import PATH, Directory, Found, Table, Tool

_FILES = r"(?!.*\.d\.m?ts)([^/]*)\.(?:js|ts|mjs|mts)"


def _read(tool: Tool, folder: Folder) -> Found:
    """Modules that export a function `up`, of their own or another's (migration/file-migration-provider)."""
    exports = re.compile(
        r"\bup\b|\bexport *\* *from\b|export_?star\b|\b__reExport\b|\bexports *= *require\b", re.IGNORECASE
    )
    return layouts.ordered(
        tool,
        (
            (name, path)
            for name, path in layouts.files(tool, folder)
            if exports.search(layouts.without_comments(folder[path]))
        ),
    )


TOOL = Tool(
    name="kysely",
    table=Table("kysely_migration", ("name",), rows.applied_stem, "name"),
    also=("timestamp",),
    schemas=(PATH,),
    search_path=(),  # node-postgres knows no such parameter
    revision=revisions.stem,
    example="20240102030405_add_stock",
    order=revisions.by_text,
    lock_keys=locks.keys(3853314791062309107),
    lock_names=locks.names("ea586330-2c93-47c8-908d-981d9d270f9d"),
    directory=Directory(
        "20240102030405_add_stock.ts",
        _read,
        files=_FILES,
        in_any_encoding=True,
        signs=((layouts.CODE, r"(?s)\A(?=.*\bup\b).*(?:\bKysely<|['\"]kysely['\"])"),),
    ),
)
