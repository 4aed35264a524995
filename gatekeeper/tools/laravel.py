"""Laravel: a row per migration, by its file."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Place, Table, Tool


def _place(left: Mapping[str, str]) -> Place:
    """The URL's `prefix` is put before the table's name, as before every other one."""
    return Place(table=f"{left['prefix']}migrations" if left.get("prefix") else "")


TOOL = Tool(
    name="laravel",
    table=Table("migrations", ("migration", "id"), rows.applied(), "id"),
    also=("batch",),
    has_namesake=True,
    schemas=(CURRENT,),
    search_path=(),  # whose names it quotes one by one
    place=_place,
    revision=revisions.stem,
    example="2024_01_02_030405_add_stock",
    order=revisions.by_text,
    directory=Directory(
        "2024_01_02_030405_add_stock.php",
        layouts.plain,
        files=r"(?!\.)([^/]*_[^/]*)\.php",
        signs=((layouts.PAGE, r"\bIlluminate\\Database\\Migrations\\"),),
    ),
)
