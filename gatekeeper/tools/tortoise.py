"""Tortoise ORM's own migrations, since 1.0: a row per migration and app."""

from gatekeeper.tools.shared import apps, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, DRIVERS_SEARCH_PATH, Directory, Table, Tool

TOOL = Tool(
    name="tortoise",
    table=Table("tortoise_migrations", ("app", "name", "id"), rows.applied_in_app, "id"),
    also=("applied_at",),
    schemas=(CURRENT,),
    search_path=(*DRIVERS_SEARCH_PATH, "schema"),
    revision=revisions.in_app,
    example="shop.0002_stock",
    directory=Directory(
        "shop/migrations/0003_stock.py",
        apps.read,
        signs=((apps.PATH, r"(?m)^from tortoise\.migrations\b|^from tortoise import migrations\b"),),
    ),
)
