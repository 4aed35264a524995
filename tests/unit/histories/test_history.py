"""What is concluded of a migration history."""

from dataclasses import replace

import pytest

from fakes import FREE_LOCK, FakeClock, FakeDatabase, History
from gatekeeper.gate.verdict import Open, Shut, Unreachable, Verdict, Waiting
from gatekeeper.histories.judge import HistoryPolicy, Ledger, Lock, Wanted, judge_history, ledger_of
from gatekeeper.histories.look import Found, Question, SchemaCheck
from gatekeeper.tools.flyway import order as by_dots
from gatekeeper.tools.shared.events import Applied, Doubtful, Failed, UpTo
from gatekeeper.tools.shared.home_grown import home_grown
from known import TOOLS

ORDERED = HistoryPolicy(order=int)
UNORDERED = HistoryPolicy()
REFUSE = HistoryPolicy(order=int, if_ahead="refuse")
WAIT = HistoryPolicy(order=int, if_ahead="wait")
REPAIR = HistoryPolicy(order=int, on_failure="wait", repair="run `fix`")
AT_3 = Ledger(up_to="3", newest="3")
SET = Ledger(frozenset({"1", "3"}), newest="3")
FAILED = Ledger(frozenset({"1"}), newest="1", failed=(Failed("V2__stock.sql"),))


VERSIONS = HistoryPolicy(order=by_dots)
PLACELESS = Ledger(frozenset({"R__v", "2"}), newest="2")
LATER = Ledger(frozenset("3"), newest="3", failed=(Failed("V4__more.sql", "4"),))
ENDED = Ledger(frozenset({"shop:a"}), newest="shop:a", failed=(Failed("shop:b", run="shop:"),))


def dirty(lock: Lock) -> Ledger:
    return Ledger(newest="3", doubtful=(Doubtful("version 3 is marked dirty", "3", is_current=True),), lock=lock)


UNKNOWN, HELD = dirty(Lock()), dirty(Lock(known=True, holder="pid 7"))
FREE, ABANDONED = (dirty(Lock(known=True, free_for=seconds, at_work="")) for seconds in (4.9, 5))
LET_GO = dirty(Lock(known=True, free_for=5, was_held=True))
UNCLEAR = dirty(Lock(known=True, free_for=5, at_work="pid 9 is at work"))
IDLE = dirty(Lock(known=True, holder="pid 7", idle_since="noon"))
ROW = "its lock table has a row"

ROWS = [
    ("missing table", None, ["3"], ORDERED, Waiting, ["nothing is applied", "no history table", "awaiting 3"]),
    ("empty", Ledger(), ["3"], ORDERED, Waiting, ["has nothing applied", "awaiting 3"]),
    ("empty, no order", Ledger(), ["ae10"], UNORDERED, Waiting, ["has nothing applied", "awaiting ae10"]),
    ("equal", AT_3, ["3"], ORDERED, Open, ["has 3 applied"]),
    ("equal, ahead refused", AT_3, ["3"], REFUSE, Open, ["has 3 applied"]),
    ("equal, text", Ledger(frozenset({"ae10"}), newest="ae10"), ["ae10"], UNORDERED, Open, ["has ae10 applied"]),
    ("all of two", SET, ["1", "3"], ORDERED, Open, ["has 1, 3 applied"]),
    ("one of two", Ledger(frozenset("1"), newest="1"), ["1", "3"], ORDERED, Waiting, ["is at 1", "awaiting 3"]),
    ("behind", AT_3, ["4"], ORDERED, Waiting, ["is at 3", "awaiting 4"]),
    ("behind, by number", AT_3, ["10"], ORDERED, Waiting, ["is at 3", "awaiting 10"]),
    ("gap", SET, ["2"], ORDERED, Waiting, ["is at 3", "awaiting 2"]),
    ("gap, ahead refused", SET, ["2"], REFUSE, Waiting, ["is at 3", "awaiting 2"]),
    ("below a baseline", Ledger(frozenset("4"), up_to="3", newest="4"), ["2", "4"], ORDERED, Open, ["has 2, 4"]),
    (
        "another head",
        Ledger(frozenset({"b1"}), newest="b1"),
        ["ae10"],
        UNORDERED,
        Waiting,
        ["is at b1", "awaiting ae10"],
    ),
    ("case differs", Ledger(frozenset({"AE10"}), newest="AE10"), ["ae10"], UNORDERED, Waiting, ["awaiting ae10"]),
    ("ahead, open", AT_3, ["2"], ORDERED, Open, ["is at 3", "past the wanted 2"]),
    ("ahead, wait", AT_3, ["2"], WAIT, Waiting, ["is at 3", "past the wanted 2", "--if-ahead wait"]),
    ("ahead, refuse", AT_3, ["2"], REFUSE, Shut, ["is at 3", "past the wanted 2", "--if-ahead is refuse"]),
    ("ahead, no order", SET, ["1"], HistoryPolicy(if_ahead="refuse"), Open, ["has 1 applied"]),
    (
        "a migration runs",
        Ledger(newest="", lock=HELD.lock),
        ["3"],
        ORDERED,
        Waiting,
        ["pid 7 is migrating", "awaiting 3"],
    ),
    (
        "applied, lock still held",
        Ledger(up_to="3", newest="3", lock=HELD.lock),
        ["3"],
        ORDERED,
        Open,
        ["has 3 applied"],
    ),
    ("failed", FAILED, ["2"], ORDERED, Shut, ["V2__stock.sql has failed", "repair it"]),
    ("failed past the wanted", FAILED, ["1"], ORDERED, Shut, ["V2__stock.sql has failed"]),
    ("failed in a run of its own", ENDED, ["shop:b"], UNORDERED, Shut, ["shop:b has failed"]),
    ("failed before the wanted", ENDED, ["shop:c"], UNORDERED, Shut, ["shop:b has failed"]),
    ("failed after the wanted", ENDED, ["shop:a"], UNORDERED, Open, ["has shop:a applied"]),
    ("failed in another project", ENDED, ["blog:a"], UNORDERED, Waiting, ["awaiting blog:a"]),
    ("failed, but runs again", replace(FAILED, lock=HELD.lock), ["2"], ORDERED, Waiting, ["pid 7 is migrating"]),
    ("failed, on_failure wait", FAILED, ["2"], REPAIR, Waiting, ["V2__stock.sql", "--on-failure wait", "run `fix`"]),
    ("doubtful, lock unknown", UNKNOWN, ["3"], ORDERED, Waiting, ["marked dirty", "running or failed", "awaiting 3"]),
    ("doubtful, lock held", HELD, ["3"], ORDERED, Waiting, ["marked dirty", "pid 7 is migrating", "awaiting 3"]),
    ("doubtful, lock free", FREE, ["3"], ORDERED, Waiting, ["marked dirty", "nobody holds", "looking again"]),
    ("doubtful, nobody at work", ABANDONED, ["3"], ORDERED, Shut, ["nobody is at work", "killed; repair it"]),
    ("doubtful, let go", LET_GO, ["3"], ORDERED, Shut, ["its run has let go of the lock", "killed; repair it"]),
    ("doubtful, let go, a row", replace(LET_GO, lock_row=ROW), ["3"], ORDERED, Waiting, [ROW, "running or failed"]),
    ("doubtful, nobody, a row", replace(ABANDONED, lock_row=ROW), ["3"], ORDERED, Shut, [f"left a lock: {ROW}; rep"]),
    (
        "doubtful, others at work",
        UNCLEAR,
        ["3"],
        ORDERED,
        Waiting,
        ["nobody holds", "pid 9 is at work", "running or failed", "own log", "awaiting 3", "--on-failure wait"],
    ),
    (
        "doubtful, held by an idle one",
        IDLE,
        ["3"],
        ORDERED,
        Waiting,
        ["pid 7 holds the migration lock, idle since noon"],
    ),
    ("the next release's runs", HELD, ["2"], ORDERED, Open, ["version 3 is marked dirty, past the wanted 2"]),
    ("the next release's was killed", ABANDONED, ["1", "2"], ORDERED, Open, ["marked dirty, past the wanted 1, 2"]),
    ("the next release's runs, ahead waited", HELD, ["2"], WAIT, Waiting, ["pid 7 is migrating"]),
    ("the next release's was killed, ahead refused", ABANDONED, ["2"], REFUSE, Shut, ["a run failed or was killed"]),
    ("of this release and the last, killed", ABANDONED, ["2", "3"], ORDERED, Shut, ["a run failed or was killed"]),
    ("behind what is marked", ABANDONED, ["4"], ORDERED, Shut, ["a run failed or was killed"]),
    ("doubtful, on_failure wait", ABANDONED, ["3"], REPAIR, Waiting, ["killed", "--on-failure wait", "run `fix`"]),
    ("past what is missing", SET, ["2"], ORDERED, Waiting, ["is at 3, past 2, which it lacks; awaiting 2"]),
    (
        "lock row",
        replace(AT_3, lock_row="the_lock is held by web"),
        ["4"],
        ORDERED,
        Waiting,
        ["the_lock is held by web"],
    ),
    ("lock row, applied", replace(AT_3, lock_row="the_lock is held by web"), ["3"], ORDERED, Open, ["has 3 applied"]),
    ("the next release's failed", LATER, ["3"], ORDERED, Open, ["has 3 applied"]),
    ("the next release's failed, ahead waited", LATER, ["3"], WAIT, Shut, ["V4__more.sql has failed"]),
    ("this release's failed", LATER, ["4"], ORDERED, Shut, ["V4__more.sql has failed"]),
    ("many missing", AT_3, list("456789"), ORDERED, Waiting, ["awaiting 4, 5, 6 and 3 more"]),
    ("without a place", PLACELESS, ["R__v", "2"], VERSIONS, Open, ["has R__v, 2 applied"]),
    ("missing without a place", PLACELESS, ["R__w", "1"], VERSIONS, Waiting, ["is at 2, past 1, which it lacks"]),
    ("nothing wanted", AT_3, [], ORDERED, Waiting, ["is at 3"]),
    ("nothing wanted, missing table", None, [], ORDERED, Waiting, ["nothing is applied"]),
]


@pytest.mark.parametrize(
    ("ledger", "wanted", "policy", "kind", "words"), [pytest.param(*row, id=name) for name, *row in ROWS]
)
def test_judge_history(ledger, wanted, policy, kind: type[Verdict], words: list[str]):
    """Each thing that a history may say has its verdict, and a reason with what is there and what is wanted."""
    verdict = judge_history(ledger, Wanted(tuple(wanted)), policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []


GRAPH = Wanted(("b2", "c3"), "db", {"b2": (frozenset({"d4"}),)}, frozenset({"a1", "b2", "c3", "d4"}), is_whole=True)
HEADS = [
    ("all heads", ["b2", "c3"], "wait", Open, ["has every migration in db, up to b2, c3 applied"]),
    ("a head by what depends on it", ["c3", "d4"], "wait", Open, ["has every migration"]),
    ("behind", ["a1"], "open", Waiting, ["is at a1", "awaiting b2, c3"]),
    ("one head of two", ["b2"], "open", Waiting, ["is at b2", "awaiting c3"]),
    ("unknown, wait", ["e5"], "wait", Waiting, ["is at e5; e5 is not in db", "--if-ahead open starts"]),
    ("unknown, open", ["e5"], "open", Open, ["e5 is not in db"]),
    ("unknown, refuse", ["e5"], "refuse", Shut, ["e5 is not in db", "--if-ahead is refuse"]),
    ("another branch beside", ["b2", "c3", "e5"], "wait", Open, ["has every migration"]),
    ("another branch beside, refuse", ["b2", "c3", "e5"], "refuse", Shut, ["e5 is not in db"]),
    ("another branch beside one of two", ["b2", "e5"], "wait", Waiting, ["e5 is not in db"]),
]


@pytest.mark.parametrize(("heads", "if_ahead", "kind", "words"), [pytest.param(*row, id=name) for name, *row in HEADS])
def test_judge_heads(heads, if_ahead, kind: type[Verdict], words: list[str]):
    """Where a directory shows the graph, a head that it does not know is past it; what is there stands."""
    policy = HistoryPolicy(heads=True, if_ahead=if_ahead)
    verdict = judge_history(ledger_of(map(Applied, heads), GRAPH, policy), GRAPH, policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []


@pytest.mark.parametrize(
    ("directory", "heads", "told"),
    [("", ["e5"], True), ("", [], False), ("db", ["a1"], False)],
    ids=["only the wanted is known", "nothing is applied", "the directory tells"],
)
def test_the_way_out_of_heads(directory, heads, told):
    """A head that may be past the wanted is told with what would tell: the directory, and what follows then."""
    wanted = replace(GRAPH, known=GRAPH.known if directory else None, is_whole=bool(directory))
    policy = HistoryPolicy(heads=True)
    verdict = judge_history(ledger_of(map(Applied, heads), wanted, policy), wanted, policy)
    assert isinstance(verdict, Waiting)
    assert ("as for a pod of the last release, write --migrations DIR --if-ahead open" in verdict.reason) is told


SQUASHES = {f"s{number}": (frozenset({f"a{number}", f"b{number}"}),) for number in range(22)}


def test_proofs_of_proofs():
    """A squash of squashes is proven by any mixture of their rows and of what they replace, and by no part of one."""
    wanted = Wanted(("all",), proofs={"all": (frozenset(SQUASHES),), **SQUASHES})
    rows = [f"s{number}" for number in range(1, 22, 2)] + [
        f"{name}{number}" for number in range(0, 22, 2) for name in "ab"
    ]
    for missing in ("", *rows):
        ledger = ledger_of((Applied(row) for row in rows if row != missing), wanted, UNORDERED)
        assert type(judge_history(ledger, wanted, UNORDERED)) is (Waiting if missing else Open)


def test_one_number():
    """A history of one number does not tell that what is below it ran; that all of a directory did is not claimed."""
    wanted = Wanted(("1", "3"), "db", is_whole=True)
    verdicts = {
        events: judge_history(ledger_of(events, wanted, ORDERED), wanted, ORDERED)
        for events in ((UpTo("3"),), (Applied("1"), Applied("3")), (UpTo("2"), Applied("3")), (UpTo("1"),))
    }
    assert list(verdicts.values()) == [
        Open("is at 3, the newest in db"),
        Open("has every migration in db, up to 3 applied"),
        Open("is at 3, the newest in db"),
        Waiting("is at 1; awaiting 3"),
    ]


def test_proofs():
    """A revision is proven by all of a set that stands for it, not by a part, and by no set that is empty."""
    wanted = Wanted(("3",), proofs={"3": (frozenset({"1", "2"}), frozenset())})
    for applied, kind in ((["1"], Waiting), (["2", "1"], Open), (["3"], Open), ([], Waiting)):
        ledger = ledger_of(map(Applied, applied), wanted, UNORDERED)
        assert type(judge_history(ledger, wanted, UNORDERED)) is kind


def check(*histories: History, tool: str = "golang-migrate", clock: FakeClock | None = None) -> SchemaCheck:
    """Return a check for revision 3 that finds these histories in turn."""
    record = TOOLS.get(tool) or home_grown(tool)
    question = Question(record, table=record.table.name, query="SELECT" if tool == "query" else "")
    now = (clock or FakeClock()).now
    policy = HistoryPolicy(record.order, heads=record.heads)
    return SchemaCheck(FakeDatabase(*histories), question, Wanted(("3",)), policy, now)


def table(name: str, *columns: str, schema: str = "public", on_path: bool = True, readable: bool = True) -> Found:
    return Found(name, schema, name, columns, on_path, on_path, readable)


def golang_migrate(*rows: tuple, lock: Lock = FREE_LOCK, at_work: str = "") -> History:
    return History((table("schema_migrations", "version", "dirty"),), {"schema_migrations": rows}, lock, at_work)


def test_schema_check_opens():
    """A check of a schema has its reader's name, is a proof, and judges the rows by its tool."""
    db = check(golang_migrate((3, False)))
    assert (db.name, db.messenger) == ("database shop", False)
    assert db.look(10, fresh=False) == Open("has 3 applied")


def test_foreign_columns():
    """A table that lacks the tool's columns shuts the gate, and says whose it is not."""
    verdict = check(History((table("schema_migrations", "version", "inserted_at"),))).look(10, fresh=False)
    assert isinstance(verdict, Shut)
    assert "version, inserted_at: it is not golang-migrate's, which has dirty, version" in verdict.reason


def test_every_mark_counts():
    """A mark of what is not wanted, the last of several, hides none of what may be."""
    marks = (Doubtful("0 is started", revision="0"), Doubtful("4 is started", revision="4"))
    ledger = Ledger(frozenset("3"), newest="3", doubtful=marks)
    verdict = judge_history(ledger, Wanted(("3",)), ORDERED)
    assert isinstance(verdict, Waiting)
    assert "0 is started" in verdict.reason


def test_table_before_its_own():
    """The table that yoyo makes first, and drops, is waited for; with a column more it is another's."""
    first = table("_yoyo_migration", "id", "ctime")
    verdict = check(History((first,)), tool="yoyo").look(10, fresh=False)
    assert isinstance(verdict, Waiting)
    assert "is what yoyo makes before its own history" in verdict.reason
    other = table("_yoyo_migration", "id", "ctime", "name")
    assert isinstance(check(History((other,)), tool="yoyo").look(10, fresh=False), Shut)


def test_absence_is_explained():
    """After a minute without a history its known causes are told, Helm's deadlock among them; a history ends it."""
    clock = FakeClock()
    db = check(*[History(())] * 3, golang_migrate((2, False)), History(()), clock=clock)
    hints = []
    for _ in range(5):
        verdict = db.look(10, fresh=False)
        assert isinstance(verdict, Waiting)
        hints.append(verdict.hint)
        clock.receive(30.0)
    assert hints[:2] == ["", ""]
    assert "a Helm post-install or post-upgrade hook that migrates is not run while --wait waits" in hints[2]
    assert hints[3:] == ["", ""]


METADATA = table("ar_internal_metadata", "key", "value")


@pytest.mark.parametrize(
    ("tool", "tables", "whose"),
    [
        ("rails", [table("schema_migrations", "version", "dirty"), METADATA], "golang-migrate's table, not rails's"),
        ("rails", [table("schema_migrations", "version", "inserted_at"), METADATA], "ecto's table, not rails's"),
        ("dbmate", [table("schema_migrations", "version"), METADATA], "rails's table, not dbmate's"),
        ("gormigrate", [table("migrations", "id", "migration", "batch")], "laravel's table, not gormigrate's"),
        ("gormigrate", [table("migrations", "id", "timestamp", "name")], "is typeorm's table, not gormigrate's"),
        (  # postgres-migrations'
            "gormigrate",
            [table("migrations", "id", "name", "hash", "executed_at")],
            "looks like mikro-orm's table, not gormigrate's",
        ),
    ],
)
def test_another_tools_table(tool, tables, whose):
    """A table that has all of the tool's columns and more, which make it another tool's, shuts the gate."""
    verdict = check(History(tuple(tables)), tool=tool).look(10, fresh=False)
    assert isinstance(verdict, Shut)
    assert whose in verdict.reason


def test_companion():
    """Rails' table looks like dbmate's: it is Rails' with its metadata beside it, else there is no telling."""
    versions, rows = table("schema_migrations", "version"), {"schema_migrations": [("3",)]}
    assert isinstance(check(History((versions, METADATA), rows), tool="rails").look(10, fresh=False), Open)
    assert isinstance(check(History((versions,), rows), tool="dbmate").look(10, fresh=False), Open)
    elsewhere = replace(METADATA, schema="app")
    for beside in ((versions,), (versions, elsewhere)):
        verdict = check(History(beside, rows), tool="rails").look(10, fresh=False)
        assert isinstance(verdict, Waiting)
        assert "no ar_internal_metadata beside it" in verdict.reason
    assert isinstance(check(History((versions, elsewhere), rows), tool="dbmate").look(10, fresh=False), Open)


def test_more_columns():
    """A table with more columns than the tool's own is the tool's."""
    found = table("schema_migrations", "id", "dirty", "version")
    assert isinstance(check(History((found,), {"schema_migrations": [(3, False)]})).look(10, fresh=False), Open)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("3", False)], id="version is text"),
        pytest.param([(3, "no")], id="dirty is text"),
        pytest.param([(3, None)], id="dirty is null"),
        pytest.param([(None, False)], id="version is null"),
        pytest.param([(True, False)], id="version is boolean"),
        pytest.param([(3,)], id="a column short"),
        pytest.param([(3, False), (4, False)], id="two rows"),
        pytest.param([None], id="not a row"),
    ],
)
def test_garbage(rows):
    """Rows that cannot be understood hold the gate, and the reason names the table and what is awaited."""
    verdict = check(golang_migrate(*rows)).look(10, fresh=False)
    assert isinstance(verdict, Waiting)
    assert "public.schema_migrations cannot be understood" in verdict.reason
    assert verdict.reason.endswith("awaiting 3")


def test_tables_elsewhere():
    """A missing table is nothing applied yet, with a hint at tables of its name outside of the search path."""
    nothing = "nothing is applied yet, there is no history table; awaiting 3"
    others = [table("schema_migrations", "version", schema=schema, on_path=False) for schema in ("app", "old")]
    db = check(History(), History(tuple(others)))
    assert db.look(10, fresh=False) == Waiting(nothing)
    verdict = db.look(10, fresh=False)
    assert verdict.reason == nothing
    assert "app.schema_migrations and old.schema_migrations" in verdict.hint
    assert "--table" in verdict.hint


def test_query():
    """A query's result has no columns of its own to compare."""
    assert isinstance(check(History(rows={"query": [("3",)]}), tool="query").look(10, fresh=False), Open)


@pytest.mark.parametrize(
    ("wanted", "newest", "alike"),
    [
        ("000001-create-product.sql", "000001.sql", True),
        ("stock.0017_add_users", "stock.0016_add_users", False),
        ("1.3", "1.2", False),
        ("20261128022722-add-price", "/20261128022722-add-price", True),
        ("2_add_price.sql", "2", True),
        ("2_add_price.sql", "add_price", True),
        ("V2__add_price.sql", "2", True),
        ("1975ea", "1975ea83b712", True),
        ("1975ea83b712_add.py", "1975ea83b712", True),
        ("1975ea83b712", "1975eb83b712", False),
        ("20240102_add_price", "20240102_add_stock", False),
        ("add_price", "add_stock", False),
        ("3", "2", False),
        ("add_price", "", False),
        ("7" * 5000, "7" * 4999, False),
        ("x" + ".a" * 10**6, "y" + ".a" * 10**6, False),
    ],
)
def test_alike(wanted, newest, alike):
    """Where the newest is what is wanted by another name, a hint says so; it proves nothing."""
    verdict = judge_history(Ledger(frozenset({newest}), newest=newest), Wanted((wanted,)), UNORDERED)
    assert isinstance(verdict, Waiting)
    assert verdict.hint == (f"{newest} is applied; if that is meant, write it so" if alike else "")


class Severed:
    """A database to which there is no way, and the other faults that it has. Implements schema.Database."""

    name = "database shop"

    def __init__(self, *faults: str) -> None:
        self._faults = iter(faults)

    def session(self, limit: float):
        raise Unreachable(next(self._faults), silent=True)


def test_no_way():
    """After a minute without a way to the database a NetworkPolicy is named; a server that answers is another thing."""
    clock = FakeClock()
    no_way = "no connection: Connection refused"
    check = SchemaCheck(
        Severed(no_way, no_way, "too many clients", no_way),
        Question(TOOLS["alembic"], "alembic_version"),
        Wanted(("3",)),
        UNORDERED,
        clock.now,
    )
    told = []
    for _ in range(4):
        with pytest.raises(Unreachable) as caught:
            check.look(10, fresh=True)
        told.append(str(caught.value))
        assert caught.value.silent
        clock.receive(60)
    assert told[0] == no_way
    assert ["NetworkPolicy" in text for text in told] == [False, True, False, False]


DIRTY = golang_migrate((3, True))
OTHER = golang_migrate((2, True))
CLEAN = golang_migrate((2, False))
LOCKED = golang_migrate((3, True), lock=Lock(known=True, holder="pid 7"))
IDLY = golang_migrate((3, True), lock=Lock(known=True, holder="pid 7", idle_since="noon"))
BUSY = golang_migrate((3, True), at_work="others are at work")
BUSY_OTHER = golang_migrate((2, True), at_work="others are at work")
BUSY_CLEAN = golang_migrate((2, False), at_work="others are at work")
STANDBY = golang_migrate((3, True), lock=Lock())
DROPPED = History()


@pytest.mark.parametrize(
    ("found", "shut"),
    [
        pytest.param([(0, DIRTY), (5, DIRTY)], True, id="free for 5 s"),
        pytest.param([(0, DIRTY), (4.5, DIRTY)], False, id="free for less"),
        pytest.param([(0, DIRTY), (4.5, DIRTY), (0.5, DIRTY)], True, id="free for 5 s, three looks"),
        pytest.param([(600, DIRTY)], False, id="one look"),
        pytest.param([(0, DIRTY), (5, LOCKED)], False, id="held"),
        pytest.param([(0, DIRTY), (5, LOCKED), (5, DIRTY)], False, id="held between"),
        pytest.param([(0, DIRTY), (5, LOCKED), (5, DIRTY), (5, DIRTY)], True, id="free again for 5 s"),
        pytest.param([(0, DIRTY), (5, OTHER)], False, id="another mark"),
        pytest.param([(0, DIRTY), (5, OTHER), (5, OTHER)], True, id="another mark for 5 s"),
        pytest.param([(0, DIRTY), (5, CLEAN), (5, DIRTY)], False, id="clean between"),
        pytest.param([(0, DIRTY), (5, STANDBY), (5, DIRTY)], False, id="unknown between"),
        pytest.param([(0, DIRTY), (5, DROPPED), (5, DIRTY)], False, id="dropped between"),
        pytest.param([(0, STANDBY), (5, STANDBY)], False, id="never known"),
        pytest.param([(0, BUSY), (600, BUSY)], False, id="others at work"),
        pytest.param([(0, BUSY), (5, BUSY), (0.5, DIRTY)], True, id="others at work until now"),
        pytest.param([(0, DIRTY), (4, DIRTY), (1, BUSY)], False, id="others at work now"),
        pytest.param([(0, LOCKED), (5, BUSY), (5, BUSY)], True, id="seen to let go"),
        pytest.param([(0, LOCKED), (5, BUSY), (4.9, BUSY)], False, id="seen to let go for less"),
        pytest.param([(0, LOCKED), (5, BUSY), (1, BUSY), (5, BUSY)], True, id="seen to let go, three looks"),
        pytest.param([(0, IDLY), (5, BUSY), (5, BUSY)], False, id="an idle one let go"),
        pytest.param([(0, LOCKED), (5, IDLY), (5, BUSY), (5, BUSY)], False, id="an idle one let go at last"),
        pytest.param([(0, LOCKED), (5, BUSY_OTHER), (5, BUSY_OTHER)], False, id="let go of another mark"),
        pytest.param([(0, LOCKED), (5, BUSY_CLEAN), (5, BUSY), (5, BUSY)], False, id="let go, clean between"),
        pytest.param([(0, LOCKED), (5, STANDBY), (5, BUSY), (5, BUSY)], False, id="let go, unknown between"),
        pytest.param([(0, LOCKED), (5, DROPPED), (5, BUSY), (5, BUSY)], False, id="let go, dropped between"),
    ],
)
def test_abandoned(found: list[tuple[float, History]], shut: bool):  # noqa: FBT001
    """A doubtful mark shuts the gate once looks 5 s apart, and all between, found it with a free lock, on evidence."""
    clock = FakeClock()
    db = check(*(history for _, history in found), clock=clock)
    for seconds, _ in found:
        clock.receive(seconds)
        verdict = db.look(10, fresh=False)
    assert isinstance(verdict, Shut if shut else Waiting)
