"""Diesel, for Rust: a row per migration, by its number without dashes."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.record import CURRENT, Directory, Table, Tool


def revision(text: str) -> str:
    """`2024-01-02-030405_add_users` -> `20240102030405` (diesel's version_from_string)."""
    found = re.fullmatch(r"([\d-]*\d[\d-]*)(_.*)?", text, re.ASCII)
    if not found:
        raise ValueError("a revision is digits and dashes")
    return found[1].replace("-", "")


TOOL = Tool(
    name="diesel",
    table=Table("__diesel_schema_migrations", ("version",), rows.applied(), "version"),
    also=("run_on",),
    schemas=(CURRENT,),
    revision=revision,
    example="20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "2024-01-02-030405_add_stock/up.sql",
        layouts.in_folders,  # diesel_migrations/file_based_migrations.rs
        files=r"([^/.][^/]*)/up\.sql",
        passed=r"\..*",
        looks=r"[^/]+/up\.sql",
    ),
)
