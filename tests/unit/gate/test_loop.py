"""The loop, in virtual time."""

import gc
import math
import signal
import weakref

import pytest

from fakes import FakeClock, Look, ScriptedCheck, Slow, hanging
from gatekeeper.gate import loop
from gatekeeper.gate.clock import NEWS, Signalled
from gatekeeper.gate.loop import DENIED_GRACE, Gate, Turn
from gatekeeper.gate.pace import Pace
from gatekeeper.gate.verdict import (
    Barred,
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

OPEN = Open("has 3 applied")
WAITING = Waiting("is at 2; awaiting 3")
SHUT = Shut("has failed")
UNREACHABLE = Unreachable("connection refused")
DENIED = Denied("may not read; GRANT SELECT")


@pytest.fixture(autouse=True)
def _even_pace(monkeypatch):
    """Look every 2 s, without jitter."""
    monkeypatch.setattr(Pace, "pause", lambda _self, _now: 2.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def hold(clock: FakeClock, *checks: ScriptedCheck, timeout: float = 60.0) -> Outcome:
    return Gate(checks, timeout, clock, lambda _turn: None).hold()


# -- time ---------------------------------------------------------------------------------------------------------


def test_opens_at_once(clock):
    """A proof that is there already opens the gate with one look and no wait."""
    db = ScriptedCheck(clock, "db", OPEN)
    assert hold(clock, db) == Opened("db: has 3 applied")
    assert db.looks == [Look(0, 10, fresh=False)]


def test_looks_until_open(clock):
    """The gate looks at once, then after each pause, and opens in the turn that brings the proof."""
    db = ScriptedCheck(clock, "db", WAITING, WAITING, WAITING, OPEN)
    assert isinstance(hold(clock, db), Opened)
    assert db.instants == [0, 2, 4, 6]
    assert clock.now() == 6


def test_deadline(clock):
    """The last wait is clipped, the last look is exactly at the deadline and fresh, and no look may outlast it long."""
    db = ScriptedCheck(clock, "db", WAITING)
    assert hold(clock, db, timeout=7) == TimedOut("after 7s, still waiting for db: is at 2; awaiting 3")
    assert db.looks == [
        Look(0, 7, fresh=False),
        Look(2, 5, fresh=False),
        Look(4, 3, fresh=False),
        Look(6, 1, fresh=False),
        Look(7, loop.LAST_LOOK_LIMIT, fresh=True),
    ]
    assert clock.now() == 7


def test_opens_at_the_deadline(clock):
    """What only the last look finds opens the gate."""
    assert isinstance(hold(clock, ScriptedCheck(clock, "db", WAITING, WAITING, WAITING, OPEN), timeout=5), Opened)
    assert clock.now() == 5


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        pytest.param(OPEN, Opened("db: has 3 applied"), id="open"),
        pytest.param(WAITING, TimedOut("after 0s, still waiting for db: is at 2; awaiting 3"), id="waiting"),
        pytest.param(SHUT, Refused("db: has failed"), id="shut"),
        pytest.param(DENIED, Barred("db: may not read; GRANT SELECT"), id="denied"),
        pytest.param(
            UNREACHABLE, TimedOut("after 0s, still waiting for db: connection refused; awaiting 3"), id="unreachable"
        ),
    ],
)
def test_timeout_0(clock, result, outcome):
    """A timeout of 0 looks once, afresh and with the time of an ordinary look."""
    db = ScriptedCheck(clock, "db", result)
    assert hold(clock, db, timeout=0) == outcome
    assert db.looks == [Look(0, 10, fresh=True)]


def test_infinite_timeout(clock, monkeypatch):
    """Without a deadline the gate never ends by itself, and no look is a last one."""
    monkeypatch.setattr(Pace, "pause", lambda _self, _now: 5.0)
    db = ScriptedCheck(clock, "db", *[WAITING] * 2000, OPEN)
    assert isinstance(hold(clock, db, timeout=math.inf), Opened)
    assert clock.now() == 10_000
    assert not any(look.fresh for look in db.looks)


@pytest.mark.parametrize(
    ("results", "heard"),
    [
        pytest.param([WAITING, WAITING, WAITING], [0], id="still"),
        pytest.param([WAITING, Waiting("is at 2.5; awaiting 3"), WAITING], [0, 2, 4], id="moving"),
        pytest.param([WAITING, UNREACHABLE, UNREACHABLE], [0, 2], id="gone"),
        pytest.param([WAITING, Unreachable("no answer", silent=True), WAITING], [0], id="silent"),
    ],
)
def test_hears(clock, monkeypatch, results, heard):
    """What a look says that none said before makes the pace brisk again; silence says nothing."""
    told = []
    monkeypatch.setattr(Pace, "hear", lambda _self, now: told.append(now))
    hold(clock, ScriptedCheck(clock, "db", *results), timeout=5)
    assert told == heard


def test_followed():
    """Where every change is told of, the gate looks every 10 s, and at once when it is told."""
    clock = FakeClock((13, NEWS))
    job = ScriptedCheck(clock, "Job", *[WAITING] * 3, OPEN)
    job.followed = True
    assert isinstance(hold(clock, job), Opened)
    assert job.instants == [0, 10, 13, 23]


def test_followed_beside_others(clock):
    """What is followed does not keep the gate from looking at what is not."""
    job, db = ScriptedCheck(clock, "Job", WAITING, messenger=True), ScriptedCheck(clock, "db", WAITING, WAITING, OPEN)
    job.followed = True
    assert isinstance(hold(clock, job, db), Opened)
    assert db.instants == [0, 2, 4]


def test_tells_every_turn(clock):
    """After every turn the gate tells the time gone, the time left and each verdict, messengers first."""
    turns: list[Turn] = []
    checks = [ScriptedCheck(clock, "db", WAITING, OPEN), ScriptedCheck(clock, "Job", WAITING, messenger=True)]
    clock.receive(100)  # the gate does not begin when the clock does
    Gate(checks, 10, clock, turns.append).hold()
    assert turns == [
        Turn(0, 10, (("Job", WAITING), ("db", WAITING))),
        Turn(2, 8, (("Job", WAITING), ("db", OPEN))),
    ]


# -- faults -------------------------------------------------------------------------------------------------------


def test_unreachable_then_open(clock):
    """A world that cannot be read is looked at again."""
    db = ScriptedCheck(clock, "db", UNREACHABLE, UNREACHABLE, OPEN)
    assert isinstance(hold(clock, db), Opened)
    assert db.instants == [0, 2, 4]


def test_retry_after(clock):
    """A server that asks to be left alone is left alone, while the other checks go on."""
    job = ScriptedCheck(clock, "Job", Unreachable("429", retry_after=7), OPEN)
    db = ScriptedCheck(clock, "db", OPEN)
    assert isinstance(hold(clock, job, db), Opened)
    assert job.instants == [0, 8]
    assert db.instants == [0, 2, 4, 6, 8]


def test_retry_after_is_clipped(clock):
    """However long a server asks to be left alone, the last look is at the deadline."""
    job = ScriptedCheck(clock, "Job", Unreachable("429", retry_after=3600), OPEN)
    assert isinstance(hold(clock, job, timeout=5), Opened)
    assert job.looks[1:] == [Look(5, loop.LAST_LOOK_LIMIT, fresh=True)]


def test_denied_for_the_grace(clock):
    """Rights that do not appear within the grace bar the gate, with what to add, after three looks that are no more."""
    db = ScriptedCheck(clock, "db", DENIED)
    assert hold(clock, db) == Barred("db: may not read; GRANT SELECT")
    assert clock.now() == DENIED_GRACE
    assert db.instants == [0, 16, 30]


def test_denied_beside_others(clock):
    """While one check is denied the others are looked at as ever."""
    db, job = ScriptedCheck(clock, "db", DENIED, OPEN), ScriptedCheck(clock, "Job", OPEN)
    assert isinstance(hold(clock, db, job), Opened)
    assert db.instants == [0, 16]
    assert job.instants == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_denied_then_healed(clock):
    """Rights that appear within the grace let the gate go on, and the grace of a later denial begins anew."""
    db = ScriptedCheck(clock, "db", DENIED, WAITING, DENIED)
    assert isinstance(hold(clock, db, timeout=math.inf), Barred)
    assert db.instants == [0, 16, 18, 34, 48]


def test_denied_until_a_short_deadline(clock):
    """A gate that is denied at a deadline within the grace is barred, not timed out."""
    assert hold(clock, ScriptedCheck(clock, "db", DENIED), timeout=5) == Barred("db: may not read; GRANT SELECT")
    assert clock.now() == 5


def test_all_that_is_denied_is_told(clock):
    """A gate that is barred says all that is to be added, so that one change cures it."""
    checks = [ScriptedCheck(clock, name, DENIED) for name in ("one", "two")]
    assert hold(clock, *checks) == Barred("one: may not read; GRANT SELECT; two: may not read; GRANT SELECT")


def test_denied_then_hanging(clock):
    """A gate that is barred says what to add, even where its last look has no answer."""
    outcome = hold(clock, ScriptedCheck(clock, "db", DENIED, DENIED, hanging(DENIED)))
    assert "GRANT SELECT" in outcome.reason


def test_bug(clock):
    """A bug in a look comes out of the gate as it is."""
    bug = ZeroDivisionError("division by zero")
    with pytest.raises(ZeroDivisionError) as caught:
        hold(clock, ScriptedCheck(clock, "db", WAITING, bug))
    assert caught.value is bug


# -- slow looks ---------------------------------------------------------------------------------------------------


def test_hanging_look(clock):
    """A look that hangs is never doubled, and holds the gate within a second of its deadline."""
    clock.receive(100)
    db = ScriptedCheck(clock, "db", hanging(OPEN))
    assert hold(clock, db, timeout=25) == TimedOut(
        "after 25s, still waiting for db: no answer yet after 25.9 s; awaiting 3"
    )
    assert db.instants == [100]
    assert 125 <= clock.now() < 126


def test_hanging_look_beside_others(clock):
    """While one look hangs, the other checks are still looked at, and none of them opens the gate alone."""
    db = ScriptedCheck(clock, "db", OPEN)
    assert isinstance(hold(clock, db, ScriptedCheck(clock, "other", hanging(OPEN)), timeout=25), TimedOut)
    assert db.instants == [0, 12, 24, 25]


def test_hanging_look_after_an_answer(clock):
    """Where a look hangs, what the one before it saw is not forgotten."""
    db = ScriptedCheck(clock, "db", Waiting("is locked by pid 7"), hanging(OPEN))
    outcome = hold(clock, db, timeout=25)
    assert outcome.reason.endswith(" s; before that: is locked by pid 7")


def test_silent(clock):
    """A server that never answered is told with what is awaited."""
    db = ScriptedCheck(clock, "db", Unreachable("did not answer within 10.0 s", silent=True))
    reason = "did not answer within 10.0 s; awaiting 3"
    assert hold(clock, db, timeout=5) == TimedOut(f"after 5s, still waiting for db: {reason}")


def test_silent_after_an_answer(clock):
    """A server that answers no more is told with what it answered last, however long ago."""
    db = ScriptedCheck(clock, "db", WAITING, Unreachable("did not answer within 10.0 s", silent=True))
    reason = "did not answer within 10.0 s; before that: is at 2; awaiting 3"
    assert hold(clock, db, timeout=5) == TimedOut(f"after 5s, still waiting for db: {reason}")


def test_fault_is_let_go(clock):
    """A fault is gone with its look, without a collection, and with it all that its traceback refers to."""
    faults = []

    class Check(ScriptedCheck):
        def look(self, limit, *, fresh):
            fault = Unreachable("refused")
            faults.append(weakref.ref(fault))
            try:
                raise fault
            finally:
                del fault

    gc.disable()
    try:
        hold(clock, Check(clock, "db"), timeout=25)
        assert len(faults) > 5
        assert not any(fault() for fault in faults)
    finally:
        gc.enable()


def test_no_thread(clock):
    """Where no thread can be started, the gate waits until one can."""
    starts = iter([Unreachable("no thread can be started"), None])

    def start(work, started=clock.start):
        if fault := next(starts, None):
            raise fault
        started(work)

    clock.start = start
    assert isinstance(hold(clock, ScriptedCheck(clock, "db", OPEN)), Opened)


@pytest.mark.parametrize(
    "seconds", [pytest.param(9, id="in its turn"), pytest.param(11, id="in a pause"), pytest.param(13, id="next turn")]
)
def test_late_proof(clock, seconds):
    """A proof opens the gate when it arrives, however late."""
    db = ScriptedCheck(clock, "db", Slow(seconds, OPEN))
    assert isinstance(hold(clock, db), Opened)
    assert clock.now() == seconds


# -- signals and news ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "looks"),
    [pytest.param(WAITING, [0, 2], id="mid-wait"), pytest.param(hanging(OPEN), [0], id="mid-look")],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(result, looks, number):
    """A signal ends the gate at once, without another look."""
    clock = FakeClock((3, Signalled(number)))
    db = ScriptedCheck(clock, "db", result)
    outcome = hold(clock, db)
    assert isinstance(outcome, Interrupted)
    assert outcome.signal == number
    assert outcome.reason.startswith(f"{number.name} while waiting for db: ")
    assert clock.now() == 3
    assert db.instants == looks


def test_news_in_a_pause():
    """News ends a pause, and the next pause is a whole one."""
    clock = FakeClock((0.5, NEWS))
    db = ScriptedCheck(clock, "db", WAITING, WAITING, OPEN)
    hold(clock, db)
    assert db.instants == [0, 0.5, 2.5]


def test_news_in_a_look():
    """News during a look leads to another look as soon as that one ends."""
    clock = FakeClock((0.5, NEWS))
    db = ScriptedCheck(clock, "db", Slow(1, WAITING), WAITING, OPEN)
    hold(clock, db)
    assert db.instants == [0, 1, 3]


def test_news_respects_retry_after():
    """News does not break the peace that a server asked for."""
    clock = FakeClock((0.5, NEWS))
    job = ScriptedCheck(clock, "Job", Unreachable("429", retry_after=1), OPEN)
    hold(clock, job)
    assert job.instants == [0, 2.5]


# -- several checks -----------------------------------------------------------------------------------------------


def test_all_open_in_one_turn(clock):
    """The gate opens only when all checks are Open in one turn: one that was Open and waits again holds it."""
    job = ScriptedCheck(clock, "Job", Open("is Complete"), WAITING, Open("is Complete"))
    db = ScriptedCheck(clock, "db", WAITING, OPEN)
    assert hold(clock, job, db) == Opened("Job: is Complete; db: has 3 applied")
    assert job.instants == db.instants == [0, 2, 4]


class FollowedCheck(ScriptedCheck):
    """Is followed once a look was answered; from then on what a look says is what a watch told, unless it is fresh."""

    def look(self, limit: float, *, fresh: bool) -> Verdict:
        try:
            return super().look(limit, fresh=fresh)
        finally:
            self.followed = True


def test_what_was_heard_is_looked_at_again(clock):
    """Before two checks open the gate, each that a watch told of is looked at afresh, in the same turn."""
    one, two = (FollowedCheck(clock, name, WAITING, OPEN) for name in ("one", "two"))
    assert hold(clock, one, two) == Opened("one: has 3 applied; two: has 3 applied")
    assert one.looks == two.looks == [Look(at, 10, fresh=fresh) for at, fresh in ((0, False), (10, False), (10, True))]


def test_dead_watch_among_two(clock):
    """A check that is Open by a dead watch's word alone holds the gate as long as looking at it says otherwise."""
    dead = FollowedCheck(clock, "dead", WAITING, OPEN, WAITING, OPEN, WAITING, OPEN)
    live = FollowedCheck(clock, "live", WAITING, OPEN)
    assert isinstance(hold(clock, dead, live), Opened)
    assert [look.fresh for look in dead.looks] == [False, False, True, False, True, False, True]


def test_silence_where_a_watch_was_heard(clock):
    """Where the look that is to confirm what was heard has no answer, the gate does not open."""
    heard = FollowedCheck(clock, "heard", WAITING, OPEN, hanging(OPEN))
    outcome = hold(clock, heard, FollowedCheck(clock, "other", WAITING, OPEN), timeout=25)
    assert isinstance(outcome, TimedOut)
    assert "heard: no answer yet after" in outcome.reason


def test_what_was_seen_is_not_looked_at_again(clock):
    """What a look itself found is looked at once: the only check, the first look, and what no watch tells of."""
    alone = FollowedCheck(clock, "Job", WAITING, OPEN)
    hold(clock, alone)
    pair = [FollowedCheck(clock, "one", OPEN), ScriptedCheck(clock, "two", OPEN)]
    hold(clock, *pair)
    assert [look.fresh for check in (alone, *pair) for look in check.looks] == [False] * 4


@pytest.mark.parametrize("other", [OPEN, WAITING, UNREACHABLE, DENIED, hanging(OPEN)], ids=lambda one: str(one)[:12])
def test_one_shut_refuses(clock, other):
    """One check that is Shut refuses the gate, whatever the others say."""
    assert hold(clock, ScriptedCheck(clock, "db", other), ScriptedCheck(clock, "Job", SHUT)) == Refused(
        "Job: has failed"
    )


def test_timed_out_names_what_is_pending(clock):
    """The last reason names every check that is not Open, with its hint, and none that is."""
    checks = (
        ScriptedCheck(clock, "done", OPEN),
        ScriptedCheck(clock, "db", WAITING),
        ScriptedCheck(clock, "Job", Waiting("does not exist", "known causes: TTL")),
    )
    assert hold(clock, *checks, timeout=300) == TimedOut(
        "after 5m, still waiting for db: is at 2; awaiting 3; Job: does not exist (known causes: TTL)"
    )


# -- messengers ---------------------------------------------------------------------------------------------------


def test_messenger_refuses(clock):
    """A messenger that is Shut refuses the gate while the proof is not there."""
    db = ScriptedCheck(clock, "db", WAITING)
    job = ScriptedCheck(clock, "Job", WAITING, SHUT, messenger=True)
    assert hold(clock, db, job) == Refused("Job: has failed")
    assert clock.now() == 2


def test_proof_outweighs_messenger(clock):
    """A messenger that is Shut does not refuse the gate when the proof is Open in the same turn."""
    job = ScriptedCheck(clock, "Job", SHUT, messenger=True)
    assert hold(clock, job, ScriptedCheck(clock, "db", OPEN)) == Opened("db: has 3 applied")


def test_messenger_is_weighed_against_a_later_look(clock):
    """A messenger that is Shut counts once the proof was looked at after its answer: the schema may have got there."""
    job = ScriptedCheck(clock, "Job", Slow(3, SHUT), messenger=True)
    db = ScriptedCheck(clock, "db", WAITING, OPEN)
    assert hold(clock, db, job) == Opened("db: has 3 applied")


def test_look_that_began_before_a_messengers_answer(clock):
    """A look that began before a messenger was Shut does not count as later, though its answer came later."""
    job = ScriptedCheck(clock, "Job", Slow(3, SHUT), messenger=True)
    db = ScriptedCheck(clock, "db", Slow(4, WAITING), OPEN)
    assert hold(clock, db, job) == Opened("db: has 3 applied")


def test_messenger_is_not_believed_before_the_first_answer(clock):
    """A failed Job does not refuse while the first look at the schema is still under way."""
    job = ScriptedCheck(clock, "Job", SHUT, messenger=True)
    db = ScriptedCheck(clock, "db", Slow(12, OPEN))
    assert hold(clock, job, db) == Opened("db: has 3 applied")
    assert clock.now() == 12


def test_messenger_is_believed_at_the_deadline(clock):
    """A messenger that is Shut refuses the gate at the deadline, though the proof gave no answer since."""
    job = ScriptedCheck(clock, "Job", WAITING, SHUT, messenger=True)
    assert hold(clock, ScriptedCheck(clock, "db", hanging(OPEN)), job, timeout=5) == Refused("Job: has failed")


def test_messenger_opens_nothing(clock):
    """A messenger that is Open is no proof."""
    job = ScriptedCheck(clock, "Job", Open("is Complete"), messenger=True)
    assert isinstance(hold(clock, ScriptedCheck(clock, "db", WAITING), job), TimedOut)


@pytest.mark.parametrize("said", [WAITING, UNREACHABLE, hanging(OPEN)], ids=lambda one: str(one)[:12])
def test_messenger_is_not_needed(clock, said):
    """A messenger without news does not keep a proven gate from opening."""
    job = ScriptedCheck(clock, "Job", said, messenger=True)
    assert isinstance(hold(clock, ScriptedCheck(clock, "db", OPEN), job), Opened)


def test_messenger_that_stays_shut(clock):
    """A messenger's word counts from when it was first Shut, however late each of its answers is."""
    job = ScriptedCheck(clock, "Job", Slow(1, SHUT), Slow(1, SHUT), Slow(1, SHUT), messenger=True)
    assert hold(clock, ScriptedCheck(clock, "db", WAITING), job) == Refused("Job: has failed")
    assert len(job.looks) == 2
    assert job.looks[1].at == 1  # the proof is asked again at once


def test_nothing_to_prove(clock):
    """A gate that has nothing to look at, or messengers alone, would be open: it is never made."""
    for checks in ([], [ScriptedCheck(clock, "job", OPEN, messenger=True)]):
        with pytest.raises(ValueError, match="would be open"):
            hold(clock, *checks)
