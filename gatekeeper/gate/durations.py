"""Durations as Kubernetes users write them: `90`, `90s`, `10m`, `1h30m`. Seconds inside the program."""

import math
import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|h|m|s)", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def parse_duration(text: str) -> float:
    """Return seconds; a negative duration means for ever, as in `kubectl wait`. Raises ValueError."""
    written = text.strip()
    magnitude = written.removeprefix("-")
    if _NUMBER.fullmatch(magnitude):
        seconds = float(magnitude)
    elif magnitude and not _PART.sub("", magnitude):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(magnitude))
    else:
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 10m, 1h30m, 0 or -1s")
    return math.inf if written.startswith("-") and seconds else seconds


def format_duration(seconds: float) -> str:
    """Return whole seconds in the form that `parse_duration` reads, such as `1h30m`."""
    if math.isinf(seconds):
        return "for ever"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
