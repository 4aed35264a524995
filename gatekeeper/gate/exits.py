"""How the process ends: the exit codes, and the one edge at which every fault becomes one of them."""

import atexit
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from gatekeeper.gate.clock import Signalled, answer_signals
from gatekeeper.gate.output import TERMINATION_LOG, leave_message, one_line, write
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Barred, Interrupted, Opened, Outcome, Refused, TimedOut

BUG = 1
MISUSE = 2
ENDINGS: dict[type[Outcome], tuple[int, str]] = {
    Opened: (0, "opened"),
    Refused: (3, "refused"),
    Barred: (4, "denied"),
    TimedOut: (124, "timed out"),
    Interrupted: (128, "interrupted"),
}
"""Exit code and word of each outcome; a signal's number is added to its code, as shells do."""


def code_of(outcome: Outcome) -> int:
    """Return the exit code of an outcome."""
    code, _ = ENDINGS[type(outcome)]
    return code + outcome.signal if isinstance(outcome, Interrupted) else code


@contextmanager
def edge() -> Iterator[None]:
    """Answer signals, and leave the process with the exit code of whatever is raised."""
    try:
        answer_signals()
        yield
    except Misconfigured as fault:
        _end(MISUSE, f"misconfigured: {one_line(str(fault))}")
    except Signalled as caught:
        _end(128 + caught.number, f"interrupted: {signal.Signals(caught.number).name}")
    except BaseException as bug:  # noqa: BLE001 - this is where bugs end
        write(traceback.format_exc(), sys.stderr)
        _end(BUG, f"bug in gatekeeper: {type(bug).__name__}; the log has its traceback")


def leave(code: int) -> NoReturn:
    """End the process at once.

    Not by sys.exit: the interpreter would tear down libraries while an abandoned look still runs in one of them, and
    a crash there would turn an opened gate into a failed container. What is registered to be done at exit is done: the
    Kubernetes client then removes the files that it made of a kubeconfig's keys.
    """
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way, and the standard library's own forks use it
        with suppress(OSError, ValueError):
            if sys.stdout is not None:
                sys.stdout.flush()
    finally:
        os._exit(code)


def _end(code: int, text: str) -> NoReturn:
    write(f"{text}\n", sys.stderr)
    leave_message(text, os.environ.get("GATEKEEPER_TERMINATION_LOG", TERMINATION_LOG))
    leave(code)
