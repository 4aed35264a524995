"""What a directory of migrations holds, in the layout of each tool."""

import json
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest

from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Open
from gatekeeper.histories import directories
from gatekeeper.histories.judge import HistoryPolicy, judge_history, ledger_of
from gatekeeper.tools.shared import folder, layouts, record
from gatekeeper.tools.shared.home_grown import HOME_GROWN, home_grown
from known import TOOLS
from recorder.fixture import read_all
from trees import written


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes files, from names or from a mapping of names to texts, and returns their folder."""
    return lambda files, name="db": written(tmp_path / name, files)


def wanted(tool: str, directory: str) -> list[str]:
    return list(directories.wanted(TOOLS[tool], directory).revisions)


def newest(tool: str, directory: str) -> list[str]:
    return directories.newest(TOOLS[tool], directory)


def test_every_tool():
    """Every tool has a layout, or says why it has none."""
    assert all(bool(tool.directory) != bool(tool.in_code) for tool in TOOLS.values())


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, tool in TOOLS.items()
        if tool.directory and tool.directory.read in (layouts.plain, layouts.with_extension)
    ],
)
def test_examples(name, tree):
    """The example of a layout is a migration in it, and is what the tool takes as a revision."""
    example = TOOLS[name].directory.example
    assert newest(name, tree([example])) == [TOOLS[name].revision(example.partition("/")[0])]


PLAIN = [
    ("bun", ["20240101000001_a.up.sql", "20240101000001_a.down.sql", "20240102000002_b.tx.up.sql", "x.sql"], None),
    ("bun", ["20240101000001_a.go", "2024/q1/20240102000002_b.up.sql", "20240103_a_test.go", "20240104_a.sql"], None),
    ("dbmate", ["20240101000001_a.sql", "20240102000002_b.sql", "schema.sql", "sub/20240103000003_c.sql"], None),
    (
        "diesel",
        ["2024-01-01-000001_a/up.sql", "2024-01-01-000001_a/down.sql", "20240102000002_b/up.sql", ".x/up.sql"],
        None,
    ),
    ("ecto", ["20240101000001_a.exs", "sub/20240102000002_b.exs", ".formatter.exs", "20240103_c.ex"], None),
    (
        "golang-migrate",
        ["000001_a.up.sql", "000001_a.down.sql", "10_c.up.sql", "9_b.down.sql", "README"],
        ["1", "9", "10"],
    ),
    ("golang-migrate", ["1_add.up.sql", "1_drop.down.sql"], ["1"]),
    ("goose", ["00001_a.sql", "00002_b.go", "00002_b_test.go", "embed.go", "00010_c.sql"], ["1", "2", "10"]),
    ("flyway", ["src/V1__a.java", "target/V1__a.class", "V2__b.sql"], ["1", "2"]),
    ("knex", ["2_b.js", "1_a.ts", "1_a.js", "1_a.js.map", "1_a.d.ts"], ["1_a", "2_b"]),
    (
        "laravel",
        ["2024_01_01_000001_a.php", "2024_01_02_000002_b.php", "x.txt"],
        ["2024_01_01_000001_a", "2024_01_02_000002_b"],
    ),
    ("mikro-orm", ["Migration20240101000001.ts", ".snapshot-app.json", "Migration2.d.ts"], ["Migration20240101000001"]),
    ("node-pg-migrate", ["9_a.js", "10_b.sql", ".eslintrc.js"], ["9_a", "10_b"]),
    ("phinx", ["20240101000001_add_users.php", "20240102000002.php", "x.php"], None),
    ("prisma", ["1_a/migration.sql", ".2_b/migration.sql", "migration_lock.toml", "..data/3_c"], [".2_b", "1_a"]),
    ("rails", ["009_a.rb", "010_b.rb", "shop/011_c.rb", "012_d.shop.rb"], ["9", "10", "11", "12"]),
    ("rails", ["vendor/001_a.rb", "db/vendor/002_b.rb"], ["1", "2"]),
    ("ecto", ["1_a.exs", "node_modules/2_b.exs", ".old/3_c.exs"], ["1", "2"]),
    ("drizzle", [".1_a/migration.sql", "2_b/migration.sql"], [".1_a", "2_b"]),
    ("aerich", ["models/1_a.py", "models/2_b.pyc"], ["models.1_a", "models.2_b"]),
    ("refinery", ["V1__a.sql", "U2__b.sql", "sub/V10__c.rs", "mod.rs"], ["1", "2", "10"]),
    ("refinery", ["V1__a.sql", "V2__e\u0301.sql"], ["1", "2"]),
    ("sea-orm", ["lib.rs", "m20240101_000001_a.rs"], ["m20240101_000001_a"]),
    ("sequelize", ["1-a.js", "2-b.cjs", "1-a.d.ts"], ["1-a", "2-b"]),
    ("sequelize", ["1-a.js", "2-b.json.js"], ["1-a", "2-b.json"]),
    ("knex", ["1_a.sql.js", "1_a.sql.ts"], ["1_a.sql"]),
    ("sql-migrate", ["1_a.sql.sql"], ["1_a.sql"]),
    ("sql-migrate", ["10_b.sql", "9_a.sql", "later.sql"], ["9_a", "10_b", "later"]),
    ("sqlx", ["1_a.up.sql", "1_a.down.sql", "20240102000002_b.sql"], ["1", "20240102000002"]),
]


@pytest.mark.parametrize(("tool", "files", "revisions"), PLAIN)
def test_plain(tool, files, revisions, tree):
    """Where names tell it all, other files are passed over, and order is the tool's."""
    directory = tree(files)
    assert wanted(tool, directory) == (revisions or ["20240101000001", "20240102000002"])
    assert newest(tool, directory) == wanted(tool, directory)[-1:]


@pytest.mark.parametrize(
    ("tool", "files", "says"),
    [
        ("goose", ["1_a.sql", "00001_b.sql"], r"00001_b and 1_a \(1_a\.sql\) are both 1; give one of them another"),
        ("golang-migrate", ["1_a.up.sql", "01_b.up.sql"], r"01_b\.up\.sql and 1_a\.up\.sql are both 1"),
        ("flyway", ["V1__a.sql", "V1.0__b.sql"], "are both 1; give"),
        (
            "flyway",
            ["mysql/V1__a.sql", "pg/V1__a.sql"],
            r"mysql/V1__a\.sql and pg/V1__a\.sql are both V1__a; .* folder of",
        ),
        ("flyway", ["a/R__b.sql", "c/R__b.sql"], r"a/R__b\.sql and c/R__b\.sql are both R__b; give"),
        ("rails", ["1_a.rb", "shop/1_a.rb"], r"1_a\.rb and shop/1_a\.rb are both 1_a; give"),
        (
            "rails",
            ["db/migrate/1_a.rb", "vendor/bundle/ruby/gems/shop/db/migrate/2_b.rb"],
            "vendor/bundle/ruby/gems/shop/db/migrate has migrations that others .* rails .*; write .*/db/migrate if",
        ),
        ("ecto", ["1_a.exs", "shop/1_a.exs"], r"1_a\.exs and shop/1_a\.exs are both 1_a; give"),
        ("refinery", ["V1__a.rs", "V1__a.sql"], r"V1__a\.rs and V1__a\.sql are both V1__a; give"),
        (
            "prisma",
            ["1_a/migration.sql", "2_b/README"],
            "2_b is a folder without migration.sql and stops prisma; add that",
        ),
        (
            "diesel",
            ["1_a/up.sql", "2_b/down.sql"],
            "2_b is a folder without up.sql and stops diesel; add that file, or",
        ),
        (
            "goose",
            ["1_a.sql", "x.sql"],
            "x.sql stops goose, which runs no other migration then; rename or remove it, a right",
        ),
        ("goose", ["1_a.sql", ".sql"], r"\.sql stops goose"),
        *(
            (
                tool,
                [first, path],
                f"{re.escape(path)} is called as no migration of {tool} is .a revision is .*; rename or",
            )
            for tool, first, path in (
                ("mikro-orm", "1.js", ".js"),
                ("knex", "1.js", " 2.js"),
                ("tern", "001_a.sql", "\u0669_a.sql"),
            )
        ),
        ("flyway", ["V1__a.sql", "R__b.class"], "R__b.class is repeatable and a program, so that only Flyway knows"),
        (
            "tern",
            ["1_a.sql", "3_c.sql"],
            "there is no migration 2 in it, and tern's numbers have no gaps; add 002_NAME.sql",
        ),
        ("tern", ["0_a.sql", "1_b.sql"], "there is no migration 1 in it"),
        (
            "dbmate",
            ["schema.sql"],
            "there is no migration of dbmate in it; a right one is 20240102030405_add_stock.sql",
        ),
        ("alembic", ["env.py"], "there is no migration of alembic in it; a right one is versions/ae1027a6acf2"),
        ("dbup", ["Scripts/1.sql"], "resources of a program; give --revision instead, for example --revision MyApp"),
        ("gormigrate", ["main.go"], "in a program's code; give --revision instead"),
    ],
)
def test_faults(tool, files, says, tree):
    """What is ambiguous, incomplete or not there is said, with what would be right."""
    with pytest.raises(Misconfigured, match=says):
        wanted(tool, tree(files))


@pytest.mark.parametrize(
    "text",
    [
        '{"version_schema": "x", "operations": []}',
        "version_schema: x\noperations: # what is to be done\n  # first\n  - sql:\n      up: SELECT 1\n",
        "operations:\n- sql: {up: SELECT 1}\n",
    ],
)
def test_pgroll(text, tree):
    """Every file that is called as a migration is one, or stops pgroll."""
    files = {"01_a.json": '{"operations": [{"sql": {"up": "SELECT 1"}}]}', "02_b.yaml": text}
    others = {"03_c.sql": "", "sub/04_d.json": ""}
    directory = tree(files | others)
    assert wanted("pgroll", directory) == ["public.01_a", "public.02_b"]
    assert directories.recognise(directory).name == "pgroll"
    with pytest.raises(Misconfigured, match=r"tsconfig\.json has no list of operations and stops pgroll; move it away"):
        newest("pgroll", tree(files | {"tsconfig.json": "{}"}, "more"))


def test_home_grown(tree):
    """A history of one's own has no directory."""
    with pytest.raises(Misconfigured, match="give --revision instead"):
        directories.wanted(home_grown(HOME_GROWN[0]), tree(["1.sql"]))


def test_missing_directory(tmp_path):
    """A directory that is not there, or is a file, is told with its path."""
    for path in (tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").touch()
        for ask in (directories.recognise, lambda path: wanted("dbmate", path)):
            with pytest.raises(Misconfigured, match=rf"{path}/?: cannot be read \((No such|Not a dir)"):
                ask(str(path))


def test_unreadable(tree):
    """A directory or a file that cannot be read is told with its path; root may read all, but not go in circles."""
    directory = tree({"R__a.sql": "SELECT 1"})
    circle = Path(directory, "R__b.sql")
    circle.symlink_to(circle)
    with pytest.raises(Misconfigured, match=rf"{circle}.*: cannot be read \("):
        wanted("flyway", directory)


def test_configmap(tree, tmp_path):
    """A mounted ConfigMap holds hidden folders and links to what is in them: each file counts once."""
    files = {f"..2024_11_21_07_00_00.1/{name}": "" for name in ("1_a.sql", "2_b.sql", "sub/3_c.sql")}
    directory = tmp_path / "db"
    tree(files)
    (directory / "..data").symlink_to("..2024_11_21_07_00_00.1")
    for name in ("1_a.sql", "2_b.sql", "sub"):
        (directory / name).symlink_to(f"..data/{name}")
    assert wanted("goose", str(directory)) == ["1", "2"]
    assert list(folder.Folder(directory, record.PASSED)) == ["1_a.sql", "2_b.sql", "sub/3_c.sql"]


def test_configmap_of_folders(tree, tmp_path):
    """Its links are not the user's, so that tools which follow none are read from it too."""
    tree({"..1/1_a/migration.sql": "", "..1/2_b/migration.sql": "", "elsewhere/README": ""})
    directory = tmp_path / "db"
    (directory / "elsewhere").rename(tmp_path / "elsewhere")
    for name, target in (("..data", "..1"), ("1_a", "..data/1_a"), ("2_b", "..data/2_b"), ("3_c", "../elsewhere")):
        (directory / name).symlink_to(target)
    assert wanted("prisma", str(directory)) == ["1_a", "2_b"]


def test_links(tree, tmp_path):
    """A link to nothing hides a migration, so it is told; a link to a folder above ends there."""
    directory = tree(["1_a.sql"])
    (tmp_path / "db" / "loop").symlink_to("..")
    assert wanted("goose", directory) == ["1"]
    (tmp_path / "db" / "2_b.sql").symlink_to("nothing")
    with pytest.raises(Misconfigured, match=r"2_b\.sql is a link to nothing"):
        wanted("goose", directory)


def test_no_plain_file(tree, tmp_path):
    """A pipe among migrations is told, and one in place of a tool's configuration is not read."""
    directory = tree({"a.py": 'revision = "a"\ndown_revision = None\n'})
    os.mkfifo(tmp_path / "alembic.ini")
    assert wanted("alembic", directory) == ["a"]
    os.mkfifo(tmp_path / "db" / "b.py")
    with pytest.raises(Misconfigured, match=r"b\.py is neither a file nor a folder; leave it out"):
        wanted("alembic", directory)


def test_texts_that_cannot_be_read(tree, tmp_path):
    """Only what must be parsed has to be UTF-8, and of a size."""
    directory = tree(["V1__a.sql", "R__b.sql"])
    (tmp_path / "db" / "V1__a.sql").write_bytes(b"-- \xe4")
    assert newest("flyway", directory) == ["1"]
    (tmp_path / "db" / "R__b.sql").write_bytes(b"-- \xe4")
    with pytest.raises(Misconfigured, match=r"R__b\.sql is not UTF-8 text; save it as UTF-8"):
        wanted("flyway", directory)
    with (tmp_path / "db" / "R__b.sql").open("wb") as file:
        file.truncate(folder.MOST_BYTES + 1)
    with pytest.raises(Misconfigured, match=r"R__b\.sql is larger than 10 MiB"):
        wanted("flyway", directory)


def test_names_that_cannot_be_printed(tmp_path):
    """A name that no terminal shows is told escaped."""
    (tmp_path / "1_\u0646\u200c\u0647\u3000a.sql").touch()
    assert wanted("sql-migrate", str(tmp_path)) == ["1_\u0646\u200c\u0647\u3000a"]
    (tmp_path / "1_\x1b.sql").touch()
    with pytest.raises(Misconfigured, match=r"the name '1_\\x1b\.sql' is not printable"):
        wanted("goose", str(tmp_path))


# -- one layout each ----------------------------------------------------------------------------------------------


def alembic(name: str, down: object = None, **more: object) -> str:
    return "".join(f"{key} = {value!r}\n" for key, value in ({"revision": name, "down_revision": down} | more).items())


BRANCHES = {
    "env.py": "",
    "versions/a.py": alembic("ae10"),
    "versions/b.py": alembic("b2", "ae10"),
    "versions/c.py": alembic("c3", "ae10"),
    "versions/__pycache__/d.py": alembic("d4", "c3"),
}
ALEMBIC = HistoryPolicy(heads=True)


def test_alembic(tree):
    """The heads are wanted and the whole graph is known, below the script location or in its versions folder."""
    directory = tree(BRANCHES)
    for path in (directory, f"{directory}/versions"):
        found = directories.wanted(TOOLS["alembic"], path)
        assert found.revisions == ("b2", "c3")
        assert found.known == {"ae10", "b2", "c3"}
        assert newest("alembic", path) == ["b2", "c3"]


@pytest.mark.parametrize("row", ["ae10", "b2", "c3"])
def test_alembic_given(row, tree):
    """A revision is proven by its own row and by that of any revision that stands on it."""
    found = directories.wanted(TOOLS["alembic"], tree(BRANCHES), ["ae"])
    assert found.revisions == ("ae10",)
    ledger = ledger_of(TOOLS["alembic"].table.events([(row,)]), found, ALEMBIC)
    assert isinstance(judge_history(ledger, found, ALEMBIC), Open)


def test_alembic_given_wrongly(tree):
    """A revision that no file has is told, and so is `head` where there are two."""
    for text in ("zz", "head"):
        with pytest.raises(Misconfigured, match="write"):
            directories.wanted(TOOLS["alembic"], tree(BRANCHES), [text])
    assert directories.wanted(TOOLS["alembic"], tree(BRANCHES), ["heads"]).revisions == ("b2", "c3")


ARCHIVE = {
    "versions/a.py": alembic("ae10"),
    "versions/archive/old.py": alembic("d0"),
    "versions/archive/__init__.py": "",
}


@pytest.mark.parametrize(
    ("files", "heads"),
    [
        ({"alembic.ini": "[alembic]\n# recursive_version_locations = true\n"}, ["ae10"]),
        ({"../alembic.ini": "[alembic]\nrecursive_version_locations = false\n"}, ["ae10"]),
        ({"pyproject.toml": "[tool.alembic]\nscript_location = 'db'\n"}, ["ae10"]),
        ({"alembic.ini": "[alembic]\nrecursive_version_locations = true\n"}, ["ae10", "d0"]),
        ({"../pyproject.toml": "[tool.alembic]\nrecursive_version_locations = true\n"}, ["ae10", "d0"]),
        (
            {
                "alembic.ini": "[alembic]\npath_separator = os\n"
                "version_locations = %(here)s/versions:%(here)s/versions/archive\n"
            },
            ["ae10", "d0"],
        ),
        ({"pyproject.toml": "", "../alembic.ini": "[alembic]\nrecursive_version_locations = true\n"}, ["ae10", "d0"]),
    ],
)
def test_alembic_below_revisions(files, heads, tree):
    """What is below a folder of revisions counts where Alembic's configuration, the nearest, says so."""
    for path in (directory := tree(ARCHIVE | files), f"{directory}/versions"):
        assert sorted(newest("alembic", path)) == heads


LOCATIONS = {
    "../alembic/env.py": "",
    "../alembic/versions/a.py": alembic("a1"),
    "../alembic/versions/archive/old.py": alembic("d0"),
    "../plugins/stock/b.py": alembic("b2", "a1"),
    "../plugins/unused/c.py": alembic("c3"),
}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("alembic.ini", "[alembic]\nversion_locations = alembic/versions plugins/stock\n"),
        ("alembic.ini", "[alembic]\nversion_locations = %(here)s/alembic/versions, %(here)s/plugins/stock\n"),
        ("alembic.ini", "[alembic]\nversion_locations: alembic/versions:plugins/stock\npath_separator: :\n"),
        (
            "alembic.ini",
            "[alembic]\npath_separator = newline\nversion_locations =\n  alembic/versions\n\n  plugins/stock\n",
        ),
        (
            "alembic.ini",
            "[other]\nversion_locations = plugins/unused\n[logger]\nformat = %(message)s\n[alembic]\n{}".format(
                "version_path_separator = os\nversion_locations = alembic/versions:plugins/stock\n"
            ),
        ),
        ("pyproject.toml", "[tool.alembic]\nversion_locations = ['alembic/versions', '%(here)s/plugins/stock']\n"),
    ],
)
def test_alembic_in_several_places(file, text, tree):
    """The folders of an environment are read together, wherever they are, whichever of them is named."""
    directory = tree({**LOCATIONS, f"../{file}": text, "x": ""})
    for path in ("alembic", "alembic/versions", "plugins/stock"):
        assert newest("alembic", f"{directory}/../{path}") == ["b2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alembic/versions plugins/lost", r"alembic\.ini has .*/plugins/lost among .* not there; add that folder, or"),
        ("backend/versions backend/plugins", "alembic.ini has .*/backend/versions among"),
        ("alembic/versions shop:migrations", "alembic.ini has shop:migrations among .* a Python package's"),
        ("%(there)s/versions", "alembic.ini has version_locations that Alembic cannot read either"),
        ("alembic/versions\npath_separator = |", "alembic.ini has version_locations that Alembic cannot read either"),
    ],
)
def test_alembic_places_that_are_not_found(text, says, tree):
    """Where what Alembic would run is not known, nothing is said of it."""
    directory = tree({**LOCATIONS, "../alembic.ini": f"[alembic]\nversion_locations = {text}\n", "x": ""})
    with pytest.raises(Misconfigured, match=says):
        newest("alembic", f"{directory}/../alembic")


def test_alembic_without_sources(tree):
    """A compiled revision is one where the configuration says so, and cannot be read."""
    files = {
        "versions/a.py": alembic("a1"),
        "versions/__pycache__/a.cpython-311.pyc": "",
        "../alembic.ini": "[alembic]\n",
    }
    for count, path in enumerate(("versions/b.pyc", "versions/__pycache__/b.cpython-311.pyc")):
        assert newest("alembic", tree(files | {path: ""}, f"{count}/db")) == ["a1"]
        sourceless = {path: "", "../alembic.ini": "[alembic]\nsourceless = true\n"}
        with pytest.raises(Misconfigured, match=r"b.*\.pyc is compiled, which Alembic reads .*; add b\.py, or give"):
            newest("alembic", tree(files | sourceless, f"{count}-sourceless/db"))
    assert newest("alembic", tree(files | {"../alembic.ini": "[alembic]\nsourceless = true\n"}, "both/db")) == ["a1"]


def test_alembic_of_another_environment(tree):
    """A configuration above that is of other folders says nothing of this one."""
    ini = {"../alembic.ini": "[alembic]\nversion_locations = plugins/stock\n", "x": ""}
    assert newest("alembic", f"{tree(LOCATIONS | ini)}/../plugins/unused") == ["c3"]


def test_alembic_of_two_environments(tree):
    """What has several environments of one configuration is none: each has a history of its own."""
    text = "[DEFAULT]\nversion_locations = %(script_location)s/versions\n"
    text += "[a]\nscript_location = {}\n[b]\nscript_location = {}\n"
    revisions = {f"{name}/versions/x.py": alembic(name) for name in ("core", "tenants")}
    directory = tree(revisions | {"alembic.ini": text.format("core", "tenants")})
    with pytest.raises(
        Misconfigured, match=r"core/versions and .*/tenants/versions are of environments of their own; name"
    ):
        newest("alembic", directory)
    assert newest("alembic", f"{directory}/tenants") == ["tenants"]
    assert newest("alembic", tree(revisions | {"alembic.ini": text.format("core", "core")}, "one")) == ["core"]


def test_alembic_without_configuration(tree):
    """Without a configuration it is not known whether what is below a folder of revisions counts."""
    with pytest.raises(Misconfigured, match=r"versions/archive/old\.py is below a folder .* and no alembic\.ini in or"):
        newest("alembic", tree(ARCHIVE))
    follower = ARCHIVE | {"alembic.ini": "[alembic]", "versions/more/b.py": alembic("b2", "ae10")}
    with pytest.raises(
        Misconfigured, match=r"versions/more/b\.py follows a revision of a folder above it, and Alembic"
    ):
        newest("alembic", tree(follower, "followed"))  # env.py may tell it, too
    assert sorted(newest("alembic", tree({"a/x.py": alembic("x"), "b/y.py": alembic("y")}, "apart"))) == ["x", "y"]


MIGRATION = "from django.db import migrations\nclass Migration(migrations.Migration):\n    dependencies = {}\n"


@pytest.mark.parametrize("tool", ["django", "tortoise"])
def test_apps(tool, tree):
    """A project, an app in it, and the app's migrations alone say the same of the app; its apps.py is beside them."""
    label = "class Config(AppConfig):\n    label = 'store'\n"
    files = {
        "shop/apps.py": label,
        "shop/migrations/0001_initial.py": MIGRATION.format([]),
        "shop/migrations/0002_price.py": MIGRATION.format([("store", "0001_initial")]),
        "lib/site-packages/django/contrib/auth/migrations/0001_initial.py": MIGRATION.format([]),
    }
    directory = tree(files, "project")
    for path in (directory, f"{directory}/shop", f"{directory}/shop/migrations"):
        assert wanted(tool, path) == ["store.0001_initial", "store.0002_price"]
        assert newest(tool, path) == ["store.0002_price"]
    assert wanted(tool, f"{directory}/lib/site-packages/django/contrib/auth") == ["auth.0001_initial"]
    Path(directory, "shop/apps.py").rename(f"{directory}/shop/config.py")
    Path(directory, "shop/config.py").write_text(label.replace("(", "(django."))
    for path in (directory, f"{directory}/shop/migrations"):
        assert newest(tool, path) == ["store.0002_price"]


@pytest.mark.parametrize("path", ["shop/db_migrations/0002_a.py", "shop/migrations/postgresql/0002_a.py"])
@pytest.mark.parametrize("tool", ["django", "tortoise"])
def test_apps_elsewhere(path, tool, tree):
    """A migration outside of a folder called migrations runs if the settings say so, which is not known."""
    files = {"shop/migrations/0001_initial.py": MIGRATION.format([])}
    with pytest.raises(Misconfigured, match=f"{path} has a class Migration and is in no folder called migrations"):
        wanted(tool, tree(files | {path: MIGRATION.format([])}))
    indented = MIGRATION.format([]).replace("\n", "\n    ")  # as in a text of a test
    others = {"shop/tests.py": indented, "shop/_old.py": MIGRATION.format([]), path: "class Migration(Base):"}
    assert wanted(tool, tree(files | others, "others")) == ["shop.0001_initial"]


def test_django_compiled(tree):
    """A migration of which there is no text runs too."""
    files = {"0001_initial.py": MIGRATION.format([]), "__pycache__/0001_initial.cpython-311.pyc": ""}
    assert wanted("django", tree(files, "shop/migrations")) == ["shop.0001_initial"]
    for compiled in ("0002_a.pyc", "0002_a.cpython-311-x86_64-linux-gnu.so"):
        with pytest.raises(
            Misconfigured, match=r"migrations/0002_a\..* is compiled, and nothing is run to know it; add"
        ):
            wanted("django", tree(files | {compiled: ""}, f"{compiled}/shop/migrations"))


def test_django_squash(tree):
    """A squashed migration is proven by the rows of what it replaces."""
    files = {
        "0001_initial.py": MIGRATION.format([]),
        "0001_squashed.py": MIGRATION.format([]) + "    replaces = [('shop', '0001_initial')]\n",
    }
    found = directories.wanted(TOOLS["django"], tree(files, "shop/migrations"))
    assert found.revisions == ("shop.0001_squashed",)
    assert found.proofs == {"shop.0001_squashed": (frozenset({"shop.0001_initial"}),)}


def test_aerich(tree):
    """The folder is the app, and numbers are in order."""
    directory = tree(
        ["models/10_20240103_c-d.py", "models/9_20240102_b.py", "pay/0_20240101_a.py", "models/__init__.py"]
    )
    assert wanted("aerich", directory) == ["models.9_20240102_b", "models.10_20240103_c-d", "pay.0_20240101_a"]
    assert newest("aerich", directory) == ["models.10_20240103_c-d", "pay.0_20240101_a"]
    assert newest("aerich", f"{directory}/models") == ["models.10_20240103_c-d"]


def test_kysely(tree):
    """A module is a migration if it exports `up`, whatever it is called."""
    up = "export async function up(db) {}"
    files = {"1_a.mts": up, "2_b.ts": up, "2_b.d.ts": up, "3_c.js": "exports.up = async () => {}", "x/4_d.ts": up}
    others = {"index.ts": "// up\nexport * as a from './1_a'", "provider.ts": "export class Provider {}"}
    assert wanted("kysely", tree(files | others)) == ["1_a", "2_b", "3_c"]
    again = (
        "export * from './1_a'",
        "module.exports = require('./1_a')",
        "_export_star(require('./1_a'), exports)",
        "__exportStar(require('./1_a'), exports);",
        "__reExport(index_exports, require('./1_a'), module.exports);",
    )
    for count, text in enumerate(again):
        assert "index" in wanted("kysely", tree(files | {"index.js": text}, f"again-{count}"))


def test_atlas_of_golang_migrate(tree):
    """In golang-migrate's form, in which all have a direction, only those upwards are Atlas's."""
    files = ["1_a.up.sql", "1_a.down.sql", "2_b.up.sql", "atlas.sum"]
    assert wanted("atlas", tree(files)) == ["1", "2"]
    with pytest.raises(Misconfigured, match=r"are both 1; give one of them another"):
        wanted("atlas", tree([*files, "3_c.sql"], "mixed"))


def test_sea_orm(tree):
    """A migration's name is its file's, of any form, or what it says of itself; not all modules are migrations."""
    own = "impl MigrationName for Migration {\n    fn name(&self) -> &str {\n        %s\n    }\n}\n"
    files = {
        "lib.rs": "use sea_orm_migration::DeriveMigrationName;\n// #[derive(DeriveMigrationName)]\nimpl X for M {}",
        "m0000010_init.rs": "#[derive(DeriveMigrationName)]\npub struct Migration;",
        "m20240101_000001_a.rs": "",
        "more/b.rs": "#[derive(Iden, DeriveMigrationName)]",
        "c.rs": own % '"c_of_its_own"',
    }
    assert wanted("sea-orm", tree(files)) == ["b", "c_of_its_own", "m0000010_init", "m20240101_000001_a"]
    several = {"m20240101_000001_a.rs": own % '"first"' + own % '"second"' + "#[derive(DeriveMigrationName)]"}
    assert wanted("sea-orm", tree(several, "several")) == ["first", "m20240101_000001_a", "second"]
    with pytest.raises(Misconfigured, match=r"c\.rs computes its name, and nothing is run to know it; give --revision"):
        wanted("sea-orm", tree(files | {"c.rs": own % "NAME"}))


def test_atlas_of_flyway(tree):
    """In Flyway's form a version has no V, and what has no row of its own there is refused."""
    files = ["V1__a.sql", "U1__a.sql", "V2.1__b.sql", "atlas.sum"]
    found = directories.wanted(TOOLS["atlas"], tree(files))
    assert found.revisions == ("1", "2.1")
    assert found.proofs == {"1": (frozenset({"V1"}),), "2.1": (frozenset({"V2.1"}),)}
    for more in ("R__view.sql", "B2__all.sql", "sub/V3__c.sql", "3_d.sql"):
        with pytest.raises(Misconfigured, match="has no row of its own where Atlas reads Flyway's files"):
            directories.wanted(TOOLS["atlas"], tree([*files, more], more.partition("__")[0].replace("/", "-")))


@pytest.mark.parametrize("top", ["-- +goose Up\n", "--liquibase formatted sql\n", "-- migrate:up\n"])
def test_atlas_of_others(top, tree):
    """In goose's, Liquibase's and dbmate's forms files are called as Atlas' own, whatever they hold."""
    assert wanted("atlas", tree({"1_a.sql": top, "2_b.sql": top, "atlas.sum": "h1:"})) == ["1", "2"]


CHECKPOINT = "-- atlas:checkpoint\n\nCREATE TABLE x (id int);\n"


def test_atlas(tree):
    """What came before a checkpoint is proven by its row too; it is not wanted itself beside others."""
    directory = tree({"1_a.sql": "", "2_b.sql": "", "3_all.sql": CHECKPOINT, "4_c.sql": "", "atlas.sum": "h1:"})
    found = directories.wanted(TOOLS["atlas"], directory)
    assert found.revisions == ("1", "2", "4")
    assert found.proofs == {"1": (frozenset({"3"}),), "2": (frozenset({"3"}),)}
    assert newest("atlas", directory) == ["4"]
    assert wanted("atlas", tree({"1_a.sql": CHECKPOINT, "2_b.sql": CHECKPOINT}, "alone")) == ["2"]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (CHECKPOINT, True),
        ("-- a comment\n-- atlas:checkpoint v1\n \nSELECT 1;", True),
        ("-- atlas:checkpoint\nSELECT 1;", False),
        ("SELECT 1;\n-- atlas:checkpoint\n\n", False),
        ("-- atlas:txmode none\n\nSELECT 1;", False),
        ("-- atlas:checkpoint", False),
    ],
)
def test_atlas_checkpoint(text, is_one, tree):
    """A checkpoint says so in the comments at the top, which an empty line ends."""
    assert wanted("atlas", tree({"1_a.sql": "", "2_b.sql": text})) == (["1"] if is_one else ["1", "2"])


def test_flyway(tree):
    """Versions compare by numbers, in folders too; undo and callbacks are passed over, and Java has versions too."""
    files = ["V1__a.sql", "sub/V1.2__b.SQL", "V1_10__c.java", "V1_10__c.class", "V1_10__c$1.class", "U1__a.sql"]
    directory = tree([*files, "afterMigrate.sql", "V1__a.sql.conf", "B1__base.sql", "Views.sql"])
    assert wanted("flyway", directory) == ["1", "1.2", "1.10"]
    assert newest("flyway", directory) == ["1.10"]


def test_flyway_baseline(tree):
    """A baseline is wanted where no version comes after it."""
    assert wanted("flyway", tree(["B2__base.sql", "V1__a.sql"])) == ["1", "2"]
    assert wanted("flyway", tree(["B2__base.sql"], "alone")) == ["2"]


def test_flyway_repeatable(tree):
    """A repeatable migration is wanted as it is now: by the checksum that Flyway takes of it."""
    directory = tree({"R__views.sql": "\ufeffCREATE VIEW a\r\nAS SELECT 1;\n", "V1__a.sql": ""})
    assert wanted("flyway", directory) == ["R__views with checksum 795512034", "1"]
    assert newest("flyway", directory) == ["1"]
    directory = tree({"R__views.sql": ""}, "alone")
    assert newest("flyway", directory) == wanted("flyway", directory) == ["R__views with checksum 0"]
    directory = tree({"R__views.sql": "SELECT ${x}"}, "placeholders")
    with pytest.raises(Misconfigured, match=r"R__views\.sql has placeholders"):
        wanted("flyway", directory)


def test_drizzle(tree):
    """0.x is known by the instants of its journal, 1.0 by its folders; both at once are a mistake."""
    journal = {
        "entries": [{"idx": 0, "when": 1700000000000, "tag": "0000_a"}, {"when": 1600000000000, "tag": "0001_b"}]
    }
    old = {"meta/_journal.json": json.dumps(journal), "0000_a.sql": ""}
    new = {"20240102030405_a/migration.sql": "", "20240102030405_a/snapshot.json": ""}
    assert wanted("drizzle", tree(old, "old")) == ["1700000000000", "1600000000000"]
    assert newest("drizzle", tree(new, "new")) == ["20240102030405_a"]
    with pytest.raises(Misconfigured, match=r"both meta/_journal\.json and 20240102030405_a/migration\.sql are in it"):
        wanted("drizzle", tree(old | new, "both"))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"entries": [{"when": "1"}]}', '{"entries": [{"when": 1}, {"when": 1}]}']
)
def test_drizzle_faults(text, tree):
    """A journal that is none is told."""
    with pytest.raises(Misconfigured, match="is no journal of Drizzle's"):
        wanted("drizzle", tree({"meta/_journal.json": text}))


def test_doctrine(tree):
    """A migration is a class in a namespace, wherever its file is."""
    first = """<?php

/*
class Old extends AbstractMigration
*/
namespace App\\Migrations;

final class Version20240101000001 extends AbstractMigration
{"""
    files = {
        "2024/01/Version20240101000001.php": first,
        "version20240102000002.php": "<?php class Version20240102000002 extends Base {}\nclass Version3 extends B {}",
        "Base.php": "<?php abstract class Base extends AbstractMigration {}",
        "helper.php": "<?php class Helper extends Thing {}",
    }
    found = ["Version3", "App\\Migrations\\Version20240101000001", "Version20240102000002"]
    assert wanted("doctrine", tree(files)) == found


@pytest.mark.parametrize(
    "attribute",
    [
        '[DbContext(typeof(Shop)), Migration("20240101000001_First")]',
        '[Microsoft.EntityFrameworkCore.Migrations.MigrationAttribute( @"20240101000001_First" )]',
        '[Migration(\n    "20240101000001_First")]',
        '[Migration(id: "20240101000001_First")]',
    ],
)
def test_ef_core_attributes(attribute, tree):
    """A migration is known by its attribute, in whatever form C# lets it be written."""
    other = '[Migration("20240102000002_Second")]\npartial class Second : Migration {}'
    files = {"a.cs": f"{attribute}\npublic class First : Migration {{}}", "b.cs": other}
    assert wanted("ef-core", tree(files)) == ["20240101000001_First", "20240102000002_Second"]
    computed = {**files, "c.cs": "[Migration(Ids.Third)]\nclass Third : Migration {}"}
    with pytest.raises(Misconfigured, match=r"c\.cs computes the id of a migration"):
        newest("ef-core", tree(computed, "computed"))


def test_rails_databases(tree):
    """Several databases have a folder each, `db/migrate` and `db/NAME_migrate`, and are asked for one at a time."""
    directory = tree({"migrate/1_a.rb": "", "migrate/shop/2_b.rb": "", "queue_migrate/3_c.rb": ""})
    with pytest.raises(Misconfigured, match="queue_migrate has the migrations of a database of its own; write the fol"):
        newest("rails", directory)
    assert wanted("rails", f"{directory}/migrate") == ["1", "2"]
    assert newest("rails", f"{directory}/queue_migrate") == ["3"]


def test_ef_core_contexts(tree):
    """Each of several contexts that share a history has a newest."""
    text = '[DbContext(typeof({0}))]\n[Migration("{1}")]\npartial class {1} {{}}'
    ids = ("20240101000001_A", "Shop"), ("20240102000002_B", "Blog"), ("20240103000003_C", "Shop")
    directory = tree({f"{name}.Designer.cs": text.format(context, name) for name, context in ids})
    assert wanted("ef-core", directory) == [name for name, _ in ids]
    assert newest("ef-core", directory) == ["20240103000003_C", "20240102000002_B"]


def test_ef_core(tree):
    """An id is what the attribute says; without one, what the file is called."""
    designer = '[DbContext(typeof(Context))]\n[Migration("20240101000001_First")]\npartial class A {}'
    files = {
        "20240101000001_Renamed.cs": "",
        "20240101000001_Renamed.Designer.cs": designer,
        "ContextModelSnapshot.cs": "",
    }
    assert wanted("ef-core", tree(files)) == ["20240101000001_First"]
    assert wanted("ef-core", tree(["20240101000001_First.cs", "20240101000001_First.Designer.cs"], "bare")) == [
        "20240101000001_First"
    ]


TYPEORM = """// class Old1600000000000 {
export class A1700000000000 implements MigrationInterface {
    public async up() { const name = 'B1500000000000'; }
}
"""
TYPEORM_COMPILED = """class B {
    constructor() { this.name = 'B1700000000001' }
}
class C1700000000002 {
    name = 'Named1700000000003'
}
"""


def test_typeorm(tree):
    """A migration's name is its property, or its class's name, which ends in 13 digits."""
    files = {
        "1700000000000-a.ts": TYPEORM,
        "1700000000001-b.js": TYPEORM_COMPILED,
        "1700000000001-b.d.ts": "export class B1700000000009 implements MigrationInterface {}",
        "index.ts": "export * from './a'",
    }
    assert wanted("typeorm", tree(files)) == ["A1700000000000", "B1700000000001", "Named1700000000003"]
    with pytest.raises(Misconfigured, match="a class A without a time in its name; call it A1700000000000"):
        wanted("typeorm", tree({"a.ts": "class A implements MigrationInterface {}"}, "wrong"))
    unread = {"1700000000000-a.ts": TYPEORM, "1700000000001-b.js": "exports.B = make({ up() {} });"}
    with pytest.raises(
        Misconfigured, match=r"1700000000001-b\.js has no class with a time in its name, and nothing is"
    ):
        wanted("typeorm", tree(unread, "unread"))
    kept = {"1700000000001-b.js": 'var b=class{static{}name="B1700000000001";up(){}};'}
    assert newest("typeorm", tree(unread | kept, "kept")) == ["B1700000000001"]
    others = {"1700000000002-c.ts": "// class C1700000000002 { up() {} }", "1700000000003-d.ts": ""}
    assert wanted("typeorm", tree(unread | others | {"1700000000001-b.js": ""}, "empty")) == ["A1700000000000"]


def test_yoyo(tree):
    """Order is by what is needed; rollbacks and what runs after each time are none."""
    files = {
        "0001.a.py": "__depends__ = {'0002.b'}",
        "0002.b.sql": "SELECT 1",
        "0002.b.rollback.sql": "SELECT 1",
        "post-apply.sql": "SELECT 1",
    }
    assert wanted("yoyo", tree(files)) == ["0002.b", "0001.a"]


def test_liquibase(tree):
    """All is wanted, the newest is the last that is certain to run, and a tag stands for it if it sets one."""
    text = "databaseChangeLog:\n- changeSet: {id: 1, author: me}\n- changeSet: {id: 2, author: me, context: test}\n"
    directory = tree({"changelog.yaml": text})
    assert wanted("liquibase", directory) == ["changelog.yaml::1::me", "changelog.yaml::2::me"]
    assert newest("liquibase", directory) == ["changelog.yaml::1::me"]
    tagged = text + "- changeSet: {id: 3, author: me, changes: [{tagDatabase: {tag: v1}}]}\n"
    directory = tree({"changelog.yaml": tagged}, "tagged")
    assert wanted("liquibase", directory) == [f"changelog.yaml::{number}::me" for number in (1, 2, 3)]
    assert newest("liquibase", directory) == ["tag:v1"]
    directory = tree({"changelog.yaml": text.replace("id: 1", "id: 1, labels: x")}, "conditions")
    assert newest("liquibase", directory) == ["changelog.yaml::2::me"]
    logical = {
        "changelog.yaml": "databaseChangeLog:\n- logicalFilePath: all\n- include: {file: a.yaml}\n",
        "a.yaml": text,
    }
    found = directories.wanted(TOOLS["liquibase"], tree(logical, "logical"))
    assert found.revisions == ("all::1::me", "all::2::me")
    assert found.proofs == {f"all::{n}::me": (frozenset({f"a.yaml::{n}::me"}),) for n in (1, 2)}


def test_liquibase_root(tree):
    """Of several root changelogs one is named, alone or below the folder from which Liquibase calls it by its path."""
    text = "databaseChangeLog:\n- changeSet: {id: %s, author: me}\n"
    directory = tree({"db/core.yaml": text % 1, "db/data.yaml": text % 2})
    with pytest.raises(
        Misconfigured, match=r"may each be the root changelog; name the one .* for example db/\./db/core\.y"
    ):
        wanted("liquibase", directory)
    for path, name in (
        ("db/data.yaml", "data.yaml"),
        ("./db/data.yaml", "db/data.yaml"),
        ("db/./data.yaml", "data.yaml"),
    ):
        assert directories.recognise(f"{directory}/{path}", surely=True).name == "liquibase"
        assert wanted("liquibase", f"{directory}/{path}") == [f"{name}::2::me"]
    for path in ("./db/none.yaml", "db/none.yaml"):
        with pytest.raises(Misconfigured, match=r"none\.yaml: cannot be read"):
            wanted("liquibase", f"{directory}/{path}")
    with pytest.raises(Misconfigured, match=r"data\.yaml: cannot be read \(Not a directory"):
        wanted("flyway", f"{directory}/db/data.yaml")


def test_liquibase_of_other_databases(tree):
    """A changeset of other databases alone is awaited of none that a gate connects to, however it runs."""
    text = "databaseChangeLog:\n- changeSet: {id: 1, author: me}\n- changeSet: {id: 2, author: me, dbms: mssql%s}\n"
    text += "- changeSet: {id: 3, author: me, dbms: h2}\n- changeSet: {id: 3, author: me, dbms: 'postgresql, h2'}\n"
    found = directories.wanted(TOOLS["liquibase"], tree({"changelog.yaml": text % ", runAlways: true"}))
    assert found.on({"postgresql"}).revisions == ("changelog.yaml::1::me", "changelog.yaml::3::me")
    assert found.on({"mysql"}).revisions == ("changelog.yaml::1::me",)
    assert newest("liquibase", found.directory) == ["changelog.yaml::1::me"]


def test_liquibase_that_runs_again(tree):
    """A row does not tell which form of a changeset has run, so that neither all nor such a one can be awaited."""
    view = "- changeSet: {id: view, author: me, runOnChange: true, changes: [{tagDatabase: {tag: v2}}]}\n"
    text = f"databaseChangeLog:\n- changeSet: {{id: 1, author: me}}\n{view}"
    directory = tree({"changelog.yaml": text})
    says = r"changelog\.yaml::view::me has runOnChange, and only Liquibase can tell .*; give --revision of a tag or"
    with pytest.raises(Misconfigured, match=says):
        wanted("liquibase", directory)
    assert newest("liquibase", directory) == ["changelog.yaml::1::me"]
    with pytest.raises(Misconfigured, match=says):
        newest("liquibase", tree({"changelog.yaml": f"databaseChangeLog:\n{view}"}, "alone"))


PLAN = """%syntax-version=1.0.0
%project=shop
%uri=https://example.com/shop/

# a comment
product 2024-01-01T00:00:00Z Ann <ann@example.com> # product
+price [product !old shop:product] 2024-01-02T00:00:00Z Ann B <ann@example.com> # in\\ncents
@v1.0 2024-01-03T00:00:00Z Ann <ann@example.com> # @v1.0
"""
REWORKED = PLAN + "\nproduct [product@v1.0] 2024-01-04T00:00:00Z Ann <ann@example.com>\n"


def test_sqitch(tree):
    """Changes and tags are wanted, and the tag stands for all if it is last."""
    directory = tree({"sqitch.plan": PLAN, "deploy/product.sql": ""})
    assert wanted("sqitch", directory) == ["shop:product", "shop:price", "shop:@v1.0"]
    assert newest("sqitch", directory) == ["shop:@v1.0"]


def test_sqitch_of_another_plan(tree):
    """Which of several plans is deployed its configuration says."""
    for count, line in enumerate(("# plan_file = pg.plan", "plan_file = ./sqitch.plan # its own", "top_dir = .")):
        directory = tree({"sqitch.plan": PLAN, "sqitch.conf": f"[core]\n\t{line}\n"}, str(count))
        assert newest("sqitch", directory) == ["shop:@v1.0"]
    directory = tree({"sqitch.plan": PLAN, "sqitch.conf": '[engine "pg"]\n\tPlan_File="pg.plan" ; it\n'}, "another")
    with pytest.raises(
        Misconfigured, match=r'sqitch\.conf has the plan_file "pg\.plan" ; it; name a directory with that as'
    ):
        newest("sqitch", directory)


def test_sqitch_rework(tree):
    """A change that recurs is wanted by its ids: its name does not tell which of the two is deployed."""
    assert wanted("sqitch", tree({"sqitch.plan": REWORKED})) == [
        "3bb16d0d5b01f4801a5c25babe040e412c754c73",
        "shop:price",
        "shop:@v1.0",
        "1beaf0784fc3a9b14d85adc04bf26ab7700811db",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PLAN.replace("%project=shop\n", ""), "does not name its project; write for example %project=shop"),
        (PLAN + "stock\n", r"sqitch\.plan cannot be parsed in line 9; mend it"),
        (PLAN + PLAN.splitlines()[-1], r"sqitch\.plan has a tag twice or before any change, at which sqitch ends"),
        ("%project=shop\n\n" + PLAN.splitlines()[-1], "has a tag twice or before any change"),
        ("%project=shop\n", "there is no migration of sqitch in it"),
    ],
)
def test_sqitch_faults(text, says, tree):
    """A plan that cannot be understood is told."""
    with pytest.raises(Misconfigured, match=says):
        wanted("sqitch", tree({"sqitch.plan": text}))


# -- whose it is --------------------------------------------------------------------------------------------------

RECORDED = {
    (fixture.tool, directory)
    for fixture in read_all()
    for gate in fixture.gates
    for option, directory in pairwise(gate.argv(fixture.path.parent))
    if option == "--migrations" and TOOLS[fixture.tool].directory
}
"""Tools, and the directories that they were recorded with."""


@pytest.mark.parametrize("name", [name for name, tool in TOOLS.items() if tool.directory])
def test_every_tool_is_recognised(name):
    """What a tool was run with is recognised, as its own or another's that finds the same newest, or is asked of."""
    recorded = [directory for tool, directory in RECORDED if tool == name]
    assert recorded
    for directory in recorded:
        try:
            found = directories.newest(directories.recognise(directory), directory)
        except Misconfigured as fault:
            assert f"may be the migrations of {name}" in str(fault)  # noqa: PT017 - either way is right
        else:
            assert found == newest(name, directory)


def test_recognise_surely(tree):
    """Whose history is to be read is told by a sign alone, not by names that are only usual."""
    assert directories.recognise(tree({"001_a.sql": "-- migrate:up\n"}), surely=True).name == "dbmate"
    for count, files in enumerate((["V1__a.sql", "V2__b.sql"], ["1_a.sql"], ["2024-01-01-000001_a/up.sql"])):
        directory = tree(files, str(count))
        assert directories.recognise(directory)
        with pytest.raises(
            Misconfigured, match=r"these may be the migrations of .*; name the tool, for example --tool"
        ):
            directories.recognise(directory, surely=True)


@pytest.mark.parametrize("names", [["1_a.up.sql", "1_a.down.sql"], ["V1__a.sql"]])
def test_recognise_what_atlas_may_only_check(names, tree):
    """In the forms of golang-migrate and Flyway, Atlas' sums may be of what those run."""
    sums = "".join(f"{name} h1:x=\n" for name in names)
    directory = tree(dict.fromkeys(names, "") | {"atlas.sum": f"h1:x=\n{sums}"})
    assert newest(directories.recognise(directory).name, directory) == ["1"]
    with pytest.raises(
        Misconfigured, match=r"these may be the migrations of atlas or .*(flyway|golang-migrate).*; name"
    ):
        directories.recognise(directory, surely=True)


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        ({"V1__a.sql": "", "V2__b.sql": ""}, ["2"]),
        ({"20240101000001_a.up.sql": "", "20240101000001_a.down.sql": ""}, ["20240101000001"]),
    ],
)
def test_tools_that_agree(files, answer, tree):
    """Where several tools would find the same newest migration, any of them is right."""
    directory = tree(files)
    assert directories.newest(directories.recognise(directory), directory) == answer


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no tool's migrations are recognised in it; name the tool, for example --tool flyway"),
        ({"README.md": "x", "image.png": ""}, "no tool's migrations are recognised"),
        (
            {"001_a.sql": "-- migrate:up\n-- +goose Up\n"},
            "these may be the migrations of dbmate or goose; name the tool, for example --tool dbmate",
        ),
        ({"V1__a.sql": "", "U2__b.sql": ""}, "these may be the migrations of flyway or refinery"),
        (
            {"001_a.sql": "-- +migrate Up", "1_b.sql": "-- +goose Up"},
            "these may be the migrations of goose or sql-migrate; name the tool, for example --tool goose",
        ),
        ({"client.ts": "import { Kysely } from 'kysely'"}, "no tool's migrations are recognised"),
    ],
)
def test_not_recognised(files, says, tree, tmp_path):
    """What no tool or several tools may have made is told."""
    directory = tree(files)
    (tmp_path / "db").mkdir(exist_ok=True)
    with pytest.raises(Misconfigured, match=says):
        directories.recognise(directory)


def test_recognise_a_project(tree):
    """What gives a tool away is looked for where its migrations are, however many other files there are."""
    others = [f"zviews/v{number}.py" for number in range(directories.SAMPLES)]
    directory = tree({"shop/migrations/0001_initial.py": MIGRATION.format([])} | dict.fromkeys(others, ""))
    assert directories.recognise(directory).name == "django"
    files = {"alembic/versions/a.py": alembic("a1")} | dict.fromkeys(others, "")
    assert directories.recognise(tree(files, "alembic")).name == "alembic"
    example = {"example/versions/b.py": alembic("b2")}
    with pytest.raises(
        Misconfigured, match=r"migrations of alembic in .*/alembic and elsewhere in it; write .*/alembic"
    ):
        directories.recognise(tree(files | example, "with an example"))


def test_recognise_what_is_not_utf_8(tree, tmp_path):
    """A sign counts in any encoding: the next best tool would find something else there."""
    directory = tree({"V1__a.sql": "", "V2__b.xml": ""})
    for encoding in ("latin-1", "utf-16"):
        text = "--liquibase formatted sql\n--changeset Jörg:1\n"
        (tmp_path / "db" / "V1__a.sql").write_bytes(text.encode(encoding))
        assert directories.recognise(directory).name == "liquibase"
        if encoding == "utf-16":
            assert newest("liquibase", directory) == ["V1__a.sql::1::Jörg"]
            continue
        with pytest.raises(Misconfigured, match=r"the name 'V1__a\.sql::1::J\\ufffdrg' is not UTF-8 text where it is"):
            newest("liquibase", directory)


IN_ANY_ENCODING = [
    ("liquibase", {"a.sql": "--liquibase formatted sql\n--changeset me:1\nSELECT 'é';\n"}, ["a.sql::1::me"]),
    ("liquibase", {"a.xml": '<?xml version="1.0" encoding="ISO-8859-1"?>\n<databaseChangeLog>'
      '<changeSet id="é" author="me"/></databaseChangeLog>'}, ["a.xml::é::me"]),
    ("ef-core", {"a.cs": '// é\n[Migration("20240101000001_A")]\nclass A {}'}, ["20240101000001_A"]),
    ("doctrine", {"Version1.php": "<?php\n// é\nclass Version1 extends AbstractMigration {}"}, ["Version1"]),
    ("typeorm", {"a.js": "// é\nclass A1700000000001 { up() { return 'é' } }"}, ["A1700000000001"]),
    ("kysely", {"1_a.js": "exports.up = () => 'é'"}, ["1_a"]),
    ("atlas", {"1_a.sql": "SELECT 'é'", "atlas.sum": ""}, ["1"]),
    ("alembic", {"a.py": "# -*- coding: latin-1 -*-\nrevision = 'é'\ndown_revision = None"}, ["é"]),
    ("django", {"shop/migrations/1_a.py": f"#!/bin/x\n# vim: set fileencoding=latin-1 :\n# é\n{MIGRATION.format([])}"},
      ["shop.1_a"]),
]  # fmt: skip
"""Tools that read what is in another encoding, trees, and what these hold."""


@pytest.mark.parametrize(("tool", "files", "revisions"), IN_ANY_ENCODING)
def test_texts_in_other_encodings(tool, files, revisions, tree):
    """What the tool itself reads is read, by the encoding that it says it has, and as far as names are concerned."""
    directory = tree(dict.fromkeys(files, ""))
    for path, text in files.items():
        Path(directory, path).write_bytes(text.encode("latin-1"))
    assert newest(tool, directory) == revisions


@pytest.mark.parametrize(
    ("tool", "path", "text"),
    [
        ("alembic", "a.py", "revision = 'a'\ndown_revision = None  # é"),
        ("alembic", "a.py", "x = 1\nrevision = 'a'\n# coding: latin-1\ndown_revision = None  # é"),
        ("alembic", "a.py", "# coding: hex\nrevision = 'a'\ndown_revision = None"),
        ("liquibase", "a.yaml", "databaseChangeLog:\n- changeSet: {id: 1, author: me, comment: é}"),
        ("liquibase", "a.xml", "<databaseChangeLog><changeSet id='1' author='me' x='é'/></databaseChangeLog>"),
        ("sea-orm", "m20240101_000001_a.rs", "// é"),
    ],
)
def test_texts_that_no_tool_reads(tool, path, text, tree):
    """What ends the tool itself is said."""
    directory = tree({path: ""})
    Path(directory, path).write_bytes(text.encode("latin-1"))
    with pytest.raises(Misconfigured, match=f"{re.escape(path)} is not UTF-8 text; save it as UTF-8"):
        newest(tool, directory)


@pytest.mark.parametrize("above", ["prisma", "db", "database", "project/packages/db"])
def test_one_folder_too_high(above, tree):
    """The only folder of migrations below a directory is meant, as far as its name says that it is one."""
    files = {"1_a/migration.sql": "", "2_b/migration.sql": "", "migration_lock.toml": ""}
    inside = tree(files, f"{above}/migrations")
    for directory in (str(Path(inside).parent), f"{Path(inside).parent.parent}"):
        assert directories.recognise(directory).name == "prisma"
        assert newest("prisma", directory) == ["2_b"]
        assert directories.wanted(TOOLS["prisma"], directory).directory == inside


JOURNAL = '{"entries": [{"idx": 0, "when": 1700000000000, "tag": "0_a"}]}'
RUBY = "class A < ActiveRecord::Migration[7.0]\nend\n"
PROJECTS = {
    "two in a monorepo": (
        {"apps/web/prisma/migrations/migration_lock.toml": "", "apps/api/drizzle/meta/_journal.json": JOURNAL},
        r"write .*/apps/api/drizzle or .*/apps/web/prisma/migrations if that is meant, or name the tool",
    ),
    "another's beside a project": (
        {"supabase/migrations/1_a.sql": "", "prisma/migrations/migration_lock.toml": ""},
        "these may be the migrations of supabase, and those in .*/prisma/migrations of prisma; name the tool, for",
    ),
    "another's in the same folder": (
        {"supabase/migrations/1_a.sql": "", "supabase/migrations/meta/_journal.json": JOURNAL},
        "these may be the migrations of supabase, and those in .*/supabase/migrations of drizzle; name the tool",
    ),
    "a library's beside one's own": (
        {"db/migrate/1_a.rb": RUBY, "vendor/shop/db/migrate/2_b.rb": RUBY},
        "migrations of rails in .*/db/migrate and elsewhere in it; write .*/db/migrate if that is meant, or name the",
    ),
    "two databases'": (
        {"priv/repo/migrations/1_a.exs": "use Ecto.Migration", "priv/audit/migrations/2_b.exs": "use Ecto.Migration"},
        "migrations of ecto in .*/priv/audit/migrations and .*/priv/repo/migrations; write .* --tool ecto, which takes",
    ),
    "what tests have": (
        {"src/main/resources/db/migration/V1__a.sql": "", "src/test/resources/db/migration/V2__b.sql": ""},
        "these may be the migrations of flyway or refinery|migrations of flyway in .*/src/main/.* and .*/src/test/",
    ),
    "two environments": (
        {
            f"{env}/{file}": text
            for env, id_ in (("core", "a1"), ("tenant", "b2"))
            for file, text in (("env.py", ""), (f"versions/{id_}.py", alembic(id_)))
        },
        "core/ and tenant/ are environments of their own; name the folder of one",
    ),
    "what others have written": ({"vendor/shop/migrations/1_a.up.sql": "", "README": ""}, "no tool's migrations are"),
    "manifests": (
        {"values.yaml": "operations: 3\n", "a.yaml": "operations:\n  - name: x\n"},
        "no tool's migrations are",
    ),
    "dumps": ({"1_init.sql": "", "2024_backup.sql": "", "dump.sql": ""}, "may be the migrations of sqlx or tern; name"),
    "nothing": ({"README.md": ""}, "no tool's migrations are recognised in it; name the tool"),
}


@pytest.mark.parametrize(("files", "says"), PROJECTS.values(), ids=PROJECTS)
def test_projects_that_are_not_unmistakable(files, says, tree):
    """Where a project may mean another answer, none is given."""
    directory = tree(files)
    with pytest.raises(Misconfigured, match=says):
        directories.newest(directories.recognise(directory), directory)


def test_projects_that_are(tree):
    """A project is recognised where its folder of migrations says the same."""
    config = {"supabase/config.toml": 'project_id = "shop"\n'}
    assert directories.recognise(tree({**config, "supabase/migrations/20240101000001_a.sql": ""})).name == "supabase"
    for name, file in (("rails", "db/migrate/1_a.rb"), ("rails", "db/migrate/shop/2_b.rb")):
        assert directories.recognise(tree({file: RUBY}, "rails")).name == name
    apps = {f"{app}/migrations/0001_a.py": MIGRATION.format([]) for app in ("shop", "blog")}
    assert directories.recognise(tree(apps, "apps")).name == "django"


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        ("sqlx", {"Cargo.toml": "", "1_seed.sql": "", "migrations/2_a.sql": ""}),
        ("goose", {"go.mod": "", "1_seed.sql": "", "db/migrations/2_a.sql": ""}),
        ("atlas", {"atlas.hcl": "", "schema.sql": "", "migrations/2_a.sql": ""}),
        ("yoyo", {"setup.py": "", "migrations/2.a.py": ""}),
        ("aerich", {"pyproject.toml": "", "tests/1_x.py": "", "migrations/models/2_a.py": ""}),
        *((tool, {"package.json": "", "server.js": "exports.up = 1;\n", "migrations/1_a.js": "exports.up = 1;\n"})
          for tool in ("knex", "sequelize", "mikro-orm", "kysely")),
    ],
)  # fmt: skip
def test_a_project_has_files_of_its_own(tool, files, tree):
    """What is called as a migration in a project's own folder is asked of, if a folder of migrations is below."""
    with pytest.raises(Misconfigured, match=r"or a file of the project that has .*; write .*/migrations if that is"):
        newest(tool, tree(files))


@pytest.mark.parametrize(
    ("tool", "files", "found"),
    [
        ("supabase", {"1_seed.sql": "", "supabase/migrations/2_a.sql": ""}, "2"),
        ("sqlx", {"1_seed.sql": "", "migrations/2_a.sql": ""}, "1"),
        ("knex", {"package.json": '{"type": "commonjs"}', "1_a.js": ""}, "1_a"),
        ("typeorm", {"package.json": "", "src/migrations/a.ts": "class A1700000000001 {}"}, "A1700000000001"),
    ],
)
def test_a_project_whose_migrations_are_sure(tool, files, found, tree):
    """Nothing is asked where there is one answer, or the directory is no project."""
    assert newest(tool, tree(files)) == [found]


def test_several_folders_below(tree):
    """Where several folders below a directory have migrations, they are named."""
    directory = tree(["mysql/migrations/1_a.sql", "postgres/migrations/1_b.sql", "seeds/2_c.sql"])
    says = rf"write {directory}/mysql/migrations or {directory}/postgres/migrations if that is meant"
    with pytest.raises(Misconfigured, match=says):
        newest("sqlx", directory)
    with pytest.raises(Misconfigured, match=says):
        directories.recognise(directory)


def test_one_folder_too_low(tree):
    """The directory that has the migrations is named, if it is the one above."""
    directory = tree({"sqitch.plan": PLAN, "deploy/product.sql": "", "1_a/migration.sql": ""})
    for tool, low in (("sqitch", "deploy"), ("prisma", "1_a")):
        with pytest.raises(
            Misconfigured, match=rf"no migration of {tool} in it; write {directory} if that is meant, or a"
        ):
            newest(tool, f"{directory}/{low}")


def test_recognise_passes_over_what_is_no_text(tree, tmp_path):
    """A file that cannot be read as text gives nothing away."""
    directory = tree({"001_a.sql": "-- migrate:up\n", "002_b.sql": ""})
    (tmp_path / "db" / "002_b.sql").write_bytes(b"\xff\xfe")
    assert directories.recognise(directory).name == "dbmate"


def test_flyway_without_extension(tree):
    """What has no extension is a program to Flyway, as its own list of what is pending shows."""
    assert wanted("flyway", tree({"V1__a.sql": "", "V2__b": "", "V3.1__c": "", "V4__d.txt": ""})) == ["1", "2"]
    with pytest.raises(Misconfigured, match="R__view is repeatable and a program"):
        wanted("flyway", tree({"V1__a.sql": "", "R__view": ""}, "repeatable"))


def test_django_folder_of_a_name(tree):
    """A folder that is called as a module of migrations stops Django, whatever is in it."""
    first = "from django.db import migrations\nclass Migration(migrations.Migration): pass\n"
    files = {"shop/migrations/0001_a.py": first, "shop/migrations/0002_b.py/note.txt": ""}
    with pytest.raises(Misconfigured, match=r"0002_b\.py is a folder, and is called as a migration is"):
        wanted("django", tree(files))
