"""Ask the tools that are named, or all, what they find in the trees, and write it beside these.

Where a tool fails, what it would have run is not known.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from recorder.golang import build
from recorder.listings import programs
from recorder.listings.trees import FILES, Tree, trees
from recorder.packages import jars, npm, venv
from recorder.recording import cache_folder, scratch

FIXTURES = Path(__file__).parents[2] / "fixtures/listings"
Answer = list[str] | str
"""What a tool finds, or why it fails."""


def make(root: Path, tree: Tree) -> str:
    """Make the files and links, and return the folder of the migrations."""
    for path, text in tree.items():
        place = Path(os.path.normpath(root / "db" / path))
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, list):
            place.symlink_to(text[0])
        else:
            place.write_text(text, encoding="utf-8")
    return str(root / "db")


def by_line(command: Callable[[], Sequence[str | Path]]) -> Callable[[str, list[str]], list[Answer]]:
    """Ask a program that prints a migration a line."""

    def ask(tool: str, directories: list[str]) -> list[Answer]:
        done = [_run([*command(), tool, each]) for each in directories]
        return [each.stderr.strip() if each.returncode else each.stdout.splitlines() for each in done]

    return ask


def _run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def in_json(command: Callable[[], Sequence[str | Path]], folder: str = "") -> Callable[[str, list[str]], list[Answer]]:
    """Ask a program that reads directories and writes answers."""

    def ask(tool: str, directories: list[str]) -> list[Answer]:
        cwd = cache_folder("listings") / folder
        done = subprocess.run(
            [*command(), tool], cwd=cwd, input=json.dumps(directories), stdout=subprocess.PIPE, text=True, check=True
        )
        answers: list[Answer] = json.loads(done.stdout)
        return answers

    return ask


def written(name: str, text: str) -> Path:
    """Write a program into the cache, and return where it is."""
    path = cache_folder("listings") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@cache
def golang() -> Sequence[str | Path]:
    return [build(cache_folder("listings") / "go", programs.GO, *programs.MODULES)]


@cache
def rust() -> Sequence[str | Path]:
    manifest = written("rust/Cargo.toml", programs.CARGO)
    written("rust/src/main.rs", programs.RUST)
    subprocess.run(["cargo", "build", "--quiet", "--manifest-path", manifest], check=True)
    return [manifest.parent / "target/debug/listings"]


@cache
def node() -> Sequence[str | Path]:
    npm(cache_folder("listings") / "npm", *programs.NPM)
    return ["node", written("npm/list.mjs", programs.NODE)]


@cache
def python() -> Sequence[str | Path]:
    return [venv(cache_folder("listings"), *programs.PYPI) / "python", "-B", written("list.py", programs.PYTHON)]


def dbmate(_: str, directories: list[str]) -> list[Answer]:
    program = npm(cache_folder("listings") / "npm", *programs.NPM) / ".bin/dbmate"
    command = [program, "--url", f"sqlite:{cache_folder('listings')}/empty.db", "--migrations-dir"]
    done = [_run([*command, each, "status"]) for each in directories]
    return [each.stderr.strip() if each.returncode else re.findall(r"\[ \] (.+)", each.stdout) for each in done]


def java(tool: str, directories: list[str]) -> list[Answer]:
    class_path = jars(cache_folder("listings"), *programs.JARS)
    source = written("Listing.java", programs.JAVA)
    command = ["java", "-cp", class_path, source, tool, *directories]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [line[1:] for line in said.splitlines() if line.startswith("=")]
    return [line[1:] if line.startswith("|") else line.split("\t")[:-1] for line in lines]


DEBIAN_RUBY = in_json(lambda: ["ruby", written("list.rb", programs.RUBY)])
DEBIAN_PHP = in_json(lambda: ["php", written("list.php", programs.PHP)])
ASK = {
    **dict.fromkeys(("atlas", "bun", "golang-migrate", "goose", "sql-migrate", "tern"), by_line(golang)),
    **dict.fromkeys(("diesel", "refinery", "sqlx"), by_line(rust)),
    **dict.fromkeys(("knex", "kysely", "node-pg-migrate", "sequelize", "typeorm"), in_json(node, "npm")),
    **dict.fromkeys(("alembic", "django", "yoyo"), in_json(python)),
    **dict.fromkeys(("flyway", "liquibase"), java),
    "dbmate": dbmate,
    "laravel": DEBIAN_PHP,
    "rails": DEBIAN_RUBY,
}


def said(why: str, directory: str) -> str:
    """Return the beginning of why a tool fails, without where it ran."""
    return why.replace(directory, "DIR").partition("\n")[0][:120]


def main() -> None:
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for tool in sys.argv[1:] or FILES:
        with scratch() as folder:
            cases = list(trees(tool))
            directories = [make(folder / str(count), tree) for count, (_, tree) in enumerate(cases)]
            answers = ASK[tool](tool, directories)
        rows = [
            [case, tree, said(answer, directory) if isinstance(answer, str) else sorted(answer)]
            for (case, tree), directory, answer in zip(cases, directories, answers, strict=True)
        ]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (FIXTURES / f"{tool}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
