"""Values of rows, each taken only as what its column is to hold. Raises ValueError, in a clause that quotes it."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

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


def spellings(value: object) -> tuple[str, ...]:
    """Return a revision of a history of one's own as text, the database's own last.

    A number keeps its scale: 1.10 is not 1.1. Of an instant the column's scale is not known, so each is a spelling.
    What is shown by a time zone, by a setting, or rounded has no text of its own.
    """
    match value:
        case str():
            return (value,)
        case int() if not isinstance(value, bool):
            return (str(value),)
        case Decimal():
            return (f"{value:f}",)
        case UUID():
            return (str(value).upper(), str(value))
        case datetime(tzinfo=None):
            seconds, _, fraction = value.isoformat(" ").partition(".")
            shortest = fraction.rstrip("0")
            widths = range(6, len(shortest) - 1, -1)
            return tuple(f"{seconds}.{shortest:0<{width}}" if width else seconds for width in widths)
        case date() if not isinstance(value, datetime):
            return (value.isoformat(),)
        case _:
            raise ValueError(
                f"{value!r} is neither text, a number, a date nor a uuid; cast it to text by --tool query, "
                "for example with CAST(id AS char(36))"
            )
