"""A directory is another tool's by no name that its folder may have: each tool's signs under each other's names."""

from pathlib import Path

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.histories import directories
from known import TOOLS
from trees import written


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes files, from a mapping of paths to texts, and returns their folder."""
    return lambda files, name="db": written(tmp_path / name, files)


def newest(tool: str, directory: str) -> list[str]:
    return directories.newest(TOOLS[tool], directory)


SIGNS = [
    (
        "aerich",
        {"models/0_20240101_a.py": "from tortoise import BaseDBAsyncClient\nasync def upgrade(db: X) -> str:\n"},
    ),
    ("alembic", {"env.py": "", "versions/a.py": "revision = 'a'\ndown_revision = None\n"}),
    ("atlas", {"1_a.sql": "", "atlas.sum": ""}),
    ("bun", {"20240101000001_a.go": "package x\n\nfunc init() {\n\tMigrations.MustRegister(up, down)\n}\n"}),
    ("dbmate", {"001_a.sql": "-- migrate:up\n"}),
    ("diesel", {"2024-01-01-000001_a/up.sql": ""}),
    ("django", {"shop/migrations/0001_a.py": "from django.db import migrations, models\nclass Migration: pass"}),
    ("doctrine", {"Version1.php": "<?php\nuse Doctrine\\Migrations\\AbstractMigration;\nclass Version1 extends X {}"}),
    ("doctrine", {"Version20240101000001.php": "<?php\nfinal class Version20240101000001 extends OwnMigration\n{}"}),
    ("drizzle", {"meta/_journal.json": '{"entries": [{"when": 1}]}', "0000_a.sql": ""}),
    ("drizzle", {"20240102030405_a/migration.sql": "", "20240102030405_a/snapshot.json": "{}"}),
    ("ecto", {"1_a.exs": "defmodule A do\n  use Ecto.Migration\n"}),
    (
        "ef-core",
        {"20240101000001_A.Designer.cs": '[Migration("20240101000001_A")]', "20240101000001_A.cs": "MigrationBuilder"},
    ),
    ("flyway", {"V1.2__a.sql": ""}),
    ("flyway", {"V1__a.sql": "", "R__b.sql": ""}),
    ("golang-migrate", {"1_a.up.sql": "", "1_a.down.sql": ""}),
    ("goose", {"001_a.sql": "-- +goose Up\nSELECT 1"}),
    ("goose", {"001_a.go": "func init() { goose.AddMigrationContext(up, down) }"}),
    ("knex", {"1_a.js": "exports.up = function (knex) {}"}),
    ("knex", {"1_a.ts": "import type { Knex } from 'knex'"}),
    ("knex", {"1_a.mjs": "export async function up(knex) {}"}),
    ("kysely", {"1_a.ts": "import { Kysely } from 'kysely'\nexport async function up(db: Kysely<any>) {}"}),
    ("laravel", {"2024_01_01_000001_a.php": "<?php\nuse Illuminate\\Database\\Migrations\\Migration;"}),
    ("liquibase", {"changelog.yaml": "databaseChangeLog:\n- changeSet: {id: 1, author: me}"}),
    ("liquibase", {"a.sql": "--liquibase formatted sql\n--changeset me:1\n"}),
    ("mikro-orm", {"Migration20240101000001.ts": "import { Migration } from '@mikro-orm/migrations';"}),
    ("node-pg-migrate", {"1_a.js": "exports.up = (pgm) => {}"}),
    ("node-pg-migrate", {"1_a.sql": "-- Up Migration\n"}),
    ("pgroll", {"01_a.json": '{"operations": []}'}),
    ("pgroll", {"01_a.yaml": "operations:\n- sql: x"}),
    ("phinx", {"20240101000001_a.php": "<?php\nuse Phinx\\Migration\\AbstractMigration;"}),
    ("prisma", {"1_a/migration.sql": "", "migration_lock.toml": ""}),
    ("rails", {"001_a.rb": "class A < ActiveRecord::Migration[7.1]"}),
    ("refinery", {"V1__a.rs": ""}),
    ("sea-orm", {"m20240101_000001_a.rs": "#[derive(DeriveMigrationName)]"}),
    ("sequelize", {"1-a.js": "async up(queryInterface, Sequelize) {}"}),
    ("sql-migrate", {"1_a.sql": "-- +migrate Up\n"}),
    (
        "sqitch",
        {"sqitch.plan": "%syntax-version=1.0.0\n%project=shop\n\nproduct 2024-01-01T00:00:00Z Ann <ann@example.com>\n"},
    ),
    ("sqlx", {"1_a.sql": ""}),
    ("tern", {"001_a.sql": "SELECT 1;\n---- create above / drop below ----\n"}),
    ("tortoise", {"shop/migrations/1_a.py": "from tortoise import migrations\nclass Migration: pass"}),
    ("typeorm", {"1700000000000-A.ts": "class A1700000000000 implements MigrationInterface {}"}),
    ("typeorm", {"1700000000000-A.js": "module.exports = class A1700000000000 {}"}),
    ("yoyo", {"0001.a.py": "from yoyo import step\nsteps = []"}),
]


@pytest.mark.parametrize(("tool", "files"), SIGNS)
def test_recognise(tool, files, tree):
    """A tool is recognised by what only its migrations have."""
    directory = tree(files)
    assert directories.recognise(directory).name == tool
    assert newest(tool, directory)


FOLDERS = ["migrations", "versions", "prisma", "migrate", "db", "drizzle", "supabase", "alembic", "models", "deploy"]
"""What folders of migrations are called, by one tool or another."""


@pytest.mark.parametrize("name", FOLDERS)
def test_recognise_in_any_folder(name, tree):
    """Whatever the folder is called, and the one above it, no answer is another than the tool's own."""
    for count, (tool, files) in enumerate(SIGNS):
        directory = tree(files, f"{count}/{name}/{name}")
        assert told(directory) in (newest(tool, directory), None)
        above = told(str(Path(directory).parent))
        assert above in (newest(tool, directory), None) or tool == "liquibase"  # whose names have the folder's


@pytest.mark.parametrize("others", [files for _, files in SIGNS])
def test_recognise_two_tools(others, tree):
    """Where two tools have a sign in files of their own, neither is preferred."""
    mixed = "001_x.sql"
    if mixed not in others:
        directory = tree({mixed: "-- migrate:up\n", "001_y.sql": "-- +goose Up\n"} | others)
        assert told(directory) is None


def told(directory: str) -> list[str] | None:
    """Return the newest revisions of a directory whose tool is not named, None where it has to be."""
    try:
        return directories.newest(directories.recognise(directory), directory)
    except Misconfigured:
        return None
