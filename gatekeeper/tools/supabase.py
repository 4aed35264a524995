"""Supabase CLI: a row per migration, in a schema of its own."""

import re

from gatekeeper.tools.shared import layouts, revisions, rows
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Directory, Found, Table, Tool

_PLACES = ("supabase/migrations/", "", "migrations/")
"""Where the files are in what is given: a project, their own folder, or its folder `supabase`. The first with any."""
_INIT_RUNS = 20211209000000
"""The date from which a first `_init.sql` is run: releases before made one that is not."""


def _read(tool: Tool, folder: Folder) -> Found:
    return layouts.ordered(tool, next(filter(None, (_files(folder, place) for place in _PLACES)), []))


def _files(folder: Folder, place: str) -> list[tuple[str, str]]:
    """Return name and path of each migration, as the CLI lists them (pkg/migration/list.go).

    What is first there may be a folder, whatever the CLI thinks of what is in it.
    """
    there = sorted(path.removeprefix(place) for path in (*folder, *folder.folders) if path.startswith(place))
    init = re.search(r"([0-9]{14})_init\.sql", there[0]) if there else None
    skipped = there[0] if init and int(init[1]) < _INIT_RUNS else ""
    names = [name for name in there if name != skipped and place + name in folder]
    return [(file[1], place + file[0]) for name in names if (file := re.fullmatch(r"([0-9]+_[^/]*)\.sql", name))]


TOOL = Tool(
    name="supabase",
    table=Table("schema_migrations", ("version",), rows.applied(), "version"),
    also=("statements",),
    has_namesake=True,
    schemas=("supabase_migrations",),
    is_postgres_only=True,
    revision=revisions.digits,
    example="20240102030405",
    order=revisions.by_text,
    directory=Directory(
        "20240102030405_add_stock.sql",
        _read,
        signs=(
            (r"supabase/migrations/[0-9]+_[^/]*\.sql", ""),
            (r"(?:supabase/)?config\.(?:toml|jsonc?)", r'(?m)^[ {]*"?project_id"? *[=:]'),
        ),
    ),
)
