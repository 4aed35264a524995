"""Phinx and CakePHP: a row per migration, by its number, with the instant at which it ended."""

from collections.abc import Mapping

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.record import Directory, Place, Table, Tool


def _place(left: Mapping[str, str]) -> Place:
    """The DSN's `schema` and `migration_table` are the environment's (src/Phinx/Util/Util.php)."""
    table = left.get("migration_table", "")
    if "." in table:
        raise ValueError("migration_table has a dot; leave it out, and write for example --table app.phinxlog")
    return Place(left.get("schema"), table)


TOOL = Tool(
    name="phinx",
    table=Table(
        "phinxlog",
        ("version", "end_time"),
        rows.each(lambda version, ended: rows.ended(str(values.integer(version)), ended)),
        "version",
    ),
    also=("migration_name", "start_time"),
    schemas=("public",),
    search_path=(),
    parameters=("schema", "migration_table"),
    place=_place,
    revision=revisions.number,
    example="20240102030405",
    order=int,
    directory=Directory(
        "20240102030405_add_stock.php",
        layouts.plain,
        files=r"(?i:(\d+_[a-z][a-z\d]*(?:_[a-z\d]+)*|\d{14}))\.php",  # by *.php first (Util::getFiles)
        signs=((layouts.PAGE, r"\bPhinx\\Migration\\|(?<!\\)\bMigrations\\(Abstract|Base)Migration\b"),),
    ),
)
