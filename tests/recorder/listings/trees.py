"""Trees of files, each a migration and one oddity beside it: a hidden file, a link, an odd name, another extension."""

from collections.abc import Iterator
from typing import NamedTuple

Tree = dict[str, "str | list[str] | None"]
"""Path -> text, or a link's target as the one item of a list, or None for what is not there after all."""


class Files(NamedTuple):
    """Two migrations of a tool."""

    first: str
    other: str
    text: str
    other_text: str = ""
    home: str = ""
    """The folder that they are in, below the one that the tool is given."""


SELECT = "SELECT 1;\n"
GOOSE = "-- +goose Up\nSELECT 1;\n"
MIGRATE = "-- +migrate Up\nSELECT 1;\n"
SCRIPT = "exports.up = async () => {};\nexports.down = async () => {};\n"
MODULE = "export async function up() {}\n"
CLASS = "class A1700000000001 {}\nexports.A = A1700000000001;\n"
ALEMBIC = 'revision = "{}"\ndown_revision = {}\n'
DJANGO = (
    "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [{}]\n    operations = []\n"
)
FOLLOWS = DJANGO.format('("shop", "0001_a")')
YOYO = "from yoyo import step\n\nsteps = [step('SELECT 1')]\n"
RUBY = "class X < ActiveRecord::Migration[6.1]\nend\n"
PHP = "<?php\n\nreturn new class extends Illuminate\\Database\\Migrations\\Migration {};\n"
AERICH = "async def upgrade(db):\n    return ''\n"
TORTOISE = (
    "from tortoise import migrations\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [{}]\n    operations = []\n"
)
DOCTRINE = (
    "<?php\n\nnamespace App;\n\nfinal class {} extends \\Doctrine\\Migrations\\AbstractMigration\n{{\n"
    "    public function up(\\Doctrine\\DBAL\\Schema\\Schema $schema): void {{}}\n}}\n"
)
PHINX = "<?php\n\nfinal class {} extends Phinx\\Migration\\AbstractMigration\n{{\n}}\n"
ECTO = "defmodule {} do\n  use Ecto.Migration\n  def change, do: :ok\nend\n"
MIKRO = (
    'const { Migration } = require("@mikro-orm/migrations");\n\n'
    "exports.M = class M extends Migration {\n  async up() {}\n};\n"
)
SEA = "use sea_orm_migration::prelude::*;\n\n#[derive(DeriveMigrationName)]\npub struct Migration;\n"
PGROLL = '{"operations": [{"sql": {"up": "SELECT 1"}}]}\n'
JOURNAL = '{{"version": "7", "dialect": "postgresql", "entries": [{}]}}\n'
ENTRY = '{{"idx": {0}, "version": "7", "when": 170000000000{0}, "tag": "{0}_{1}", "breakpoints": true}}'
PLAN = "%syntax-version=1.0.0\n%project=shop\n\n"
STEP = "{} 2024-01-0{}T00:00:00Z Ann <ann@example.com> # {}\n"
CHANGESET = "--liquibase formatted sql\n--changeset me:1\nSELECT 1;\n"
OTHER_CHANGESET = "--changeset me:9\nSELECT 9;\n"
CHANGELOG = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">{}</databaseChangeLog>\n'
)
FOR_SOME = '<changeSet id="9" author="me" dbms="{}"><sql>SELECT 1</sql></changeSet>'

FILES = {
    "aerich": Files("0_20240101000001_a.py", "9_20240101000009_x.py", AERICH, home="models/"),
    "alembic": Files("a.py", "x.py", ALEMBIC.format("a1", None), ALEMBIC.format("c9", '"a1"'), "versions/"),
    "atlas": Files("20240101000001_a.sql", "20240101000009_x.sql", SELECT),
    "bun": Files("20240101000001_a.up.sql", "20240101000009_x.up.sql", SELECT),
    "dbmate": Files("20240101000001_a.sql", "20240101000009_x.sql", "-- migrate:up\nSELECT 1;\n"),
    "diesel": Files("2024-01-01-000001_a/up.sql", "2024-01-01-000009_x/up.sql", SELECT),
    "django": Files("0001_a.py", "0009_x.py", DJANGO.format(""), FOLLOWS, "shop/migrations/"),
    "doctrine": Files(
        "Version20240101000001.php",
        "Version20240101000009x.php",
        DOCTRINE.format("Version20240101000001"),
        DOCTRINE.format("Version20240101000009"),
    ),
    "drizzle": Files("20240101000001_a/migration.sql", "20240101000009_x/migration.sql", SELECT),
    "ecto": Files("20240101000001_a.exs", "20240101000009_x.exs", ECTO.format("A"), ECTO.format("X")),
    "flyway": Files("V1__a.sql", "V9__x.sql", SELECT),
    "golang-migrate": Files("1_a.up.sql", "9_x.up.sql", SELECT),
    "goose": Files("00001_a.sql", "00009_x.sql", GOOSE),
    "knex": Files("1_a.js", "9_x.js", SCRIPT),
    "kysely": Files("1_a.js", "9_x.js", SCRIPT),
    "laravel": Files("2024_01_01_000001_a.php", "2024_01_01_000009_x.php", PHP),
    "liquibase": Files("a.sql", "x.sql", CHANGESET, home="changes/"),
    "mikro-orm": Files("Migration20240101000001.js", "Migration20240101000009x.js", MIKRO),
    "node-pg-migrate": Files("1_a.js", "9_x.js", SCRIPT),
    "pgroll": Files("01_a.json", "09_x.json", PGROLL),
    "phinx": Files("20240101000001_a.php", "20240101000009_x.php", PHINX.format("A"), PHINX.format("X")),
    "prisma": Files("20240101000001_a/migration.sql", "20240101000009_x/migration.sql", SELECT),
    "rails": Files("20240101000001_a.rb", "20240101000009_x.rb", RUBY),
    "refinery": Files("V1__a.sql", "V9__x.sql", SELECT),
    "sea-orm": Files("m20240101_000001_a.rs", "m20240101_000009_x.rs", SEA),
    "sequelize": Files("1-a.js", "9-x.js", SCRIPT),
    "sql-migrate": Files("1_a.sql", "9_x.sql", MIGRATE),
    "sqitch": Files("sqitch.plan", "deploy/x.sql", PLAN + STEP.format("users", 1, "Adds users"), SELECT),
    "sqlx": Files("1_a.sql", "9_x.sql", SELECT),
    "supabase": Files("20240101000001_a.sql", "20240101000009_x.sql", SELECT, home="supabase/migrations/"),
    "tern": Files("001_a.sql", "002_x.sql", SELECT),
    "tortoise": Files(
        "0001_a.py", "0009_x.py", TORTOISE.format(""), TORTOISE.format('("shop", "0001_a")'), "shop/migrations/"
    ),
    "typeorm": Files(
        "1700000000001-a.js", "1700000000009-x.js", CLASS, CLASS.replace("A1700000000001", "X1700000000009")
    ),
    "yoyo": Files("0001.a.py", "0009.x.py", YOYO),
}
ROOTS: dict[str, Tree] = {
    "liquibase": {"root.xml": CHANGELOG.format('<includeAll path="changes"/>')},
    "prisma": {"migration_lock.toml": 'provider = "postgresql"\n'},
    "sqitch": {"sqitch.conf": "[core]\n\tengine = pg\n"},
    "supabase": {"supabase/config.toml": 'project_id = "shop"\n'},
}
"""What a tool needs beside its migrations."""
OWN: dict[str, dict[str, Tree]] = {
    "aerich": {
        "compiled": {"models/9_20240101000009_x.pyc": ""},
        "package": {"models/9_20240101000009_x/__init__.py": AERICH},
        "number alone": {"models/9.py": AERICH},
        "many digits": {"models/123_x.py": AERICH},
        "no digits of ASCII": {"models/\u0669_x.py": AERICH},
        "__init__": {"models/__init__.py": ""},
        "words": {"models/x_9.py": AERICH},
    },
    "alembic": {
        "no down revision": {"versions/x.py": 'revision = "c9"\n'},
        "no revision": {"versions/helper.py": "def add(): pass\n"},
        "package": {"versions/__init__.py": ""},
        "beside the folder": {"env.py": "", "helper.py": ""},
    },
    "atlas": {
        "no name": {"20240101000009.sql": SELECT},
        "no number": {"x.sql": SELECT},
        "down": {"2_x.down.sql": SELECT},
    },
    "bun": {
        "in a transaction": {"20240101000009_x.tx.up.sql": SELECT},
        "down alone": {"20240101000009_x.down.sql": SELECT},
        "neither up nor down": {"20240101000009_x.sql": SELECT},
        "few digits": {"9_x.up.sql": SELECT},
        "many digits": {"202401010000099_x.up.sql": SELECT},
        "one in two folders": {"s/20240101000009_x.up.sql": SELECT, "t/20240101000009_y.up.sql": SELECT},
    },
    "dbmate": {
        "no name": {"20240101000009.sql": SELECT},
        "few digits": {"9_x.sql": SELECT},
        "schema": {"schema.sql": ""},
    },
    "diesel": {
        "folder without the file": {"2024-01-01-000009_x/README": ""},
        "down alone": {"2024-01-01-000009_x/down.sql": SELECT},
        "no name": {"20240101000009/up.sql": SELECT},
        "further files": {"2024-01-01-000009_x/up.sql": SELECT, "2024-01-01-000009_x/metadata.toml": ""},
        "file beside": {"2024-01-01-000009_x.sql": SELECT},
    },
    "django": {
        "in another folder": {"shop/management/x.py": FOLLOWS},
        "compiled": {"shop/migrations/0009_x.pyc": "x"},
        "package": {"shop/migrations/0009_x/__init__.py": FOLLOWS},
    },
    "doctrine": {
        "with an interface": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009")
            .replace("AbstractMigration\n", "AbstractMigration implements \\Countable\n")
            .replace("    public", "    public function count(): int { return 0; }\n    public")
        },
        "base of the project": {
            "Base.php": DOCTRINE.format("Base").replace("final", "abstract"),
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009").replace(
                "\\Doctrine\\Migrations\\AbstractMigration", "Base"
            ),
        },
        "two in a file": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009")
            + DOCTRINE.format("Version20240101000010").replace("<?php\n\nnamespace App;\n", "")
        },
        "another's name": {"Later.php": DOCTRINE.format("Version20240101000009")},
        "no number": {"Later.php": DOCTRINE.format("Later")},
        "another namespace": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009").replace("App", "Other")
        },
        "below the namespace": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009").replace("App;", "App\\Shop;")
        },
        "in a block": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009")
            .replace("App;", "App {")
            .replace("{}\n}\n", "{}\n}\n}\n")
        },
        "one line": {"Version20240101000009.php": DOCTRINE.format("Version20240101000009").replace("\n", " ")},
        "class below": {
            "Version20240101000009.php": DOCTRINE.format("\n    Version20240101000009").replace(
                " extends", "\n    extends"
            )
        },
        "capital letters": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009")
            .replace("final class", "FINAL CLASS")
            .replace("extends", "EXTENDS")
        },
        "commented out": {
            "Version20240101000009.php": DOCTRINE.format("Version20240101000009").replace("final", "/*\nfinal") + "*/\n"
        },
        "helper": {"helper.php": "<?php\n\nfunction help() {}\n"},
    },
    "drizzle": {
        "file beside": {"20240101000009_x.sql": SELECT},
        "snapshot": {"20240101000009_x/migration.sql": SELECT, "20240101000009_x/snapshot.json": "{}"},
        "snapshot alone": {"20240101000009_x/snapshot.json": "{}"},
        "no name": {"20240101000009/migration.sql": SELECT},
        **{
            name: {
                "20240101000001_a/migration.sql": None,
                "0_a.sql": SELECT,
                "meta/_journal.json": JOURNAL.format(", ".join(ENTRY.format(*entry) for entry in entries)),
                **files,
            }
            for name, entries, files in (
                ("journal", [(0, "a"), (1, "x")], {"1_x.sql": SELECT}),
                ("journal without the file", [(0, "a"), (1, "x")], {}),
                ("file without an entry", [(0, "a")], {"1_x.sql": SELECT}),
                ("journal of a folder", [(0, "a"), (1, "x/y")], {"1_x/y.sql": SELECT}),
                (
                    "journal and a linked file",
                    [(0, "a"), (1, "x")],
                    {"../away.sql": SELECT, "1_x.sql": ["../away.sql"]},
                ),
            )
        },
        "journal and folders": {"0_a.sql": SELECT, "meta/_journal.json": JOURNAL.format(ENTRY.format(0, "a"))},
    },
    "ecto": {
        "ex": {"20240101000009_x.ex": ECTO.format("X")},
        "few digits": {"9_x.exs": ECTO.format("X")},
        "padded": {"0009_x.exs": ECTO.format("X")},
        "no name": {"9.exs": ECTO.format("X")},
        "empty name": {"9_.exs": ECTO.format("X")},
        "negative": {"-9_x.exs": ECTO.format("X")},
        "with a plus": {"+9_x.exs": ECTO.format("X")},
        "formatter": {".formatter.exs": "[]\n"},
    },
    "flyway": {
        "baseline": {"B9__x.sql": SELECT},
        "undo": {"U9__x.sql": SELECT},
        "configuration": {"V9__x.sql": SELECT, "V9__x.sql.conf": ""},
        "no name": {"V9.sql": SELECT},
        "no name of a repeatable": {"R__.sql": SELECT},
        "$": {"V9__x$y.sql": SELECT},
        "no digits of ASCII": {"V\u0669__x.sql": SELECT},
        "capitals": {"V8__x.PY": "", "V9__x.Bat": ""},
        "one _": {"V9_x.sql": SELECT},
        "lower case": {"v9__x.sql": SELECT},
        "dots": {"V9.1__x.sql": SELECT, "sub/V9_2__x.sql": SELECT},
        "callback": {"afterMigrate.sql": SELECT, "beforeEachMigrate__x.sql": SELECT},
        "Python": {"V9__x.py": ""},
        "shell": {"V9__x.sh": ""},
        "PowerShell": {"V9__x.ps1": ""},
        "Java": {"V9__x.java": ""},
        "repeatable": {"R__x.sql": SELECT},
        "repeatable shell": {"R__x.sh": ""},
        "repeatable one _": {"R_x.sql": SELECT},
        "one in two folders": {"s/V9__x.sql": SELECT, "t/V9__x.sql": SELECT},
        "one in two languages": {"V9__x.sql": SELECT, "V9__x.sh": ""},
        "repeatable in two folders": {"s/R__x.sql": SELECT, "t/R__x.sql": SELECT},
    },
    "golang-migrate": {
        "down alone": {"9_x.down.sql": SELECT},
        "neither up nor down": {"9_x.sql": SELECT},
        "other format": {"9_x.up.json": SELECT},
        "padded": {"0009_x.up.sql": SELECT},
        "no name": {"9.up.sql": SELECT},
        "zero": {"0_x.up.sql": SELECT},
        "too large": {"99999999999999999999_x.up.sql": SELECT},
    },
    "goose": {
        "Go": {"00009_x.go": "package x\n"},
        "test of Go": {"00009_x_test.go": "package x\n"},
        "other Go": {"embed.go": "package x\n"},
        "no name": {"9.sql": GOOSE},
        "zero": {"0_x.sql": GOOSE},
        "negative": {"-9_x.sql": GOOSE},
        "not padded": {"9_x.sql": GOOSE},
    },
    "knex": {
        **{ext: {f"9_x.{ext}": SCRIPT} for ext in ("ts", "cjs", "jsx", "tsx", "json", "sql", "coffee", "js.map")},
        "mjs": {"9_x.mjs": MODULE},
        "declarations": {"9_x.d.ts": ""},
        "index": {"index.js": SCRIPT},
    },
    "kysely": {
        **{ext: {f"9_x.{ext}": SCRIPT} for ext in ("cjs", "cts", "json", "sql", "js.map")},
        "mjs": {"9_x.mjs": MODULE},
        "default": {"9_x.mjs": "export default { up() {} };\n"},
        "declarations": {"9_x.d.ts": "", "9_x.d.mts": ""},
        "no migration": {"index.js": "exports.x = 1;\n"},
        "up is no function": {"9_x.js": "exports.up = 1;\n"},
    },
    "laravel": {"no _": {"x.php": PHP}, "no number": {"x_y.php": PHP}, "schema": {"schema/x.sql": SELECT}},
    "liquibase": {
        "no header": {"changes/x.sql": SELECT},
        "changelog": {
            "changes/x.xml": CHANGELOG.format('<changeSet id="9" author="me"><sql>SELECT 1</sql></changeSet>')
        },
        **{
            f"changeset as {line!r}": {"changes/x.sql": CHANGESET.replace("--changeset me:1", line)}
            for line in ("-changeset me:9", "--changeset me9", "--changeset me: 9", "--changeset 'me':\"9\"")
        },
        "changeset in small letters": {
            "changes/x.yaml": "databaseChangeLog:\n"
            "- changeset: {id: 9, author: me, changes: [{sql: {sql: SELECT 1}}]}\n"
            "- changeSet: {id: 8, author: me, changes: [{sql: {sql: SELECT 1}}]}\n"
        },
        "two lines ignored": {
            "changes/x.sql": f"{CHANGESET}--ignoreLines:2\n{OTHER_CHANGESET}--changeset me:8\n{SELECT}"
        },
        "lines ignored": {"changes/x.sql": f"{CHANGESET}--ignoreLines:start\n{OTHER_CHANGESET}--ignoreLines:end\n"},
        "line of Unicode": {"changes/x.sql": f"{CHANGESET}-- \u2028{OTHER_CHANGESET}"},
        "logical path": {"changes/x.sql": CHANGESET.replace("me:1", 'me:9 logicalFilePath:"x"')},
        "logical path in the header": {"changes/x.sql": CHANGESET.replace("sql", "sql logicalFilePath:x", 1)},
        "logical path above": {
            "root.xml": CHANGELOG.format('<includeAll path="changes"/>').replace(
                "<databaseChangeLog", '<databaseChangeLog logicalFilePath="x"'
            )
        },
        "logical path of the include": {
            "root.xml": CHANGELOG.format('<includeAll path="changes" logicalFilePath="x"/>')
        },
        "no changelog": {"changes/x.xml": "<project/>"},
        "no changelog in YAML": {"changes/x.yaml": "a: 1\n"},
        "data": {"changes/x.csv": "a,b\n"},
        "for another database": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:mssql")},
        "for another database too": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:mssql,postgresql")},
        "not for another database": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:!mssql")},
        **{
            f"dbms in XML: {dbms!r}": {"changes/x.xml": CHANGELOG.format(FOR_SOME.format(dbms))}
            for dbms in (
                *("", "mssql", "postgresql", "PostgreSQL", " mssql , postgresql ", "mssql,,postgresql", "mssql,"),
                *("!postgresql", "!mssql", "! postgresql", "!mssql, postgresql", "!mssql, !postgresql", "all", "none"),
                *("all, !postgresql", "none, postgresql", "ALL", "postgres", "unknown", "!unknown", ","),
            )
        },
        "dbms in XML of a change": {
            "changes/x.xml": CHANGELOG.format(
                '<changeSet id="9" author="me"><sql dbms="mssql">SELECT 1</sql></changeSet>'
            )
        },
    },
    "mikro-orm": {
        **{
            ext: {f"Migration20240101000009x.{ext}": MIKRO}
            for ext in ("ts", "cjs", "mjs", "mts", "jsx", "json", "js.map")
        },
        "declarations": {"Migration20240101000009x.d.ts": ""},
        "declarations of a module": {"Migration20240101000009x.d.cts": ""},
        "snapshot": {".snapshot-postgres.json": "{}", ".snapshot-shop.json": "{}"},
        "index": {"index.js": "exports.x = 1;\n"},
        "d in the name": {"d.js": MIKRO},
    },
    "node-pg-migrate": {
        **{ext: {f"9_x.{ext}": SCRIPT} for ext in ("ts", "cjs", "json", "js.map")},
        "mjs": {"9_x.mjs": "export const up = () => {};\n"},
        "SQL": {"9_x.sql": SELECT},
        "SQL up and down": {"9_x.up.sql": SELECT, "9_x.down.sql": SELECT},
        "notes": {"README.md": ""},
    },
    "pgroll": {
        "YAML": {"09_x.yaml": "operations:\n  - sql:\n      up: SELECT 1\n"},
        "yml": {"09_x.yml": "operations:\n  - sql:\n      up: SELECT 1\n"},
        "one in two forms": {"09_x.json": PGROLL, "09_x.yaml": "operations:\n  - sql:\n      up: SELECT 1\n"},
        "no migration": {"package.json": '{"name": "shop"}\n'},
        "SQL": {"09_x.sql": SELECT},
        "name inside": {"09_x.json": PGROLL.replace('{"op', '{"name": "other", "op')},
        "not the same number": {"9_x.json": PGROLL, "10_x.json": PGROLL},
        "before the first": {"00_x.json": PGROLL},
    },
    "phinx": {
        "no name": {"20240101000009.php": PHINX.format("V20240101000009")},
        "few digits": {"9_x.php": PHINX.format("X")},
        "padded": {"0009_x.php": PHINX.format("X")},
        "zero": {"0_x.php": PHINX.format("X")},
        "few digits and no name": {"9.php": PHINX.format("V9")},
        "words": {"20240101000009_x_y.php": PHINX.format("XY")},
        "digits in the name": {"20240101000009_x_9.php": PHINX.format("X9")},
        "another class": {"20240101000009_x.php": PHINX.format("Other")},
        "extension in mixed case": {"20240101000009_x.Php": PHINX.format("X")},
        "helper": {"helper.php": "<?php\n"},
    },
    "prisma": {
        "folder without the file": {"20240101000009_x/README": ""},
        "down": {"20240101000009_x/migration.sql": SELECT, "20240101000009_x/down.sql": SELECT},
        "file beside": {"20240101000009_x.sql": SELECT, "migration.sql": SELECT},
        "folder of the file's name": {"20240101000009_x/migration.sql/README": ""},
        "no ASCII order": {"b/migration.sql": SELECT, "C/migration.sql": SELECT},
    },
    "rails": {
        "scope": {"20240101000009_x.shop.rb": RUBY},
        "few digits": {"9_x.rb": RUBY},
        "no name": {"20240101000009.rb": RUBY},
        "digits in the name": {"20240101000009_x1.rb": RUBY},
    },
    "refinery": {
        "U": {"U9__x.sql": SELECT},
        "one _": {"V9_x.sql": SELECT},
        "dots": {"V9.1__x.sql": SELECT},
        "lower case": {"v9__x.sql": SELECT},
        "padded": {"V09__x.sql": SELECT},
        "repeatable": {"R__x.sql": SELECT},
        "accent as a mark": {"V9__xe\u0301.sql": SELECT},
    },
    "sea-orm": {
        "name of its own": {
            "x.rs": SEA.replace("#[derive(DeriveMigrationName)]\n", "")
            + '\nimpl MigrationName for Migration {\n    fn name(&self) -> &str {\n        "m9_own"\n    }\n}\n'
        },
        "name of its own in a line": {
            "x.rs": SEA.replace("#[derive(DeriveMigrationName)]\n", "")
            + 'impl MigrationName for Migration { fn name(&self) -> &str { "m9_own" } }\n'
        },
        "other derivations": {"x.rs": SEA.replace("derive(", "derive(Debug, Clone, ")},
        "derived by its path": {"x.rs": SEA.replace("derive(", "derive(sea_orm_migration::prelude::")},
        "commented out": {"x.rs": SEA.replace("#[", "// #[").replace("pub struct", "// pub struct")},
        "module": {"m20240101_000009_x/mod.rs": SEA},
    },
    "sequelize": {
        **{ext: {f"9-x.{ext}": SCRIPT} for ext in ("ts", "cjs", "mts", "jsx", "json", "sql", "js.map")},
        "mjs": {"9-x.mjs": MODULE},
        "declarations": {"9-x.d.ts": ""},
    },
    "sql-migrate": {"numbers and none": {"x_9.sql": MIGRATE, "10.sql": MIGRATE}},
    "sqitch": {
        name: {"sqitch.plan": PLAN + "".join(steps)}
        for name, steps in {
            "tag": (STEP.format("users", 1, "a"), STEP.format("@v1", 2, "b")),
            "needs": (STEP.format("users", 1, ""), STEP.format("posts [users !old]", 2, "b")),
            "needs its own": (STEP.format("users", 1, ""), STEP.format("posts [shop:users]", 2, "b")),
            "needs another's": (STEP.format("users [blog:authors]", 1, ""),),
            "reworked": (
                STEP.format("users", 1, "a"),
                STEP.format("@v1", 2, "b"),
                STEP.format("users [users@v1]", 3, "c"),
            ),
            "note with escapes": (STEP.format("users", 1, r"a\nb\\n"), STEP.format("users2", 2, r"\r")),
            "no note": (STEP.format("users", 1, "").replace(" # ", ""),),
            "white space": ("\n", "# note\n", "  " + STEP.format("users  ", 1, "a"), "\t\n"),
            "plus": (STEP.format("+users", 1, "a"), STEP.format("+ posts", 2, "a")),
            "minus": (STEP.format("users", 1, "a"), STEP.format("-users", 2, "a")),
            "pragmas": ("%uri=https://example.com/\n", STEP.format("users", 1, "a")),
            "pragma later": (STEP.format("users", 1, "a"), "%project=blog\n", STEP.format("posts", 2, "a")),
            "slash": (STEP.format("functions/users", 1, "a"),),
            "quotation marks": (STEP.format("users", 1, '"a" [b] <c> @d'),),
            "no ASCII": (STEP.format("usérs", 1, "é").replace("Ann", "Zoë"),),
            "odd planner": (STEP.format("users", 1, "a").replace("Ann", "A. [b] #c"),),
            "carriage return": (STEP.format("users", 1, "a").replace("\n", "\r\n"),),
            "no date": ("users Ann <ann@example.com>\n",),
            "no end of line": (STEP.format("users", 1, "a").strip(),),
            "twice": (STEP.format("users", 1, "a"), STEP.format("users", 2, "a")),
            "form feed": (STEP.format("users", 1, "a\x0cb"), STEP.format("posts", 2, "\x85")),
        }.items()
    },
    "sqlx": {
        "up and down": {"9_x.up.sql": SELECT, "9_x.down.sql": SELECT},
        "down alone": {"9_x.down.sql": SELECT},
        "no name": {"9.sql": SELECT},
        "padded": {"0009_x.sql": SELECT},
        "words": {"x_y.sql": SELECT},
        "negative": {"-9_x.sql": SELECT},
    },
    "supabase": {
        "init of an old date": {
            "supabase/migrations/20240101000001_a.sql": None,
            "supabase/migrations/20211208000000_init.sql": SELECT,
            "supabase/migrations/20211209000000_x.sql": SELECT,
        },
        **{
            f"init of an old date after a {what}": {
                "supabase/migrations/20211208000000_init.sql": SELECT,
                f"supabase/migrations/{path}": SELECT,
            }
            for what, path in (
                ("file", "1_x.sql"),
                ("folder", "1_x/y.sql"),
                ("hidden file", ".keep"),
                ("hidden folder", ".old/y.sql"),
            )
        },
        "init of an old date of another name": {"supabase/migrations/0_20211208000000_init.sql.bak": SELECT},
        "few digits": {"supabase/migrations/9_x.sql": SELECT},
        "no name": {"supabase/migrations/20240101000009.sql": SELECT},
        "empty name": {"supabase/migrations/20240101000009_.sql": SELECT},
        "down": {"supabase/migrations/20240101000009_x.down.sql": SELECT},
        "other folders": {"supabase/seed.sql": SELECT, "supabase/schemas/1_x.sql": SELECT},
        "beside the project": {"migrations/20240101000009_x.sql": SELECT},
    },
    "tern": {"no name": {"002.sql": SELECT}, "not padded": {"2_x.sql": SELECT}, "shared": {"shared/x.sql": SELECT}},
    "tortoise": {
        "compiled": {"shop/migrations/0009_x.pyc": "x"},
        "package": {"shop/migrations/0009_x/__init__.py": TORTOISE.format("")},
        "no class": {"shop/migrations/0009_x.py": "x = 1\n"},
    },
    "typeorm": {
        "index": {"index.js": "exports.x = 1;\n"},
        "declarations": {"x.d.ts": "export {};\n"},
        "bundled": {"1700000000009-x.js": "var X1700000000009 = class {\n  up() {}\n};\nexports.X = X1700000000009;\n"},
        "shortened, its name kept": {
            "1700000000009-x.js": 'var n=(r,value)=>Object.defineProperty(r,"name",{value});'
            'var x=class{static{n(this,"X1700000000009")}up(){}};exports.X=x;\n'
        },
        "function": {
            "1700000000009-x.js": "var X1700000000009 = /** @class */ (function () {\n    function X1700000000009() {\n"
            "    }\n    X1700000000009.prototype.up = function () {};\n    return X1700000000009;\n}());\n"
            "exports.X = X1700000000009;\n"
        },
        "no name": {"1700000000009-x.js": "exports.X = class { up() {} };\n"},
    },
    "yoyo": {
        "SQL": {"0009.x.sql": SELECT},
        "rollback": {"0009.x.sql": SELECT, "0009.x.rollback.sql": SELECT},
        "after each run": {"post-apply.sql": SELECT, "post-apply-grants.py": YOYO},
        "one in two languages": {"0009.x.sql": SELECT, "0009.x.py": YOYO},
        "no number": {"__init__.py": "", "helper.py": "x = 1\n"},
    },
}


def trees(tool: str) -> Iterator[tuple[str, Tree]]:
    """Yield what is odd in a tree, and the tree."""
    first, other, text, other_text, home = FILES[tool]
    body = other_text or (CHANGESET.replace("me:1", "me:9") if tool == "liquibase" else text)
    base = {**ROOTS.get(tool, {}), home + first: text}
    head, inside, _ = other.partition("/")
    away = "../" * (home.count("/") + 1) + "away/"

    for case, path in (
        ("another", other),
        ("hidden file", f".{other}"),
        ("hidden folder", f".old/{other}"),
        ("folder", f"sub/{other}"),
        ("folder in a folder", f"sub/deep/{other}"),
        ("node_modules", f"node_modules/{other}"),
        ("__pycache__", f"__pycache__/{other}"),
        ("_", f"_{other}"),
        ("~", f"~{other}"),
        ("space in the name", other.replace("x", "x y", 1)),
        ("no ASCII in the name", other.replace("x", "xé", 1)),
        ("capital in the name", other.replace("x", "X", 1)),
        ("dash in the name", other.replace("x", "x-y", 1)),
        ("dot in the name", other.replace("x", "x.y", 1)),
        ("no number", other[other.index("x") :]),
        ("extension in capitals", other.replace(".sql", ".SQL").replace(".py", ".PY").replace(".js", ".JS")),
        *((suffix, other + suffix) for suffix in (".bak", ".orig", ".txt", "#")),
        ("~ at the end", f"{other}~"),
    ):
        yield case, {**base, home + path: body}
    yield "two of a number", {**base, home + other: body, home + other.replace("x", "y", 1): body}
    yield "link", {**base, f"../away/{other}": body, home + head: [away + head]}
    yield "linked folder", {**base, f"../away/{other}": body, f"{home}linked": [away.removesuffix("/")]}
    yield "link to nothing", {**base, home + head: ["nothing"]}
    yield "link of another name to nothing", {**base, f"{home}README": ["nothing"]}
    yield "link to itself", {**base, home + head: [head]}
    yield "link to the folder", {**base, f"{home}loop": ["."]}
    if not inside:
        yield "folder of its name", {**base, f"{home}{head}/README": ""}
    for case, tree in OWN[tool].items():
        yield case, {path: text for path, text in {**base, **tree}.items() if text is not None}
