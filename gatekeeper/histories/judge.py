"""Judge a migration history: what a tool's own tables say against what is wanted.

Pure and total. The tool's part is done before it: rows have become events of revisions in normal form (see `tools`), so
the same rules hold for every tool, and text is never compared by a database's collation.

A mark may mean that a run is on, that it failed, or that it was killed. That nobody holds the tool's lock tells them
apart only where this run would have been seen to hold it, and no tool promises that: golang-migrate's lock can be
switched off or kept in a table, Prisma's switched off, Atlas' renamed, all by settings of a run that a gate does not
see. So a mark counts as abandoned when looks at least ABANDONED_AFTER apart, and all between, found it with a free
lock, on a server that shows locks, and one of two things is evidence besides:

* an earlier look found this mark while the lock was held by a session at work: such runs take it, and this one let go;
* nobody else is at work in the database: no run can be on, with a lock or without.

Where there is neither the gate waits, says both that may be so, and advises no repair.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

from gatekeeper.gate.verdict import Open, Shut, Verdict, Waiting
from gatekeeper.tools.shared.events import Applied, Doubtful, Event, Failed, Locked, Order, Untold, UpTo

Mark = TypeVar("Mark", Failed, Doubtful)

ABANDONED_AFTER = 5.0
"""Seconds between two looks that both found a mark and no lock, before the run can count as failed or killed."""
UNSEEN = "others may be at work in the database"
"""Who is at work where a database was not asked, or does not tell."""
LONGEST_NAME = 255
"""Characters of a file's name. What is longer is not compared: it may be made to take long."""
LISTED = 3
"""How many of many revisions a reason names."""
_WAY_OUT = "; if it is past that, as for a pod of the last release, write --migrations DIR --if-ahead open"
"""What a gate adds that knows no other revision: heads do not tell whether they come before or after it."""


# -- what is wanted, and what was read ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """The revisions that must be applied."""

    revisions: tuple[str, ...]
    directory: str = ""
    """Where they, or their graph, were read."""
    proofs: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    """Revision -> other sets of revisions, of which one proves it as its own row would, once all in it are proven."""
    known: frozenset[str] | None = None
    """All revisions of the directory, where a head that is none of them tells that the database is past it."""
    elsewhere: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What the tool calls a server -> those that it passes over there."""
    is_whole: bool = False
    """Whether every migration of the directory is wanted."""
    caution: str = ""
    """What their rows do not tell, for people."""

    def on(self, names: Iterable[str]) -> "Wanted":
        """Return what must be applied to a server for which the tool has one of these names."""
        passed = frozenset.intersection(*(self.elsewhere.get(name, frozenset()) for name in names))
        return replace(self, revisions=tuple(revision for revision in self.revisions if revision not in passed))

    def __str__(self) -> str:
        """Return it for people."""
        return f"every migration in {self.directory}, up to {self.newest}" if self.is_whole else self.newest

    @property
    def newest(self) -> str:
        """Return the last of a directory's, all heads of a graph, all of those that were given, for people."""
        if not self.revisions:
            return f"a migration in {self.directory} that is for this server"
        return self.revisions[-1] if self.is_whole and self.known is None else _listed(self.revisions)


@dataclass(frozen=True, slots=True)
class Lock:
    """What a database tells of the lock that a tool holds while it migrates."""

    known: bool = False
    """Whether this database would show it, and the tool takes it unless it is told not to. Else a free one is none."""
    holder: str = ""
    """Who holds it, for people; empty when it is free."""
    idle_since: str = ""
    """Since when the holder's session has done nothing, where that is seen: another one may do its work."""
    free_for: float = 0.0
    """Seconds for which looks have found it free with the same mark."""
    was_held: bool = False
    """Whether looks found that mark before while the lock was held by a session at work."""
    at_work: str = UNSEEN
    """Who else is at work in the database, or may be, as a clause; empty where nobody can be."""

    @property
    def told(self) -> str:
        """Return what its holder does, for people."""
        return f"{self.holder} " + (
            f"holds the migration lock, idle since {self.idle_since}" if self.idle_since else "is migrating"
        )


@dataclass(frozen=True, slots=True)
class Doubt:
    """What looks in turn have seen of a doubtful mark, and of the lock beside it."""

    mark: str = ""
    is_held: bool = False
    """Whether the last look found it with the lock held by a session at work."""
    was_held: bool = False
    """Whether one did before the lock was free."""
    free_since: float | None = None
    """The instant of the first of the looks up to the last that all found it with the lock free."""

    def after(self, mark: str, lock: Lock, now: float) -> "Doubt":
        """Return what is known after a look that found this mark, none if empty, and this lock."""
        if not mark or not lock.known:
            return Doubt()
        if lock.holder:
            return Doubt(mark, is_held=not lock.idle_since)
        if mark != self.mark or self.free_since is None:
            return Doubt(mark, was_held=mark == self.mark and self.is_held, free_since=now)
        return self


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was read from a history: revisions in the tool's normal form."""

    applied: frozenset[str] = frozenset()
    """Of a graph's heads all, else those that the wanted depend on."""
    up_to: str | None = None
    newest: str = ""
    """For people: where the history stands."""
    failed: tuple[Failed, ...] = ()
    doubtful: tuple[Doubtful, ...] = ()
    lock_row: str = ""
    lock: Lock = Lock()


@dataclass(frozen=True, slots=True)
class HistoryPolicy:
    """How a history is to be read, and what follows when it failed or is past what is wanted."""

    order: Order | None = None
    """The tool's order of revisions; None where its table shows none, and ahead cannot be told from behind."""
    heads: bool = False
    """Whether the table lists only the current heads of a graph, not what came before them."""
    if_ahead: str = "open"
    on_failure: str = "exit"
    repair: str = "repair it, then run the migration again"


def ledger_of(events: Iterable[Event], wanted: Wanted, policy: HistoryPolicy) -> Ledger:
    """Fold a history's events, in their order, into a ledger. Of a long history it keeps what concerns the wanted."""
    concerns = {*wanted.revisions}.union(*chain.from_iterable(wanted.proofs.values()))
    applied: set[str] = set()
    untold: set[str] = set()
    up_to: str | None = None
    newest = lock_row = ""
    failed: list[Failed] = []
    doubtful: list[Doubtful] = []
    for event in events:
        match event:
            case Applied(revision):
                if policy.heads or revision in concerns:
                    applied.add(revision)
                newest = _later(newest, revision, policy.order)
            case UpTo(revision):
                up_to = _later(up_to or "", revision, policy.order)
                newest = _later(newest, revision, policy.order)
            case Untold(revision):
                untold.add(revision)
            case Failed():
                failed.append(event)
            case Doubtful(revision=revision):
                doubtful.append(event)
                newest = _later(newest, revision, policy.order) if event.is_current else newest
            case Locked(row):
                lock_row = row
    if policy.heads:
        newest = _listed(sorted(applied))
    return Ledger(frozenset(applied - untold), up_to, newest, tuple(failed), tuple(doubtful), lock_row)


def _later(one: str, other: str, order: Order | None) -> str:
    """Return the later of two; without an order, the other, which was read later. What has no place is not later."""
    if order is None or not one:
        return other if order is None or order(other) is not None else one
    place = order(other)
    return other if place is not None and place > order(one) else one


# -- the judge ----------------------------------------------------------------------------------------------------


def judge_history(ledger: Ledger | None, wanted: Wanted, policy: HistoryPolicy) -> Verdict:
    """Judge a ledger, None where there is no history table, against what is wanted."""
    awaiting = f"awaiting {wanted.newest}"
    if ledger is None:
        return Waiting(f"nothing is applied yet, there is no history table; {awaiting}")
    shown = _shown(ledger.applied, wanted.proofs)
    missing = [
        revision
        for revision in wanted.revisions
        if revision not in shown and not _is_below(revision, ledger, policy.order)
    ]
    stands = _stands(ledger)
    if not missing and policy.if_ahead == "open":
        ledger = _without_later(ledger, wanted, policy.order)
    if failed := _concerning(ledger.failed, missing):
        return _judge_failed(f"{failed[0].what} has failed", ledger, policy)
    if doubtful := _concerning(ledger.doubtful, missing):
        return _judge_doubtful(doubtful[-1], ledger, policy, awaiting)
    strangers = _strangers(ledger, wanted, policy)
    if strangers and (missing or policy.if_ahead == "refuse"):
        past = f"{stands}; {_listed(strangers)} is not in {wanted.directory}, so it is past that, or another program's"
        return _judge_ahead(past, policy)
    if not wanted.revisions:
        return Waiting(f"{stands}; {awaiting}")
    if missing:
        way_out = _WAY_OUT if policy.heads and wanted.known is None and ledger.applied else ""
        return _judge_missing(stands, missing, ledger, policy, way_out)
    if _is_ahead(ledger, wanted, policy.order):
        return _judge_ahead(f"{stands}, past the wanted {wanted.newest}", policy)
    if wanted.is_whole and not shown.issuperset(wanted.revisions):  # one number tells of no others
        return Open(f"{stands}, the newest in {wanted.directory}")
    return Open(f"has {wanted} applied{wanted.caution and '; '}{wanted.caution}")


def _stands(ledger: Ledger) -> str:
    """Return where a history stands, for people."""
    current = [mark.what for mark in ledger.doubtful if mark.is_current]
    return current[0] if current else f"is at {ledger.newest}" if ledger.newest else "has nothing applied"


def _without_later(ledger: Ledger, wanted: Wanted, order: Order | None) -> Ledger:
    """Leave out what failed or runs past all that is wanted: the next release's, while pods of this one serve.

    What comes before, or has no place in the order, may belong to this release.
    """
    return replace(
        ledger,
        failed=tuple(each for each in ledger.failed if not _is_past(each.revision, wanted, order)),
        doubtful=tuple(each for each in ledger.doubtful if not _is_past(each.revision, wanted, order)),
    )


def _concerning(events: Sequence[Mark], missing: Sequence[str]) -> list[Mark]:
    """Return those of the marks that may be of a run which is to apply what is missing."""
    return [event for event in events if not event.run or any(each.startswith(event.run) for each in missing)]


def _shown(applied: frozenset[str], proofs: Mapping[str, tuple[frozenset[str], ...]]) -> set[str]:
    """Return what rows show, by themselves or as what proves others: again as long as that proves something new."""
    shown, count = set(applied), -1
    while count != len(shown):
        count = len(shown)
        for revision, ways in proofs.items():
            if any(way and way <= shown for way in ways):
                shown.add(revision)
    return shown


def _is_below(revision: str, ledger: Ledger, order: Order | None) -> bool:
    """Tell whether a revision counts as applied by its place: up to the current one, or below the one in doubt."""
    if order is None or (place := order(revision)) is None:
        return False
    if ledger.up_to is not None and place <= order(ledger.up_to):
        return True
    return any(place < order(mark.revision) for mark in ledger.doubtful if mark.is_current)


def _strangers(ledger: Ledger, wanted: Wanted, policy: HistoryPolicy) -> list[str]:
    """Return the heads that the directory does not know."""
    return sorted(ledger.applied - wanted.known) if policy.heads and wanted.known is not None else []


def _is_ahead(ledger: Ledger, wanted: Wanted, order: Order | None) -> bool:
    return _is_past(ledger.newest, wanted, order)


def _is_past(revision: str, wanted: Wanted, order: Order | None) -> bool:
    if order is None or not revision or order(revision) is None:
        return False
    placed = _placed(wanted.revisions, order)
    return bool(placed) and bool(order(revision) > max(map(order, placed)))


def _judge_ahead(past: str, policy: HistoryPolicy) -> Verdict:
    if policy.if_ahead == "refuse":
        return Shut(f"{past}, and --if-ahead is refuse; deploy the release that goes with this database")
    if policy.if_ahead == "wait":
        return Waiting(
            f"{past}; awaiting a database that is not, as --if-ahead wait says; --if-ahead open starts an older release"
        )
    return Open(past)


def _judge_missing(
    stands: str, missing: Sequence[str], ledger: Ledger, policy: HistoryPolicy, way_out: str = ""
) -> Verdict:
    order = policy.order
    if order and ledger.newest:
        passed = [revision for revision in _placed(missing, order) if order(revision) < order(ledger.newest)]
        stands += f", past {_listed(passed)}, which it lacks" if passed else ""
    if ledger.lock.holder:
        stands += f", {ledger.lock.told}"
    if ledger.lock_row:
        stands += f", and {ledger.lock_row}: somebody migrates, or a run was killed"
    is_alike = any(_is_alike(revision, ledger.newest) for revision in missing)
    hint = f"{ledger.newest} is applied; if that is meant, write it so" if is_alike else ""
    return Waiting(f"{stands}; awaiting {_listed(missing)}{way_out}", hint)


def _is_alike(one: str, other: str) -> bool:
    """Return whether two names may be one migration's: they differ in folder, extension, number, or what follows it.

    Or one is the beginning of the other, where both are hexadecimal, as Alembic's are.
    """
    if len(one) > LONGEST_NAME or len(other) > LONGEST_NAME:
        return False
    hexadecimal = [re.match(r"(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{4,40}(?![0-9A-Za-z])", each) for each in (one, other)]
    if all(hexadecimal):
        short, long = sorted((each[0] for each in hexadecimal if each), key=len)
        return long.startswith(short)
    (number, name), (other_number, other_name) = map(_number_and_name, (one, other))
    if number and other_number:
        return int(number) == int(other_number) and (name == other_name or not (name and other_name))
    return bool(name) and name == other_name


def _number_and_name(revision: str) -> tuple[str, str]:
    """`db/000002-add-price.sql` -> `000002`, `add_price`: what a migration's file or row may be called by."""
    parts = re.fullmatch(r"(?s)(?:.*/)?[vV]?(\d{0,255})[-_ ]*(.*?)(?:\.[a-z]\w{0,4})*", revision, re.ASCII)
    return (parts[1], parts[2].replace("-", "_").lower()) if parts else ("", "")


def _judge_failed(what: str, ledger: Ledger, policy: HistoryPolicy) -> Verdict:
    if ledger.lock.holder:
        return Waiting(f"{what}, and {ledger.lock.told}; awaiting its end")
    if policy.on_failure == "wait":
        return Waiting(f"{what}; awaiting its repair, as --on-failure wait says: {policy.repair}")
    return Shut(f"{what}; {policy.repair}")


def _judge_doubtful(doubtful: Doubtful, ledger: Ledger, policy: HistoryPolicy, awaiting: str) -> Verdict:
    mark, lock = doubtful.what, ledger.lock
    if lock.holder:
        return Waiting(f"{mark} and {lock.told}; {awaiting}")
    if doubtful.until:
        return Waiting(f"{mark}; {awaiting}. {doubtful.until}")
    row = f", {ledger.lock_row}" if ledger.lock_row else ""
    if not lock.known:
        return Waiting(f"{mark}{row}, which means running or failed: {_unclear(awaiting, policy)}")
    if lock.free_for < ABANDONED_AFTER:
        return Waiting(f"{mark} and nobody holds the migration lock; looking again before it counts as failed")
    evidence = _evidence(ledger)
    if evidence:
        left = f", and left a lock: {ledger.lock_row}" if row else ""
        ended = f"{mark}, {evidence} and nobody holds the migration lock: a run failed or was killed{left}"
        return _judge_failed(ended, ledger, policy)
    return Waiting(
        f"{mark} and nobody holds the migration lock, but a run may do without{row}, and {lock.at_work}: "
        f"running or failed, {_unclear(awaiting, policy)}"
    )


def _evidence(ledger: Ledger) -> str:
    """Return why the run that left a mark is over, for people; nothing where it may be on. See the module's rule."""
    if not ledger.lock.at_work:
        return "nobody is at work in the database"
    return "its run has let go of the lock" if ledger.lock.was_held and not ledger.lock_row else ""


def _unclear(awaiting: str, policy: HistoryPolicy) -> str:
    hold = "" if policy.on_failure == "wait" else "; should it prove to have failed, --on-failure wait holds the gate"
    return f"the run's own log tells which; {awaiting}{hold}"


def _placed(revisions: Iterable[str], order: Order | None) -> list[str]:
    """Return those that have a place in the order."""
    return [revision for revision in revisions if order and order(revision) is not None]


def _listed(revisions: Sequence[str]) -> str:
    more = len(revisions) - LISTED
    return ", ".join(revisions[:LISTED]) + (f" and {more} more" if more > 0 else "")
