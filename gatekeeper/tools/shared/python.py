"""Migrations that are Python modules, read by `ast`, never imported.

Whatever cannot be told without running a module is a ValueError, with a clause that says which file it is in and what
would be right.
"""

import ast
import sys
import warnings
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

_COMPOUND = (ast.If, ast.Try, ast.With, ast.For, ast.While)


def parse(path: str, text: str) -> ast.Module:
    """Return the syntax tree of a module. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ValueError(
            f"{path} is not Python as {version} parses it ({fault}); mend the file, or run gatekeeper with a newer "
            "Python, as its image has"
        ) from fault


def constants(path: str, text: str, *names: str) -> dict[str, Any]:
    """Return the constants that a module assigns to some names."""
    return {name: literal(path, name, value) for name, value in assignments(parse(path, text).body) if name in names}


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield names and their values; no value where it depends on what happens when the code runs."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield target.id, value
                    else:
                        yield from ((node.id, None) for node in ast.walk(target) if isinstance(node, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value:
                yield name, value
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name, None
            case _ if isinstance(statement, _COMPOUND):
                inside = (node for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement)
                yield from ((name, None) for name, _ in assignments(list(inside)))


def literal(path: str, name: str, value: ast.expr | None) -> Any:
    """Return the constant that is assigned to a name. Raises ValueError for what is computed."""
    try:
        return ast.literal_eval(value or ast.Name(name))
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{path} computes {name}, and nothing is run to know it; write it out") from None


def in_order(graph: Mapping[str, frozenset[str]]) -> list[str]:
    """Return a graph's names, each after those that it follows, else in the graph's own order."""
    try:
        return list(TopologicalSorter({name: sorted(others) for name, others in graph.items()}).static_order())
    except CycleError as fault:
        raise ValueError(f"{', '.join(fault.args[1])} follow each other in a circle; mend their order") from fault


def names(path: str, value: object, example: str) -> tuple[str, ...]:
    """Return what is written as None, one name or several; of a mapping the keys count, as where a loop reads it."""
    names = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list | set | dict) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} has {value!r} where names are to be; write for example {example}")
    return tuple(names)
