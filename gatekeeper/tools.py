"""The migration tools: for each, one record of the table it keeps and how its rows are to be read.

Adding a tool means adding a record to TOOLS. A record's functions are pure. Whatever they cannot understand they raise
as ValueError: for a revision as the user wrote it that is exit code 2, for a row that is Waiting.
"""

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gatekeeper.history import Ledger, Order

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """What is to be known of a migration tool."""

    name: str
    table: str
    """The history table's default name, as the database's catalog spells it."""
    columns: tuple[str, ...]
    """What is read of it, in this order. A table that lacks one of them is another tool's."""
    ledger: Callable[[Iterable[Row]], Ledger]
    """Rows in the order of `order_by` -> Ledger."""
    revision: Callable[[str], str]
    """A revision as the user writes it -> its normal form."""
    example: str
    order_by: str = ""
    order: Order | None = None
    lock_keys: Callable[[str, str, str], tuple[int, ...]] | None = None
    """Schema, table, database -> keys of the PostgreSQL advisory lock that it may hold while it migrates."""
    repair: str = "repair it, then run the migration again"


# -- revisions and values -----------------------------------------------------------------------------------------


def _number(text: str) -> str:
    """`000003`, `3`, `000003_add_users.up.sql` -> `3`."""
    digits = re.fullmatch(r"(\d+)(_.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a number")
    return str(int(digits[1]))


def _dotted(text: str) -> str:
    """`1.2`, `001.2`, `1_2`, `V1.2__add_users.sql`, `1.2.0` -> `1.2`, as Flyway's MigrationVersion compares."""
    digits = re.fullmatch(r"V?(\d+([._]\d+)*)(__.*)?", text, re.ASCII)
    if not digits:
        raise ValueError("a revision is a version of numbers and dots")
    parts = [str(int(part)) for part in re.split("[._]", digits[1])]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)


def _dotted_order(revision: str) -> tuple[int, ...]:
    return tuple(int(part) for part in revision.split("."))


def _word(text: str) -> str:
    """Text that stands for itself."""
    if not text or text != text.strip():
        raise ValueError("a revision is text without space around it")
    return text


def _django_name(text: str) -> str:
    """`shop.0002_stock`, `shop/migrations/0002_stock.py` -> `shop.0002_stock`."""
    label = re.fullmatch(r"(?:.*/)?(\w+)/migrations/(\w+)(?:\.py)?|(\w+)\.(\w+)", text)
    if not label:
        raise ValueError("a revision is app_label.migration_name")
    return ".".join(filter(None, label.groups()))


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not an integer")
    return value


def _flag(value: object) -> bool:
    if value not in (True, False):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def _text_or_number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is neither text nor a whole number, cast it to text")
    return str(value)


# -- rows -> ledger -----------------------------------------------------------------------------------------------


def _set_of_text(rows: Iterable[Row]) -> Ledger:
    """One row per applied revision, in no order that the table shows."""
    applied = [_text_or_number(revision) for (revision,) in rows]
    return Ledger(frozenset(applied), newest=f"{applied[-1]}, the last of {len(applied)}" if applied else "")


def _alembic(rows: Iterable[Row]) -> Ledger:
    """The current heads only: what came before them is not listed (alembic/runtime/migration.py, HeadMaintainer)."""
    heads = sorted(_text(head) for (head,) in rows)
    return Ledger(frozenset(heads), newest=", ".join(heads))


def _django(rows: Iterable[Row]) -> Ledger:
    """One row per applied migration (django/db/migrations/recorder.py)."""
    applied = [f"{_text(app)}.{_text(name)}" for app, name, _ in rows]
    return Ledger(frozenset(applied), newest=applied[-1] if applied else "")


def _golang_migrate(rows: Iterable[Row]) -> Ledger:
    """One row, the current version, marked dirty from before a migration begins until it succeeded (migrate.go).

    A first down that fails leaves version -1.
    """
    current = [(_integer(version), _flag(dirty)) for version, dirty in rows]
    if len(current) > 1:
        raise ValueError(f"{len(current)} rows where golang-migrate keeps one")
    for version, dirty in current:
        if dirty:
            return Ledger(newest=str(version), doubtful=f"version {version} is marked dirty")
        if version >= 0:
            return Ledger(up_to=str(version), newest=str(version))
    return Ledger()


def _golang_migrate_lock(schema: str, table: str, database: str) -> tuple[int, ...]:
    """database/util.go, GenerateAdvisoryLockId. Opened by URL, its database name is the URL's path with the slash.

    Before v4.15.0 the key left out the table.
    """
    names = [
        "\0".join(parts) for name in (database, f"/{database}") for parts in ((schema, table, name), (schema, name))
    ]
    return tuple(zlib.crc32(name.encode()) * 1486364155 % 2**32 for name in names)


def _goose(rows: Iterable[Row]) -> Ledger:
    """A log: the newest row of a version tells whether it is applied (goose's internal/dialects); row 0 is none.

    Old releases appended a row with is_applied=false for a down; new ones delete the row.
    """
    state = {_integer(version): _flag(applied) for version, applied, _ in rows}
    applied = sorted(version for version, is_applied in state.items() if is_applied and version > 0)
    return Ledger(frozenset(map(str, applied)), newest=str(applied[-1]) if applied else "")


def _flyway(rows: Iterable[Row]) -> Ledger:
    """A log of events by installed_rank (Flyway's MigrationInfoServiceImpl).

    A repeatable migration and the schema marker have no version. DELETE takes back the newest row of its version, an
    undo un-applies it, a baseline stands for everything up to it. `repair` deletes the row of what failed.
    """
    applied: set[str] = set()
    baseline: str | None = None
    for version, kind, script, success, _ in rows:
        if not _flag(success):
            return Ledger(newest=_newest(applied, baseline), failed=f"{_text(script)}")
        if version is None:
            continue
        revision = _dotted(_text(version))
        if _text(kind) == "DELETE" or kind.startswith("UNDO"):
            applied.discard(revision)
        elif kind.endswith("BASELINE"):
            baseline = max(filter(None, (baseline, revision)), key=_dotted_order)
        else:
            applied.add(revision)
    return Ledger(frozenset(applied), up_to=baseline, newest=_newest(applied, baseline))


def _newest(applied: set[str], baseline: str | None) -> str:
    return max([*applied, *filter(None, [baseline])], key=_dotted_order, default="")


# -- the records --------------------------------------------------------------------------------------------------

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="alembic",
            table="alembic_version",
            columns=("version_num",),
            ledger=_alembic,
            revision=_word,
            example="ae1027a6acf2",
        ),
        Tool(
            name="django",
            table="django_migrations",
            columns=("app", "name", "id"),
            order_by="id",
            ledger=_django,
            revision=_django_name,
            example="shop.0002_stock",
        ),
        Tool(
            name="flyway",
            table="flyway_schema_history",
            columns=("version", "type", "script", "success", "installed_rank"),
            order_by="installed_rank",
            ledger=_flyway,
            revision=_dotted,
            example="1.2",
            order=_dotted_order,
            repair="repair the schema, run `flyway repair`, then migrate again",
        ),
        Tool(
            name="golang-migrate",
            table="schema_migrations",
            columns=("version", "dirty"),
            ledger=_golang_migrate,
            revision=_number,
            example="20240102030405",
            order=int,
            lock_keys=_golang_migrate_lock,
            repair="repair the schema, run `migrate force VERSION`, then migrate again",
        ),
        Tool(
            name="goose",
            table="goose_db_version",
            columns=("version_id", "is_applied", "id"),
            order_by="id",
            ledger=_goose,
            revision=_number,
            example="20240102030405",
            order=int,
        ),
    )
}
"""By the name that --tool takes."""

HOME_GROWN = ("table", "query")
"""Histories of one's own: any column with a row per applied revision, any query that returns such a column."""


def home_grown(name: str, table: str = "", column: str = "") -> Tool:
    """Return the record of a history that is no tool's."""
    return Tool(
        name=name,
        table=table,
        columns=(column,) if column else (),
        ledger=_set_of_text,
        revision=_word,
        example="2024-05-add-stock",
    )
