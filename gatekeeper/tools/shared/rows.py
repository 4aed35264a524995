"""Rows -> events, in the ways in which several tools keep their histories."""

from collections.abc import Callable, Iterable, Iterator

from gatekeeper.tools.shared import revisions, values
from gatekeeper.tools.shared.events import Applied, Event, Locked
from gatekeeper.tools.shared.record import Events, Row


def each(event: Callable[..., Event | None]) -> Events:
    """Read each row by itself."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        return (told for row in rows if (told := event(*row)) is not None)

    return events


def many(events: Callable[..., Iterator[Event]]) -> Events:
    """Read each row by itself, when it may tell several things."""
    return lambda rows: (event for row in rows for event in events(*row))


def single(event: Callable[..., Event | None]) -> Events:
    """Read the one row of a history that keeps only the current version."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        for index, row in enumerate(rows):
            if index:
                raise ValueError("there are several rows where the tool keeps one")
            if (told := event(*row)) is not None:
                yield told

    return events


def applied(name: Callable[[object], str] = values.text) -> Events:
    """Read one row per applied migration, whose first column is its name."""
    return each(lambda value, *_: Applied(name(value)))


applied_stem = applied(lambda value: revisions.stem(values.text(value)))
"""The same, with or without the extension of the migration's file."""
applied_number = applied(lambda value: str(values.integer(value)))
"""The same, by number."""
applied_in_app = each(lambda app, name, *_: Applied(f"{values.text(app)}.{values.text(name)}"))
"""The same, by app and name."""


def ended(name: str, at: object) -> Applied | None:
    """Return that a migration is applied, if there is an instant at which it ended."""
    return Applied(name) if values.or_none(values.instant, at) else None


def locked(table: str, owner: Callable[..., str]) -> Events:
    """Read the rows of a lock table, of which the first column tells whether the lock is held."""

    def events(rows: Iterable[Row]) -> Iterator[Event]:
        return (Locked(f"{table} is held{owner(*row[1:])}") for row in rows if row[0] not in (None, 0, False))

    return events


def by(*words: str) -> Callable[..., str]:
    """Return a function that puts each value after its word, if there is one: who holds a lock, for people."""

    def text(*told: object) -> str:
        return "".join(
            f" {word} {value.isoformat(' ', 'seconds') if hasattr(value, 'isoformat') else value}"
            for word, value in zip(words, told, strict=True)
            if value is not None
        )

    return text
