"""Sequelize, for JavaScript: a row per migration, by its file."""

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool

TOOL = Tool(
    name="sequelize",
    table=Table("SequelizeMeta", ("name",), rows.applied_stem, "name"),
    schemas=(CURRENT, "public"),
    reads_bare_name=True,
    search_path=(),  # node-postgres knows no such parameter
    revision=revisions.stem,
    example="20240102030405-add-stock",
    order=revisions.by_text,
    directory=Directory(
        "20240102030405-add-stock.js",
        layouts.with_extension,
        files=r"(?!.*\.d\.ts)([^/]*)\.(?:cjs|js|cts|ts)",
        signs=((layouts.CODE, r"\bqueryInterface\b"),),
    ),
)
