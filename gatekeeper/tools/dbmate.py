"""dbmate: a row per migration."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="dbmate",
    table=Table("schema_migrations", ("version",), rows.applied(), "version"),
    has_namesake=True,
    revision=revisions.digits,
    example="20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "20240102030405_add_stock.sql",
        layouts.plain,
        files=r"(\d+[^/]*)\.sql",
        signs=((r"[^/]+\.sql", r"(?m)^-- *migrate:up\b"),),
    ),
)
