"""Diesel, for Rust: a row per migration, by its number without dashes."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import CURRENT, Directory, Found, Table, Tool


def revision(text: str) -> str:
    """`2024-01-02-030405_add_users` -> `20240102030405` (diesel's version_from_string)."""
    found = re.fullmatch(r"([\d-]*\d[\d-]*)(_.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is digits and dashes")
    return found[1].replace("-", "")


def _read(tool: Tool, folder: Folder) -> Found:
    """Every folder is a migration, whatever it is called (diesel_migrations/file_based_migrations.rs)."""
    found = layouts.plain(tool, folder)
    for path in folder.folders if found.revisions else ():
        if not re.match(r"\.|.*/", path) and f"{path}/up.sql" not in folder:
            raise ValueError(f"{path} is a folder without up.sql and stops diesel; add that file, or remove the folder")
    return found


TOOL = Tool(
    name="diesel",
    table=Table("__diesel_schema_migrations", ("version",), rows.applied(), "version"),
    also=("run_on",),
    schemas=(CURRENT,),
    revision=revision,
    example="20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "2024-01-02-030405_add_stock/up.sql", _read, files=r"([^/.][^/]*)/up\.sql", looks=r"[^/]+/up\.sql"
    ),
)
