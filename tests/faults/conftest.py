"""What the rows of the fault matrix share: gates that are given secrets, and are searched for them."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import pytest

from servers.gate import GateProcess


def spellings(secret: str) -> set[str]:
    """Return the forms in which a secret could come to light: as it is, quoted by Python or JSON, in a URL, encoded."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), encoded}


@pytest.fixture
def gate(gate: Callable[..., GateProcess]) -> Callable[..., GateProcess]:
    """Start the program as everywhere else, with planted secrets: no row goes without.

    `secrets` are texts, or names of variables in `environment`. No spelling of any may be in what the gate writes to
    stdout, stderr and the termination log, or in its command line, at any time until its end.
    """

    def start(
        *args: str, secrets: Iterable[str], environment: dict[str, str] | None = None, **options: Any
    ) -> GateProcess:
        given = environment or {}
        planted = {spelling for secret in secrets for spelling in spellings(given.get(secret, secret))}
        assert planted, "a row without a secret cannot show that it is kept"
        return gate(*args, secrets=planted, environment=environment, **options)

    return start
