"""Write to people: stderr and the termination log. A closed or full stream never changes how the gate ends."""

import contextlib
import os
from pathlib import Path
from typing import TextIO

TERMINATION_LOG = "/dev/termination-log"
TERMINATION_BYTES = 4096
"""What the kubelet keeps of a container's termination message (core/v1 Container.terminationMessagePath)."""


REASON_CHARACTERS = 1500
"""What is told of one reason: it may quote what a database or a server sent."""


def one_line(reason: str) -> str:
    """Return a reason as part of one line: what it quotes can neither begin a line nor move a terminal's cursor."""
    printable = "".join(character if character.isprintable() else " " for character in reason)
    return " ".join(printable.split())[:REASON_CHARACTERS]


def write(text: str, stream: TextIO | None) -> None:
    """Write and flush; Python gives None for a stream that was closed before it started."""
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            stream.write(text)
            stream.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person may be looking at this stream."""
    with contextlib.suppress(OSError, ValueError):
        return stream is not None and stream.isatty()
    return False


def leave_message(text: str, path: str) -> None:
    """Put the last line where `kubectl describe pod` shows it: into a file that the kubelet made, never a new one."""
    message = text.encode(errors="replace")[:TERMINATION_BYTES].decode(errors="ignore")
    with contextlib.suppress(OSError):
        if os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a parent may not be searched
            Path(path).write_text(message, encoding="utf-8")
