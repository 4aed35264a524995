"""The migration tools: each has a module of its own here, whose `TOOL` is all that is known of it.

A module is loaded when its tool is asked for. `shared` has what several of them use.
"""

import os
from collections.abc import Iterable
from functools import cache

from gatekeeper.tools.shared.record import Tool


@cache
def names() -> tuple[str, ...]:
    """Return the names that --tool takes."""
    files = os.listdir(os.path.dirname(__file__))  # noqa: PTH120, PTH208 - no gate loads pathlib
    modules = sorted(file.removesuffix(".py") for file in files if file.endswith(".py") and not file.startswith("_"))
    return tuple(module.replace("_", "-") for module in modules)


@cache
def named(name: str) -> Tool:
    """Return the tool of one of these names."""
    # Not by importlib, which no gate loads otherwise.
    tool: Tool = __import__(f"gatekeeper.tools.{name.replace('-', '_')}", fromlist=["TOOL"]).TOOL
    return tool


def every() -> list[Tool]:
    """Return all of them."""
    return [named(name) for name in names()]


def owners(tools: Iterable[Tool], table: str, columns: Iterable[str], companions: Iterable[str]) -> set[str]:
    """Return which of these tools a table may belong to, by its columns and by what lies beside it.

    Tables of one name are many tools' (`schema_migrations`, `migrations`), so the record that accounts for the most
    columns wins, and then the one with a companion, which counts only beside a table of the tool's own name.
    """
    there, beside = set(columns), set(companions)
    claims = {
        tool.name: (len(tool.signature), bool(tool.companion))
        for tool in tools
        if tool.signature <= there and (not tool.companion or (table == tool.table.name and tool.companion in beside))
    }
    most = max(claims.values(), default=None)
    return {name for name, claim in claims.items() if claim == most}
