"""What a row of a history says, in words that hold for every tool."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Order = Callable[[str], Any]
"""Gives a revision in normal form its place among the others; None for one that has none."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A revision is applied."""

    revision: str


@dataclass(frozen=True, slots=True)
class UpTo:
    """Everything at or below a revision counts as applied: a single current version, a baseline."""

    revision: str


@dataclass(frozen=True, slots=True)
class Untold:
    """A revision's own row does not tell that it is applied: another one of its name is not."""

    revision: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The tool itself recorded a failure."""

    what: str
    revision: str = ""
    """What failed, where rows of others stand beside its own."""
    run: str = ""
    """How the revisions of its run begin, where what was applied before stands; else nothing does."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A mark of the tool's that means running or failed; its lock tells which."""

    what: str
    revision: str = ""
    """As of Failed."""
    run: str = ""
    """As of Failed."""
    until: str = ""
    """Where it means neither but is awaited: what ends it, for people."""
    is_current: bool = False
    """Whether its revision is all that the history keeps: where it stands, with everything below applied."""


@dataclass(frozen=True, slots=True)
class Locked:
    """The row of a lock table: somebody migrates, or was killed while doing so."""

    row: str
    """The row and its owner, for people."""


Event = Applied | UpTo | Untold | Failed | Doubtful | Locked
