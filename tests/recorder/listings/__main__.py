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
from recorder.golang import program as golang_program
from recorder.listings import programs
from recorder.listings.trees import FILES, trees
from recorder.packages import clone, jars, npm, venv
from recorder.recipes import doctrine, pgroll, phinx, supabase
from recorder.recording import cache_folder, scratch, servers
from trees import written

FIXTURES = Path(__file__).parents[2] / "fixtures/listings"
Answer = list[str] | str
"""What a tool finds, or why it fails."""


def by_line(command: Callable[[], Sequence[str | Path]]) -> Callable[[str, list[str]], list[Answer]]:
    """Ask a program that prints a migration a line."""

    def ask(tool: str, directories: list[str]) -> list[Answer]:
        return [_lines(_run([*command(), tool, each])) for each in directories]

    return ask


def _run(command: Sequence[str | Path], cwd: str | Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def _lines(done: subprocess.CompletedProcess[str]) -> Answer:
    return done.stderr.strip() if done.returncode else done.stdout.splitlines()


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


def cached(name: str, text: str) -> Path:
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
    manifest = cached("rust/Cargo.toml", programs.CARGO)
    cached("rust/src/main.rs", programs.RUST)
    subprocess.run(["cargo", "build", "--quiet", "--manifest-path", manifest], check=True)
    return [manifest.parent / "target/debug/listings"]


def sea_orm(_: str, directories: list[str]) -> list[Answer]:
    """Compile every module that a `mod` may name, and have each migration tell its name."""
    manifest = cached("sea-orm/Cargo.toml", programs.SEA_CARGO)
    modules, prints = [], []
    for count, directory in enumerate(directories):
        found = (Path(root, name) for root, _, names in os.walk(directory, followlinks=True) for name in names)
        for path in sorted({path.resolve(): path for path in found if path.is_file()}.values()):
            parents = path.relative_to(directory).parts[:-1]
            is_named = all(map(str.isidentifier, parents)) and re.match(r"[^.].*\.rs$", path.name)
            if is_named and "\npub struct Migration" in path.read_text():
                name = f"m{len(modules)}"
                modules.append(f"#[path = {json.dumps(str(path), ensure_ascii=False)}]\nmod {name};\n")
                prints.append(f'    println!("{count}\\t{{}}", {name}::Migration.name());\n')
    main = f"use sea_orm_migration::MigrationName;\n{''.join(modules)}\nfn main() {{\n{''.join(prints)}}}\n"
    cached("sea-orm/src/main.rs", "#![allow(unused)]\n" + main)
    command = ["cargo", "run", "--quiet", "--manifest-path", manifest]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    told = [line.split("\t") for line in lines]
    return [[name for number, name in told if number == str(count)] for count, _ in enumerate(directories)]


@cache
def node() -> Sequence[str | Path]:
    npm(cache_folder("listings") / "npm", *programs.NPM)
    return ["node", cached("npm/list.mjs", programs.NODE)]


@cache
def python() -> Sequence[str | Path]:
    return [venv(cache_folder("listings"), *programs.PYPI) / "python", "-B", cached("list.py", programs.PYTHON)]


@cache
def php() -> Sequence[str | Path]:
    sources = {
        "DOCTRINE": clone(cache_folder("doctrine"), "doctrine/migrations", doctrine.VERSION),
        "PHINX": clone(cache_folder("phinx"), "cakephp/phinx", phinx.VERSION),
        "CAKEPHP": clone(cache_folder("phinx"), "cakephp/cakephp", phinx.CAKEPHP),
    }
    program = cached("source.php", programs.PHP_OF_SOURCE)
    return ["env", *(f"{name}={source}" for name, source in sources.items()), "php", program]


@cache
def elixir() -> Sequence[str | Path]:
    source = clone(cache_folder("ecto"), "elixir-ecto/ecto_sql", programs.ECTO) / "lib/ecto/migrator.ex"
    return ["env", f"MIGRATOR={source}", "elixir", cached("list.exs", programs.ELIXIR)]


def of_pgroll(_: str, directories: list[str]) -> list[Answer]:
    """Have it apply each to a database of its own, and read what it has."""
    package = pgroll.PACKAGE
    program = golang_program(cache_folder("pgroll"), package, f"{package}@v{pgroll.VERSION}")
    answers: list[Answer] = []
    for server in servers(["postgresql"]):
        for count, directory in enumerate(directories):
            url = ("--postgres-url", server.create(f"tree_{count}"))
            _run([program, "init", *url])
            done = _run([program, "migrate", directory, "--complete", *url])
            names = [name for (name,) in server.execute(f"tree_{count}", "SELECT name FROM pgroll.migrations")]
            answers.append(done.stderr[done.stderr.rfind("Error") :].strip() if done.returncode else names)
    return answers


def of_sqitch(_: str, directories: list[str]) -> list[Answer]:
    """Ask for changes by their names and, where a name recurs, by their ids, and for tags."""
    answers: list[Answer] = []
    for directory in directories:
        done = _run(["sqitch", "plan", "--format", "format:%o:%n\t%H\t%{ }t"], directory)
        told = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
        names = [name for name, *_ in told]
        listed = [identity if names.count(name) > 1 else name for name, identity, _ in told]
        tags = [f"{name.partition(':')[0]}:{tag}" for name, _, tags in told for tag in tags.split()]
        answers.append(done.stderr.strip() if done.returncode else [*listed, *tags])
    return answers


def of_supabase(_: str, directories: list[str]) -> list[Answer]:
    """Ask in each project what is not in a database."""
    program = npm(cache_folder("supabase") / supabase.VERSION, f"supabase@{supabase.VERSION}") / ".bin/supabase"
    answers: list[Answer] = []
    for server in servers(["postgresql"]):
        command = [
            program,
            "migration",
            "list",
            "--output-format",
            "json",
            f"--remote={server.create('shop')}",
            "--yes",
        ]
        for directory in directories:
            done = _run(command, directory)
            answer = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), {})
            local = [each["local"] for each in answer.get("migrations", []) if each["local"]]
            answers.append(done.stderr.strip() if done.returncode else local)
    return answers


def dbmate(_: str, directories: list[str]) -> list[Answer]:
    program = npm(cache_folder("listings") / "npm", *programs.NPM) / ".bin/dbmate"
    command = [program, "--url", f"sqlite:{cache_folder('listings')}/empty.db", "--migrations-dir"]
    done = [_run([*command, each, "status"]) for each in directories]
    return [each.stderr.strip() if each.returncode else re.findall(r"\[ \] (.+)", each.stdout) for each in done]


def java(tool: str, directories: list[str]) -> list[Answer]:
    class_path = jars(cache_folder("listings"), *programs.JARS)
    source = cached("Listing.java", programs.JAVA)
    command = ["java", "-cp", class_path, source, tool, *directories]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [line[1:] for line in said.splitlines() if line.startswith("=")]
    return [line[1:] if line.startswith("|") else line.split("\t")[:-1] for line in lines]


DEBIAN_RUBY = in_json(lambda: ["ruby", cached("list.rb", programs.RUBY)])
DEBIAN_PHP = in_json(lambda: ["php", cached("list.php", programs.PHP)])
ASK = {
    **dict.fromkeys(("atlas", "bun", "golang-migrate", "goose", "sql-migrate", "tern"), by_line(golang)),
    **dict.fromkeys(("diesel", "refinery", "sqlx"), by_line(rust)),
    **dict.fromkeys(
        ("drizzle", "knex", "kysely", "mikro-orm", "node-pg-migrate", "prisma", "sequelize", "typeorm"),
        in_json(node, "npm"),
    ),
    **dict.fromkeys(("aerich", "alembic", "django", "tortoise", "yoyo"), in_json(python)),
    **dict.fromkeys(("doctrine", "phinx"), by_line(php)),
    **dict.fromkeys(("flyway", "liquibase"), java),
    "dbmate": dbmate,
    "ecto": by_line(elixir),
    "laravel": DEBIAN_PHP,
    "pgroll": of_pgroll,
    "rails": DEBIAN_RUBY,
    "sea-orm": sea_orm,
    "sqitch": of_sqitch,
    "supabase": of_supabase,
}


def said(why: str, directory: str) -> str:
    """Return the beginning of why a tool fails, without where it ran."""
    return re.sub(r"(?s)\n.*| in /.*", "", why.replace(directory, "DIR"))[:120]


def main() -> None:
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for tool in sys.argv[1:] or FILES:
        with scratch() as folder:
            cases = list(trees(tool))
            directories = [written(folder / str(count) / "db", tree) for count, (_, tree) in enumerate(cases)]
            answers = ASK[tool](tool, directories)
        rows = [
            [case, tree, said(answer, directory) if isinstance(answer, str) else sorted(answer)]
            for (case, tree), directory, answer in zip(cases, directories, answers, strict=True)
        ]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (FIXTURES / f"{tool}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
