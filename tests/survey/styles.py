"""What each tool's migrations look like: the files that users have, before anything odd is done to them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from survey.trees import APPS, Files, Migration, Style, in_apps, in_branches


def _up_and_down(random: Random, migration: Migration) -> Files:
    """Up and down, or up alone."""
    up = {f"{migration.name}.up.sql": f"{migration.sql};\n"}
    return up if random.random() < 0.2 else {**up, f"{migration.name}.down.sql": f"DROP TABLE t{migration.place};\n"}


def _sql(up: str, down: str, ending: str = "sql") -> Style:
    """Return a style of one file, with marks before what leads up and down."""
    return Style(
        lambda _, migration: {
            f"{migration.name}.{ending}": f"{up}\n{migration.sql};\n\n{down}\nDROP TABLE t{migration.place};\n"
        }
    )


def _script(up: str, down: str) -> Style:
    """Return a style of CommonJS modules; `up` and `down` have `{}` where the statement is to be."""
    return Style(
        lambda _, migration: {
            f"{migration.name}.js": f"exports.up = {up.format(migration.sql)};\n"
            f"exports.down = {down.format(f'DROP TABLE t{migration.place}')};\n"
        }
    )


def _pgm(random: Random, migration: Migration) -> Files:
    """JavaScript or SQL."""
    style = PGM if random.random() < 0.7 else PGM_SQL
    return style.files(random, migration)


PGM = _script('(pgm) => pgm.sql("{}")', '(pgm) => pgm.sql("{}")')
PGM_SQL = _sql("-- Up Migration", "-- Down Migration")


def _sqlx(random: Random, migration: Migration) -> Files:
    """One file, or up and down."""
    if random.random() < 0.5:
        return {f"{migration.name}.sql": f"{migration.sql};\n"}
    return _up_and_down(random, migration)


def _diesel(random: Random, migration: Migration) -> Files:
    """A folder, whose number is a date with dashes, or one without."""
    dashed = re.sub(r"^(\d{4})(\d\d)(\d\d)(\d{6})_", r"\1-\2-\3-\4_", migration.name)
    name = dashed if random.random() < 0.7 else migration.name
    up = {f"{name}/up.sql": f"{migration.sql};\n"}
    return up if random.random() < 0.2 else {**up, f"{name}/down.sql": f"DROP TABLE t{migration.place};\n"}


# -- Alembic ------------------------------------------------------------------------------------------------------

ENV = """\
from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


def _revision(migration: Migration) -> str:
    return f"{migration.place * 7919 + 48271:012x}"[::-1]


def _alembic(random: Random, migration: Migration) -> Files:
    down = tuple(map(_revision, migration.needs))
    name = f"{_revision(migration)}_{migration.slug}.py"
    depends = None
    if len(down) > 1 and random.random() < 0.5:
        down, depends = down[:1], tuple(one.label or _revision(one) for one in migration.needs[1:])
    labels = (migration.label,) if migration.label else None
    text = (
        "from alembic import op\n\n"
        f"revision = {_revision(migration)!r}\n"
        f"down_revision = {(down[0] if len(down) == 1 else down or None)!r}\n"
        f"branch_labels = {labels!r}\ndepends_on = {depends!r}\n\n\n"
        f"def upgrade():\n    op.execute({migration.sql!r})\n\n\ndef downgrade():\n    pass\n"
    )
    return {f"versions/{name}": text}


# -- Django -------------------------------------------------------------------------------------------------------


def _label(migration: Migration) -> str:
    return migration.app.rpartition("/")[2]


def _django(_: Random, migration: Migration) -> Files:
    needs, replaces = (
        [(_label(one), _module(one)) for one in others] for others in (migration.needs, migration.replaces)
    )
    text = (
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = {needs!r}\n    replaces = {replaces!r}\n"
        f"    operations = [migrations.RunSQL({migration.sql!r}, migrations.RunSQL.noop)]\n"
    )
    return {f"{migration.app}/migrations/{_module(migration)}.py": text}


def _module(migration: Migration) -> str:
    return f"{migration.number.zfill(4)}_{migration.slug}".replace("-", "_").replace(".", "_")


PACKAGES = ("group", *APPS, *(f"{app}/migrations" for app in APPS))
PROJECT = {
    **{f"{package}/__init__.py": "" for package in PACKAGES},
    "apps.txt": "".join(f"{app.replace('/', '.')}\n" for app in APPS),
}
"""The packages, and which of them are installed."""


# -- yoyo ---------------------------------------------------------------------------------------------------------


def _yoyo(random: Random, migration: Migration) -> Files:
    needs = [one.name for one in migration.needs]
    if random.random() < 0.5:
        head = f"-- depends: {' '.join(needs)}\n\n" if needs else ""
        return {
            f"{migration.name}.sql": f"{head}{migration.sql};\n",
            f"{migration.name}.rollback.sql": f"DROP TABLE t{migration.place};\n",
        }
    depends = "{" + ", ".join(map(repr, needs)) + "}"
    text = f"from yoyo import step\n\n__depends__ = {depends}\n\nsteps = [step({migration.sql!r})]\n"
    return {f"{migration.name}.py": text}


# -- Java's tools -------------------------------------------------------------------------------------------------


def _flyway(random: Random, migration: Migration) -> Files:
    """A version, or now and then what is repeatable."""
    repeatable = random.random() < 0.15
    name = f"R__{migration.slug}{migration.place}" if repeatable else f"V{migration.number}__{migration.slug}"
    return {f"{name}.sql": f"{migration.sql};\n"}


def _liquibase(random: Random, migration: Migration) -> Files:
    """For all databases, or now and then for some."""
    where = f" dbms:{random.choice(DBMS)}" if random.random() < 0.2 else ""
    text = f"--liquibase formatted sql\n\n--changeset me:{migration.place}{where}\n{migration.sql};\n"
    return {f"changes/{migration.name}.sql": text}


DBMS = ("mssql", "  mssql", "!postgresql", "!mssql,!oracle", "mssql, postgresql", "postgresql, mssql", "none", "all")
ROOT = {"db.changelog-root.yaml": "databaseChangeLog:\n  - includeAll:\n      path: changes/\n", "changes/.gitkeep": ""}

# -- sqitch -------------------------------------------------------------------------------------------------------


def _sqitch(_: Random, migration: Migration) -> Files:
    change = f"c{migration.place}"
    return {f"deploy/{change}.sql": _again(migration), f"revert/{change}.sql": f"DROP TABLE t{migration.place};\n"}


def _again(migration: Migration) -> str:
    """Return a script that may be run once more: a change that is reworked keeps what it was."""
    return f"{migration.sql};\n".replace("TABLE", "TABLE IF NOT EXISTS")


def _plan(migrations: Sequence[Migration]) -> Files:
    """A plan, whose dates are in the order in which the changes were made. What begins a branch reworks another one."""
    files, lines, reworked = {"sqitch.conf": "[core]\n\tengine = pg\n"}, list[str](), set[Migration]()
    for migration in migrations:
        name, needs = f"c{migration.place}", [f"c{one.place}" for one in migration.needs if one not in reworked]
        line = f"2024-01-{migration.place + 1:02}T00:00:00Z Ann <ann@example.com>"
        if migration.label and len(needs) == len(migration.needs) > 0:
            first, tag = migration.needs[0], migration.label
            reworked |= {first, migration}
            lines.append(f"@{tag} {line}\n")
            name, needs = needs[0], [f"{needs[0]}@{tag}", *needs[1:]]
            files |= {f"deploy/{name}@{tag}.sql": f"-- {tag}\n{_again(first)}", f"revert/{name}@{tag}.sql": ""}
        requires = f"[{' '.join(needs)}] " if needs else ""
        lines.append(f"{name} {requires}{line} # {migration.slug}\n")
    return {**files, "sqitch.plan": "%syntax-version=1.0.0\n%project=shop\n\n" + "".join(lines)}


STYLES = {
    "golang-migrate": Style(_up_and_down),
    "goose": _sql("-- +goose Up", "-- +goose Down"),
    "goose-provider": _sql("-- +goose Up", "-- +goose Down"),
    "dbmate": replace(_sql("-- migrate:up", "-- migrate:down"), counts=False),
    "sql-migrate": _sql("-- +migrate Up", "-- +migrate Down"),
    "bun": Style(_up_and_down, counts=False),
    "knex": _script('(knex) => knex.raw("{}")', '(knex) => knex.raw("{}")'),
    "kysely": _script(
        'async (db) => {{ await db.schema.createTable("{0}".split(" ")[2]).addColumn("id", "integer").execute(); }}',
        "async (db) => {{}}",
    ),
    "sequelize": replace(
        _script(
            '(queryInterface) => queryInterface.sequelize.query("{}")',
            '(queryInterface) => queryInterface.sequelize.query("{}")',
        ),
        counts=False,
    ),
    "node-pg-migrate": Style(_pgm),
    "prisma": Style(
        lambda _, migration: {f"{migration.name}/migration.sql": f"{migration.sql};\n"},
        lambda _: {"migration_lock.toml": 'provider = "postgresql"\n'},
        counts=False,
    ),
    "alembic": Style(
        _alembic,
        lambda _: {"env.py": ENV, "alembic.ini": "[alembic]\nscript_location = %(here)s\n", "script.py.mako": ""},
        in_branches,
    ),
    "django": Style(_django, lambda _: PROJECT, in_apps, squashes=True),
    "flyway": Style(_flyway, counts=False),
    "liquibase": Style(_liquibase, lambda _: ROOT),
    "sqitch": Style(_sqitch, _plan, in_branches, counts=False),
    "yoyo": Style(_yoyo, needs=in_branches),
    "sqlx": Style(_sqlx, counts=False),
    "diesel": Style(_diesel, counts=False),
}
