"""What it costs to read 2,500 migrations of a tool, a line each: `PYTHONPATH=tests python -m benchmarks.directories`.

CPU and the largest resident set are those of `gatekeeper revision`, by wait4(2), the best of five: whatever else runs
makes them only worse. A migration has 3 KiB of statements, or ten operations in Python; Liquibase's are one changelog.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.programs import Program
from gatekeeper import tools

COUNT, TRIES = 2_500, 5
MOST_CPU, MOST_RSS = 0.6, 64
"""Seconds and MiB."""
STATEMENTS = "".join(f"ALTER TABLE stock ADD COLUMN added_{number:02} integer DEFAULT 0;\n" for number in range(50))
COLUMNS = [f"added_{number:02}" for number in range(10)]
ADDED = "".join(f"        migrations.AddField('item', '{name}', models.IntegerField(default=0)),\n" for name in COLUMNS)
STEPS = "".join(f"    step('ALTER TABLE item ADD COLUMN {name} int DEFAULT 0'),\n" for name in COLUMNS)
CLASS = f"\n\n\nclass Migration(migrations.Migration):\n    dependencies = [{{2}}]\n    operations = [\n{ADDED}    ]\n"
UPGRADE = "".join(f"    op.add_column('item', sa.Column('{name}', sa.Integer(), nullable=True))\n" for name in COLUMNS)
TEXTS = {
    "alembic": f"revision = 'ae{{0}}'\ndown_revision = {{1}}\n\n\ndef upgrade():\n{UPGRADE}",
    "django": f"from django.db import migrations{CLASS}",
    "tortoise": f"from tortoise import migrations{CLASS}",
    "yoyo": f"from yoyo import step\n\n__depends__ = {{{{}}}}\n\nsteps = [\n{STEPS}]\n",
    "doctrine": "<?php\nnamespace DoctrineMigrations;\n\nfinal class Version{0} extends AbstractMigration\n{{\n}}\n",
    "ef-core": '[Migration("{0}_AddStock")]\npartial class AddStock : Migration\n{{\n}}\n',
    "kysely": "export async function up(db) {{}}\n",
    "typeorm": "export class AddStock{0} implements MigrationInterface {{\n}}\n",
    "pgroll": "operations:\n  - sql:\n      up: SELECT 1\n",
}
"""What a migration begins with: its number, what is before it in Alembic and in Django.

Where it is a program, all else is a comment; in Python ten operations take its place, since all of them are parsed.
"""
COMMENTS = {".php": "// ", ".cs": "// ", ".ts": "// ", ".yaml": "# "}

Files = Iterator[tuple[str, str]]


def one_by_one(name: str) -> Files:
    """Yield paths and texts of migrations, each called as the tool's example with another number."""
    layout = tools.named(name).directory
    example, text = layout.example if layout else "", TEXTS.get(name, "")
    suffix = Path(example).suffix
    body = "" if suffix == ".py" else re.sub("(?m)^", COMMENTS.get(suffix, "") if text else "", STATEMENTS)
    [first] = re.findall(r"\d+", example)[:1]
    start = int(first) if len(first) >= len("20240102") else 1
    numbers = [str(start + count).zfill(len(first)) for count in range(COUNT)]
    for count, number in enumerate(numbers):
        down = repr(f"ae{numbers[count - 1]}") if count else None
        needs = f"('shop', '{numbers[count - 1]}_stock')" if count else ""
        yield example.replace(first, number, 1), text.format(number, down, needs) + body


def drizzle(_: str) -> Files:
    entries = [
        {"idx": number, "version": "7", "when": 1700000000000 + number, "tag": f"{number:04}_a", "breakpoints": True}
        for number in range(COUNT)
    ]
    yield "meta/_journal.json", json.dumps({"version": "7", "dialect": "postgresql", "entries": entries})
    for number in range(COUNT):
        yield f"{number:04}_a.sql", STATEMENTS


def sqitch(_: str) -> Files:
    lines = [f"c{number} 2024-01-02T03:04:05Z Ann <ann@example.com> # {number}\n" for number in range(COUNT)]
    yield "sqitch.plan", "%syntax-version=1.0.0\n%project=shop\n\n" + "".join(lines)
    for number in range(COUNT):
        yield f"deploy/c{number}.sql", STATEMENTS


def liquibase_xml(_: str) -> Files:
    columns = "".join(f'<column name="{name}" type="int" defaultValueNumeric="0"/>' for name in COLUMNS)
    changes = f'<createTable tableName="t">{columns}</createTable><sql>{STATEMENTS[1_000:]}</sql>'
    changesets = (f'<changeSet id="{number}" author="me">{changes}</changeSet>\n' for number in range(COUNT))
    head = '<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog">\n'
    yield "db.changelog-root.xml", f"{head}{''.join(changesets)}</databaseChangeLog>\n"


def liquibase_yaml(_: str) -> Files:
    indent = " " * 12
    columns = "".join(f"{indent}- column:\n{indent}    name: {name}\n{indent}    type: int\n" for name in COLUMNS)
    sql = re.sub("(?m)^(?=.)", f"{indent}  ", STATEMENTS[1_000:])
    changes = (
        f"        - createTable:\n            tableName: t\n            columns:\n{columns}"
        f"        - sql:\n            sql: |-\n{sql}"
    )
    changesets = (f"  - changeSet:\n      id: {each}\n      author: me\n      changes:\n" for each in range(COUNT))
    yield "db.changelog-root.yaml", f"databaseChangeLog:\n{''.join(changeset + changes for changeset in changesets)}"


def liquibase_json(_: str) -> Files:
    columns = [{"column": {"name": name, "type": "int"}} for name in COLUMNS]
    changes = [{"createTable": {"tableName": "t", "columns": columns}}, {"sql": {"sql": STATEMENTS[1_000:]}}]
    changesets = [{"changeSet": {"id": number, "author": "me", "changes": changes}} for number in range(COUNT)]
    yield "db.changelog-root.json", json.dumps({"databaseChangeLog": changesets})


def liquibase_sql(_: str) -> Files:
    changesets = (f"--changeset me:{number}\n{STATEMENTS}\n" for number in range(COUNT))
    yield "db.changelog-root.sql", f"--liquibase formatted sql\n\n{''.join(changesets)}"


OWN: dict[str, Callable[[str], Files]] = {
    "drizzle": drizzle,
    "sqitch": sqitch,
    "liquibase xml": liquibase_xml,
    "liquibase yaml": liquibase_yaml,
    "liquibase json": liquibase_json,
    "liquibase sql": liquibase_sql,
}
"""Those whose migrations are told of in one file."""


def main() -> None:
    plain = {tool.name: one_by_one for tool in tools.every() if tool.directory}
    chosen = {**plain, **OWN}
    del chosen["liquibase"]
    for name in sys.argv[1:] or sorted(chosen):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            size = 0
            for path, text in chosen[name](name):
                place = Path(folder, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                size += place.write_text(text, encoding="utf-8")
            tool = name.partition(" ")[0]
            runs = [cost("revision", folder, "--tool", tool) for _ in range(TRIES)]
        cpu, rss = (min(figures) for figures in zip(*runs, strict=True))
        over = " OVER" if cpu > MOST_CPU or rss > MOST_RSS else ""
        print(f"{name:18} {size / 1e6:5.1f} MB {cpu:5.2f} s {rss:5.1f} MiB{over}", flush=True)


def cost(*args: str) -> tuple[float, float]:
    """Return the CPU seconds and MiB of a gatekeeper that must end well."""
    with Program(sys.executable, "-m", "gatekeeper", *args, environment=dict(os.environ)) as program:
        end = program.end()
    return end.cpu, end.rss


if __name__ == "__main__":
    main()
