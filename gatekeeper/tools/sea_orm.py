"""SeaORM, for Rust: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool

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
        layouts.plain,
        files=r"(m\d{8}_\d{6}_\w+)\.rs",
        signs=((r"[^/]+\.rs", r"\bDeriveMigrationName\b|\bMigrationTrait\b"),),
    ),
)
