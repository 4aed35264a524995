"""What stands in for the world in unit tests; each implements the protocol that the real one implements."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from gatekeeper.gate.clock import Signalled
from gatekeeper.gate.verdict import Denied, Unreachable, Verdict
from gatekeeper.histories.judge import Lock
from gatekeeper.histories.look import Found
from gatekeeper.tools.shared.record import Tool

Result = Verdict | Unreachable | Denied | Exception


class FakeClock:
    """Virtual time. Implements gate.Ticker: `start` runs work inline, and what it posts arrives `latency` later.

    An event is an instant and the message that then arrives; a Signalled is raised instead, as a signal handler would.
    """

    def __init__(self, *events: tuple[float, object]) -> None:
        self.latency = 0.0
        self._now = 0.0
        self._messages = list(events)

    def now(self) -> float:
        return self._now

    def start(self, work: Callable[[], None]) -> None:
        work()
        self.latency = 0.0

    def post(self, message: object) -> None:
        self._messages.append((self._now + self.latency, message))

    def receive(self, seconds: float) -> object | None:
        until = self._now + seconds
        self._messages.sort(key=itemgetter(0))
        if not self._messages or self._messages[0][0] > until:
            self._now = until
            return None
        at, message = self._messages.pop(0)
        self._now = max(self._now, at)
        if isinstance(message, Signalled):
            raise message
        return message


@dataclass(frozen=True)
class Slow:
    """A look that takes `seconds`."""

    seconds: float
    result: Result


def hanging(result: Result) -> Slow:
    """Return a look that never ends."""
    return Slow(math.inf, result)


@dataclass(frozen=True)
class Look:
    """What a check was asked, and at which instant."""

    at: float
    limit: float
    fresh: bool


class ScriptedCheck:
    """Concludes or raises its results in turn, the last of them for ever. Implements verdict.Check."""

    def __init__(self, clock: FakeClock, name: str, *results: Result | Slow, messenger: bool = False) -> None:
        self.name = name
        self.awaits = "3"
        self.messenger = messenger
        self.followed = False
        self.looks: list[Look] = []
        self._clock = clock
        self._results = results

    @property
    def instants(self) -> list[float]:
        return [look.at for look in self.looks]

    def look(self, limit: float, *, fresh: bool) -> Verdict:
        self.looks.append(Look(self._clock.now(), limit, fresh))
        result = self._results[min(len(self.looks), len(self._results)) - 1]
        if isinstance(result, Slow):
            self._clock.latency, result = result.seconds, result.result
        if isinstance(result, Exception):
            raise result
        return result


def condition(kind: str, status: Any = "True", **more: Any) -> dict[str, Any]:
    """Return a condition of a Job."""
    return {"type": kind, "status": status, **more}


CREATED = "2024-05-01T09:00:00Z"
"""When `job` says that it was."""


def written(kind: str, *keys: str, at: Any = CREATED) -> dict[str, Any]:
    """Return the server's record that somebody wrote these labels or annotations, and nothing else."""
    return {"manager": "helm", "time": at, "fieldsV1": {"f:metadata": {f"f:{kind}": {f"f:{key}": {} for key in keys}}}}


def job(*conditions: Any, status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return a Job as the API gives it, with these conditions, and more of its status and metadata.

    What marks it was written when it was created, unless its managedFields are given too.
    """
    fields = [written(kind, *marks) for kind in ("labels", "annotations") if (marks := metadata.get(kind))]
    own = {"name": "migrate", "namespace": "shop", "uid": "6e1", "creationTimestamp": CREATED, "managedFields": fields}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**own, **metadata},
        "spec": {"backoffLimit": 3, "template": {"metadata": {"labels": {"job-name": "migrate"}}}},
        "status": {"conditions": list(conditions), **(status or {})},
    }


FREE_LOCK = Lock(known=True)


@dataclass(frozen=True)
class History:
    """What a database holds: tables by their names, their rows, the lock; or what a query returns."""

    tables: tuple[Found, ...] = ()
    rows: Mapping[str, Sequence[tuple]] = field(default_factory=dict)
    lock: Lock = FREE_LOCK
    at_work: str = ""
    version: str = ""


class FakeSession:
    """Finds what a history holds. Implements schema.Session."""

    def __init__(self, history: History) -> None:
        self._history = history

    def version(self) -> str:
        return self._history.version

    def schemas(self, tool: Tool) -> tuple[str, ...]:
        return tool.schemas

    def find(self, names: Sequence[str], schemas: Sequence[str], columns: Sequence[str]) -> list[Found]:
        return [table for table in self._history.tables if table.asked in names]

    def rows(self, table: Found, columns: Sequence[str], order_by: str) -> Iterator[tuple]:
        yield from self._history.rows[table.table]

    def query(self, statement: str) -> Iterator[tuple]:
        yield from self._history.rows["query"]

    def lock(self, tool: Tool, table: Found) -> Lock:
        return self._history.lock

    def at_work(self) -> str:
        return self._history.at_work


class FakeDatabase:
    """Holds the histories that it is given, in turn. Implements schema.Database."""

    name = "database shop"

    def __init__(self, *histories: History) -> None:
        self._histories = iter(histories)

    def session(self, limit: float) -> AbstractContextManager[FakeSession]:
        return nullcontext(FakeSession(next(self._histories)))
