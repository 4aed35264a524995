"""What each tool's rows mean, and how its revisions are written."""

import pytest

from gatekeeper.history import Ledger
from gatekeeper.tools import TOOLS, Tool, home_grown

BY_NAME = TOOLS | {"query": home_grown("query")}
FLYWAY_SCHEMA = (None, "SCHEMA", '"app"', True, 0)


def flyway(version: str | None, kind: str = "SQL", *, success: bool = True) -> tuple:
    return (version, kind, f"V{version}__x.sql", success, 1)


LEDGERS = [
    ("alembic, empty", "alembic", [], Ledger()),
    ("alembic, one head", "alembic", [("ae10",)], Ledger(frozenset({"ae10"}), newest="ae10")),
    ("alembic, two heads", "alembic", [("c3",), ("b2",)], Ledger(frozenset({"b2", "c3"}), newest="b2, c3")),
    ("django, empty", "django", [], Ledger()),
    (
        "django, two apps",
        "django",
        [("shop", "0001_initial", 1), ("auth", "0001_initial", 2)],
        Ledger(frozenset({"shop.0001_initial", "auth.0001_initial"}), newest="auth.0001_initial"),
    ),
    ("golang-migrate, empty", "golang-migrate", [], Ledger()),
    ("golang-migrate, clean", "golang-migrate", [(3, False)], Ledger(up_to="3", newest="3")),
    (
        "golang-migrate, dirty",
        "golang-migrate",
        [(3, True)],
        Ledger(newest="3", doubtful="version 3 is marked dirty"),
    ),
    (
        "golang-migrate, dirty below the first",
        "golang-migrate",
        [(-1, True)],
        Ledger(newest="-1", doubtful="version -1 is marked dirty"),
    ),
    ("golang-migrate, clean below the first", "golang-migrate", [(-1, False)], Ledger()),
    ("golang-migrate, MySQL's booleans", "golang-migrate", [(3, 0)], Ledger(up_to="3", newest="3")),
    ("goose, empty", "goose", [], Ledger()),
    ("goose, only row 0", "goose", [(0, True, 1)], Ledger()),
    ("goose, up", "goose", [(0, True, 1), (1, True, 2), (2, True, 3)], Ledger(frozenset("12"), newest="2")),
    ("goose, down by deletion", "goose", [(0, True, 1), (1, True, 2)], Ledger(frozenset("1"), newest="1")),
    (
        "goose, down by a row",
        "goose",
        [(0, True, 1), (1, True, 2), (2, True, 3), (2, False, 4)],
        Ledger(frozenset("1"), newest="1"),
    ),
    (
        "goose, up again",
        "goose",
        [(0, True, 1), (1, True, 2), (1, False, 3), (1, True, 4)],
        Ledger(frozenset("1"), newest="1"),
    ),
    (
        "goose, out of order",
        "goose",
        [(0, True, 1), (10, True, 2), (9, True, 3)],
        Ledger(frozenset({"9", "10"}), newest="10"),
    ),
    ("flyway, empty", "flyway", [], Ledger()),
    ("flyway, schema marker", "flyway", [FLYWAY_SCHEMA], Ledger()),
    (
        "flyway, versions in normal form",
        "flyway",
        [FLYWAY_SCHEMA, flyway("1"), flyway("1.10"), flyway("01.9.0")],
        Ledger(frozenset({"1", "1.10", "1.9"}), newest="1.10"),
    ),
    (
        "flyway, repeatable",
        "flyway",
        [flyway("2"), (None, "SQL", "R__view.sql", True, 2)],
        Ledger(frozenset("2"), newest="2"),
    ),
    ("flyway, baseline", "flyway", [flyway("5", "BASELINE")], Ledger(up_to="5", newest="5")),
    (
        "flyway, after a baseline",
        "flyway",
        [flyway("5", "BASELINE"), flyway("6")],
        Ledger(frozenset("6"), up_to="5", newest="6"),
    ),
    (
        "flyway, baseline migration",
        "flyway",
        [flyway("10.0", "SQL_BASELINE"), flyway("9", "BASELINE")],
        Ledger(up_to="10", newest="10"),
    ),
    (
        "flyway, failed",
        "flyway",
        [flyway("1"), flyway("2", success=False)],
        Ledger(newest="1", failed="V2__x.sql"),
    ),
    (
        "flyway, failed repeatable",
        "flyway",
        [flyway("1"), (None, "SQL", "R__view.sql", False, 2)],
        Ledger(newest="1", failed="R__view.sql"),
    ),
    (
        "flyway, deleted",
        "flyway",
        [flyway("1"), flyway("2"), flyway("2", "DELETE")],
        Ledger(frozenset("1"), newest="1"),
    ),
    (
        "flyway, undone",
        "flyway",
        [flyway("1"), flyway("2"), flyway("2.0", "UNDO_SQL")],
        Ledger(frozenset("1"), newest="1"),
    ),
    (
        "flyway, undone and done again",
        "flyway",
        [flyway("2"), flyway("2", "UNDO_SQL"), flyway("2")],
        Ledger(frozenset("2"), newest="2"),
    ),
    ("query, empty", "query", [], Ledger()),
    (
        "query, text and numbers",
        "query",
        [("a",), (7,)],
        Ledger(frozenset({"a", "7"}), newest="7, the last of 2"),
    ),
]


@pytest.mark.parametrize(("tool", "rows", "ledger"), [pytest.param(*row, id=name) for name, *row in LEDGERS])
def test_ledger(tool, rows, ledger):
    """Rows become the ledger that their tool means by them."""
    assert BY_NAME[tool].ledger(rows) == ledger


@pytest.mark.parametrize(
    ("tool", "rows"),
    [
        pytest.param("golang-migrate", [(1, False), (2, False)], id="golang-migrate, two rows"),
        pytest.param("golang-migrate", [("3", False)], id="golang-migrate, text"),
        pytest.param("goose", [(1, "t", 1)], id="goose, text for a flag"),
        pytest.param("goose", [(None, True, 1)], id="goose, null"),
        pytest.param("flyway", [("one", "SQL", "x", True, 1)], id="flyway, a word"),
        pytest.param("flyway", [("1", None, "x", True, 1)], id="flyway, no type"),
        pytest.param("flyway", [("1", "SQL", "x", None, 1)], id="flyway, no success"),
        pytest.param("alembic", [(None,)], id="alembic, null"),
        pytest.param("django", [("shop", 1, 1)], id="django, a number"),
        pytest.param("query", [(None,)], id="query, null"),
        pytest.param("query", [(1.5,)], id="query, a fraction"),
        pytest.param("query", [(True,)], id="query, a flag"),
        pytest.param("query", [("a", "b")], id="query, two columns"),
    ],
)
def test_garbage(tool, rows):
    """Rows that a tool never writes are a ValueError."""
    with pytest.raises(ValueError, match=r"\w"):
        BY_NAME[tool].ledger(rows)


@pytest.mark.parametrize(
    ("tool", "written", "normal"),
    [
        ("alembic", "ae1027a6acf2", "ae1027a6acf2"),
        ("django", "shop.0002_stock", "shop.0002_stock"),
        ("django", "shop/migrations/0002_stock.py", "shop.0002_stock"),
        ("django", "src/web/shop/migrations/0002_stock.py", "shop.0002_stock"),
        ("golang-migrate", "3", "3"),
        ("golang-migrate", "000003", "3"),
        ("golang-migrate", "000003_add_users.up.sql", "3"),
        ("golang-migrate", "20240102030405_x.up.sql", "20240102030405"),
        ("goose", "00012_add_users.sql", "12"),
        ("flyway", "1.2", "1.2"),
        ("flyway", "001.2", "1.2"),
        ("flyway", "1_2", "1.2"),
        ("flyway", "1.2.0", "1.2"),
        ("flyway", "0", "0"),
        ("flyway", "V1.2__add_users.sql", "1.2"),
        ("flyway", "V2024_01_02__add_users.sql", "2024.1.2"),
        ("query", "2024-05-add-stock", "2024-05-add-stock"),
    ],
)
def test_revision(tool, written, normal):
    """A revision has one normal form, however it is written, and that form stands for itself."""
    assert BY_NAME[tool].revision(written) == normal
    assert BY_NAME[tool].revision(normal) == normal


@pytest.mark.parametrize(
    ("tool", "written"),
    [
        ("alembic", ""),
        ("alembic", " ae1027a6acf2"),
        ("django", "0002_stock"),
        ("django", "shop.0002.stock"),
        ("django", ""),
        ("golang-migrate", "add_users"),
        ("golang-migrate", "-1"),
        ("golang-migrate", "3.sql"),
        ("golang-migrate", "\N{FULLWIDTH DIGIT THREE}"),
        ("goose", ""),
        ("flyway", "one"),
        ("flyway", "1."),
        ("flyway", "1..2"),
        ("flyway", "R__view.sql"),
        ("query", "a\n"),
    ],
)
def test_bad_revision(tool, written):
    """A revision that its tool could not have is a ValueError that says what one is."""
    with pytest.raises(ValueError, match=r"^a revision is "):
        BY_NAME[tool].revision(written)


@pytest.mark.parametrize(
    ("tool", "ordered"),
    [("flyway", ["0", "1", "1.2", "1.10", "2"]), ("golang-migrate", ["9", "10"]), ("goose", ["9", "10"])],
)
def test_order(tool, ordered):
    """Versions are ordered by their numbers, not by their text."""
    assert sorted(sorted(ordered), key=TOOLS[tool].order) == ordered


@pytest.mark.parametrize(("database", "key"), [("app", 1787120056), ("/app", 1726534663)])
def test_golang_migrate_lock(database, key):
    """The keys of golang-migrate's lock are those of its own test vectors, with and without the URL's slash."""
    assert key in TOOLS["golang-migrate"].lock_keys("public", "schema_migrations", database.strip("/"))


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_record(tool: Tool):
    """A tool's record is consistent: its example is a revision, and an empty history has nothing."""
    assert tool.revision(tool.example) == tool.example
    assert tool.order_by in ("", *tool.columns)
    assert tool.ledger([]) == Ledger()
