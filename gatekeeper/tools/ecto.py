"""Ecto, for Elixir: a row per migration, by its number."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Place, Table, Tool


def _place(left: Mapping[str, str]) -> Place:
    """Every key of the repo's configuration may stand in its URL (ecto/repo/supervisor.ex)."""
    return Place(table=left.get("migration_source", ""))


TOOL = Tool(
    name="ecto",
    table=Table("schema_migrations", ("version",), rows.applied_number, "version"),
    also=("inserted_at",),
    has_namesake=True,
    schemas=(CURRENT,),
    search_path=(),  # Postgrex ends with it
    parameters=("migration_source", "migration_lock", "migration_timestamps", "migration_default_prefix"),
    place=_place,
    revision=revisions.number,
    example="20240102030405",
    order=int,
    directory=Directory(
        "20240102030405_add_stock.exs",
        layouts.once,
        files=r"(?:.*/)?([+-]?\d+_[^/]*)\.exs",  # a sign is refused: Integer.parse reads it
        passed=r"\..*",
        signs=((r"(.*/)?\d+_[^/]*\.exs", r"\buse Ecto\.Migration\b"),),
    ),
)
