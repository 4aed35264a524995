"""What Python migrations say of each other, read without importing them."""

import pytest

from gatekeeper.modules import alembic_graph, app_migrations, yoyo_order


def revision(name: str, down: object = None, **more: object) -> str:
    """Return the text of an Alembic migration."""
    values = {"revision": name, "down_revision": down} | more
    return "from alembic import op\n" + "".join(f"{key} = {value!r}\n" for key, value in values.items())


def migration(*dependencies: tuple[str, str], replaces: object = None) -> str:
    """Return the text of a Django migration."""
    replaced = f"    replaces = {replaces!r}\n" if replaces else ""
    return (
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"{replaced}    dependencies = {list(dependencies)!r}\n    operations = []\n"
    )


def test_alembic_line():
    """In a line of revisions the last is the head, and stands on all others; other modules are passed over."""
    graph = alembic_graph(
        {
            "env.py": "raise RuntimeError('never run')",
            "script.py.mako": "down_revision = ${repr(down_revision)}",
            "versions/c.py": revision("c3", "b2"),
            "versions/a.py": revision("a1"),
            "versions/b.py": "revision: str = 'b2'\ndown_revision: Union[str, None] = \"a1\"\nbranch_labels = None\n",
        }
    )
    assert list(graph.parents) == ["a1", "b2", "c3"]
    assert graph.heads == ["c3"]
    assert graph.descendants("a1") == ["b2", "c3"]
    assert graph.descendants("c3") == []


def test_alembic_branches_and_merge():
    """Branches have a head each, until a revision follows them all."""
    branches = {"a": revision("a1"), "b": revision("b2", "a1"), "c": revision("c3", ("a1",))}
    files = {f"{name}.py": text for name, text in branches.items()}
    assert alembic_graph(files).heads == ["b2", "c3"]
    merged = alembic_graph(files | {"d.py": revision("d4", ["b2", "c3"])})
    assert merged.heads == ["d4"]
    assert merged.descendants("b2") == ["d4"]


@pytest.mark.parametrize("needed", ["unit1", "units", "uni"])
def test_alembic_depends_on(needed):
    """A head that another revision depends on, by id, label or beginning, has no row: it is no head, but proven."""
    graph = alembic_graph(
        {
            "a.py": revision("a1"),
            "b.py": revision("b2", "a1", depends_on=needed),
            "u.py": revision("unit1", branch_labels=("units",)),
        }
    )
    assert graph.heads == ["b2"]
    assert graph.descendants("unit1") == ["b2"]


@pytest.mark.parametrize(
    ("text", "means"),
    [("heads", ["b2", "c3"]), ("b2", ["b2"]), ("a1", ["a1"]), ("a", ["a1"]), ("c", ["c3"])],
)
def test_alembic_resolves(text, means):
    """A revision is written as Alembic takes it."""
    graph = alembic_graph({"a": "", "a.py": revision("a1"), "b.py": revision("b2", "a1"), "c.py": revision("c3", "a1")})
    assert graph.resolve(text) == means


def test_alembic_resolves_head():
    """`head` means the only one, and nothing where there are several."""
    line = {"a.py": revision("a1"), "b.py": revision("a2", "a1")}
    assert alembic_graph(line).resolve("head") == ["a2"]
    with pytest.raises(ValueError, match="has the heads a2, c3; write heads"):
        alembic_graph(line | {"c.py": revision("c3", "a1")}).resolve("head")
    with pytest.raises(ValueError, match="no file has it; write for example a2"):
        alembic_graph(line).resolve("zz")
    with pytest.raises(ValueError, match="it may be a1 or a2"):
        alembic_graph(line).resolve("a")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([revision("a1"), revision("a1")], "0.py and 1.py are both revision a1"),
        ([revision("b2", "a1")], "0.py follows a1, which no file has"),
        ([revision("a1", depends_on="zz")], "0.py follows zz, which no file has"),
        ([revision("a1", "b2"), revision("b2", "a1")], "in a circle"),
        (["revision = make()\ndown_revision = None"], "0.py computes revision"),
        (["revision = 'a'\ndown_revision = 'b' + x"], "0.py computes down_revision"),
        (["revision = 'a'\nif x:\n    down_revision = 'b'\nelse:\n    down_revision = 'c'"], "computes down_revision"),
        (["revision, down_revision = 'a', 'b'"], "0.py computes"),
        (["revision = 'a'\ndown_revision = None\ndown_revision += 'b'"], "computes down_revision"),
        (["down_revision = None"], "0.py has no revision"),
        (["revision = 5\ndown_revision = None"], "0.py has no revision"),
        (["revision = 'a'\ndown_revision = 5"], "0.py has 5 where names are to be"),
        (["revision = 'a'\ndown_revision = (\n"], "0.py is not Python that can be parsed"),
    ],
)
def test_alembic_faults(files, says):
    """What Alembic would refuse, and what only running it would tell, is said and not guessed."""
    with pytest.raises(ValueError, match=says):
        alembic_graph({f"{index}.py": text for index, text in enumerate(files)})


def test_apps_of_a_project():
    """Apps are folders with migrations, a migration's name begins with neither _ nor ~, and order is by dependency."""
    found = app_migrations(
        {
            "shop/migrations/__init__.py": "",
            "shop/migrations/_helper.py": "x = 1",
            "shop/migrations/~old.py": "x = 1",
            "shop/migrations/0002_price.py": migration(("shop", "0001_initial"), ("billing", "0001_initial")),
            "shop/migrations/0001_initial.py": migration(),
            "shop/migrations/sub/0003_no.py": migration(),
            "src/billing/migrations/0001_initial.py": migration(("auth", "0001_initial")),
            "shop/models.py": "x = 1",
        },
        "project",
        squashes=True,
    )
    assert found.wanted == ["billing.0001_initial", "shop.0001_initial", "shop.0002_price"]
    assert sorted(found.leaves) == ["billing.0001_initial", "shop.0002_price"]


def test_apps_by_label():
    """An app's label is its folder's name, or what its apps.py says."""
    files = {"migrations/0001_initial.py": migration()}
    assert app_migrations(files, "shop", squashes=True).wanted == ["shop.0001_initial"]
    files["apps.py"] = "class ShopConfig(AppConfig):\n    name = 'company.shop'\n    label = 'company_shop'\n"
    assert app_migrations(files, "shop", squashes=True).wanted == ["company_shop.0001_initial"]
    files["apps.py"] = "class ShopConfig(AppConfig):\n    label = make()\n"
    with pytest.raises(ValueError, match=r"apps\.py computes label"):
        app_migrations(files, "shop", squashes=True)


def test_apps_of_other_tools():
    """A folder called migrations in which no module has a class Migration is no app's; in others each must have one."""
    files = {"migrations/env.py": "x = 1", "shop/migrations/0001_initial.py": migration()}
    assert app_migrations(files, "project", squashes=True).wanted == ["shop.0001_initial"]
    files["shop/migrations/0002_price.py"] = "x = 1"
    with pytest.raises(ValueError, match=r"shop/migrations/0002_price\.py has no class Migration"):
        app_migrations(files, "project", squashes=True)


SQUASHED = {
    "migrations/0001_initial.py": migration(),
    "migrations/0002_price.py": migration(("shop", "0001_initial")),
    "migrations/0001_squashed_0002_price.py": migration(
        replaces=[("shop", "0001_initial"), ("shop", "0002_price")],
    ),
    "migrations/0003_stock.py": migration(("shop", "0002_price")),
}


def test_squash():
    """What replaces others stands in for them, and is proven by all their rows too."""
    found = app_migrations(SQUASHED, "shop", squashes=True)
    assert found.wanted == ["shop.0001_squashed_0002_price", "shop.0003_stock"]
    assert found.leaves == ["shop.0003_stock"]
    assert found.proofs("shop.0001_squashed_0002_price") == [frozenset({"shop.0001_initial", "shop.0002_price"})]
    assert found.proofs("shop.0003_stock") == []


def test_squash_of_a_squash():
    """A squash of a squash is proven by the inner one's row, and by the rows of what that replaces."""
    files = SQUASHED | {
        "migrations/0001_squashed_0003_stock.py": migration(
            replaces=[("shop", "0001_squashed_0002_price"), ("shop", "0003_stock")]
        )
    }
    found = app_migrations(files, "shop", squashes=True)
    assert found.wanted == found.leaves == ["shop.0001_squashed_0003_stock"]
    assert found.proofs("shop.0001_squashed_0003_stock") == [
        frozenset({"shop.0001_squashed_0002_price", "shop.0003_stock"}),
        frozenset({"shop.0001_initial", "shop.0002_price", "shop.0003_stock"}),
    ]


def test_no_squash():
    """Tortoise lets replaces be written, and never uses it."""
    assert len(app_migrations(SQUASHED, "shop", squashes=False).wanted) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (migration().replace("dependencies", "replaces = names()\n    dependencies"), "computes replaces"),
        (migration(replaces=[("shop", "0001_initial")]), "in a circle"),
        (migration(("shop", "0002_other")), "in a circle"),
    ],
)
def test_apps_faults(text, says):
    """What cannot be told, or never be applied, is said."""
    other = migration(("shop", "0001_initial"))
    files = {"migrations/0001_initial.py": text, "migrations/0002_other.py": other}
    with pytest.raises(ValueError, match=says):
        _ = app_migrations(files, "shop", squashes=True).wanted


def test_dependencies_that_only_run():
    """A dependency that a call makes is on another app, and so passed over."""
    text = migration().replace("[]", "[migrations.swappable_dependency(settings.AUTH_USER_MODEL), ('a', '1')]", 1)
    assert app_migrations({"migrations/0001.py": text}, "shop", squashes=True).wanted == ["shop.0001"]


def test_yoyo_order():
    """By name, but after what is needed, which Python and SQL say each in their way."""
    files = {
        "1": ("1.py", "__depends__ = {'3'}\nsteps = []"),
        "2": ("2.sql", "-- a comment\n-- depends: 1\n-- depends: 3\nSELECT 1;\n-- depends: 9"),
        "3": ("3.py", "from yoyo import step"),
        "4": ("4.sql", "SELECT 1"),
    }
    assert yoyo_order(files) == ["3", "1", "2", "4"]
    with pytest.raises(ValueError, match=r"1\.py depends on 3, which no file has"):
        yoyo_order({"1": files["1"]})
    with pytest.raises(ValueError, match="in a circle"):
        yoyo_order({"1": files["1"], "3": ("3.py", "__depends__ = '1'")})
    with pytest.raises(ValueError, match=r"1\.py computes __depends__"):
        yoyo_order({"1": ("1.py", "__depends__ = {x}")})
