"""Phinx and CakePHP: a row per migration, by its number, with the instant at which it ended."""

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.record import Directory, Table, Tool

TOOL = Tool(
    name="phinx",
    table=Table(
        "phinxlog",
        ("version", "end_time"),
        rows.each(lambda version, ended: rows.ended(str(values.integer(version)), ended)),
        "version",
    ),
    also=("migration_name", "start_time"),
    revision=revisions.number,
    example="20240102030405",
    order=int,
    directory=Directory(
        "20240102030405_add_stock.php",
        layouts.plain,
        files=r"(?i:(\d+_[a-z][a-z\d]*(?:_[a-z\d]+)*|\d{14})\.php)",
        signs=((layouts.PAGE, r"\bPhinx\\Migration\\|(?<!\\)\bMigrations\\(Abstract|Base)Migration\b"),),
    ),
)
