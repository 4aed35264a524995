"""pgroll: a row per migration and schema, with whether it is complete.

Of a directory it runs what sorts after the latest baseline's name, and takes what does not for done
(UnappliedMigrations of its pkg/roll). A baseline has a file there too: `pgroll baseline` writes it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from gatekeeper.tools.shared import layouts, revisions, rows, values
from gatekeeper.tools.shared.events import Applied, Doubtful, Event
from gatekeeper.tools.shared.folder import Folder
from gatekeeper.tools.shared.record import Directory, Found, Table, Tool

UNTIL = (
    "Run `pgroll complete`, which the gate awaits, or `pgroll rollback`; to start an app before that, write "
    '--tool query --query "SELECT name FROM pgroll.migrations"'
)


def revision(text: str) -> str:
    """`public.03_add_users`, `03_add_users.json`; without a schema, pgroll's default `public`."""
    schema, dot, name = revisions.stem(text).rpartition(".")
    return f"{schema}.{revisions.word(name)}" if dot else f"public.{revisions.word(name)}"


_KINDS = (None, "pgroll", "inferred", "baseline")
"""The first in the rows of old releases."""


def _events(schema: object, name: object, done: object, _: object, kind: object) -> Iterator[Event]:
    """Old and new code run side by side until a migration is complete, so one that is not holds back no other."""
    revision = f"{values.text(schema)}.{values.text(name)}"
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is no kind of migration")
    if not values.flag(done):
        yield Doubtful(f"{revision} is started and not complete", run=f"{schema}.", until=UNTIL)
        return
    if kind == "baseline":
        yield Applied(_all_up_to(revision))
    yield Applied(revision)


def _all_up_to(revision: str) -> str:
    """Return what stands for a revision and all that sort before it; no revision is called so."""
    return f"{revision} "


def _read(tool: Tool, folder: Folder) -> Found:
    """Each migration is proven by its own row, or by a baseline at or after it."""
    found = layouts.plain(tool, folder)
    for path in folder:
        if re.fullmatch(_FILES, path) and not _OPERATIONS.search(folder[path]):
            raise ValueError(f"{path} has no list of operations and stops pgroll; move it away")
    proofs = {revision: (frozenset({_all_up_to(revision)}),) for revision in found.revisions}
    proofs |= {_all_up_to(revision): (frozenset({_all_up_to(after)}),) for revision, after in pairwise(found.revisions)}
    return Found(found.revisions, found.newest, proofs)


_FILES = r"([^/]+)\.(?:json|ya?ml)"
_OPERATIONS = re.compile(r"(?m)(?:^|[{,])[ \t]*\"?operations\"?\s*:\s*(?:#.*\n\s*)*[\[-]")
_AN_OPERATION = r"(?:\s*\]|[^#]{0,1000}?\b(?:create|drop|rename|alter|add|set|sql)[a-z_]*\"?\s*:)"


TOOL = Tool(
    name="pgroll",
    table=Table(
        "migrations",
        ("schema", "name", "done", "created_at", "migration_type"),
        rows.many(_events),
        "created_at",
        optional=("migration_type",),
    ),
    also=("parent", "migration"),
    has_namesake=True,
    schemas=("pgroll",),
    is_postgres_only=True,
    revision=revision,
    example="public.03_add_stock",
    directory=Directory(
        "03_add_stock.yaml",
        _read,
        files=_FILES,
        signs=((_FILES, _OPERATIONS.pattern + _AN_OPERATION),),
    ),
)
