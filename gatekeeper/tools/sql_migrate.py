"""sql-migrate, for Go: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool

TOOL = Tool(
    name="sql-migrate",
    table=Table("gorp_migrations", ("id",), rows.applied_stem, "id"),
    also=("applied_at",),
    schemas=(CURRENT,),
    revision=revisions.stem,
    example="3_add_stock",
    order=revisions.by_leading_number(r"^(\d+)"),
    directory=Directory(
        "3_add_stock.sql",
        layouts.with_extension,
        files=r"([^/]*)\.sql",
        signs=((r"[^/]+\.sql", r"(?m)^-- *\+migrate Up\b"),),
    ),
)
