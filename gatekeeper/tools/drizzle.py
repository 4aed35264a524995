"""Drizzle, for JavaScript: a row per migration, by the instant of its journal, since 1.0 by its name too."""

import json
import re
from collections.abc import Iterator

from gatekeeper.tools.shared import revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Event
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import MOUNTED, Directory, Found, Table, Tool


def _events(created_at: object, name: object) -> Iterator[Event]:
    """Known by the journal's instant in 0.x, by the folder's name since 1.0."""
    yield Applied(str(values.integer(created_at)))
    if name is not None:
        yield Applied(values.text(name))


def _read(_: Tool, folder: Folder) -> Found:
    """0.x keeps a journal of the instants that it records, 1.0 a folder per migration."""
    folders = [path.partition("/")[0] for path in folder if re.fullmatch(r"[^/]+/migration\.sql", path)]
    journal = "meta/_journal.json"
    if journal not in folder:
        return Found(tuple(folders), tuple(folders[-1:]))
    if folders:
        raise ValueError(f"both {journal} and {folders[0]}/migration.sql are in it; remove what Drizzle no longer uses")
    try:
        instants = [entry["when"] for entry in json.loads(folder[journal])["entries"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        instants = [None]
    if not all(isinstance(instant, int) for instant in instants) or len(set(instants)) != len(instants):
        raise ValueError(
            f"{journal} is no journal of Drizzle's, with entries that each have a `when` of its own; mend it"
        )
    return Found(tuple(map(str, instants)), tuple(map(str, instants[-1:])))


TOOL = Tool(
    name="drizzle",
    table=Table("__drizzle_migrations", ("created_at", "name"), rows.many(_events), "id", optional=("name",)),
    also=("id", "hash"),
    schemas=("drizzle",),
    search_path=(),  # node-postgres knows no such parameter
    parameters=("search_path", "currentSchema", "schema"),
    revision=revisions.word,
    example="1700000000000",
    directory=Directory(
        "meta/_journal.json",
        _read,
        passed=MOUNTED,
        signs=((r"meta/_journal\.json", r'"when"'), (r"[^/]+/snapshot\.json", "")),
        looks=r"\d{14}_[^/]+/migration\.sql",
    ),
)
