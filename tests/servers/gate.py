"""The program as a subprocess: what it says, when, how it ends, and that it gives no secret away."""

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "gatekeeper")


class Line(NamedTuple):
    """A line of the log, and the instant of the monotonic clock at which it came."""

    text: str
    at: float


class GateProcess:
    """Runs `python -m gatekeeper` in a clean environment, until it ends or is no longer needed.

    `secrets` are texts, or names of variables in `environment` that hold one: none may be in the log, in the
    termination message or in the command line. `launcher` is a command that starts Python as its child. `program` is
    run instead of gatekeeper, to compare.
    """

    def __init__(
        self,
        *args: str,
        environment: dict[str, str] | None = None,
        secrets: Iterable[str] = (),
        launcher: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
    ) -> None:
        given = environment or {}
        self._secrets = [given.get(secret, secret) for secret in secrets]
        self._termination_log = tempfile.NamedTemporaryFile(prefix="termination-log-")  # noqa: SIM115 - until __exit__
        self._lines: list[Line] = []
        self._closed = False
        self.ended_at = math.inf
        """The instant of the monotonic clock at which its output ended."""
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [*launcher, *program, *args],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "GATEKEEPER_TERMINATION_LOG": self._termination_log.name, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # as in `kubectl logs`
            encoding="utf-8",
            errors="replace",
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        try:
            self._assert_secrets_kept()
        finally:
            self._process.stdout.close()
            self._termination_log.close()

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return "".join(line.text for line in self._lines)

    @property
    def message(self) -> str:
        """The text of the termination log."""
        return Path(self._termination_log.name).read_text()

    def until(self, text: str, seconds: float = 10) -> Line:
        """Wait for a line that contains the text, said before or from now on, and return the first one."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if text in line.text:
                        self._assert_secrets_kept()
                        return line
                seen = len(self._lines)
                left = deadline - time.monotonic()
                assert left > 0, f"{text!r} was not said within {seconds} s:\n{self.log}"
                assert not self._closed, f"{text!r} was not said before the end:\n{self.log}"
                self._changed.wait(left)

    def end(self, seconds: float = 20) -> int:
        """Wait for its end and return the exit code."""
        self._assert_secrets_kept()  # while there is a command line to read
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it goes on:\n{self.log}") from None
        self._reader.join()
        self._assert_secrets_kept()
        return code

    def wait(self, until: float) -> int | None:
        """Return the exit code, or None where it goes on at this instant of the monotonic clock."""
        try:
            return self._process.wait(max(0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
        finally:
            self._reader.join(1)

    def signal(self, number: int) -> None:
        """Send a signal to it, not to its launcher."""
        child = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        os.kill(int(child or self.pid), number)

    def _read(self) -> None:
        for text in self._process.stdout:
            with self._changed:
                self._lines.append(Line(text, time.monotonic()))
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self.ended_at = time.monotonic()
            self._changed.notify_all()

    def _assert_secrets_kept(self) -> None:
        public = f"{self.log}\n{self.message}"
        if self._process.returncode is None:
            public += Path(f"/proc/{self.pid}/cmdline").read_text()
        assert not any(secret in public for secret in self._secrets), "a secret is public"
