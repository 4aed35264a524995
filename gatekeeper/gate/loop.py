"""The loop: look at every check, conclude, wait, look again, until proof, refusal, the deadline or a signal.

Time is budgeted by one monotonic deadline. A turn looks at all checks at once, each in a thread of its own; a look that
outlasts its limit is waited for in the next turn, never doubled, so a gate holds at most one connection per database.
The gate knows no client library: checks translate their faults into Unreachable and Denied, all else is a bug.
"""

import math
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from tenacity import Retrying, retry_if_result

from gatekeeper.gate.clock import NEWS, Signalled
from gatekeeper.gate.durations import format_duration
from gatekeeper.gate.pace import Pace
from gatekeeper.gate.verdict import (
    Barred,
    Check,
    Denied,
    Interrupted,
    Open,
    Opened,
    Outcome,
    Refused,
    Shut,
    TimedOut,
    Unreachable,
    Verdict,
    Waiting,
)

LOOK_LIMIT = 10.0
"""Seconds that one look may take."""
LAST_LOOK_LIMIT = 0.9
"""Seconds for the look at the deadline: the gate ends within a second of it."""
DENIED_GRACE = 30.0
"""Seconds that missing rights are given to appear: a RoleBinding may be applied after the pod, a token mounted late."""
FOLLOWED_PACE = 10.0
"""Seconds between two looks where every change is told of: they are for the log, and for what time alone changes."""


class Ticker(Protocol):
    """What the gate needs of a clock; see clock.Clock."""

    def now(self) -> float: ...  # noqa: D102
    def start(self, work: Callable[[], None]) -> None: ...  # noqa: D102
    def post(self, message: object) -> None: ...  # noqa: D102
    def receive(self, seconds: float) -> object | None: ...  # noqa: D102


class Turn(NamedTuple):
    """What one turn saw, for people: seconds gone, seconds left (infinite without a deadline), a verdict per check."""

    elapsed: float
    remaining: float
    verdicts: tuple[tuple[str, Verdict], ...]


class _Standing:
    """A check, and what is known of it."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.verdict: Verdict = Waiting("not looked at yet")
        self.asked_at: float | None = None
        """When the look that is under way began."""
        self.looked_at = -math.inf
        """When the look that gave the verdict began."""
        self.since = -math.inf
        """When the verdict became one of its kind."""
        self.seen = ""
        """What the last answer said."""
        self.answered = False
        """Whether that look ended after its turn, so that the next one has yet to weigh it."""
        self.heard = False
        """Whether the verdict rests on what an open watch told, and not on a look at the world itself."""
        self.not_before = -math.inf
        self.denied_since = math.inf

    @property
    def sentence(self) -> str:
        hint = getattr(self.verdict, "hint", "")
        return f"{self.check.name}: {self.verdict.reason}" + (f" ({hint})" if hint else "")

    def hear_nothing(self, reason: str) -> None:
        """Wait where there was no answer, with what the last one said."""
        if self.seen:
            self.verdict = Waiting(f"{reason}; before that: {self.seen}")
        else:
            self.learn_nothing(reason)

    def learn_nothing(self, reason: str) -> None:
        """Wait where the world could not be read."""
        self.verdict = Waiting(f"{reason}; awaiting {self.check.awaits}")


class _Seen(NamedTuple):
    """The message of a look that ended."""

    standing: _Standing
    result: Verdict | BaseException


class Gate:
    """Holds until every check that is no messenger is Open, one is Shut, or `timeout` seconds are over.

    A timeout of 0 looks once; an infinite one never ends the gate. `tell` is called after every turn.

    Each watch has a connection of its own, which may be dead without a sign. The news that opens a gate of one check
    has just come through; of several, what the others last told may be long over. So before several open the gate,
    those that only a watch told of are looked at afresh in the same turn, and must be Open then.
    """

    def __init__(self, checks: Sequence[Check], timeout: float, clock: Ticker, tell: Callable[[Turn], None]) -> None:
        # Messengers first: a proof is then never older than the news it is weighed against.
        self._standings = [_Standing(check) for check in sorted(checks, key=lambda check: not check.messenger)]
        self._proofs = [standing for standing in self._standings if not standing.check.messenger]
        if not self._proofs:
            raise ValueError("a gate without a check that can prove anything would be open")
        self._timeout = timeout
        self._clock = clock
        self._tell = tell
        self._news = False

    def hold(self, began: float | None = None) -> Outcome:
        """Hold, and return how it ended; it `began` now, or at an earlier instant."""
        self._began = self._clock.now() if began is None else began
        self._pace = Pace(self._began)
        turns = Retrying(
            retry=retry_if_result(lambda outcome: outcome is None),
            wait=lambda _turn: min(self._wait(), self._remaining()),
            sleep=self._pause,
        )
        try:
            outcome = turns(self._turn)
        except Signalled as caught:
            name = signal.Signals(caught.number).name
            return Interrupted(f"{name} while waiting for {self._pending()}", caught.number)
        assert outcome is not None
        return outcome

    def _wait(self) -> float:
        followed = all(standing.check.followed for standing in self._standings)
        return FOLLOWED_PACE if followed else self._pace.pause(self._clock.now())

    def _remaining(self) -> float:
        return max(0.0, self._began + self._timeout - self._clock.now())

    def _turn(self) -> Outcome | None:
        last = self._remaining() == 0
        last_limit = LAST_LOOK_LIMIT if self._timeout else LOOK_LIMIT
        limit = last_limit if last else min(LOOK_LIMIT, self._remaining())
        self._look(self._standings, limit, fresh=last)
        if self._is_proven() and len(self._proofs) > 1:
            self._look([proof for proof in self._proofs if proof.heard], max(limit, LAST_LOOK_LIMIT), fresh=True)
        self._tell(self._report())
        return self._conclude(last=last)

    def _look(self, standings: Sequence[_Standing], limit: float, *, fresh: bool) -> None:
        """Look at these checks, unless they are not due, and wait for all answers until the limit."""
        now = self._clock.now()
        for standing in standings:
            due = now >= standing.not_before and not standing.answered
            if standing.asked_at is None and (fresh or due):
                standing.asked_at = now
                standing.heard = standing.check.followed and not fresh
                try:
                    self._clock.start(partial(self._look_at, standing, limit, fresh=fresh))
                except Unreachable as fault:
                    self._clock.post(_Seen(standing, fault))
        while any(standing.asked_at is not None for standing in self._standings):
            left = now + limit - self._clock.now()
            if left <= 0:
                break
            self._receive(left)
        for standing in self._standings:
            standing.answered = False
            if standing.asked_at is not None and standing.denied_since == math.inf:
                standing.hear_nothing(f"no answer yet after {self._clock.now() - standing.asked_at:.1f} s")

    def _look_at(self, standing: _Standing, limit: float, *, fresh: bool) -> None:
        """Look at one check. Runs in its own thread, so it touches nothing and posts what it saw."""
        try:
            self._clock.post(_Seen(standing, standing.check.look(limit, fresh=fresh)))
        except BaseException as fault:  # noqa: BLE001 - a bug is raised again by the main thread
            # In no variable: its traceback would refer to itself, and keep all that a driver made until a collection.
            self._clock.post(_Seen(standing, fault))

    def _receive(self, seconds: float) -> bool:
        """Wait for one message and note what it says; tell whether one came."""
        message = self._clock.receive(seconds)
        if isinstance(message, _Seen):
            self._note(message.standing, message.result)
        elif message is NEWS:
            self._news = True
        return message is not None

    def _note(self, standing: _Standing, result: Verdict | BaseException) -> None:
        now, before = self._clock.now(), standing.verdict
        standing.looked_at = now if standing.asked_at is None else standing.asked_at
        standing.asked_at, standing.answered = None, True
        denied_since, standing.denied_since = standing.denied_since, math.inf
        match result:
            case Unreachable(silent=True) as fault:
                standing.hear_nothing(str(fault))
            case Unreachable() as fault:
                standing.learn_nothing(str(fault))
                standing.not_before = now + fault.retry_after
            case Denied() as fault:
                standing.verdict = Waiting(str(fault))
                standing.denied_since = min(denied_since, now)
                # Three looks in all: each may be a login that fails, and so many of them lock an account for everybody.
                halfway, end = (standing.denied_since + DENIED_GRACE * part for part in (0.5, 1))
                standing.not_before = halfway if now < halfway else end
            case BaseException() as bug:
                raise bug
            case verdict:
                standing.verdict = verdict
        if not (isinstance(result, Unreachable) and result.silent):
            if standing.seen != standing.verdict.reason:
                self._pace.hear(now)
            standing.seen = standing.verdict.reason
        if type(standing.verdict) is not type(before):
            standing.since = now

    def _conclude(self, *, last: bool) -> Outcome | None:
        """Return the outcome that the verdicts allow, or None to go on waiting."""
        now = self._clock.now()
        if self._is_proven():
            return Opened("; ".join(standing.sentence for standing in self._proofs))
        for standing in self._standings:
            if isinstance(standing.verdict, Shut):
                # A Job may fail after the schema got there: its word counts once the proof was looked at again.
                if not standing.check.messenger or last or self._looked_since(standing.since):
                    return Refused(standing.sentence)
                self._news = all(proof.not_before <= now for proof in self._proofs)
        denied = [standing for standing in self._standings if standing.denied_since < math.inf]
        if any(last or now - standing.denied_since >= DENIED_GRACE for standing in denied):
            return Barred("; ".join(standing.sentence for standing in denied))
        if last:
            return TimedOut(f"after {format_duration(self._timeout)}, still waiting for {self._pending()}")
        return None

    def _is_proven(self) -> bool:
        return all(isinstance(proof.verdict, Open) for proof in self._proofs)

    def _looked_since(self, instant: float) -> bool:
        return all(proof.looked_at >= instant for proof in self._proofs)

    def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until something changes."""
        until = self._clock.now() + seconds
        while not self._news and (left := until - self._clock.now()) > 0:
            self._news = self._receive(left)
        self._news = False

    def _pending(self) -> str:
        pending = [proof for proof in self._proofs if not isinstance(proof.verdict, Open)]
        messengers = [standing for standing in self._standings if standing.check.messenger]
        return "; ".join(standing.sentence for standing in pending + messengers)

    def _report(self) -> Turn:
        return Turn(
            elapsed=self._clock.now() - self._began,
            remaining=self._remaining(),
            verdicts=tuple((standing.check.name, standing.verdict) for standing in self._standings),
        )
