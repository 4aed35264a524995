"""Knex, for JavaScript: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool

TOOL = Tool(
    name="knex",
    table=Table("knex_migrations", ("name", "id"), rows.applied_stem, "id"),
    also=("batch", "migration_time"),
    lock_table=Table("{}_lock", ("is_locked",), rows.locked("knex_migrations_lock", rows.by())),
    schemas=(CURRENT,),
    search_path=(),  # node-postgres knows no such parameter
    revision=revisions.stem,
    example="20240102030405_add_stock",
    order=revisions.by_text,
    directory=Directory(
        "20240102030405_add_stock.js",
        layouts.with_extension,
        files=rf"(?!.*\.d\.ts)([^/]+)\.(?:{layouts.SCRIPTS})",
        signs=((r"[^/]+\.\w+", layouts.UP + r"knex\b|from ['\"]knex['\"]"),),
    ),
)
