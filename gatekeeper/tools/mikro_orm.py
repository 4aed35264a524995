"""MikroORM, for TypeScript: a row per migration, by its file."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import Directory, Place, Table, Tool


def _place(left: Mapping[str, str]) -> Place:
    """The URL's `schema`, whatever the search path (core/connections/Connection.js)."""
    return Place(left.get("schema"))


TOOL = Tool(
    name="mikro-orm",
    table=Table("mikro_orm_migrations", ("name", "id"), rows.applied_stem, "id"),
    also=("executed_at",),
    schemas=("public",),
    search_path=(),  # node-postgres knows no such parameter
    parameters=("schema", "search_path", "currentSchema"),
    place=_place,
    revision=revisions.stem,
    example="Migration20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "Migration20240102030405.ts",
        layouts.plain,
        files=r"([^/]*)(?<!\.d)\.(?:js|ts|cjs)",  # `!(*.d)` takes hidden ones too
        signs=((layouts.CODE, r"@mikro-orm/migrations|\bextends (\w+\.)?Migration\b"),),
    ),
)
