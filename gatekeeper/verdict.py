"""The words of the core: what a look concludes, what keeps it from concluding, and how a gate ends.

A reason is a clause that someone on call understands with no context; the subject of the check is put before it.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class _Told:
    """What is known, as a clause."""

    reason: str


class Open(_Told):
    """The migration is proven to have happened."""


@dataclass(frozen=True)
class Waiting(_Told):
    """It is not proven yet, and may still happen."""

    hint: str = ""
    """Known causes and what to do, said once in the log and again at the end."""


class Shut(_Told):
    """It failed for good, or can never be proven this way."""


Verdict = Open | Waiting | Shut


class Unreachable(Exception):
    """The world could not be read this time; looking again may help."""

    def __init__(self, reason: str, retry_after: float = 0.0, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent
        """Whether there was no answer at all, so that what was seen before is still the best that is known."""
        self.retry_after = retry_after
        """Seconds for which the server asks to be left alone."""


class Denied(Exception):
    """Credentials or rights are missing; the text says which, and what to add."""


class Check(Protocol):
    """One thing to look at: one Job, or one database's history table."""

    @property
    def name(self) -> str:
        """The subject of every reason."""

    @property
    def messenger(self) -> bool:
        """Whether this only brings news: it can shut the gate, and is no proof that would open it."""

    @property
    def followed(self) -> bool:
        """Whether every change is now told of by itself, as clock.NEWS."""

    def look(self, limit: float, *, fresh: bool) -> Verdict:
        """Read the world once and judge it, within `limit` seconds.

        `fresh` asks for the state of this very moment, even where an open watch keeps a copy.
        Raises Unreachable or Denied.
        """


class Opened(_Told):
    """Every check was Open in one and the same turn."""


class Refused(_Told):
    """A check was Shut."""


class Barred(_Told):
    """Credentials or rights were missing, and did not appear while the gate gave them time."""


class TimedOut(_Told):
    """The deadline passed."""


@dataclass(frozen=True)
class Interrupted(_Told):
    """A signal asked the gate to end."""

    signal: int


Outcome = Opened | Refused | Barred | TimedOut | Interrupted
