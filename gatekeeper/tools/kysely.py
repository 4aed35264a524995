"""Kysely, for TypeScript: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, locks, revisions, rows
from gatekeeper.tools.shared.record import PATH, Directory, Table, Tool

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
        layouts.plain,
        files=r"(?!.*\.d\.m?ts)([^/.][^/]*)\.(?:js|ts|mjs|mts)",
        signs=((layouts.CODE, r"\bKysely<|['\"]kysely['\"]"),),
    ),
)
