"""Time, threads and wake-ups: all that the gate's main thread ever blocks on.

Looks run in threads of their own, because a library's call cannot be ended from outside: a name server that is silent
would otherwise hold back a signal and the deadline. What they conclude comes back as messages through one queue, whose
`put` is safe in a thread and in a signal handler alike.
"""

import queue
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TypeVar

from gatekeeper.gate.verdict import Unreachable

Result = TypeVar("Result")

WITHOUT_A_CHECK = 1.0
"""Seconds for which the main thread is blocked at most. A signal that comes just as it begins to block does not wake
it: CPython looks for signals before and after (https://docs.python.org/3/library/signal.html)."""
NEWS = object()
"""The message of whoever follows the world by itself: something changed, look now."""


class Signalled(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception: nothing between here and the error edge may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_caught: list[int] = []
"""The first signal that was answered."""


def answer_signals() -> None:
    """Make SIGTERM and SIGINT end the main thread at once, wherever it is.

    As PID 1 a process without a handler of its own does not get SIGTERM at all (pid_namespaces(7)). One signal is
    enough: a second would only disturb how the process ends.
    """
    _caught.clear()

    def raise_signalled(number: int, _frame: FrameType | None) -> None:
        if not _caught:
            _caught.append(number)
            raise Signalled(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, raise_signalled)


def start_thread(thread: threading.Thread) -> None:
    """Start a thread. Raises Unreachable where the process may have no more of them."""
    try:
        thread.start()
    except RuntimeError as fault:
        raise Unreachable(
            "no thread can be started; the container's limit of processes or memory is reached"
        ) from fault


class Clock:
    """The real clock. Instants are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()

    def now(self) -> float:
        """Return the current instant."""
        return time.monotonic()

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread that does not keep the process alive. Raises as start_thread."""
        start_thread(threading.Thread(target=work, daemon=True))

    def within(self, seconds: float, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, as it may hang. Raises what it raises, and TimeoutError where it takes longer."""
        future: Future[Result] = Future()

        def do() -> None:
            try:
                future.set_result(work())
            except BaseException as fault:  # noqa: BLE001 - whatever it is, the main thread raises it
                future.set_exception(fault)

        try:
            self.start(do)
        except Unreachable:
            return work()
        return future.result(min(seconds, threading.TIMEOUT_MAX))

    def post(self, message: object) -> None:
        """Hand a message to the main thread, and wake it."""
        self._messages.put(message)

    def receive(self, seconds: float) -> object | None:
        """Return the next message, or None when none came within `seconds`."""
        until = self.now() + seconds
        while True:
            if _caught:  # in a callback that lets no exception out, as importing has them
                raise Signalled(_caught[0])
            left = until - self.now()
            try:
                return self._messages.get(timeout=max(0.0, min(left, WITHOUT_A_CHECK)))
            except queue.Empty:
                if left <= WITHOUT_A_CHECK:
                    return None
