"""Compare: how a gate on a directory ends, beside what the tool calls pending of it."""

import contextlib
import io
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.cli.main import main
from gatekeeper.gate.settings import Misconfigured
from known import TOOLS
from survey.tools import Answer

GATE = {"goose-provider": "goose"}
"""A tool's name for the gate, where this is another."""
OPTIONS = {"bun": ("--trust-history",)}
CODES = {0: "opens", 124: "waits"}


@dataclass(frozen=True)
class Told:
    """How a gate ended."""

    how: str
    """"opens", "waits" or "refuses"."""
    words: str

    @property
    def awaited(self) -> tuple[tuple[str, ...], int] | None:
        """Return the first of what it awaits, and how many that are in all; None where its words do not tell."""
        found = re.search(
            r"; awaiting (.*?)(?: and (\d+) more)?(?: \(.* is applied; if that is meant, write it so\))?$", self.words
        )
        if self.how != "waits" or not found or "there is no history table" in self.words:
            return None
        names = tuple(found[1].split(", "))
        return names, len(names) + int(found[2] or 0)


@dataclass(frozen=True)
class Finding:
    """One comparison."""

    tool: str
    seed: int
    step: str
    """What was done before it."""
    oddities: tuple[str, ...]
    answer: Answer
    told: Told

    @property
    def kind(self) -> str:
        """Return how they differ, nothing if they agree.

        A tool that refuses is agreed with by every gate that does not open.
        """
        if self.told.how == "opens":
            return "opens, the tool refuses" if self.answer.refusal else "opens" if self.answer.pending else ""
        if self.answer.refusal:
            return ""
        if not self.answer.pending:
            return "jams"
        if self.told.how == "refuses":
            return "cannot read"
        return "" if self._awaits_the_same() else "awaits others"

    def _awaits_the_same(self) -> bool:
        awaited = self.told.awaited
        if awaited is None:
            return True
        names, count = awaited
        tool = TOOLS[GATE.get(self.tool, self.tool)]
        pending = {normal(self.tool, name) for name in self.answer.pending}
        return {re.sub(" with checksum .*", "", name) for name in names} <= pending and (
            tool.heads or count == len(pending)
        )

    def __str__(self) -> str:
        says = f"refuses: {self.answer.refusal.strip()}" if self.answer.refusal else f"pending {self.answer.pending}"
        return f"{self.tool} --seed {self.seed}, {self.step} ({', '.join(self.oddities)}): {says} | {self.told.words}"


def normal(tool: str, name: str) -> str:
    """Return a name of the tool's as the gate has it."""
    try:
        return TOOLS[GATE.get(tool, tool)].revision(f"shop:{name}" if tool == "sqitch" else name)
    except ValueError:
        return name


def gate(tool: str, database: str, directory: Path) -> Told:
    """Run a gate that looks once."""
    argv = ["schema", "--tool", GATE.get(tool, tool), "--migrations", str(directory), "--timeout", "0"]
    os.environ["DATABASE_URL"] = database
    with tempfile.NamedTemporaryFile(prefix="termination-log-") as log, contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main([*argv, *OPTIONS.get(tool, ()), "--termination-log", log.name])
        except Misconfigured as fault:
            return Told("refuses", f"misconfigured: {fault}")
        return Told(CODES.get(code, "refuses"), log.read().decode())
