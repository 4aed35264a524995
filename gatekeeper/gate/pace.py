"""How often a gate looks at what nobody tells it of: brisk while something may soon happen, then slower.

A migration that has moved is soon done, and so is most often one whose pods have just started. Nothing that is seen
tells when a long one ends: for looks of the same number a minute, the median delay is least if they are evenly spaced,
so what is gained in the first minute, and after each change, is paid for by all that follows.

The looks of a gate whose history stands still are fewer than at an even 4.5 s after four minutes; whatever moves, they
are after five, which is the default of --timeout.
"""

import random

FIRST = 0.5
"""Seconds to the first look after something new was seen; then twice as many each time."""
BRISK = 2.3
IDLE = 5.0
"""Seconds between two looks, soon after something new was seen and later."""
JITTER = 1.0
"""Seconds at most that are added to each, so that the pods of a rollout never look in step."""
SOON = 50.0
"""Seconds from something new, of which the gate's start is the first, until the pace is slower."""
SPARE = 14
"""Looks by which a gate may be ahead of an idle one's pace, in all."""


class Pace:
    """The pace of one gate, from the instant in seconds at which it began."""

    def __init__(self, began: float) -> None:
        self._began = self._heard = began
        self._looks = self._since = 0

    def hear(self, now: float) -> None:
        """Note that something new was seen."""
        self._heard, self._since = now, 0

    def pause(self, now: float) -> float:
        """Return the seconds to the next look; asked once after each."""
        self._looks += 1
        self._since += 1
        allowed = SPARE + (now - self._began) / (IDLE + JITTER / 2)
        brisk = now - self._heard < SOON and self._looks < allowed
        seconds = min(FIRST * 2 ** (self._since - 1), BRISK) if brisk else IDLE
        return seconds + random.uniform(0, JITTER)  # noqa: S311 - nobody gains by guessing it
