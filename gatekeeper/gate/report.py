"""Tell people: log lines on stderr, a live status line on a terminal, the last line in the termination log.

A line when a reason changes, and every 30 s while it does not, so that silence never means anything. The log is for
`kubectl logs`, the termination message for `kubectl describe pod`
(https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/).
"""

import json
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

from gatekeeper.gate.clock import start_thread
from gatekeeper.gate.durations import format_duration
from gatekeeper.gate.exits import ENDINGS
from gatekeeper.gate.loop import Turn
from gatekeeper.gate.output import is_terminal, leave_message, one_line, write
from gatekeeper.gate.verdict import Open, Outcome, Shut, Unreachable, Verdict, Waiting

HEARTBEAT = 30.0
"""Seconds between two lines about a reason that does not change."""
EVENTS: dict[type[Verdict], str] = {Open: "open", Waiting: "waiting", Shut: "shut"}
"""The word of the log for each verdict."""
REDRAW = 0.5
"""Seconds between two status lines on a terminal."""


class Line(NamedTuple):
    """What is said: an event of few kinds, about a check, why, and seconds gone and left."""

    event: str
    reason: str
    check: str = ""
    elapsed: float = 0.0
    remaining: float = math.inf


def as_text(line: Line) -> str:
    """Return the line for people."""
    left = "" if math.isinf(line.remaining) else f", {format_duration(line.remaining)} left"
    subject = f"{line.check}: " if line.check else ""
    return f"{_timestamp()} {line.event}: {subject}{line.reason} [{format_duration(line.elapsed)}{left}]"


def as_json(line: Line) -> str:
    """Return the line as one JSON object; `remaining_s` is null without a deadline."""
    fields = {
        "time": _timestamp(),
        "event": line.event,
        "check": line.check,
        "reason": line.reason,
        "elapsed_s": round(line.elapsed, 3),
        "remaining_s": None if math.isinf(line.remaining) else round(line.remaining, 3),
    }
    return json.dumps(fields, ensure_ascii=False)


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FORMATS: dict[str, Callable[[Line], str]] = {"text": as_text, "json": as_json}


class Report:
    """Hears every turn of the gate, and says what is new."""

    def __init__(self, log_format: str, stream: TextIO | None) -> None:
        self._format = FORMATS[log_format]
        self._stream = stream
        self._said: dict[str, tuple[Verdict, float]] = {}
        self._hinted: set[str] = set()
        self._status = StatusLine(stream) if log_format == "text" and stream and is_terminal(stream) else None

    def begin(self, version: str, subjects: Sequence[str], timeout: float) -> None:
        """Say what is awaited."""
        self._write(Line("holding", f"gatekeeper {version} awaits {'; '.join(subjects)}", remaining=timeout))

    def tell(self, turn: Turn) -> None:
        """Say what changed in a turn, and what has not for a while."""
        for check, verdict in turn.verdicts:
            said, at = self._said.get(check, (None, -math.inf))
            changed = said is None or (type(said), said.reason) != (type(verdict), verdict.reason)
            if changed or turn.elapsed - at >= HEARTBEAT:
                self._said[check] = (verdict, turn.elapsed)
                self._write(Line(EVENTS[type(verdict)], verdict.reason, check, turn.elapsed, turn.remaining))
            hint = verdict.hint if isinstance(verdict, Waiting) else ""
            if hint and check not in self._hinted:
                self._hinted.add(check)
                self._write(Line("hint", hint, check, turn.elapsed, turn.remaining))
        if self._status:
            self._status.show(turn)

    def end(self, outcome: Outcome, elapsed: float, termination_log: str) -> None:
        """Say how the gate ended, also where `kubectl describe pod` shows it."""
        _, event = ENDINGS[type(outcome)]
        if self._status:
            self._status.stop()
        self._write(Line(event, outcome.reason, elapsed=elapsed))
        leave_message(f"{event}: {one_line(outcome.reason)}", termination_log)

    def _write(self, line: Line) -> None:
        with self._status.cleared() if self._status else nullcontext():
            printable = line._replace(check=one_line(line.check), reason=one_line(line.reason))
            write(f"{self._format(printable)}\n", self._stream)


class StatusLine:
    """One line on a terminal, drawn again and again by a thread of its own: what is awaited, time gone, time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._since = self._until = time.monotonic()
        self._drawing = threading.Lock()
        self._ended = threading.Event()
        with suppress(Unreachable):  # the log is enough
            start_thread(threading.Thread(target=self._draw, daemon=True))

    def show(self, turn: Turn) -> None:
        """Show this turn from now on."""
        now = time.monotonic()
        self._since, self._until = now - turn.elapsed, now + turn.remaining
        pending = [f"{check}: {verdict.reason}" for check, verdict in turn.verdicts if not isinstance(verdict, Open)]
        self._text = one_line("; ".join(pending))

    def stop(self) -> None:
        """Draw no more."""
        self._ended.set()

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Make room for a line of the log."""
        with self._drawing:
            write("\r\x1b[2K", self._stream)
            yield

    def _draw(self) -> None:
        while not self._ended.wait(REDRAW):
            now = time.monotonic()
            left = "" if math.isinf(self._until) else f", {format_duration(self._until - now)} left"
            text = f"waiting {format_duration(now - self._since)}{left} - {self._text}"
            with self.cleared():
                if self._text and not self._ended.is_set():
                    write(text[: shutil.get_terminal_size().columns - 1], self._stream)
