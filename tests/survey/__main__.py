"""Run the survey: print figures, the differences that are named, and each that is not: with one it ends with 1."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

from recorder.recording import PostgresServer, cache_folder
from survey.compare import Finding, gate
from survey.named import named
from survey.styles import STYLES
from survey.tools import Answer, Tool, installed
from survey.trees import Entry, tree


def main() -> None:
    available = installed(cache_folder("survey"))
    parser = argparse.ArgumentParser(prog="python -m survey", description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(available))
    parser.add_argument("--trees", type=int, default=500, help="of all tools together")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the first tree")
    options = parser.parse_args()
    names = options.tools or list(available)
    began = time.monotonic()
    with PostgresServer() as server:
        findings = []
        for place, name in enumerate(names):
            tool = available[name]()
            trees = range(options.seed + place, options.seed + options.trees, len(names))
            for seed in trees:
                for finding in survey(server, name, tool, seed):
                    findings.append(finding)
                    if finding.kind and not named(finding):
                        print(f"{finding.kind}: {finding}", flush=True)
            tool.close()
            print(figures(name, len(trees), [finding for finding in findings if finding.tool == name]), flush=True)
    differ = [finding for finding in findings if finding.kind]
    reasons = Counter(filter(None, map(named, differ)))
    for one, count in reasons.items():
        print(f"named {count} times: {one.tools}, {one.kind}: {one.reason}")
    unnamed = len(differ) - reasons.total()
    print(
        f"seed {options.seed}: {options.trees} trees of {len(names)} tools, {len(findings)} comparisons, "
        f"{reasons.total()} differences that are named, {unnamed} that are not, {time.monotonic() - began:.0f} s"
    )
    sys.exit(unnamed > 0)


def survey(server: PostgresServer, name: str, tool: Tool, seed: int) -> Iterator[Finding]:
    """Have a tool apply a tree in parts, and compare after each."""
    made = tree(Random(seed), STYLES[name])
    database = f"survey_{name.replace('-', '_')}_{seed}"
    url = server.create(database)
    folder = Path(tempfile.mkdtemp(prefix="survey-", dir="/var/tmp"))
    directory = folder / "tree"
    try:
        for step, (late, apply, count) in STEPS.items():
            if late is not None:
                write(directory, [entry for entry in made.entries if entry.late == late])
            ran = tool.ask(url, directory, apply=True, count=made.count if count else 0) if apply else Answer()
            answer = tool.ask(url, directory) if ran.refusal or not apply else ran
            if not answer.pending and not answer.refusal:
                answer = replace(answer, refusal=ran.refusal)
            yield Finding(name, seed, step, made.oddities, answer, gate(name, url, directory))
    finally:
        shutil.rmtree(folder)
        server.drop_database(database)


STEPS = {
    "nothing applied": (False, False, False),
    "a part applied": (None, True, True),
    "others merged": (True, False, False),
    "all applied": (None, True, False),
}
"""What is done before each comparison: write those that are late or not, apply, only so many."""


def write(directory: Path, entries: Sequence[Entry]) -> None:
    """Write entries of a tree."""
    directory.mkdir(exist_ok=True)
    for entry in entries:
        path = directory / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.gone:
            path.unlink()
            with suppress(OSError):  # no empty folder stays, as git has none
                path.parent.rmdir()
        elif entry.link:
            path.unlink(missing_ok=True)
            path.symlink_to(entry.link)
        elif not path.is_dir():
            path.write_text(entry.text, encoding="utf-8", newline="")


def figures(name: str, trees: int, findings: Sequence[Finding]) -> str:
    """Return what was found of one tool, in a line."""
    opened = sum(finding.told.how == "opens" for finding in findings)
    refused = sum(bool(finding.answer.refusal) for finding in findings)
    kinds = Counter(finding.kind or "agree" for finding in findings)
    return f"{name}: {trees} trees, {opened} times open, {refused} refused by the tool; {dict(kinds)}"


if __name__ == "__main__":
    main()
