"""What was measured, as a table for people: RESULTS.md."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """Several measurements of one figure."""

    values: Sequence[float]
    unit: str = ""

    @property
    def median(self) -> float:
        """Return the middle one."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        """Return the median, and the smallest and largest."""
        digits = {"ms": 1, "s": 2, "MiB": 1, "%": 1}.get(self.unit, 0)
        low, middle, high = (f"{value:.{digits}f}" for value in (min(self.values), self.median, max(self.values)))
        unit = f" {self.unit}" if self.unit else ""
        return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low} to {high})"


@dataclass(frozen=True)
class Row:
    """A figure: the goal, what the gate reaches, what its peers do."""

    figure: str
    goal: str
    gatekeeper: object
    peers: dict[str, object] = field(default_factory=dict)
    met: bool | None = None
    """Whether the goal is met; None where there is none."""


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the pairs' ratios: what slows the machine for a while slows both of a pair."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = ["| figure | goal | gatekeeper | peers | met |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        peers = "; ".join(f"{name}: {value}" for name, value in row.peers.items())
        lines.append(f"| {row.figure} | {row.goal} | {row.gatekeeper} | {peers} | {words[row.met]} |")
    return "\n".join(lines)
