"""Look at a database's migration history: what is asked of a database, how it is read, and the check that judges it."""

import math
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from typing import Protocol

from gatekeeper import tools
from gatekeeper.gate.verdict import Shut, Unreachable, Verdict, Waiting
from gatekeeper.histories.judge import Doubt, HistoryPolicy, Ledger, Lock, Wanted, judge_history, ledger_of
from gatekeeper.tools.shared.events import Event
from gatekeeper.tools.shared.record import CURRENT, PATH, Row, Table, Tool

UNHEARD_FOR = 60.0
"""Seconds without a way to the database, after which its known cause is told, as of a Job that does not exist."""
_NO_WAY = re.compile("resol|refused|time(d )?out|did not answer|unreachable|no route|no connection", re.IGNORECASE)
"""What the system, libpq and the edges say where there is none."""
ABSENT_CAUSES_AFTER = 60.0
"""Seconds without a history after which the known causes are told, as of a Job that does not exist."""
ABSENT_CAUSES = (
    "known causes: a Helm post-install or post-upgrade hook that migrates is not run while --wait waits for this pod; "
    "or what migrates has another database"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What to read: a tool's history, perhaps under another name, or what a query of the user's own returns."""

    tool: Tool
    table: str = ""
    schema: str | None = None
    """Where the table is, PATH and CURRENT included; None for where the tool looks for it."""
    query: str = ""

    def name_of(self, table: Table) -> str:
        """Return the name of one of the tool's tables."""
        return table.name.format(self.table)

    def companions_of(self, tool: Tool) -> set[str]:
        """Return the names of what may lie beside the history, whose own may have more around it: then both have."""
        if not tool.companion:
            return set()
        before, own, after = self.table.partition(tool.table.name)
        return {tool.companion, f"{before}{tool.companion}{after}"} if own else {tool.companion}


@dataclass(frozen=True, slots=True)
class Found:
    """A table or view that exists."""

    asked: str
    """The name that it was asked for by."""
    schema: str
    table: str
    columns: tuple[str, ...]
    """As they were asked for, where the database does not tell upper case from lower."""
    on_path: bool
    """Whether it is what the bare name stands for."""
    is_current: bool
    """Whether it is where a bare name would be created."""
    readable: bool

    def __str__(self) -> str:
        """Return its name for people."""
        return f"{self.schema}.{self.table}"


class Session(Protocol):
    """One short read of a database, in one read-only transaction. Every method may raise what Check.look may.

    Rows come one by one, and nothing else can be asked until their generator has ended or was closed.
    """

    def version(self) -> str:
        """Return what the server says of itself, its product first."""

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        """Return where the tool looks for its tables, in this order, PATH and CURRENT included."""

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str]) -> list[Found]:
        """Return the tables of these names in all schemas, in the order of the search path; the first is the history's.

        `schemas` is where they are looked for, `columns` what is asked of the history, for a database that hides what
        may not be read and does not tell upper case from lower.
        """

    def rows(self, table: Found, columns: Sequence[str], order_by: str) -> Generator[Row]:
        """Yield these columns of all rows, without holding them all."""

    def query(self, statement: str) -> Generator[Row]:
        """Yield what the user's query returns; nothing while what it names does not exist."""

    def lock(self, tool: Tool, table: Found) -> Lock:
        """Return what the database tells of the lock under which the tool migrates."""

    def at_work(self) -> str:
        """Return who else is at work in the database, or may be, as a clause; nothing where nobody can be."""


class Database(Protocol):
    """Where histories are kept. Implemented by `postgres` and `mysql`."""

    name: str

    def session(self, limit: float) -> AbstractContextManager[Session]:
        """Open a session that is cut after so many seconds."""


class SchemaCheck:
    """Looks at one database."""

    messenger = False
    followed = False

    def __init__(
        self, database: Database, question: Question, wanted: Wanted, policy: HistoryPolicy, now: Callable[[], float]
    ) -> None:
        self.name = database.name
        self.awaits = wanted.newest
        self._database = database
        self._question = question
        self._of_all = wanted
        self._wanted = wanted
        """What of it is wanted of the server that was looked at."""
        self._policy = policy
        self._now = now
        self._doubt = Doubt()
        self._unheard_since = math.inf
        self._absent_since = math.inf

    def look(self, limit: float, *, fresh: bool) -> Verdict:  # noqa: ARG002 - every look is fresh
        """Read the history once and judge it."""
        try:
            verdict = self._look(limit)
        except Unreachable as fault:
            now = self._now()
            self._unheard_since = min(self._unheard_since, now) if _NO_WAY.search(str(fault)) else math.inf
            if now - self._unheard_since < UNHEARD_FOR:
                raise
            cause = "a NetworkPolicy, where there is one, must let this pod reach the database and the name server"
            raise Unreachable(f"{fault}; {cause}", fault.retry_after, silent=fault.silent) from fault
        self._unheard_since = math.inf
        return verdict

    def _look(self, limit: float) -> Verdict:
        seen = "the history"
        try:
            with self._database.session(limit) as session:
                if self._question.query:
                    seen = "the query's result"
                    with closing(session.query(self._question.query)) as rows:
                        events = self._question.tool.table.events(_of_width(row, 1) for row in rows)
                        return self._judge(ledger_of(events, self._wanted, self._policy))
                if self._of_all.elsewhere:
                    self._wanted = self._of_all.on(self._question.tool.servers(session.version()))
                history, others = self._find(session)
                if history is None:
                    return self._judge_absent(others)
                self._absent_since = math.inf
                seen = str(history)
                beside = {table.asked for table in others if table.schema == history.schema}
                tool = self._question.tool.spelled_as(history.columns)
                wrong = self._judge_owner(tool, history, beside)
                return wrong or self._judge(self._read(session, tool, history, others))
        except (ValueError, TypeError, KeyError) as fault:
            return Waiting(f"{seen} cannot be understood: {fault}; awaiting {self.awaits}")

    def _find(self, session: Session) -> tuple[Found | None, list[Found]]:
        """Return the history table, and the other tables of the tool's that there are anywhere."""
        question, tool = self._question, self._question.tool
        rivals = self._rivals()
        companions = set[str]().union(*map(question.companions_of, rivals))
        names = [question.table, *(question.name_of(table) for table in tool.tables[1:]), *sorted(companions)]
        schemas = session.schemas(tool) if question.schema is None else (question.schema,)
        found = session.find(names, schemas, sorted(tool.columns.union(*(rival.columns for rival in rivals))))
        histories = [table for table in found if table.asked == question.table]
        for schema in schemas:
            for table in histories:
                is_there = {PATH: table.on_path, CURRENT: table.is_current}.get(schema, table.schema == schema)
                if is_there and (table.on_path or not tool.reads_bare_name):
                    return table, found
        return None, histories

    def _rivals(self) -> list[Tool]:
        """Return the tools from whose tables this one must be told: none where its name is the tool's alone."""
        tool, table = self._question.tool, self._question.table
        if tool.name in tools.names() and (tool.has_namesake or table != tool.table.name):
            return tools.every()
        return [tool]

    def _read(self, session: Session, tool: Tool, history: Found, others: Sequence[Found]) -> Ledger:
        """Read the history and what belongs to it."""
        beside = {table.asked: table for table in others if table.schema == history.schema}

        def events() -> Generator[Event]:
            yield from _read_table(session, history, tool.table)
            for table in tool.beside:
                if found := beside.get(self._question.name_of(table)):
                    yield from _read_table(session, found, table)
            if tool.lock_table:
                found = beside.get(self._question.name_of(tool.lock_table))
                if found and found.readable and set(tool.lock_table.columns) <= set(found.columns):
                    yield from _read_table(session, found, tool.lock_table)

        with closing(events()) as told:
            ledger = ledger_of(told, self._wanted, self._policy)
        return self._with_lock(session, ledger, session.lock(tool, history))

    def _judge(self, ledger: Ledger) -> Verdict:
        return judge_history(ledger, self._wanted, self._policy)

    def _judge_absent(self, elsewhere: Sequence[Found]) -> Verdict:
        self._doubt = Doubt()
        verdict = judge_history(None, self._wanted, self._policy)
        if elsewhere:
            seen = " and ".join(map(str, elsewhere))
            return Waiting(verdict.reason, f"elsewhere there is {seen}; if it is meant, write --table with its schema")
        now = self._now()
        self._absent_since = min(self._absent_since, now)
        return Waiting(verdict.reason, ABSENT_CAUSES) if now - self._absent_since >= ABSENT_CAUSES_AFTER else verdict

    def _judge_owner(self, tool: Tool, history: Found, beside: set[str]) -> Verdict | None:
        """Return a verdict if the table is not the tool's."""
        if tool.passing and tool.passing == set(history.columns):
            return Waiting(f"{history} is what {tool.name} makes before its own history; awaiting that")
        if not tool.signature <= set(history.columns):
            mine = ", ".join(sorted(self._question.tool.signature))
            seen = f"{history} has the columns {', '.join(history.columns)}: it is not {tool.name}'s, which has {mine}"
            return Shut(f"{seen}; correct --tool or --table")
        if tool.name not in tools.names():
            return None
        # Whoever names a table says that it has the tool's name.
        own = replace(tool, table=replace(tool.table, name=history.table))
        rivals = [own if rival.name == tool.name else rival for rival in self._rivals()]
        companions = [rival.companion for rival in self._rivals() if self._question.companions_of(rival) & beside]
        others = tools.owners(rivals, history.table, history.columns, companions)
        if tool.companion and tool.companion not in companions:
            awaited = max(self._question.companions_of(tool), key=len)
            return Waiting(
                f"{history} has no {awaited} beside it, so it may be another tool's; awaiting {awaited}, "
                f"or write --tool table --table {history} --column {tool.table.columns[0]}"
            )
        if others and tool.name not in others:
            is_named_so = any(tools.named(name).table.name == history.table for name in others)
            whose = f"{'is' if is_named_so else 'looks like'} {' or '.join(sorted(others))}"
            return Shut(f"{history} {whose}'s table, not {tool.name}'s; correct --tool or --table")
        return None

    def _with_lock(self, session: Session, ledger: Ledger, lock: Lock) -> Ledger:
        """Add what is known of the lock, and of a doubtful mark beside it."""
        now = self._now()
        self._doubt = doubt = self._doubt.after("; ".join(each.what for each in ledger.doubtful), lock, now)
        if doubt.free_since is not None:
            lock = replace(lock, free_for=now - doubt.free_since, was_held=doubt.was_held, at_work=session.at_work())
        return replace(ledger, lock=lock)


def _read_table(session: Session, found: Found, table: Table) -> Iterator[Event]:
    """Yield what a table's rows tell; a column that an old release did not make is read as None."""
    there = [column for column in table.columns if column in found.columns or column not in table.optional]
    places = [there.index(column) if column in there else None for column in table.columns]
    with closing(session.rows(found, there, table.order_by)) as rows:
        whole = (_of_width(row, len(there)) for row in rows)
        padded = (tuple(None if place is None else row[place] for place in places) for row in whole)
        yield from table.events(padded if None in places else whole)


def _of_width(row: Row, width: int) -> Row:
    if not isinstance(row, tuple) or len(row) != width:
        raise ValueError(f"{row!r} is not a row of {width} columns")
    return row
