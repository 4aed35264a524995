"""The migrations of Django's and Tortoise's apps, read without importing them."""

import pytest

from gatekeeper.tools.shared.apps import app_migrations


def migration(*dependencies: tuple[str, str], replaces: object = None) -> str:
    """Return the text of a Django migration."""
    replaced = f"    replaces = {replaces!r}\n" if replaces else ""
    return (
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"{replaced}    dependencies = {list(dependencies)!r}\n    operations = []\n"
    )


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


@pytest.mark.parametrize("path", ["shop/__init__.py", "shop/config.py"])
def test_label_elsewhere(path):
    """An app's configuration may be in any of its modules, and there may be several that agree on the label."""
    config = "class {}(plugins.PluginAppConfig):\n    name = 'shop.app'\n    label = '{}'\n"
    files = {
        "shop/migrations/0001_initial.py": migration(),
        path: config.format("A", "store") + config.format("B", "store"),
        "shop/forms.py": "class Field(Widget):\n    label = 'AppConfig'\n",
        "shop/tests/config.py": config.format("C", "other"),
    }
    assert app_migrations(files, "project", squashes=True).wanted == ["store.0001_initial"]
    files["shop/apps.py"] = "class Shop(Base):\n    label = 'shop'\n"
    with pytest.raises(ValueError, match="shop has the labels shop and store; leave one, or give --revision"):
        app_migrations(files, "project", squashes=True)


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
    """What replaces others stands in for them."""
    found = app_migrations(SQUASHED, "shop", squashes=True)
    assert found.wanted == ["shop.0001_squashed_0002_price", "shop.0003_stock"]
    assert found.leaves == ["shop.0003_stock"]
    assert found.replaces == {"shop.0001_squashed_0002_price": {"shop.0001_initial", "shop.0002_price"}}


def test_squash_of_a_squash():
    """A squash of a squash stands in for what the inner one replaces too."""
    files = SQUASHED | {
        "migrations/0001_squashed_0003_stock.py": migration(
            replaces=[("shop", "0001_squashed_0002_price"), ("shop", "0003_stock")]
        )
    }
    found = app_migrations(files, "shop", squashes=True)
    assert found.wanted == found.leaves == ["shop.0001_squashed_0003_stock"]
    assert found.replaces["shop.0001_squashed_0003_stock"] == {"shop.0001_squashed_0002_price", "shop.0003_stock"}


def test_computed_squash():
    """Where it is not known what a squash replaces, each is awaited: in the end each has a row, as Django has it."""
    computed = migration().replace("dependencies", "replaces = [('shop', '0001_initial')] + more()\n    dependencies")
    found = app_migrations(SQUASHED | {"migrations/0001_squashed_0002_price.py": computed}, "shop", squashes=True)
    assert len(found.wanted) == 4
    assert not found.replaces


def test_no_squash():
    """Tortoise lets replaces be written, and never uses it."""
    assert len(app_migrations(SQUASHED, "shop", squashes=False).wanted) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
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
