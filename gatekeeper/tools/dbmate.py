"""dbmate: a row per migration."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Place, Table, Tool


def _place(left: Mapping[str, str]) -> Place:
    """The first name of the URL's `search_path`, as it is spelled, if there is such a schema or not (postgres.go)."""
    first = left.get("search_path", "").partition(",")[0].strip()
    return Place(first or None)


TOOL = Tool(
    name="dbmate",
    table=Table("schema_migrations", ("version",), rows.applied(), "version"),
    has_namesake=True,
    schemas=(CURRENT,),
    place=_place,
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
