"""The verdict on a history, held against its specification: every combination, and any rows of any types."""

from dataclasses import replace
from functools import cache
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FREE_LOCK, FakeClock, FakeDatabase, History
from gatekeeper.gate.verdict import Open, Shut, Verdict, Waiting
from gatekeeper.histories.judge import ABANDONED_AFTER, Doubt, HistoryPolicy, Lock, Wanted, judge_history, ledger_of
from gatekeeper.histories.look import Found, Question, SchemaCheck
from gatekeeper.tools.shared.events import Applied, Doubtful, Failed, Locked, UpTo
from gatekeeper.tools.shared.home_grown import home_grown
from known import TOOLS
from specification import JUNK, OPEN, SHUT, WAITING, Meaning, history_verdict, meaning_of, near_misses

NAMES: dict[type[Verdict], str] = {Open: OPEN, Waiting: WAITING, Shut: SHUT}
specified = cache(history_verdict)

MEANINGS = {name: meaning_of(name, tool.table.name) for name, tool in (TOOLS | {"query": home_grown("query")}).items()}
"""Tool -> what its tables mean."""

LOCKS = {
    "unknown": Lock(free_for=ABANDONED_AFTER, was_held=True, at_work=""),
    "held": Lock(known=True, holder="pid 7", at_work=""),
    "free of late": Lock(known=True, free_for=ABANDONED_AFTER - 0.1, was_held=True, at_work=""),
    "free": Lock(known=True, free_for=ABANDONED_AFTER),
    "free, was held": Lock(known=True, free_for=ABANDONED_AFTER, was_held=True),
    "free, nobody at work": Lock(known=True, free_for=ABANDONED_AFTER, at_work=""),
}
"""What looks have seen of the lock; in a fact, what comes before the comma."""
RUNS = ("", "1", "9")
"""How the revisions of a failed run begin: all, one that may be wanted, one that is not."""


def subsets(items: str) -> list[tuple[str, ...]]:
    return [some for count in range(len(items) + 1) for some in combinations(items, count)]


@pytest.mark.parametrize("order", [int, None], ids=["ordered", "unordered"])
@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("failed", [None, *RUNS])
def test_every_combination(order, lock, failed):
    """Every combination of what is applied, wanted, failed, doubtful, locked and asked for has the table's verdict."""
    facts = product(subsets("123"), (None, 2), subsets("13"), (None, *RUNS), (False, True))
    for applied, up_to, wanted, doubtful, has_row in facts:
        events = [
            *([Locked("a row")] if has_row else []),
            *map(Applied, applied),
            *([UpTo(str(up_to))] if up_to else []),
        ]
        events += [] if failed is None else [Failed("it", run=failed)]
        events += [] if doubtful is None else [Doubtful("it", run=doubtful)]
        want = Wanted(wanted)
        ledger = ledger_of(events, want, HistoryPolicy(order))
        ledger = type(ledger)(*(getattr(ledger, name) for name in ledger.__slots__[:-1]), LOCKS[lock])
        missing = [each for each in wanted if each not in applied and not (order and up_to and int(each) <= up_to)]
        matters = {run: not run or run in missing for run in RUNS}
        for if_ahead, on_failure in product(("open", "wait", "refuse"), ("exit", "wait")):
            policy = HistoryPolicy(order, if_ahead=if_ahead, on_failure=on_failure)
            verdict = specified(
                failed=matters.get(failed, False),
                doubtful=matters.get(doubtful, False),
                lock=lock.partition(",")[0],
                evidence="nobody" in lock or ("was held" in lock and not has_row),
                proven=bool(wanted) and not missing,
                ahead=order is not None and max([up_to or 0, *map(int, applied)]) > max(map(int, wanted), default=9),
                if_ahead=if_ahead,
                on_failure=on_failure,
            )
            assert NAMES[type(judge_history(ledger, want, policy))] == verdict, (events, wanted, lock, policy)


SEEN = {
    "no mark": ("", Lock(known=True)),
    "free": ("5", Lock(known=True)),
    "other free": ("6", Lock(known=True)),
    "held": ("5", Lock(known=True, holder="pid 7")),
    "idle": ("5", Lock(known=True, holder="pid 7", idle_since="noon")),
    "unknown": ("5", Lock()),
    "unknown, held": ("5", Lock(holder="pid 7")),
}
"""What one look may find: the mark, and the lock."""


@pytest.mark.parametrize("length", range(1, 6))
def test_every_sequence_of_looks(length):
    """The last looks that alike found a mark and a free lock count, and what the one before them found."""
    for looks in product(SEEN, repeat=length):
        doubt = Doubt()
        for instant, look in enumerate(looks):
            doubt = doubt.after(*SEEN[look], instant)
        alike = next((count for count, look in enumerate(reversed(looks)) if look != looks[-1]), length)
        if looks[-1] not in ("free", "other free"):
            assert (doubt.was_held, doubt.free_since) == (False, None), looks
            continue
        before = looks[-alike - 1] if alike < length else ""
        assert doubt.free_since == length - alike, looks
        assert doubt.was_held == (before == "held" and looks[-1] == "free"), looks


@pytest.mark.parametrize("mark", [Failed, Doubtful])
@pytest.mark.parametrize("order", [int, None], ids=["ordered", "unordered"])
def test_every_later_failure(mark, order):
    """What fails or runs past all that is wanted and there counts for nothing where a newer database opens the gate."""
    for applied, wanted, revision, if_ahead in product(
        subsets("123"), subsets("13"), "124", ("open", "wait", "refuse")
    ):
        policy, want = HistoryPolicy(order, if_ahead=if_ahead), Wanted(wanted)
        rows = [*map(Applied, applied)]
        is_later = order and wanted and set(wanted) <= set(applied) and revision > max(wanted) and if_ahead == "open"
        as_if = rows if is_later else [*rows, mark("it")]
        verdicts = [
            judge_history(ledger_of(events, want, policy), want, policy)
            for events in ([*rows, mark("it", revision)], as_if)
        ]
        assert verdicts[0] == verdicts[1], (applied, wanted, revision, if_ahead)


@pytest.mark.parametrize("order", [int, None], ids=["ordered", "unordered"])
@pytest.mark.parametrize("lock", LOCKS)
def test_every_current_mark(lock, order):
    """One number with a mark is as the number alone where it is past all that is wanted, and as the mark elsewhere."""
    for wanted, number, if_ahead in product(subsets("123"), "1234", ("open", "wait", "refuse")):
        policy, want = HistoryPolicy(order, if_ahead=if_ahead), Wanted(wanted)
        is_past = order and wanted and number > max(wanted) and if_ahead == "open"
        verdicts = [
            judge_history(replace(ledger_of([event], want, policy), lock=LOCKS[lock]), want, policy)
            for event in (
                Doubtful("it", number, is_current=True),
                UpTo(number) if is_past else Doubtful("it"),
            )
        ]
        if is_past:
            assert {*map(type, verdicts)} == {Open}, (wanted, number)
        else:
            assert verdicts[0] == verdicts[1], (wanted, number, if_ahead)


ABOVE = {"a": "abcd", "b": "bd", "c": "c", "d": "d"}
"""A graph: each revision, and those that stand on it, itself among them."""


@pytest.mark.parametrize("if_ahead", ["open", "wait", "refuse"])
def test_every_set_of_heads(if_ahead):
    """Every set of heads, one of which no file knows, has the table's verdict for every set that is wanted."""
    policy = HistoryPolicy(heads=True, if_ahead=if_ahead)
    for heads, wanted in product(subsets("abcdx"), subsets("abc")):
        proofs = {name: tuple(frozenset(other) for other in ABOVE[name] if other != name) for name in wanted}
        want = Wanted(wanted, "db", proofs, frozenset(ABOVE))
        verdict = specified(
            strangers="x" in heads,
            proven=bool(wanted) and all(set(ABOVE[name]) & set(heads) for name in wanted),
            if_ahead=if_ahead,
        )
        if not wanted and "x" in heads and if_ahead == "open":
            continue  # no command line asks for nothing
        ledger = ledger_of(map(Applied, heads), want, policy)
        assert NAMES[type(judge_history(ledger, want, policy))] == verdict, (heads, wanted)


def judge(name: str, tables: dict[str, list[Any]], wanted: list[str], lock: Lock = FREE_LOCK, **policy: Any) -> Verdict:
    """Let a check look at these tables of a tool."""
    tool = TOOLS.get(name) or home_grown(name)
    schema = tool.schemas[0] or "public"
    columns = {tool.table.name: (*tool.table.columns, *tool.also), tool.companion: ()}
    columns |= {each.name: each.columns for each in tool.beside}
    found = [Found(each, schema, each, columns[each], on_path=True, is_current=True, readable=True) for each in columns]
    question = Question(tool, tool.table.name, query="SELECT" if name == "query" else "")
    return SchemaCheck(
        FakeDatabase(History(tuple(found), tables, lock)),
        question,
        Wanted(tuple(wanted)),
        HistoryPolicy(tool.order, heads=tool.heads, **policy),
        FakeClock().now,
    ).look(10, fresh=False)


def spoiled(row: tuple, place: int) -> list[tuple]:
    """Return rows that are this one but for one value."""
    return [(*row[:place], value, *row[place + 1 :]) for value in (*near_misses(row[place]), *JUNK)]


@pytest.mark.parametrize("name", MEANINGS)
def test_every_spoiled_value(name):
    """A row of which one value is what the tool cannot have written never proves a revision; as it was, it may."""
    meaning = MEANINGS[name]
    opened = 0
    for table, columns in meaning.tables.items():
        first = tuple(column.examples[0] for column in columns)
        others = [
            (place, (*first[:place], value, *first[place + 1 :]))
            for place, column in enumerate(columns)
            for value in column.examples
        ]
        for place, row in others:
            for tried in (row, *spoiled(row, place), row[:-1], (*row, row[-1]), (), None, 7):
                tables = {each: [tried] if each == table else [] for each in meaning.tables}
                for revision in meaning.wanted:
                    verdict = judge(name, tables, [revision])
                    opens = meaning.opens(tables, [revision])
                    assert isinstance(verdict, Open) == opens, (tables, revision, verdict)
                    opened += opens
    assert opened


@pytest.mark.parametrize("name", ["atlas", "flyway", "golang-migrate", "prisma", "sqlx"])
def test_every_spoiled_value_of_a_later_row(name):
    """The same of a row of what failed past all that is wanted: as it was, it holds no older release."""
    meaning = MEANINGS[name]
    [table] = meaning.tables
    wanted = meaning.wanted[:1]
    rows = list(product(*(column.examples for column in meaning.tables[table])))
    proven = [[], *([row] for row in rows if not meaning.is_later(row, wanted))]
    beside, later = next(
        (some, row)
        for row in rows
        if meaning.is_later(row, wanted)
        for some in proven
        if meaning.opens({table: [*some, row]}, wanted)
    )
    for place in range(len(later)):
        for tried in spoiled(later, place):
            tables = {table: [*beside, tried]}
            assert isinstance(judge(name, tables, list(wanted)), Open) == meaning.opens(tables, wanted), tried


@st.composite
def histories(draw, meaning: Meaning) -> dict[str, list[Any]]:
    """Rows of a tool's tables, of which some values may be what it does not write."""
    tables = {}
    for table, columns in meaning.tables.items():
        row = st.tuples(*(st.sampled_from(column.examples) for column in columns))
        rows = draw(st.lists(row, max_size=5))
        if rows and draw(st.integers(0, 3)) == 0:
            which, place = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(columns) - 1))
            rows[which] = draw(st.sampled_from(spoiled(rows[which], place)))
        tables[table] = rows + rows[: draw(st.integers(0, 1))]
    return tables


@pytest.mark.parametrize("name", MEANINGS)
@given(data=st.data())
def test_any_rows(name, data):
    """Any rows in place of a history open the gate if the specification says so, and only then."""
    meaning = MEANINGS[name]
    tables = data.draw(histories(meaning))
    wanted = data.draw(st.lists(st.sampled_from(meaning.wanted), min_size=1, max_size=2))
    lock = data.draw(st.sampled_from(list(LOCKS.values())))
    opens = meaning.opens(tables, wanted)
    assert isinstance(judge(name, tables, wanted, lock), Open) == opens
    for if_ahead in ("wait", "refuse"):
        assert opens or not isinstance(judge(name, tables, wanted, lock, if_ahead=if_ahead), Open)
