"""Durations as they are written and shown."""

import math

import pytest

from gatekeeper.gate.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("-0", 0),
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h1m1s", 3661),
        ("2.5", 2.5),
        ("1.5h", 5400),
        (".5m", 30),
        ("250ms", 0.25),
        (" 5m ", 300),
        ("-1", math.inf),
        ("-1s", math.inf),
        ("-1h30m", math.inf),
    ],
)
def test_parse(text, seconds):
    """A duration is seconds, or units as Kubernetes writes them; a negative one is for ever."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "s", "m5", "5 m", "1h30", "1d", "five", "--5", "5m-3s", "+5", "1e3", "inf", "nan", "5M", "1,5",
     "\N{ARABIC-INDIC DIGIT FIVE}m"],
)  # fmt: skip
def test_bad(text):
    """Whatever else is no duration, and the message shows some that are."""
    with pytest.raises(ValueError, match=r"is not a duration; write for example 90s, 10m, 1h30m, 0 or -1s$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.4, "0s"), (59.6, "1m"), (90, "1m30s"), (3600, "1h"), (90_061, "25h1m1s"), (math.inf, "for ever")],
)
def test_format(seconds, text):
    """A duration is shown in whole seconds, without the units that it has none of."""
    assert format_duration(seconds) == text


def test_round_trip():
    """What is shown is read as what it was."""
    for seconds in range(0, 100_000, 77):
        assert parse_duration(format_duration(seconds)) == seconds
