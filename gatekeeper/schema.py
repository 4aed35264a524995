"""Look at a database's history table: what is asked of a reader, and the check that judges its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gatekeeper.history import HistoryPolicy, Ledger, Lock, judge_history
from gatekeeper.tools import Row, Tool
from gatekeeper.verdict import Shut, Verdict, Waiting


@dataclass(frozen=True, slots=True)
class Question:
    """What to read: a tool's table, or what a query of the user's own returns."""

    tool: Tool
    schema: str = ""
    table: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What a reader found of a question."""

    table: str
    """The table that was read, with its schema; empty where there is none."""
    columns: tuple[str, ...] = ()
    """The columns that it has. Where it lacks one of the tool's, no rows are read."""
    rows: Sequence[Row] = ()
    lock: Lock = Lock()
    elsewhere: tuple[str, ...] = ()
    """Tables of the same name that are outside of the search path."""


class HistoryReader(Protocol):
    """Where histories come from. Implemented by `postgres`."""

    name: str

    def read(self, limit: float, question: Question) -> History:
        """Return the history as of now. Raises as Check.look."""


class SchemaCheck:
    """Looks at one database."""

    messenger = False

    def __init__(
        self,
        reader: HistoryReader,
        question: Question,
        wanted: Sequence[str],
        policy: HistoryPolicy,
        now: Callable[[], float],
    ) -> None:
        self.name = reader.name
        self._reader = reader
        self._question = question
        self._wanted = wanted
        self._policy = policy
        self._now = now
        self._doubt = ("", 0.0)
        """The mark last seen while its lock was free, and since when."""

    def look(self, limit: float, *, fresh: bool) -> Verdict:  # noqa: ARG002 - every look is fresh
        """Read the history once and judge it."""
        history = self._reader.read(limit, self._question)
        tool = self._question.tool
        if not history.table:
            self._doubt = ("", 0.0)
            return self._judge_absent(history)
        if not set(tool.columns) <= set(history.columns):
            return Shut(
                f"{history.table} has the columns {', '.join(history.columns)}: it is not {tool.name}'s, "
                f"which has {', '.join(tool.columns)}; correct --tool or --table"
            )
        try:
            ledger = tool.ledger(history.rows)
        except (ValueError, TypeError, KeyError) as fault:
            return Waiting(f"{history.table} cannot be understood: {fault}; awaiting {', '.join(self._wanted)}")
        return judge_history(self._with_lock(ledger, history.lock), self._wanted, self._policy)

    def _judge_absent(self, history: History) -> Verdict:
        verdict = judge_history(None, self._wanted, self._policy)
        if history.elsewhere:
            seen = " and ".join(history.elsewhere)
            return Waiting(verdict.reason, f"outside of the search path there is {seen}; if it is meant, write --table")
        return verdict

    def _with_lock(self, ledger: Ledger, lock: Lock) -> Ledger:
        """Add what is known of the lock, and for how long it has been free under this mark."""
        if not (ledger.doubtful and lock.known and not lock.holder):
            self._doubt = ("", 0.0)
            return replace(ledger, lock=lock)
        if self._doubt[0] != ledger.doubtful:
            self._doubt = (ledger.doubtful, self._now())
        return replace(ledger, lock=replace(lock, free_for=self._now() - self._doubt[1]))
