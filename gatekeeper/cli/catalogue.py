"""List the migration tools for people and programs. The table of docs/tools.md is its markdown form."""

import json
from collections.abc import Callable, Sequence
from importlib.resources import files

from gatekeeper import tools
from gatekeeper.tools.shared.home_grown import HOME_GROWN
from gatekeeper.tools.shared.record import CURRENT, PATH, Tool

COLUMNS = ("tool", "table", "revision", "tells", "proven by")


def records() -> list[dict[str, object]]:
    """Return each tool: its name, table, a revision, what the history tells beside applied, and what was run.

    The latter are releases with the databases that they ran on; none where the tool's documentation is all there is.
    """
    proven = json.loads(files(tools).joinpath("proven.json").read_text(encoding="utf-8"))
    return [
        {
            "tool": tool.name,
            "table": ".".join([*(name for name in tool.schemas[:1] if name not in (PATH, CURRENT)), tool.table.name]),
            "revision": tool.example,
            "tells": _tells(tool),
            "proven by": proven[tool.name],
        }
        for tool in tools.every()
    ]


def _tells(tool: Tool) -> list[str]:
    """Return what can be told of a history, beside what is applied."""
    told = {
        "failed": tool.tells_failure,
        "running": bool(tool.lock_keys or tool.lock_table),
        "ahead": bool(tool.order or tool.heads),
    }
    return [word for word, is_told in told.items() if is_told]


def _rows() -> list[tuple[str, ...]]:
    rows = [tuple(map(_cell, record.values())) for record in records()]
    own = ("--table and --column", "--query")
    return [*rows, *((name, source, "what it holds", "", "") for name, source in zip(HOME_GROWN, own, strict=True))]


def _cell(value: object) -> str:
    match value:
        case dict():
            runs: dict[str, list[str]] = {}
            for version, databases in value.items():
                runs.setdefault(_and(databases), []).append(version)
            told = (f"{_and(versions)} on {databases}" for databases, versions in runs.items())
            return "; ".join(told) or "its documentation"
        case list():
            return ", ".join(value)
        case _:
            return str(value)


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _text() -> str:
    rows = [COLUMNS, *_rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _markdown() -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |\n"

    rows = [(f"`{tool}`", f"`{table}`", f"`{example}`", *rest) for tool, table, example, *rest in _rows()]
    return "".join(map(line, [COLUMNS, ["---"] * len(COLUMNS), *rows]))


FORMS: dict[str, Callable[[], str]] = {
    "text": _text,
    "json": lambda: json.dumps(records(), indent=2) + "\n",
    "markdown": _markdown,
}
