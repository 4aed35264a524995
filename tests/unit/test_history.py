"""What is concluded of a migration history."""

import pytest

from fakes import FakeClock
from gatekeeper.history import HistoryPolicy, Ledger, Lock, judge_history
from gatekeeper.schema import History, Question, SchemaCheck
from gatekeeper.tools import TOOLS, home_grown
from gatekeeper.verdict import Open, Shut, Verdict, Waiting

ORDERED = HistoryPolicy(order=int)
UNORDERED = HistoryPolicy()
REFUSE = HistoryPolicy(order=int, if_ahead="refuse")
WAIT = HistoryPolicy(order=int, if_ahead="wait")
REPAIR = HistoryPolicy(order=int, on_failure="wait", repair="run `fix`")
AT_3 = Ledger(up_to="3", newest="3")
SET = Ledger(frozenset({"1", "3"}), newest="3")
FAILED = Ledger(frozenset({"1"}), newest="1", failed="V2__stock.sql")


FREE_LOCK = Lock(known=True)


def dirty(lock: Lock) -> Ledger:
    return Ledger(newest="3", doubtful="version 3 is marked dirty", lock=lock)


UNKNOWN, HELD = dirty(Lock()), dirty(Lock(known=True, holder="pid 7"))
FREE, ABANDONED = dirty(Lock(known=True, free_for=4.9)), dirty(Lock(known=True, free_for=5))

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
    ("failed, on_failure wait", FAILED, ["2"], REPAIR, Waiting, ["V2__stock.sql", "--on-failure wait", "run `fix`"]),
    ("doubtful, lock unknown", UNKNOWN, ["3"], ORDERED, Waiting, ["marked dirty", "running or failed", "awaiting 3"]),
    ("doubtful, lock held", HELD, ["3"], ORDERED, Waiting, ["marked dirty", "pid 7 is migrating", "awaiting 3"]),
    ("doubtful, lock free", FREE, ["3"], ORDERED, Waiting, ["marked dirty", "nobody holds", "looking again"]),
    ("doubtful, abandoned", ABANDONED, ["3"], ORDERED, Shut, ["marked dirty", "nobody holds", "killed", "repair it"]),
    ("doubtful past the wanted", HELD, ["2"], ORDERED, Waiting, ["marked dirty"]),
    ("doubtful, on_failure wait", ABANDONED, ["3"], REPAIR, Waiting, ["killed", "--on-failure wait", "run `fix`"]),
    ("nothing wanted", AT_3, [], ORDERED, Waiting, ["is at 3"]),
    ("nothing wanted, missing table", None, [], ORDERED, Waiting, ["nothing is applied"]),
]


@pytest.mark.parametrize(
    ("ledger", "wanted", "policy", "kind", "words"), [pytest.param(*row, id=name) for name, *row in ROWS]
)
def test_judge_history(ledger, wanted, policy, kind: type[Verdict], words: list[str]):
    """Each thing that a history may say has its verdict, and a reason with what is there and what is wanted."""
    verdict = judge_history(ledger, wanted, policy)
    assert type(verdict) is kind
    assert [word for word in words if word not in verdict.reason] == []


class FakeReader:
    """Finds the histories that it is given, in turn. Implements schema.HistoryReader."""

    name = "database shop"

    def __init__(self, *histories: History) -> None:
        self._histories = iter(histories)

    def read(self, limit: float, question: Question) -> History:
        return next(self._histories)


def check(*histories: History, tool: str = "golang-migrate", clock: FakeClock | None = None) -> SchemaCheck:
    """Return a check for revision 3 that finds these histories in turn."""
    record = TOOLS.get(tool) or home_grown(tool)
    question = Question(record, table=record.table)
    now = (clock or FakeClock()).now
    return SchemaCheck(FakeReader(*histories), question, ["3"], HistoryPolicy(record.order), now)


def golang_migrate(*rows: tuple, lock: Lock = FREE_LOCK) -> History:
    return History("public.schema_migrations", ("version", "dirty"), rows, lock)


def test_schema_check_opens():
    """A check of a schema has its reader's name, is a proof, and judges the rows by its tool."""
    db = check(golang_migrate((3, False)))
    assert (db.name, db.messenger) == ("database shop", False)
    assert db.look(10, fresh=False) == Open("has 3 applied")


def test_foreign_columns():
    """A table with another tool's columns shuts the gate, and says whose it is not."""
    verdict = check(History("public.schema_migrations", ("version", "inserted_at"))).look(10, fresh=False)
    assert isinstance(verdict, Shut)
    assert "version, inserted_at: it is not golang-migrate's, which has version, dirty" in verdict.reason


def test_more_columns():
    """A table with more columns than the tool's own is the tool's."""
    history = History("public.schema_migrations", ("id", "dirty", "version"), [(3, False)])
    assert isinstance(check(history).look(10, fresh=False), Open)


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
    db = check(History(""), History("", elsewhere=("app.schema_migrations", "old.schema_migrations")))
    assert db.look(10, fresh=False) == Waiting(nothing)
    verdict = db.look(10, fresh=False)
    assert verdict.reason == nothing
    assert "app.schema_migrations and old.schema_migrations" in verdict.hint
    assert "--table" in verdict.hint


def test_query():
    """A query's result has no columns of its own to compare."""
    assert isinstance(check(History("the query's result", rows=[("3",)]), tool="query").look(10, fresh=False), Open)


DIRTY = golang_migrate((3, True))
OTHER = golang_migrate((4, True))
CLEAN = golang_migrate((2, False))
LOCKED = golang_migrate((3, True), lock=Lock(known=True, holder="pid 7"))
STANDBY = golang_migrate((3, True), lock=Lock())
DROPPED = History("")


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
    ],
)
def test_abandoned(found: list[tuple[float, History]], shut: bool):  # noqa: FBT001
    """A doubtful mark shuts the gate once looks 5 s apart, and all between, found that mark and a free lock."""
    clock = FakeClock()
    db = check(*(history for _, history in found), clock=clock)
    for seconds, _ in found:
        clock.receive(seconds)
        verdict = db.look(10, fresh=False)
    assert isinstance(verdict, Shut if shut else Waiting)
