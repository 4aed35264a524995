"""Laravel: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="laravel",
    table=Table("migrations", ("migration", "id"), rows.applied(), "id"),
    also=("batch",),
    has_namesake=True,
    revision=revisions.stem,
    example="2024_01_02_030405_add_stock",
    order=revisions.by_text,
    directory=Directory(
        "2024_01_02_030405_add_stock.php",
        layouts.plain,
        files=r"([^/]*_[^/]*)\.php",
        signs=((layouts.PAGE, r"\bIlluminate\\Database\\Migrations\\"),),
    ),
)
