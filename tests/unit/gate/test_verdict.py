"""What other tests compare: verdicts are equal when they say the same, and print as they are made."""

import pytest

from gatekeeper.gate.verdict import Interrupted, Open, Shut, Waiting


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Open("is done"), Open("is done"), True),
        (Open("is done"), Open("is not"), False),
        (Open("is done"), Shut("is done"), False),
        (Open("is done"), "is done", False),
        (Waiting("is absent", "look elsewhere"), Waiting("is absent", "look elsewhere"), True),
        (Waiting("is absent", "look elsewhere"), Waiting("is absent"), False),
    ],
)
def test_equal(one, other, equal):
    """Kind, reason and all the rest make a verdict what it is."""
    assert (one == other) is equal
    assert (one != other) is not equal


def test_repr():
    """A test that fails shows what was compared."""
    assert repr(Open("is done")) == "Open(reason='is done')"
    assert repr(Interrupted("SIGTERM", 15)) == "Interrupted(reason='SIGTERM', signal=15)"
