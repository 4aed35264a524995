"""The pace of looks that nobody asks for, gate by gate, beside the even one that it took the place of."""

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.gate.pace import BRISK, FIRST, IDLE, JITTER, SPARE, Pace

EVEN = 4.5
"""Seconds between two looks, on the average, of the pace that everything is compared with, once it was reached."""
MOVES = {
    "still": [],
    "moved at once": [1.0],
    "moved late": [100.0],
    "two bursts": [20.0, 22.0, 24.0, 150.0, 152.0],
    "moving always": [2.0 * number for number in range(1000)],
}
"""The instants at which a history moves."""


def pauses() -> Iterator[float]:
    """Yield those of the even pace: half a second to a second and a half, then twice as much, up to 5 s."""
    seconds = FIRST
    while True:
        yield seconds + random.uniform(0, JITTER)
        seconds = min(2 * seconds, 4)


def even(end: float, moves: Sequence[float] = ()) -> list[float]:
    """Return the instants of the looks of a gate of the even pace."""
    looks, steps = [0.0], pauses()
    while (now := looks[-1] + next(steps)) < end:
        looks.append(now)
    return looks


def ours(end: float, moves: Sequence[float] = ()) -> list[float]:
    """Return the instants of a gate's looks until the end, each of which sees whether the history has moved."""
    pace, looks, seen = Pace(0), [0.0], 0
    while True:
        now = looks[-1]
        if seen != (moved := bisect(moves, now)):
            pace.hear(now)
            seen = moved
        if (now := now + pace.pause(now)) >= end:
            return looks
        looks.append(now)


def delay(looks: Callable[..., list[float]], begin: float, end: float, moves: Sequence[float] = ()) -> float:
    """Return the median time from a revision, applied at an instant between these, to the look that sees it."""
    delays = []
    for _ in range(2000):
        applied = random.uniform(begin, end)
        delays.append(next(look for look in looks(end + 10, moves) if look >= applied) - applied)
    return median(delays)


@pytest.fixture(autouse=True)
def _seeded():
    random.seed(17)


@pytest.mark.parametrize("end", [300, 420, 1200])
@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
def test_connections(moves, end):
    """In a wait of the default timeout, and in each longer one, no more looks than at the even pace, whatever moves."""
    gates = 200
    assert mean(len(ours(end, moves)) for _ in range(gates)) <= mean(len(even(end)) for _ in range(gates))


@pytest.mark.parametrize("end", [240, 300])
def test_connections_of_an_idle_gate(end):
    """Where nothing moves, that is so after four minutes."""
    assert mean(len(ours(end)) for _ in range(200)) < mean(len(even(end)) for _ in range(200))


@pytest.mark.parametrize("end", [10, 30, 60, 120])
@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
def test_connections_of_a_short_wait(moves, end):
    """In a shorter one it is ahead by a few, in all."""
    assert mean(len(ours(end, moves)) for _ in range(200)) <= mean(len(even(end)) for _ in range(200)) + 11


@given(moves=st.lists(st.floats(0, 2000)).map(sorted), end=st.floats(0, 2000))
def test_most_connections(moves, end):
    """However the dice fall and the history moves, the looks are bounded, and no pause is out of bounds."""
    looks = ours(end, moves)
    assert len(looks) <= SPARE + 2 + end / IDLE
    assert all(FIRST <= after - before <= IDLE + JITTER + 1e-6 for before, after in pairwise(looks))


@pytest.mark.parametrize(
    ("begin", "end", "moves"),
    [
        pytest.param(2, 10, [], id="a short wait"),
        pytest.param(10, 50, [], id="within a minute"),
        pytest.param(104, 110, [100.0, 102.0, 104.0], id="late, after it has moved"),
        pytest.param(204, 206, [200.0, 204.0], id="later"),
    ],
)
def test_delay(begin, end, moves):
    """A revision is seen within 1.5 s, at the median, where the gate began or the history moved not long before."""
    assert delay(ours, begin, end, moves) < min(1.5, delay(even, begin, end))


def test_delay_of_an_idle_gate():
    """Long after anything moved it is seen half a second later than at the even pace."""
    assert delay(ours, 200, 300) < delay(even, 200, 300) + 0.75


def test_spread():
    """Of 300 gates that began at once, only a few look in the same hundredth of a second, but for the first look."""
    looks = [round(look, 2) for _ in range(300) for look in ours(60)[1:]]
    assert max(map(looks.count, set(looks))) < 15


def test_first_pauses():
    """The first pauses are short, and grow."""
    pace = Pace(0)
    for least in (0.5, 1, 2, BRISK, BRISK):
        assert least <= pace.pause(0) <= least + JITTER


def test_forever():
    """A gate without a deadline may look for ever."""
    pace = Pace(0)
    for number in range(3000):
        assert pace.pause(5.5 * number) <= IDLE + JITTER
