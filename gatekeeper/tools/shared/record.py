"""The record of a migration tool: all that a gate needs to know of it, as plain values and pure functions.

Whatever a function cannot understand it raises as ValueError: for a revision as the user wrote it that is exit code 2,
for a row that is Waiting. A user may write a revision in many ways; a row counts only as the tool itself writes it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gatekeeper.tools.shared.events import Event, Order
from gatekeeper.tools.shared.folder import Folder

Row = tuple[Any, ...]
Events = Callable[[Iterable[Row]], Iterable[Event]]
"""Rows in the order that the table says -> what they tell."""

PASSED = r"\..*|__pycache__|node_modules|site-packages"
"""Pattern of the names of folders that most tools do not look into: hidden ones, and what package managers install."""
NONE = r"(?!)"
"""For tools that look into all."""
MOUNTED = r"\.\..*"
"""For tools that look into the folders below the directory, of which a mounted ConfigMap has some of its own."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a tool keeps, and what is read of it."""

    name: str
    """As the database's catalog spells it; `{}` stands for the history table's name, which users may change."""
    columns: tuple[str, ...]
    """What is read, in this order."""
    events: Events
    order_by: str = ""
    optional: tuple[str, ...] = ()
    """Those of the columns that old releases of the tool do not make: they are then read as None."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a directory of migrations holds."""

    revisions: tuple[str, ...]
    """All that must be applied, the newest last."""
    newest: tuple[str, ...]
    """What to give as --revision, so that all of them are applied as far as that can be told by so few."""
    proofs: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    """Revision -> other sets of revisions, of which one proves it as its own row would, once all in it are proven."""
    known: frozenset[str] | None = None
    """All revisions of a graph, of which the history shows the heads alone."""
    elsewhere: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What the tool calls a server -> those that it passes over there; nothing where it runs all anywhere."""
    unproven: str = ""
    """Why their rows do not tell that all of them are applied as they are now, and what to give instead."""


@dataclass(frozen=True, slots=True)
class Directory:
    """How a tool's directory looks."""

    example: str
    """The path of a migration in it."""
    read: Callable[["Tool", Folder], Found]
    """Raises ValueError with a clause that follows "DIRECTORY: "."""
    files: str = ""
    """Pattern of a migration's path, as far as names tell it all; group 1 is its revision."""
    refused: str = ""
    """Pattern of the path of a file or folder, if not a migration's, for which the tool runs nothing at all."""
    passed: str = PASSED
    """Pattern of the names of folders that the tool does not look into."""
    begins_in_a_file: bool = False
    """Whether one file tells of all others, so that it may be named instead of the directory."""
    follows: bool = True
    """Whether it looks into folders that are links."""
    in_any_encoding: bool = False
    """Whether the tool, or what runs the files, reads them though they are no UTF-8. Here only names of them count."""
    signs: tuple[tuple[str, str], ...] = ()
    """Patterns of a file's path and of its text, each pair of which only this tool's directories have."""
    looks: str = ""
    """Pattern of a file's path that makes it likely."""
    standing_on: Callable[[Folder, Sequence[str]], Found] | None = None
    """For revisions that were given out of the directory's graph: what proves them."""


PATH, CURRENT = "", "current_schema()"
"""For the name of a PostgreSQL schema: along the whole search path; in its first schema that exists, and no other."""
DRIVERS_SEARCH_PATH = ("search_path", "currentSchema", "options[search_path]")
"""URL parameters that are PostgreSQL's setting in the drivers of Go and psycopg's kind, of Java, of Rust."""


class Place(NamedTuple):
    """What a URL says of where the history is, and of the lock."""

    schema: str | None = None
    table: str = ""
    locks: bool = True
    """Whether the tool takes its lock."""
    lock_table: str = ""
    """The name of its lock table, if another than its own."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What is to be known of a migration tool."""

    name: str
    table: Table
    """The history. A table that lacks one of its columns is another tool's."""
    revision: Callable[[str], str]
    """A revision as the user writes it -> its normal form."""
    example: str
    also: tuple[str, ...] = ()
    """Further columns by which the table is told from other tools'."""
    passing: frozenset[str] = frozenset()
    """The columns of a table of that name that it makes before its own, and drops."""
    respells_columns: bool = False
    """Whether a plugin spells the history's columns with other case, with `_` or without."""
    has_namesake: bool = False
    """Whether another tool's history has this name too, so that columns must tell whose it is."""
    beside: tuple[Table, ...] = ()
    """Further tables of the history, in the same schema, read if they exist."""
    lock_table: Table | None = None
    """Where a run says that it is on, and a killed one still does: told to people, never waited for."""
    companion: str = ""
    """A table that lies beside, without which the history may be another tool's."""
    schemas: tuple[str, ...] = (PATH,)
    """PostgreSQL: where the tool looks for the table, in this order."""
    reads_bare_name: bool = False
    """Whether it then reads the bare name: a table that another one of the search path hides is not its own."""
    search_path: tuple[str, ...] = DRIVERS_SEARCH_PATH
    """URL parameters that set the search path of the tool's connection; none where its driver does not know them."""
    quotes_search_path: bool = False
    """Whether their value is the name of one schema, as it is spelled."""
    parameters: tuple[str, ...] = ()
    """URL parameters of its own which `place` reads, or which do not matter here."""
    place: Callable[[Mapping[str, str]], Place] = lambda _: Place()
    """The URL's parameters that no driver needs -> what they say. Raises ValueError."""
    is_postgres_only: bool = False
    """Whether it knows no other database, so that a MySQL URL is a mistake."""
    database: str = ""
    """MySQL: the database in which the tool makes the table, if not the one that is connected to."""
    order: Order | None = None
    heads: bool = False
    """Whether the table lists only the current heads of a graph."""
    lock_keys: Callable[[str, str, str], tuple[int, ...]] | None = None
    """Schema, table, database -> keys of the PostgreSQL advisory lock that it may hold while it migrates."""
    lock_names: Callable[[str, str], tuple[str, ...]] | None = None
    """Database, table -> names of the MySQL lock that it may hold while it migrates."""
    lock_is_sure: bool = True
    """Whether a run takes that lock unless it is told not to. Else a free one tells nothing."""
    servers: Callable[[str], frozenset[str]] = lambda _: frozenset()
    """What a server says of its version -> the names that the tool may have for it, where a migration may name some."""
    tells_failure: bool = False
    """Whether its history shows that a migration has failed."""
    repair: str = "repair it, then run the migration again"
    unprovable: str = ""
    """Why its history proves nothing, unless the user knows better."""
    caution: Callable[[str], str] | None = None
    """What a row does not tell of a revision that the user gave, for people; nothing where it tells all."""
    directory: Directory | None = None
    """How its migrations lie in a directory."""
    in_code: str = ""
    """Where they are instead, for people."""

    @property
    def signature(self) -> frozenset[str]:
        """Return the columns by which its table is known."""
        return frozenset({*self.table.columns, *self.also}) - frozenset(self.table.optional)

    def spelled_as(self, columns: Iterable[str]) -> "Tool":
        """Return it with the history's columns as a table spells them, if that may be another way than its own."""
        if not self.respells_columns or self.signature <= {*columns}:
            return self
        there = {column.replace("_", "").lower(): column for column in columns}
        own = {column: there.get(column.replace("_", "").lower(), column) for column in self.signature}
        table = replace(
            self.table,
            columns=tuple(own[column] for column in self.table.columns),
            order_by=own.get(self.table.order_by, ""),
        )
        return replace(self, table=table, also=tuple(own[column] for column in self.also))

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return all its tables, the history first."""
        return (self.table, *self.beside, *([self.lock_table] if self.lock_table else []))

    @property
    def columns(self) -> frozenset[str]:
        """Return every column that the record names, of any of its tables."""
        return frozenset(self.also).union(*(table.columns for table in self.tables))
