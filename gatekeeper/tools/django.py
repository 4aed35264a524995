"""Django: a row per migration and app."""

from gatekeeper.tools.shared import apps, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="django",
    table=Table("django_migrations", ("app", "name", "id"), rows.applied_in_app, "id"),
    also=("applied",),
    revision=revisions.in_app,
    example="shop.0002_stock",
    directory=Directory(
        "shop/migrations/0003_stock.py",
        apps.read,
        signs=((apps.PATH, r"(?m)^from django\.db(\.migrations)? import .*\bmigrations\b"),),
    ),
)
