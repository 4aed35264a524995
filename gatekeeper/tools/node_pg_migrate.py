"""node-pg-migrate: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, locks, revisions, rows
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="node-pg-migrate",
    table=Table("pgmigrations", ("name", "id"), rows.applied_stem, "id"),
    also=("run_on",),
    schemas=("public",),
    is_postgres_only=True,
    search_path=(),  # node-postgres knows no such parameter
    parameters=("search_path", "currentSchema", "schema"),
    revision=revisions.stem,
    example="1700000000000_add-stock",
    order=revisions.by_leading_number(r"^(\d+)"),
    lock_keys=locks.keys(7241865325823964),
    directory=Directory(
        "1700000000000_add-stock.js",
        layouts.plain,
        files=rf"([^/.][^/]*)\.(?:{layouts.SCRIPTS}|sql)",
        refused=r"[^/.][^/]*(?<!\.map)",  # it loads whatever is there, but for what --ignore-pattern leaves out
        signs=(
            (layouts.CODE, r"\bMigrationBuilder\b|node-pg-migrate|" + layouts.UP + r"pgm\b"),
            (r"[^/]+\.sql", r"(?m)^-- Up Migration\b"),
        ),
    ),
)
