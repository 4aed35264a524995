"""What every folder's tests share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from servers.gate import GateProcess


@pytest.fixture
def gate() -> Iterator[Callable[..., GateProcess]]:
    """Start the program with these arguments, as GateProcess does, and end it with the test at the latest."""
    with ExitStack() as running:

        def start(*args: str, **options: Any) -> GateProcess:
            return running.enter_context(GateProcess(*args, **options))

        yield start
