"""What people are told, and when."""

import io
import json
import math

import pytest

from gatekeeper.gate.loop import Turn
from gatekeeper.gate.output import leave_message
from gatekeeper.gate.report import Report
from gatekeeper.gate.verdict import (
    Barred,
    Interrupted,
    Open,
    Opened,
    Outcome,
    Refused,
    Shut,
    TimedOut,
    Verdict,
    Waiting,
)

AT_2 = Waiting("is at 2; awaiting 3")
ABSENT = Waiting("does not exist", "known causes: TTL")


def said(*turns: tuple[float, Verdict], log_format: str = "text", remaining: float = math.inf) -> list[str]:
    """Return the lines about a check that had these verdicts at these instants."""
    stream = io.StringIO()
    report = Report(log_format, stream)
    for elapsed, verdict in turns:
        report.tell(Turn(elapsed, remaining, (("db", verdict),)))
    return stream.getvalue().splitlines()


def words(line: str) -> str:
    """Return a text line without its time."""
    return line.partition(" ")[2]


def test_begin():
    """The first line says what is awaited, by which version, and for how long."""
    stream = io.StringIO()
    Report("text", stream).begin("0.1.0", ["alembic 3 in database shop", "Job shop/migrate to be Complete"], 480)
    assert words(stream.getvalue()) == (
        "holding: gatekeeper 0.1.0 awaits alembic 3 in database shop; Job shop/migrate to be Complete [0s, 8m left]\n"
    )


@pytest.mark.parametrize(
    ("turns", "lines"),
    [
        pytest.param([(0, AT_2)], ["waiting: db: is at 2; awaiting 3 [0s]"], id="first"),
        pytest.param(
            [(0, AT_2), (2, Open("has 3 applied"))],
            ["waiting: db: is at 2; awaiting 3 [0s]", "open: db: has 3 applied [2s]"],
            id="changed",
        ),
        pytest.param(
            [(0, Waiting("has failed")), (2, Shut("has failed"))],
            ["waiting: db: has failed [0s]", "shut: db: has failed [2s]"],
            id="same words, another verdict",
        ),
        pytest.param([(0, AT_2), (29.9, AT_2)], ["waiting: db: is at 2; awaiting 3 [0s]"], id="no heartbeat yet"),
        pytest.param(
            [(0, AT_2), (30, AT_2), (59.9, AT_2), (60, AT_2)],
            [f"waiting: db: is at 2; awaiting 3 [{elapsed}]" for elapsed in ("0s", "30s", "1m")],
            id="heartbeats",
        ),
        pytest.param(
            [(0, AT_2), (20, ABSENT), (40, ABSENT)],
            [
                "waiting: db: is at 2; awaiting 3 [0s]",
                "waiting: db: does not exist [20s]",
                "hint: db: known causes: TTL [20s]",
            ],
            id="heartbeat counts from the last line",
        ),
        pytest.param(
            [(0, Waiting("does not exist")), (1, ABSENT), (2, ABSENT), (3, AT_2), (4, ABSENT)],
            [
                "waiting: db: does not exist [0s]",
                "hint: db: known causes: TTL [1s]",
                "waiting: db: is at 2; awaiting 3 [3s]",
                "waiting: db: does not exist [4s]",
            ],
            id="hint once",
        ),
    ],
)
def test_lines(turns, lines):
    """There is a line when the verdict changes, one every 30 s while it does not, and each hint once."""
    assert list(map(words, said(*turns))) == lines


def test_each_check_for_itself():
    """Each check has its own lines and its own heartbeat."""
    stream = io.StringIO()
    report = Report("text", stream)
    report.tell(Turn(0, math.inf, (("db", AT_2), ("Job", AT_2))))
    report.tell(Turn(20, math.inf, (("db", AT_2), ("Job", ABSENT))))
    report.tell(Turn(30, 5, (("db", AT_2), ("Job", ABSENT))))
    assert list(map(words, stream.getvalue().splitlines()))[2:] == [
        "waiting: Job: does not exist [20s]",
        "hint: Job: known causes: TTL [20s]",
        "waiting: db: is at 2; awaiting 3 [30s, 5s left]",
    ]


@pytest.mark.parametrize(("remaining", "shown"), [(479.5, 479.5), (math.inf, None)])
def test_json(remaining, shown):
    """In JSON each line is one object with the same fields; without a deadline the time left is null."""
    lines = said((0.5, Waiting('is "at"\n2')), (1, ABSENT), log_format="json", remaining=remaining)
    fields = [json.loads(line) for line in lines]
    assert [line.pop("time")[-1] for line in fields] == ["Z", "Z", "Z"]
    assert fields == [
        {"event": event, "check": "db", "reason": reason, "elapsed_s": elapsed, "remaining_s": shown}
        for event, reason, elapsed in (
            ("waiting", 'is "at" 2', 0.5),
            ("waiting", "does not exist", 1),
            ("hint", "known causes: TTL", 1),
        )
    ]


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (Opened("db: has 3 applied"), "opened: db: has 3 applied"),
        (Refused("Job: has failed"), "refused: Job: has failed"),
        (Barred("db: no right"), "denied: db: no right"),
        (TimedOut("after 8m"), "timed out: after 8m"),
        (Interrupted("SIGTERM", 15), "interrupted: SIGTERM"),
    ],
)
def test_end(tmp_path, outcome: Outcome, message):
    """The last line is in the log and, without the time, in the termination log."""
    termination_log = tmp_path / "termination-log"
    termination_log.write_text("an earlier one that was longer than this one will be")
    stream = io.StringIO()
    Report("text", stream).end(outcome, 61, str(termination_log))
    assert termination_log.read_text(encoding="utf-8") == message
    assert words(stream.getvalue()) == f"{message.partition(':')[0]}: {outcome.reason} [1m1s]\n"


@pytest.mark.parametrize("letter", ["a", "\xe9", "\u20ac", "\U0001f418"])
@pytest.mark.parametrize("before", range(4))
def test_long_message(tmp_path, letter, before):
    """A termination message is cut at 4096 bytes, and never within a character."""
    termination_log = tmp_path / "termination-log"
    termination_log.touch()
    leave_message("-" * before + letter * 5000, str(termination_log))
    written = termination_log.read_bytes()
    assert 4096 - len(letter.encode()) < len(written) <= 4096
    assert written.decode().endswith(letter)


def test_quoted_text(tmp_path):
    """What a reason quotes stays within its line and within bounds, on a terminal, in the log and in the message."""
    termination_log = tmp_path / "termination-log"
    termination_log.touch()
    stream = io.StringIO()
    Report("text", stream).end(TimedOut("is at \n2 \r\x1b[2K\u2028\udc80x" + "y" * 10_000), 1, str(termination_log))
    assert words(stream.getvalue()).startswith("timed out: is at 2 [2K xyyy")
    assert termination_log.read_text().startswith("timed out: is at 2 [2K xyyy")
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue()) < 2000


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_name_of_a_check_is_printable(log_format):
    """A name that a URL gave can neither begin a line of the log nor move a terminal's cursor."""
    stream = io.StringIO()
    Report(log_format, stream).tell(Turn(0, math.inf, (("database a\n2026 opened:\x1b[2J x", AT_2),)))
    assert stream.getvalue().count("\n") == 1
    assert "database a 2026 opened: [2J x" in stream.getvalue()


@pytest.mark.parametrize("path", ["termination-log", "no folder/termination-log", "."])
def test_no_termination_log(tmp_path, path):
    """Where the kubelet made no file, none is made, and the gate ends all the same."""
    Report("text", None).end(Opened("db: has 3 applied"), 0, str(tmp_path / path))
    assert list(tmp_path.iterdir()) == []


class Broken(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self._fault = fault

    def write(self, _text: str) -> int:
        raise self._fault


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(None, id="none"),
        pytest.param(Broken(ValueError("I/O operation on closed file")), id="closed"),
        pytest.param(Broken(BrokenPipeError(32, "Broken pipe")), id="pipe without a reader"),
        pytest.param(Broken(OSError(28, "No space left on device")), id="full"),
    ],
)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_broken_stream(tmp_path, stream, log_format):
    """A log that cannot be written never changes how the gate ends, nor what the termination log says."""
    termination_log = tmp_path / "termination-log"
    termination_log.touch()
    report = Report(log_format, stream)
    report.begin("0.1.0", ["db"], 480)
    report.tell(Turn(0, 480, (("db", ABSENT),)))
    report.end(Opened("db: has 3 applied"), 1, str(termination_log))
    assert termination_log.read_text() == "opened: db: has 3 applied"
