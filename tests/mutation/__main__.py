"""Run mutmut, then try what survived once more, and list what no test notices: `python -m mutation [--jobs N]`.

Mutmut imports the package once and then switches mutants on, so that what runs at import time never was one. Survivors
are therefore run again, each in an interpreter that begins with it. Configured in pyproject.toml, [tool.mutmut]; to be
run in the folder of that file, where it leaves its work in `mutants`.
"""

import argparse
import ast
import difflib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

FOLDER = Path("mutants")
SURVIVED, UNTESTED = 0, 33
"""Exit codes that mutmut notes of a mutant; 1 is killed, 24 and 36 are timeouts, of either sign."""
TIMEOUT = 300
SECOND_PASS = "not test_any_"
"""The tests of the second pass: the slow ones too, but none that differs from run to run."""


def main() -> int:
    """Run both passes and print what is left; 1 if anything is."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="only the second pass")
    given = parser.parse_args()
    if not given.again:
        subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", str(given.jobs)], check=True)
    codes = {name: code for meta in FOLDER.rglob("*.meta") for name, code in _codes(meta).items()}
    survivors = [name for name, code in codes.items() if code in (SURVIVED, UNTESTED)]
    print(f"{len(codes)} mutants, {len(survivors)} survived the first pass")
    if not _survives(""):
        sys.exit("the tests fail without any mutant")
    with ThreadPoolExecutor(given.jobs) as pool:
        left = [name for name, alive in zip(survivors, pool.map(_survives, survivors), strict=True) if alive]
    for name in left:
        print(f"\n{name}\n" + "\n".join(_difference(name)))
    kinds = Counter("killed" if code == 1 else "timed out" for code in codes.values() if code not in (0, 33))
    killed = kinds["killed"] + len(survivors) - len(left)
    print(f"\n{len(codes)} mutants: {killed} killed, {kinds['timed out']} timed out, {len(left)} survived")
    return int(bool(left))


def _codes(meta: Path) -> dict[str, int]:
    return dict(json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"])


def _survives(name: str) -> bool:
    """Run the tests in a new interpreter, in which the mutant is there from the beginning."""
    config = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    arguments = [*config["pytest_add_cli_args"], *config["pytest_add_cli_args_test_selection"], "-k", SECOND_PASS]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", *arguments],
            check=False, cwd=FOLDER, env={**os.environ, "MUTANT_UNDER_TEST": name, "PYTHONPATH": "."},
            timeout=TIMEOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def _difference(name: str) -> list[str]:
    """Return the lines in which a mutant differs from the original."""
    module, _, function = name.rpartition(".")
    sources = _functions(Path(FOLDER, *module.split(".")).with_suffix(".py"))
    original = re.sub(r"\d+$", "orig", function)
    lines = difflib.unified_diff(sources.get(original, []), sources.get(function, []), lineterm="", n=0)
    return [line for line in lines if not re.match(r"---|\+\+\+|@@", line)]


@cache
def _functions(path: Path) -> dict[str, list[str]]:
    """Return the lines of each function's body."""
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    nodes = ast.walk(ast.parse(text))
    return {node.name: lines[node.lineno : node.end_lineno] for node in nodes if isinstance(node, ast.FunctionDef)}


if __name__ == "__main__":
    sys.exit(main())
