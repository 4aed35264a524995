"""tern: one row with the current version."""

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.events import Event, UpTo
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Directory, Found, Table, Tool


def _event(version: object) -> Event | None:
    """0 before the first migration (migrate/migrate.go)."""
    return UpTo(str(version)) if values.integer(version) > 0 else None


def _read(tool: Tool, folder: Folder) -> Found:
    """Numbers run from 1 without a gap (tern's migrate.go)."""
    found = layouts.plain(tool, folder)
    for number, revision in enumerate(found.revisions, 1):
        if int(revision) != number:
            raise ValueError(
                f"there is no migration {number} in it, and tern's numbers have no gaps; add {number:03}_NAME.sql"
            )
    return found


TOOL = Tool(
    name="tern",
    table=Table("schema_version", ("version",), rows.single(_event)),
    has_namesake=True,  # Flyway's, by its name of before 5.0
    schemas=("public",),
    is_postgres_only=True,
    revision=revisions.number,
    example="3",
    order=int,
    lock_keys=locks.keys(9628173550095224),
    directory=Directory(
        "003_add_stock.sql",
        _read,
        files=r"(\d+_[^/]+)\.sql",
        signs=((r"[^/]+\.sql", r"(?m)^---- create above / drop below ----"),),
        looks=r"\d{1,4}_[^/]+(?<!\.up)(?<!\.down)\.sql",
    ),
)
