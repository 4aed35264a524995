"""The words of the core: what a look concludes, what keeps it from concluding, and how a gate ends.

A reason is a clause that someone on call understands with no context; the subject of the check is put before it.
"""

from typing import Protocol


class _Told:  # noqa: PLW1641 - in no set
    """What is known, as a clause. No dataclass: to make one takes every gate half a millisecond."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Open(_Told):
    """The migration is proven to have happened."""


class Waiting(_Told):
    """It is not proven yet, and may still happen."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint
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
    def awaits(self) -> str:
        """What would open the gate, where a look brings no verdict that says so."""

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


class Interrupted(_Told):
    """A signal asked the gate to end."""

    def __init__(self, reason: str, signal: int) -> None:
        super().__init__(reason)
        self.signal = signal


Outcome = Opened | Refused | Barred | TimedOut | Interrupted
