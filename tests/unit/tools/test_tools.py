"""What each tool's rows mean, and how its revisions are written."""

from datetime import UTC, datetime

import pytest

from gatekeeper.histories.judge import HistoryPolicy, Ledger, Wanted, ledger_of
from gatekeeper.tools import owners
from gatekeeper.tools.pgroll import UNTIL
from gatekeeper.tools.shared.events import Applied, Doubtful, Failed, Untold
from gatekeeper.tools.shared.home_grown import home_grown
from gatekeeper.tools.shared.record import Place, Tool
from known import TOOLS

BY_NAME = TOOLS | {"query": home_grown("query")}
AT = datetime(2024, 5, 1, tzinfo=UTC)
FLYWAY_SCHEMA = (None, "SCHEMA", '"app"', None, True, 0)


def flyway(version: str | None, kind: str = "SQL", *, success: bool = True) -> tuple:
    return (version, kind, f"V{version}__x.sql", 7, success, 1)


def read(name: str, rows: list[tuple]) -> Ledger:
    """Return the ledger that a tool's history makes of these rows."""
    tool = BY_NAME[name]
    events = list(tool.table.events(rows))
    wanted = Wanted(tuple(event.revision for event in events if isinstance(event, Applied)))
    return ledger_of(events, wanted, HistoryPolicy(tool.order, heads=tool.heads))


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
        Ledger(newest="3", doubtful=(Doubtful("version 3 is marked dirty", "3", is_current=True),)),
    ),
    (
        "golang-migrate, dirty below the first",
        "golang-migrate",
        [(-1, True)],
        Ledger(doubtful=(Doubtful("version -1 is marked dirty", "-1"),)),
    ),
    ("golang-migrate, version 0", "golang-migrate", [(0, False)], Ledger(up_to="0", newest="0")),
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
        [flyway("2"), (None, "SQL", "sub/R__view.sql", 5, True, 2), (None, "SQL", "R__view.sql", -6, True, 3)],
        Ledger(frozenset({"2", "R__view", "R__view with checksum -6"}), newest="2"),
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
        Ledger(frozenset("1"), newest="1", failed=(Failed("V2__x.sql", "2"),)),
    ),
    (
        "flyway, failed repeatable",
        "flyway",
        [flyway("1"), (None, "SQL", "R__view.sql", 5, False, 2)],
        Ledger(frozenset("1"), newest="1", failed=(Failed("R__view.sql", "R__view"),)),
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
    (
        "flyway, undone and deleted before it was done",
        "flyway",
        [flyway("2", "UNDO_SQL"), flyway("1", "DELETE"), flyway("1")],
        Ledger(frozenset("1"), newest="1"),
    ),
    (
        "flyway, deleted repeatable",
        "flyway",
        [(None, "SQL", "sub/R__view.sql", 5, True, 1), (None, "DELETE", "sub/R__view.sql", 5, True, 2)],
        Ledger(),
    ),
    (
        "flyway, repeatable in a folder",
        "flyway",
        [(None, "SQL", "sub/R__view.sql", 5, True, 1)],
        Ledger(frozenset({"R__view", "R__view with checksum 5"})),
    ),
    ("flyway, repeatable that looks like a version", "flyway", [(None, "SQL", "1.sql", 5, True, 1)], Ledger()),
    ("flyway, repeatable in Java", "flyway", [(None, "JDBC", "db.migration.R__View", None, True, 1)], Ledger()),
    (
        "atlas, applied, resolved by hand with its error, and a note",
        "atlas",
        [
            ("1", 2, 2, 2, ""),
            ("2", 6, 1, 2, "syntax error"),
            ("3", 4, 0, 0, ""),
            (".atlas_cloud_identifier", 2, 0, 0, ""),
        ],
        Ledger(frozenset("123"), newest="3"),
    ),
    ("atlas, baseline", "atlas", [("3", 1, 0, 0, "")], Ledger(frozenset("3"), up_to="3", newest="3")),
    (
        "atlas, running",
        "atlas",
        [("1", 2, 1, 2, "")],
        Ledger(doubtful=(Doubtful("1 has 1 of 2 statements applied", "1"),)),
    ),
    ("atlas, failed", "atlas", [("1", 2, 1, 2, "syntax error")], Ledger(failed=(Failed("1 (syntax error)", "1"),))),
    (
        "doctrine, with and without namespace",
        "doctrine",
        [("App\\Version1",)],
        Ledger(frozenset({"App\\Version1", "Version1"}), newest="App\\Version1"),
    ),
    ("drizzle, 0.x", "drizzle", [(17, None)], Ledger(frozenset({"17"}), newest="17")),
    ("drizzle, 1.x", "drizzle", [(17, "a")], Ledger(frozenset({"17", "a"}), newest="a")),
    ("knex, old extension", "knex", [("1_a.js", 1), ("2_b.ts", 2)], Ledger(frozenset({"1_a", "2_b"}), newest="2_b")),
    (
        "liquibase, a tag",
        "liquibase",
        [("3", "me", "/db/1.sql", "RERAN", "v1", 1), ("4", "me", "db/1.sql", "FAILED", None, 2)],
        Ledger(frozenset({"db/1.sql::3::me", "tag:v1"}), newest="tag:v1"),
    ),
    ("phinx, not ended", "phinx", [(1, AT), (2, None)], Ledger(frozenset("1"), newest="1")),
    (
        "pgroll, started",
        "pgroll",
        [("public", "1", True, 0, "pgroll"), ("app", "2", False, 1, None)],
        Ledger(
            frozenset({"public.1"}),
            newest="public.1",
            doubtful=(Doubtful("app.2 is started and not complete", run="app.", until=UNTIL),),
        ),
    ),
    (
        "prisma, an attempt rolled back, then another",
        "prisma",
        [("1_a", None, AT, 0), ("1_a", AT, None, 1)],
        Ledger(frozenset({"1_a"}), newest="1_a"),
    ),
    (
        "prisma, running",
        "prisma",
        [("1_a", None, None, 0)],
        Ledger(doubtful=(Doubtful("1_a has started and not finished", "1_a"),)),
    ),
    ("rails, text", "rails", [("10",), ("009",)], Ledger(frozenset({"9", "10"}), newest="10")),
    (
        "sqlx, unsuccessful",
        "sqlx",
        [(1, True), (2, False)],
        Ledger(frozenset("1"), newest="1", doubtful=(Doubtful("2 is marked unsuccessful", "2"),)),
    ),
    ("tern, nothing", "tern", [(0,)], Ledger()),
    ("tern", "tern", [(3,)], Ledger(up_to="3", newest="3")),
    ("query, empty", "query", [], Ledger()),
    (
        "query, text and numbers",
        "query",
        [("a",), (7,)],
        Ledger(frozenset({"a", "7"}), newest="7"),
    ),
]


@pytest.mark.parametrize(("tool", "rows", "ledger"), [pytest.param(*row, id=name) for name, *row in LEDGERS])
def test_ledger(tool, rows, ledger):
    """Rows become the ledger that their tool means by them."""
    assert read(tool, rows) == ledger


@pytest.mark.parametrize(
    ("tool", "rows"),
    [
        pytest.param("golang-migrate", [(1, False), (2, False)], id="golang-migrate, two rows"),
        pytest.param("golang-migrate", [("3", False)], id="golang-migrate, text"),
        pytest.param("goose", [(1, "t", 1)], id="goose, text for a flag"),
        pytest.param("goose", [(None, True, 1)], id="goose, null"),
        pytest.param("flyway", [("one", "SQL", "x", 5, True, 1)], id="flyway, a word"),
        pytest.param("flyway", [("1", None, "x", 5, True, 1)], id="flyway, no type"),
        pytest.param("flyway", [("1", "SQL", "x", 5, None, 1)], id="flyway, no success"),
        pytest.param("alembic", [(None,)], id="alembic, null"),
        pytest.param("django", [("shop", 1, 1)], id="django, a number"),
        pytest.param("atlas", [("1", 2, None, 2, "")], id="atlas, null"),
        pytest.param("tern", [("3",)], id="tern, text: dbmate's"),
        pytest.param("dbmate", [(3,)], id="dbmate, a number: tern's"),
        pytest.param("rails", [("three",)], id="rails, a word"),
        pytest.param("rails", [("3_junk",)], id="rails, a file's name"),
        pytest.param("rails", [("\N{FULLWIDTH DIGIT THREE}",)], id="rails, another script's digit"),
        pytest.param("bun", [("3_junk", 1)], id="bun, a file's name"),
        pytest.param("flyway", [("V1__a.sql", "SQL", "V1__a.sql", 5, True, 1)], id="flyway, a file's name"),
        pytest.param("flyway", [("1", "UNHEARD_OF", "V1__a.sql", 5, True, 1)], id="flyway, a new type"),
        pytest.param("phinx", [(1, "0000-00-00 00:00:00")], id="phinx, MySQL's zero date"),
        pytest.param("prisma", [("1_a", "0000-00-00 00:00:00", None, 0)], id="prisma, MySQL's zero date"),
        pytest.param("doctrine", [("an error\\Version1",)], id="doctrine, no class"),
        pytest.param("query", [(1.5,)], id="query, a fraction"),
        pytest.param("query", [(True,)], id="query, a flag"),
        pytest.param("query", [("a", "b")], id="query, two columns"),
    ],
)
def test_garbage(tool, rows):
    """Rows that a tool never writes are a ValueError, or a TypeError where a column is missing or too many."""
    with pytest.raises((ValueError, TypeError), match=r"\w"):
        read(tool, rows)


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
        ("flyway", "R__views.sql", "R__views"),
        ("query", "2024-05-add-stock", "2024-05-add-stock"),
        ("aerich", "3_20240102030405_add.py", "models.3_20240102030405_add"),
        ("aerich", "shop/3_20240102030405_add.py", "shop.3_20240102030405_add"),
        ("aerich", "shop.3_20240102030405_add", "shop.3_20240102030405_add"),
        ("atlas", "20240102030405_add_users.sql", "20240102030405"),
        ("bun", "20240102030405_add_users.up.sql", "20240102030405"),
        ("dbmate", "001_add_users.sql", "001"),
        ("dbup", "MyApp.Scripts.001_Init.sql", "MyApp.Scripts.001_Init"),
        ("diesel", "2024-01-02-030405_add_users", "20240102030405"),
        ("doctrine", "Version20240102030405.php", "Version20240102030405"),
        ("doctrine", "\\DoctrineMigrations\\Version20240102030405", "DoctrineMigrations\\Version20240102030405"),
        ("drizzle", "1700000000000", "1700000000000"),
        ("doctrine", "app\\version1", "app\\version1"),
        ("ecto", "20240102030405_add_users.exs", "20240102030405"),
        ("ef-core", "20240102030405_AddUsers.cs", "20240102030405_AddUsers"),
        ("ef-core", "20240102030405_AddUsers.Designer.cs", "20240102030405_AddUsers"),
        ("gormigrate", "1.2", "1.2"),
        ("knex", "20240102030405_add.users.js", "20240102030405_add.users"),
        ("kysely", "add_users.ts", "add_users"),
        ("laravel", "2024_01_02_030405_add_users.php", "2024_01_02_030405_add_users"),
        ("liquibase", "classpath:db/001.sql::3::me", "db/001.sql::3::me"),
        ("liquibase", "/db/001.sql::3::me", "db/001.sql::3::me"),
        ("liquibase", "C:\\db\\001.sql::3::me", "db/001.sql::3::me"),
        ("liquibase", "X/001.sql::3::me", "X/001.sql::3::me"),
        ("liquibase", "tag:v1.0", "tag:v1.0"),
        ("mikro-orm", "Migration20240102030405.js", "Migration20240102030405"),
        ("node-pg-migrate", "1700000000000_add-users.js", "1700000000000_add-users"),
        ("pgroll", "03_add_users.json", "public.03_add_users"),
        ("pgroll", "app.03_add_users", "app.03_add_users"),
        ("phinx", "20240102030405_add_users.php", "20240102030405"),
        ("prisma", "20240102030405_add_users", "20240102030405_add_users"),
        ("rails", "20240102030405_add_users.rb", "20240102030405"),
        ("rails", "003_add_users.rb", "3"),
        ("refinery", "V3__add_users.sql", "3"),
        ("refinery", "U12__add_users.rs", "12"),
        ("sea-orm", "m20240102_000001_add_users.rs", "m20240102_000001_add_users"),
        ("sequelize", "20240102030405-add-users.cjs", "20240102030405-add-users"),
        ("sql-migrate", "3_add_users.sql", "3_add_users"),
        ("sqitch", "shop:@v1.2", "shop:@v1.2"),
        ("sqitch", "shop:users", "shop:users"),
        ("sqitch", "00000000000000000000000000000000deadbeef", "00000000000000000000000000000000deadbeef"),
        ("sqlx", "0003_add_users.up.sql", "3"),
        ("tern", "003_add_users.sql", "3"),
        ("tortoise", "shop/migrations/0002_stock.py", "shop.0002_stock"),
        ("typeorm", "1700000000000-AddUsers.ts", "AddUsers1700000000000"),
        ("typeorm", "1700000000000-add-users.js", "AddUsers1700000000000"),
        ("typeorm", "AddUsers1700000000000", "AddUsers1700000000000"),
        ("typeorm", "170000000000\N{FULLWIDTH DIGIT THREE}-x", "170000000000\N{FULLWIDTH DIGIT THREE}-x"),
        ("yoyo", "0003.add-users.py", "0003.add-users"),
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
        ("knex", "3 .js"),
        ("flyway", "one"),
        ("flyway", "1."),
        ("flyway", "1..2"),
        ("query", "a\n"),
        ("aerich", "add"),
        ("bun", "add"),
        ("bun", "\N{FULLWIDTH DIGIT THREE}"),
        ("bun", "9" * 256),
        ("diesel", "add_users"),
        ("diesel", "\N{FULLWIDTH DIGIT THREE}"),
        ("doctrine", "2024-05"),
        ("doctrine", "Versión1"),
        ("flyway", "\N{FULLWIDTH DIGIT THREE}"),
        ("refinery", "add"),
        ("refinery", "\N{FULLWIDTH DIGIT THREE}"),
        ("liquibase", "001.sql"),
        ("liquibase", "001.sql::3"),
        ("liquibase", "::3::me"),
        ("liquibase", "tag:"),
        ("sqitch", "users"),
        ("sqitch", "@v1.2"),
        ("tortoise", "0002_stock.py"),
    ],
)
def test_bad_revision(tool, written):
    """A revision that its tool could not have is a ValueError that says what one is."""
    with pytest.raises(ValueError, match=r"^a revision is "):
        BY_NAME[tool].revision(written)


@pytest.mark.parametrize(
    ("tool", "ordered"),
    [
        ("flyway", ["0", "1", "1.2", "1.10", "2"]),
        ("golang-migrate", ["9", "10"]),
        ("goose", ["9", "10"]),
        ("sql-migrate", ["9_b", "10_a"]),
        ("typeorm", ["B1700000000000", "A1700000000001"]),
        ("doctrine", ["B\\Version20240102030405", "A\\Version20240103030405"]),
    ],
)
def test_order(tool, ordered):
    """Versions are ordered by their numbers, not by their text."""
    assert sorted(sorted(ordered), key=TOOLS[tool].order) == ordered


@pytest.mark.parametrize(("database", "key"), [("app", 1787120056), ("/app", 1726534663)])
def test_golang_migrate_lock(database, key):
    """The keys of golang-migrate's lock are those of its own test vectors, with and without the URL's slash."""
    assert key in TOOLS["golang-migrate"].lock_keys("public", "schema_migrations", database.strip("/"))


EVENTS = [
    ("empty", [], []),
    ("failed", [("deploy", "a"), ("fail", "b")], ["shop:b"]),
    ("failed, and the run was reverted", [("deploy", "a"), ("fail", "b"), ("revert", "a")], ["shop:b"]),
    ("mended", [("fail", "b"), ("deploy", "b")], []),
    ("failed, then merged elsewhere", [("fail", "b"), ("merge", "a")], ["shop:b"]),
    ("mended under another name", [("fail", "b"), ("deploy", "c")], []),
]


REWORKS = [
    ("deployed twice", ["deploy 1", "deploy 2"], False),
    ("reverted", ["deploy 1", "deploy 2", "revert 2"], True),
    ("failed", ["deploy 1", "fail 2"], True),
    ("failed, and deployed as another", ["deploy 1", "fail 2", "deploy 3"], False),
    ("all reverted", ["deploy 1", "deploy 2", "revert 2", "revert 1"], False),
    ("all reverted, then the first deployed", ["deploy 1", "deploy 2", "revert 2", "revert 1", "deploy 1"], True),
    ("planned anew", ["deploy 1", "revert 1", "deploy 2", "revert 2", "deploy 1"], False),
    ("failed alone", ["fail 1", "deploy 1"], False),
]


@pytest.mark.parametrize(("log", "untold"), [pytest.param(*row, id=name) for name, *row in REWORKS])
def test_sqitch_reworks(log, untold):
    """A change's name tells nothing while another one of it is deployed than the newest rework."""
    _, events = TOOLS["sqitch"].beside
    told = events.events((event, "shop", "users", identity, 0) for event, identity in map(str.split, log))
    assert (Untold("shop:users") in list(told)) == untold


def test_sqitch_caution():
    """A name tells no change from its rework; a tag and an id are of one change alone."""
    caution = TOOLS["sqitch"].caution
    assert caution("shop:users").endswith("so where shop:users was, name a tag or the change's id")
    assert caution("shop:@v1.2") == caution("0" * 40) == ""


@pytest.mark.parametrize(("rows", "failed"), [pytest.param(*row, id=name) for name, *row in EVENTS])
def test_sqitch_failures(rows, failed):
    """A failure of sqitch's counts until something of its project was deployed after it."""
    _, events = TOOLS["sqitch"].beside
    told = events.events((event, "shop", change, f"id of {change}", 0) for event, change in rows)
    assert list(told) == [Failed(what, run=run) for what in failed for run in ("shop:", f"id of {what[5:]}")]


@pytest.mark.parametrize(
    ("tool", "row", "told"),
    [
        (
            "liquibase",
            (True, "web-1 (10.0.0.7)", datetime(2024, 5, 1, 3, tzinfo=UTC)),
            "is held by web-1 (10.0.0.7) since 2024-05-01 03:00:00+00:00",
        ),
        ("liquibase", (1, None, None), "databasechangeloglock is held"),
        ("liquibase", (False, None, None), ""),
        ("liquibase", (0, None, None), ""),
        ("knex", (1,), "knex_migrations_lock is held"),
        ("knex", (0,), ""),
        ("knex", (None,), ""),
        ("yoyo", (1, 4711, None), "yoyo_lock is held by pid 4711"),
        ("golang-migrate", (1726534663,), "its lock table has a row"),
    ],
)
def test_lock_row(tool, row, told):
    """A lock row is told with its owner and since when; one that is free is not."""
    found = [event.row for event in TOOLS[tool].lock_table.events([row])]
    assert (told in found[0]) if told else found == []


@pytest.mark.parametrize(
    ("tool", "keys"),
    [
        ("rails", {6939591962871035475}),
        ("sqlx", {3469795979745788610}),
        ("flyway", {77433833903597}),
        ("atlas", {2686470616}),
    ],
)
def test_postgres_lock(tool, keys):
    """The keys are those that the tools were seen to hold, in the database app."""
    record = TOOLS[tool]
    assert set(record.lock_keys("public", record.table.name, "app")) == keys


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("golang-migrate", "2938252834"),
        ("flyway", "Flyway--320650056"),
        ("rails", "6939591962871035475"),
        ("atlas", "atlas_migrate_execute"),
    ],
)
def test_mysql_lock(tool, name):
    """The names are those that the tools were seen to hold, in the database app."""
    record = TOOLS[tool]
    assert record.lock_names("app", record.table.name) == (name,)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_record(tool: Tool):
    """A tool's record is consistent: its example is a revision, and an empty history has nothing."""
    assert tool.revision(tool.example) == tool.example
    assert read(tool.name, []) == Ledger()


def test_home_grown():
    """A table of one's own is read by its column, a query by what it returns, and neither is any tool's."""
    table, query = home_grown("table", "changes", "name"), home_grown("query")
    assert (table.name, table.table.name, table.table.columns) == ("table", "changes", ("name",))
    assert (query.name, query.table.name, query.table.columns) == ("query", "", ())
    assert owners(TOOLS.values(), "changes", ["name_of_no_tool"], []) == set()


@pytest.mark.parametrize(
    ("revision", "place"),
    [("3_a", 3), ("\N{FULLWIDTH DIGIT THREE}_a", None), ("a", None), ("9" * 255, int("9" * 255)), ("9" * 256, None)],
)
def test_place_in_the_order(revision, place):
    """A number has a place in the order if any column of a version could hold it."""
    assert TOOLS["sql-migrate"].order(revision) == place


def test_nothing_of_an_aggregate():
    """max() of no rows is NULL: nothing is applied."""
    assert read("query", [(None,)]) == Ledger()


def test_namesakes():
    """A record says so where another tool's history has its table's name, or had it."""
    names = [tool.table.name for tool in TOOLS.values()]
    alike = {tool.name for tool in TOOLS.values() if names.count(tool.table.name) > 1}
    assert {tool.name for tool in TOOLS.values() if tool.has_namesake} == alike | {"tern"}


PLACES = [
    ("golang-migrate", {"x-migrations-table": "billing.hist"}, Place(table="billing.hist")),
    ("golang-migrate", {"x-migrations-table": '"b"."h"', "x-migrations-table-quoted": "1"}, Place("b", "h")),
    ("golang-migrate", {"x-migrations-table": '"h"', "x-migrations-table-quoted": "true"}, Place(table="h")),
    ("golang-migrate", {"x-migrations-table": '"h"', "x-migrations-table-quoted": "0"}, Place(table='"h"')),
    ("golang-migrate", {"x-no-lock": "true"}, Place(locks=False)),
    ("golang-migrate", {"x-no-lock": "false"}, Place()),
    ("golang-migrate", {"x-lock-strategy": "table"}, Place(locks=False)),
    ("golang-migrate", {"x-lock-table": "locks"}, Place(lock_table="locks")),
    ("dbmate", {"search_path": "BILLING, public"}, Place("BILLING")),
    ("atlas", {"search_path": "billing"}, Place("billing")),
    ("prisma", {"schema": "Billing"}, Place("Billing")),
    ("mikro-orm", {"schema": "Billing"}, Place("Billing")),
    ("phinx", {"schema": "billing", "migration_table": "log"}, Place("billing", "log")),
    ("ecto", {"migration_source": "history"}, Place(table="history")),
    ("laravel", {"prefix": "app_"}, Place(table="app_migrations")),
    ("flyway", {"currentSchema": "billing"}, Place()),
]


@pytest.mark.parametrize(("tool", "left", "place"), PLACES)
def test_place(tool, left, place):
    """What a tool's URL says of its history is read as the tool reads it."""
    assert TOOLS[tool].place(left) == place


@pytest.mark.parametrize(
    ("tool", "left"),
    [
        ("golang-migrate", {"x-migrations-table": "hist", "x-migrations-table-quoted": "true"}),
        ("golang-migrate", {"x-migrations-table": '"a"."b"."c"', "x-migrations-table-quoted": "true"}),
        ("phinx", {"migration_table": "a.b"}),
    ],
)
def test_place_that_is_none(tool, left):
    """What the tool itself refuses, or reads in a way that is not known, is refused."""
    with pytest.raises(ValueError, match="write for example"):
        TOOLS[tool].place(left)
