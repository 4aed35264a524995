"""Judge a migration history: what a tool's own table says against what is wanted.

`judge_history` is pure and total. The tool's part is done before it: rows have become a Ledger of revisions in normal
form (see `tools`), so the same rules hold for every tool, and text is never compared by a database's collation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.verdict import Open, Shut, Verdict, Waiting

ABANDONED_AFTER = 5.0
"""Seconds between two looks that both found a mark and no lock, before the run counts as failed or killed."""

Order = Callable[[str], Any]
"""Gives a revision in normal form its place among the others."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a database tells of the lock that a tool holds while it migrates."""

    known: bool = False
    """Whether this tool takes a lock that this database shows. Without it, running and failed look alike."""
    holder: str = ""
    """Who holds it, for people; empty when it is free."""
    free_for: float = 0.0
    """Seconds for which looks have found it free with the same mark."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was read from a history: revisions in the tool's normal form."""

    applied: frozenset[str] = frozenset()
    up_to: str | None = None
    """Everything at or below this counts as applied: a single current version, a baseline."""
    newest: str = ""
    """For people: where the history stands."""
    failed: str = ""
    """What the tool itself recorded as failed."""
    doubtful: str = ""
    """A mark of the tool's that means running or failed; its lock tells which."""
    lock: Lock = Lock()


@dataclass(frozen=True, slots=True)
class HistoryPolicy:
    """How a history is to be read, and what follows when it failed or is past what is wanted."""

    order: Order | None = None
    """The tool's order of revisions; None where its table shows none, and ahead cannot be told from behind."""
    if_ahead: str = "open"
    on_failure: str = "exit"
    repair: str = "repair it, then run the migration again"


def judge_history(ledger: Ledger | None, wanted: Sequence[str], policy: HistoryPolicy) -> Verdict:
    """Judge a ledger, None where there is no history table, against the revisions wanted."""
    awaiting = f"awaiting {', '.join(wanted)}"
    if ledger is None:
        return Waiting(f"nothing is applied yet, there is no history table; {awaiting}")
    if ledger.failed:
        return _judge_failed(f"{ledger.failed} has failed", policy)
    if ledger.doubtful:
        return _judge_doubtful(ledger, policy, awaiting)
    stands = f"is at {ledger.newest}" if ledger.newest else "has nothing applied"
    missing = [revision for revision in wanted if not _has(ledger, revision, policy.order)]
    if missing or not wanted:
        running = f", {ledger.lock.holder} is migrating" if ledger.lock.holder else ""
        return Waiting(f"{stands}{running}; awaiting {', '.join(missing)}")
    if _is_ahead(ledger, wanted, policy.order):
        past = f"{stands}, past the wanted {', '.join(wanted)}"
        if policy.if_ahead == "refuse":
            return Shut(f"{past}, and --if-ahead is refuse; deploy the release that goes with this database")
        if policy.if_ahead == "wait":
            return Waiting(f"{past}; awaiting a database that is not, as --if-ahead wait says")
        return Open(past)
    return Open(f"has {', '.join(wanted)} applied")


def _has(ledger: Ledger, revision: str, order: Order | None) -> bool:
    below = order is not None and ledger.up_to is not None and order(revision) <= order(ledger.up_to)
    return below or revision in ledger.applied


def _is_ahead(ledger: Ledger, wanted: Sequence[str], order: Order | None) -> bool:
    if order is None or not ledger.newest:
        return False
    return bool(order(ledger.newest) > max(order(revision) for revision in wanted))


def _judge_failed(what: str, policy: HistoryPolicy) -> Verdict:
    if policy.on_failure == "wait":
        return Waiting(f"{what}; awaiting its repair, as --on-failure wait says: {policy.repair}")
    return Shut(f"{what}; {policy.repair}")


def _judge_doubtful(ledger: Ledger, policy: HistoryPolicy, awaiting: str) -> Verdict:
    if not ledger.lock.known:
        return Waiting(f"{ledger.doubtful}, which means running or failed; {awaiting}. If it failed, {policy.repair}")
    if ledger.lock.holder:
        return Waiting(f"{ledger.doubtful} and {ledger.lock.holder} is migrating; {awaiting}")
    if ledger.lock.free_for < ABANDONED_AFTER:
        return Waiting(
            f"{ledger.doubtful} and nobody holds the migration lock; looking again before it counts as failed"
        )
    return _judge_failed(f"{ledger.doubtful} and nobody holds the migration lock: a run failed or was killed", policy)
