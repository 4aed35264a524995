"""Trees of files, each a migration and one oddity beside it: a hidden file, a link, an odd name, another extension."""

from collections.abc import Iterator
from typing import NamedTuple

Tree = dict[str, "str | list[str]"]
"""Path -> text, or a link's target as the one item of a list."""


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
CHANGESET = "--liquibase formatted sql\n--changeset me:1\nSELECT 1;\n"
CHANGELOG = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">{}</databaseChangeLog>\n'
)

FILES = {
    "alembic": Files("a.py", "x.py", ALEMBIC.format("a1", None), ALEMBIC.format("c9", '"a1"'), "versions/"),
    "atlas": Files("20240101000001_a.sql", "20240101000009_x.sql", SELECT),
    "bun": Files("20240101000001_a.up.sql", "20240101000009_x.up.sql", SELECT),
    "dbmate": Files("20240101000001_a.sql", "20240101000009_x.sql", "-- migrate:up\nSELECT 1;\n"),
    "diesel": Files("2024-01-01-000001_a/up.sql", "2024-01-01-000009_x/up.sql", SELECT),
    "django": Files("0001_a.py", "0009_x.py", DJANGO.format(""), FOLLOWS, "shop/migrations/"),
    "flyway": Files("V1__a.sql", "V9__x.sql", SELECT),
    "golang-migrate": Files("1_a.up.sql", "9_x.up.sql", SELECT),
    "goose": Files("00001_a.sql", "00009_x.sql", GOOSE),
    "knex": Files("1_a.js", "9_x.js", SCRIPT),
    "kysely": Files("1_a.js", "9_x.js", SCRIPT),
    "laravel": Files("2024_01_01_000001_a.php", "2024_01_01_000009_x.php", PHP),
    "liquibase": Files("a.sql", "x.sql", CHANGESET, home="changes/"),
    "node-pg-migrate": Files("1_a.js", "9_x.js", SCRIPT),
    "rails": Files("20240101000001_a.rb", "20240101000009_x.rb", RUBY),
    "refinery": Files("V1__a.sql", "V9__x.sql", SELECT),
    "sequelize": Files("1-a.js", "9-x.js", SCRIPT),
    "sql-migrate": Files("1_a.sql", "9_x.sql", MIGRATE),
    "sqlx": Files("1_a.sql", "9_x.sql", SELECT),
    "tern": Files("001_a.sql", "002_x.sql", SELECT),
    "typeorm": Files(
        "1700000000001-a.js", "1700000000009-x.js", CLASS, CLASS.replace("A1700000000001", "X1700000000009")
    ),
    "yoyo": Files("0001.a.py", "0009.x.py", YOYO),
}
ROOTS: dict[str, Tree] = {"liquibase": {"root.xml": CHANGELOG.format('<includeAll path="changes"/>')}}
"""What a tool needs beside its migrations."""
OWN: dict[str, dict[str, Tree]] = {
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
    "flyway": {
        "baseline": {"B9__x.sql": SELECT},
        "undo": {"U9__x.sql": SELECT},
        "configuration": {"V9__x.sql": SELECT, "V9__x.sql.conf": ""},
        "no name": {"V9.sql": SELECT},
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
        "no changelog": {"changes/x.xml": "<project/>"},
        "no changelog in YAML": {"changes/x.yaml": "a: 1\n"},
        "data": {"changes/x.csv": "a,b\n"},
        "for another database": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:mssql")},
        "for another database too": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:mssql,postgresql")},
        "not for another database": {"changes/x.sql": CHANGESET.replace("me:1", "me:9 dbms:!mssql")},
    },
    "node-pg-migrate": {
        **{ext: {f"9_x.{ext}": SCRIPT} for ext in ("ts", "cjs", "json", "js.map")},
        "mjs": {"9_x.mjs": "export const up = () => {};\n"},
        "SQL": {"9_x.sql": SELECT},
        "SQL up and down": {"9_x.up.sql": SELECT, "9_x.down.sql": SELECT},
        "notes": {"README.md": ""},
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
    },
    "sequelize": {
        **{ext: {f"9-x.{ext}": SCRIPT} for ext in ("ts", "cjs", "mts", "jsx", "json", "sql", "js.map")},
        "mjs": {"9-x.mjs": MODULE},
        "declarations": {"9-x.d.ts": ""},
    },
    "sql-migrate": {"numbers and none": {"x_9.sql": MIGRATE, "10.sql": MIGRATE}},
    "sqlx": {
        "up and down": {"9_x.up.sql": SELECT, "9_x.down.sql": SELECT},
        "down alone": {"9_x.down.sql": SELECT},
        "no name": {"9.sql": SELECT},
        "padded": {"0009_x.sql": SELECT},
        "words": {"x_y.sql": SELECT},
        "negative": {"-9_x.sql": SELECT},
    },
    "tern": {"no name": {"002.sql": SELECT}, "not padded": {"2_x.sql": SELECT}, "shared": {"shared/x.sql": SELECT}},
    "typeorm": {"index": {"index.js": "exports.x = 1;\n"}, "declarations": {"x.d.ts": "export {};\n"}},
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
        ("space in the name", other.replace("x", "x y")),
        ("no ASCII in the name", other.replace("x", "xé")),
        ("capital in the name", other.replace("x", "X")),
        ("dash in the name", other.replace("x", "x-y")),
        ("dot in the name", other.replace("x", "x.y")),
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
        yield case, {**base, **tree}
