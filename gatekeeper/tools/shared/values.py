"""Values of rows, each taken only as what its column is to hold. Raises ValueError, in a clause that quotes it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from gatekeeper.tools.shared import revisions

Value = TypeVar("Value")


def integer(value: object) -> int:
    """Return a whole number of at most 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > 64:
        raise ValueError(f"{value!r} is not an integer")
    return value


def flag(value: object) -> bool:
    """Return a truth value, which some databases keep as 0 and 1."""
    if not isinstance(value, int) or value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def text(value: object) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def digits(value: object) -> str:
    """Return text of digits alone."""
    if not re.fullmatch(revisions.DIGITS, written := text(value), re.ASCII):
        raise ValueError(f"{value!r} is not digits")
    return written


def instant(value: object) -> datetime:
    """Return a point in time."""
    if not isinstance(value, datetime):
        raise ValueError(f"{value!r} is not an instant")
    return value


def or_none(kind: Callable[[object], Value], value: object) -> Value | None:
    """Return the value as what it is to be, or None for NULL."""
    return None if value is None else kind(value)


def text_or_number(value: object) -> str:
    """Return a revision of a history of one's own, as text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is neither text nor a whole number, cast it to text")
    return str(value)
