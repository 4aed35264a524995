"""Histories of one's own: any column with a row per applied revision, any query that returns such a column."""

from gatekeeper.tools.shared import revisions, rows, values
from gatekeeper.tools.shared.events import Applied
from gatekeeper.tools.shared.record import Table, Tool

HOME_GROWN = ("table", "query")
"""What --tool takes beside the tools' names."""


def home_grown(name: str, table: str = "", column: str = "") -> Tool:
    """Return the record of a history that is no tool's."""
    return Tool(
        name=name,
        table=Table(
            table,
            (column,) if column else (),
            # max() of no rows is NULL: nothing is applied.
            rows.each(lambda revision: None if revision is None else Applied(values.text_or_number(revision))),
        ),
        revision=revisions.word,
        example="2024-05-add-stock",
    )
