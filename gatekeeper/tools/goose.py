"""goose: a log of versions; old releases append a row for a down, new ones delete the row."""

from collections.abc import Iterable, Iterator

from gatekeeper.tools.shared import layouts, locks, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Event
from gatekeeper.tools.shared.record import CURRENT, Directory, Row, Table, Tool


def _events(rows: Iterable[Row]) -> Iterator[Event]:
    """A log: the newest row of a version tells whether it is applied (goose's internal/dialects); row 0 is none.

    Old releases appended a row with is_applied=false for a down; new ones delete the row.
    """
    state = {values.integer(version): values.flag(applied) for version, applied, _ in rows}
    return (Applied(str(version)) for version, applied in state.items() if applied and version > 0)


TOOL = Tool(
    name="goose",
    table=Table("goose_db_version", ("version_id", "is_applied", "id"), _events, "id"),
    also=("tstamp",),
    lock_table=Table(
        "goose_lock", ("locked", "locked_by", "locked_at"), rows.locked("goose_lock", rows.by("by", "since"))
    ),
    schemas=(CURRENT,),
    revision=revisions.number,
    example="20240102030405",
    order=int,
    lock_keys=locks.keys(4097083626),
    directory=Directory(
        "00003_add_stock.sql",
        layouts.plain,
        files=r"(?!.*_test\.go)(0*[1-9]\d*_[^/]*)\.(?:sql|go)",
        refused=r"[^/]*\.sql|0+_[^/]*\.go",  # its command and CollectMigrations; a Provider passes over some
        signs=((r"[^/]+\.(sql|go)", r"(?m)^-- *\+goose Up|\bgoose\.AddMigration"),),
    ),
)
