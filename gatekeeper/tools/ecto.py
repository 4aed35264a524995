"""Ecto, for Elixir: a row per migration, by its number."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="ecto",
    table=Table("schema_migrations", ("version",), rows.applied_number, "version"),
    also=("inserted_at",),
    has_namesake=True,
    revision=revisions.number,
    example="20240102030405",
    order=int,
    directory=Directory(
        "20240102030405_add_stock.exs",
        layouts.plain,
        files=r"(?:.*/)?(\d+_[^/]*)\.exs",
        signs=((r"(.*/)?\d+_[^/]*\.exs", r"\buse Ecto\.Migration\b"),),
    ),
)
