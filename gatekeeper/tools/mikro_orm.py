"""MikroORM, for TypeScript: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="mikro-orm",
    table=Table("mikro_orm_migrations", ("name", "id"), rows.applied_stem, "id"),
    also=("executed_at",),
    revision=revisions.stem,
    example="Migration20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "Migration20240102030405.ts",
        layouts.plain,
        files=r"(?!.*\.d\.[cm]?ts)([^/.][^/]*)\.(?:js|ts|cjs)",
        signs=((layouts.CODE, r"@mikro-orm/migrations|\bextends (\w+\.)?Migration\b"),),
    ),
)
