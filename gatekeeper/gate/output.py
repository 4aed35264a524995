"""Write to people: stderr and the termination log. A stream that is closed, full or never read jams no gate."""

import contextlib
import os
import select
import sys
from typing import TextIO

from gatekeeper.gate.settings import Misconfigured

TERMINATION_LOG = "/dev/termination-log"
TERMINATION_BYTES = 4096
"""What the kubelet keeps of a container's termination message (core/v1 Container.terminationMessagePath)."""


REASON_CHARACTERS = 1500
"""What is told of one reason: it may quote what a database or a server sent."""


def one_line(reason: str) -> str:
    """Return a reason as part of one line: what it quotes can neither begin a line nor move a terminal's cursor."""
    printable = "".join(character if character.isprintable() else " " for character in reason)
    return " ".join(printable.split())[:REASON_CHARACTERS]


PIECE = 1000
"""Characters, so at most 4000 bytes: a pipe that has room at all has room for PIPE_BUF, 4096 (pipe(7))."""
PATIENCE = 0.1
"""Seconds for a reader to make room: where nobody reads, as when the node's log driver hangs, a write never ends."""


def write(text: str, stream: TextIO | None) -> None:
    """Write and flush, as far as somebody reads; Python gives None for a stream that was closed before it started."""
    with contextlib.suppress(OSError, ValueError):
        for start in range(0, len(text), PIECE):
            if stream is None or not _has_room(stream):
                return
            stream.write(text[start : start + PIECE])
            stream.flush()


def answer(text: str, encoding: str = "utf-8") -> None:
    """Print what a command was asked for: a file or a program that gets less than all of it must not seem to have it.

    Raises Misconfigured.
    """
    why = "standard output is closed"
    try:
        if sys.stdout is not None:
            sys.stdout.buffer.write(text.encode(encoding, "backslashreplace"))
            sys.stdout.flush()
            return
    except OSError as fault:
        why = str(fault.strerror)
    raise Misconfigured(f"not all could be printed ({why}); write for example to a pipe that is read")


def _has_room(stream: TextIO) -> bool:
    try:
        descriptor = stream.fileno()
    except OSError:
        return True  # it is no file
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(1000 * PATIENCE))


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person may be looking at this stream."""
    with contextlib.suppress(OSError, ValueError):
        return stream is not None and stream.isatty()
    return False


def leave_message(text: str, path: str) -> None:
    """Put the last line where `kubectl describe pod` shows it: into a file that the kubelet made, never a new one."""
    message = text.encode(errors="replace")[:TERMINATION_BYTES].decode(errors="ignore")
    with contextlib.suppress(OSError, ValueError):
        file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK)
        with os.fdopen(file, "wb", buffering=0) as log:
            log.write(message.encode())
