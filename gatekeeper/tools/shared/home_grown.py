"""Histories of one's own: any column with a row per applied revision, any query that returns such a column."""

from collections.abc import Iterable, Iterator

from gatekeeper.tools.shared import revisions, values
from gatekeeper.tools.shared.events import Applied, Event
from gatekeeper.tools.shared.record import Row, Table, Tool

HOME_GROWN = ("table", "query")
"""What --tool takes beside the tools' names."""


def home_grown(name: str, table: str = "", column: str = "") -> Tool:
    """Return the record of a history that is no tool's."""
    return Tool(
        name=name,
        table=Table(table, (column,) if column else (), _events),
        revision=revisions.word,
        example="2024-05-add-stock",
    )


def _events(rows: Iterable[Row]) -> Iterator[Event]:
    """A row per revision; a lone NULL is what max() makes of no rows, and so nothing."""
    is_nothing = False
    for count, (revision,) in enumerate(rows):
        if is_nothing or (revision is None and count):
            raise ValueError("there is NULL beside other revisions")
        is_nothing = revision is None
        if not is_nothing:
            yield from map(Applied, values.spellings(revision))
