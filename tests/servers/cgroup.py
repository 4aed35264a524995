"""Limits of a container for a program of the tests, by a cgroup of either version. Needs root and Linux."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
FILES = {
    # limit: (controller, file and value for version 1, for version 2)
    "memory": ("memory", [("memory.limit_in_bytes", "{}")], [("memory.max", "{}"), ("memory.swap.max", "0")]),
    "cpu": ("cpu", [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "{}")], [("cpu.max", "{} 100000")]),
    "pids": ("pids", [("pids.max", "{}")], [("pids.max", "{}")]),
}
"""Bytes; microseconds of each 100 ms; processes and threads."""


class Limit:
    """One limit: `launcher` runs a program under it."""

    def __init__(self, kind: str) -> None:
        controller, first, second = FILES[kind]
        self._unified = (ROOT / "cgroup.controllers").exists()
        self._files = second if self._unified else first
        parent = ROOT if self._unified else ROOT / controller
        if self._unified:
            (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
        self._group = parent / f"gatekeeper-test-{secrets.token_hex(4)}"
        self._group.mkdir()
        self.launcher = ("/bin/sh", "-c", f'echo $$ > {self._group}/cgroup.procs && exec "$@"', "sh")

    def set(self, value: int | str) -> None:
        """Let this value be in force from now on."""
        for file, text in self._files:
            (self._group / file).write_text(text.format(value))

    def remove(self) -> None:
        """Remove it, once no program is under it."""
        os.rmdir(self._group)  # noqa: PTH106 - the files in it cannot be removed


@contextlib.contextmanager
def limited(kind: str, value: int | str) -> Iterator[Limit]:
    """Yield a limit for programs that have ended when the context does."""
    limit = Limit(kind)
    try:
        limit.set(value)
        yield limit
    finally:
        limit.remove()
