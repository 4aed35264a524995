"""Faults of the process itself, as containers have them: signals, streams, the termination log, limits, users, locales.

Signals to a gate that watches a Job, as PID 1 too, are in tests/apiserver/test_job_gate.py.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest

from faults.databases import until
from servers.cgroup import limited
from servers.faults import Fault, FaultProxy
from servers.gate import GateProcess
from servers.hanging import hanging
from servers.namespace import replacing
from servers.postgres import Postgres, free_port

HEAD = "größer-" + secrets.token_hex(2)
PASSWORD = "p/w:@%? #" + secrets.token_hex(4)
TABLE = ("schema", "--tool", "table", "--table", "changes", "--column", "name", "--revision")
SLOWLY = ("schema", "--tool", "query", "--query", "SELECT name FROM changes, pg_sleep(4)", "--revision", HEAD)
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
AS_PID_1 = ("unshare", "--pid", "--fork", "--kill-child")
UID = "54321"
# Files of the tests are root's alone, as the image's are not.
NOBODY_KNOWN = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=+dac_read_search")
NOBODY_KNOWN += ("--ambient-caps=+dac_read_search",)
FULL_PIPE = """
import os, sys
reader, writer = os.pipe()
os.set_inheritable(reader, True)
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b"-" * 4096)
except BlockingIOError:
    os.set_blocking(writer, True)
os.dup2(writer, 1)
os.dup2(writer, 2)
os.execv(sys.argv[1], sys.argv[1:])
"""
WITH_BUG = """
import sys
import gatekeeper.__main__, gatekeeper.{module}

sys.argv = ["gatekeeper", *sys.argv[4:]]

def broken(*args, **kwargs):
    raise RuntimeError("boom")

gatekeeper.{module}.{function} = broken
gatekeeper.__main__.main()
"""
DEAF = """
import os, signal, sys
from gatekeeper.gate.clock import Clock, Signalled, answer_signals

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

answer_signals()
Deaf()
try:
    Clock().receive(30)
except Signalled as caught:
    sys.exit(128 + caught.number)
"""

UNWOKEN = """
import os, signal, sys, threading, time
from gatekeeper.gate.clock import Clock, Signalled, answer_signals

def send():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)

answer_signals()
threading.Thread(target=send).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
try:
    Clock().receive(30)
except Signalled as caught:
    sys.exit(128 + caught.number)
"""


@pytest.fixture(scope="module")
def server():
    with Postgres() as server:
        with server.connect("postgres") as connection:
            connection.execute("CREATE TABLE changes (name text)")
            connection.execute("INSERT INTO changes VALUES (%s)", [HEAD])
        server.create_role("app", PASSWORD, "SELECT ON changes")
        yield server


@pytest.fixture
def start(gate, server):
    """Start a gate that opens, or with another revision waits."""

    def start(*args, revision=HEAD, what=None, environment=None, planted=PASSWORD, **options):
        given = {"DATABASE_URL": server.url("postgres", "app"), **(environment or {})}
        return gate(*(what or (*TABLE, revision)), *args, environment=given, secrets=[planted], **options)

    return start


def answers_signals(gate):
    """Tell whether the program has answers to signals of its own yet."""
    child = Path(f"/proc/{gate.pid}/task/{gate.pid}/children").read_text().split()
    caught = re.search(r"SigCgt:\s+(\w+)", Path(f"/proc/{child[0] if child else gate.pid}/status").read_text())[1]
    return int(caught, 16) & 1 << signal.SIGTERM - 1


def assert_interrupted(gate, number):
    """Send the signal, and assert that the gate ends at once and says so."""
    gate.signal(number)
    sent = time.monotonic()
    assert gate.end(2) == 128 + number, gate.log
    assert time.monotonic() - sent < 1
    assert gate.message.startswith(f"interrupted: {number.name}")
    assert "Traceback" not in gate.log


# -- signals ------------------------------------------------------------------------------------------------------


def test_signal_before_the_program(start):
    """SIGTERM while Python itself starts ends the process. SIGINT may be lost there: CPython does so 3 times of 600."""
    gate = start(revision="none")
    gate.signal(signal.SIGTERM)
    assert gate.end(2) != 0


@SIGNALS
@pytest.mark.parametrize("launcher", [(), AS_PID_1], ids=["child", "PID 1"])
def test_signal_while_importing(start, launcher, number):
    """A signal during the imports is answered as any later one."""
    gate = start(revision="none", launcher=launcher)
    until(lambda: answers_signals(gate), pause=0.001)
    assert_interrupted(gate, number)


@SIGNALS
def test_signal_during_connect(start, server, number):
    """A signal while the server is silent to a new connection ends the gate."""
    with FaultProxy(server.host, server.port) as proxy:
        proxy.inject(Fault.DROP)
        url = server.url("postgres", "app").replace(f":{server.port}/", f":{proxy.port}/")
        gate = start(environment={"DATABASE_URL": url})
        gate.until("holding: ")
        assert_interrupted(gate, number)


@SIGNALS
@pytest.mark.parametrize("launcher", [(), AS_PID_1], ids=["child", "PID 1"])
def test_signal_mid_query(start, server, launcher, number):
    """A signal while the server answers ends the gate."""
    with server.connect("postgres") as connection:
        now = connection.execute("SELECT clock_timestamp()").fetchone()
        gate = start(what=SLOWLY, launcher=launcher)
        asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_start > %s"
        until(lambda: connection.execute(asleep, now).fetchone())
    assert_interrupted(gate, number)


@SIGNALS
@pytest.mark.parametrize("launcher", [(), AS_PID_1], ids=["child", "PID 1"])
def test_signal_between_looks(start, launcher, number):
    """A signal in the pause between two looks ends the gate."""
    gate = start(revision="none", launcher=launcher)
    gate.until("waiting: ")
    assert_interrupted(gate, number)


@pytest.mark.parametrize("after", [0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_signals_at_the_end(start, after):
    """Signals in rapid succession, while the gate ends and writes its message, leave one ending, and it whole."""
    gate = start("--timeout", "0", revision="none")
    gate.until("holding: ")
    time.sleep(after)
    while Path(f"/proc/{gate.pid}/stat").read_text().split()[2] != "Z":
        gate.signal(signal.SIGTERM)
    code = gate.end(2)
    assert code in (124, 143)
    assert re.fullmatch("(timed out|interrupted): .*", gate.message)
    assert gate.message.startswith("interrupted: ") == (code == 143)
    assert "Traceback" not in gate.log


@pytest.mark.parametrize("program", [DEAF, UNWOKEN], ids=["in a callback", "just before"])
def test_signal_where_nothing_can_be_raised(program):
    """A signal in a callback that lets no exception out, as those of importing, or that does not wake, is not lost."""
    run = subprocess.run(
        [sys.executable, "-c", program], timeout=10, check=False, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert run.returncode == 143, run.stderr


# -- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1", "> >(true) 2>&1"])
def test_streams(start, how):
    """Streams that are closed, full, or read by nobody any more change nothing of how a gate ends."""
    launcher = ("bash", "-c", f'exec "$@" {how}', "bash")
    gate = start(launcher=launcher)
    assert gate.end() == 0
    assert gate.message.startswith("opened: ")
    gate = start("--timeout", "1s", revision="none", launcher=launcher)
    assert gate.end() == 124
    assert gate.message.startswith("timed out: ")


def test_full_pipe(start):
    """A gate whose log nobody reads opens, keeps its deadline, and ends at a signal."""
    launcher = (sys.executable, "-c", FULL_PIPE)
    opens = start(launcher=launcher)
    began = time.monotonic()
    waits = start("--timeout", "2s", revision="none", launcher=launcher)
    ended = start("--timeout", "60s", revision="none", launcher=launcher)
    assert opens.end() == 0
    assert opens.message.startswith("opened: ")
    assert waits.end(10) == 124
    assert time.monotonic() - began < 5  # with the time to start
    ended.signal(signal.SIGTERM)
    assert ended.end(1) == 143


# -- the termination log ------------------------------------------------------------------------------------------


def termination_log(kind, folder):
    """Return the path of a termination log of this kind, and the launcher that makes it so."""
    path = folder / "termination-log"
    if kind == "missing":
        return Path("/dev/termination-log"), ()
    if kind in ("in no folder", "below a file"):
        (folder / "file").touch()
        return folder / ("none" if kind == "in no folder" else "file") / "log", ()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe without a reader":
        os.mkfifo(path)
    elif kind == "read-only":
        path.touch()
        mounts = f"mount --bind {path} {path} && mount -o remount,bind,ro {path}"
        return path, ("unshare", "--mount", "/bin/sh", "-c", f'{mounts} && exec "$@"', "sh")
    elif kind == "disk full":
        mounts = f"mount -t tmpfs -o size=4k none {folder} && touch {path} && head -c 9999 /dev/zero > {folder}/fill"
        return path, ("unshare", "--mount", "/bin/sh", "-c", f'{mounts}; exec "$@"', "sh")
    return path, ()


@pytest.mark.parametrize(
    "kind",
    ["missing", "in no folder", "below a file", "folder", "pipe without a reader", "read-only", "disk full"],
)
def test_termination_log(start, tmp_path, kind):
    """A termination log that cannot be written is none of the gate's faults, and is never made."""
    path, launcher = termination_log(kind, tmp_path)
    there = path.exists()
    gate = start(launcher=launcher, environment={"GATEKEEPER_TERMINATION_LOG": str(path)})
    assert gate.end() == 0
    assert "opened: " in gate.log
    assert path.exists() == there
    gate = start(
        "--timeout", "1s", revision="none", launcher=launcher, environment={"GATEKEEPER_TERMINATION_LOG": str(path)}
    )
    assert gate.end() == 124


# -- limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("megabytes", [64])
def test_memory_limit(start, megabytes):
    """In 64 MiB, page cache and all, a gate opens, and waits."""
    with limited("memory", megabytes << 20) as limit:
        waits = start("--timeout", "3s", revision="none", launcher=limit.launcher)
        assert waits.end() == 124
        assert start(launcher=limit.launcher).end() == 0


@pytest.fixture(scope="module", autouse=True)
def starved(server):
    """A gate with a hundredth of a processor, which takes its time while other tests run, and when it was started."""
    environment = {"DATABASE_URL": server.url("postgres", "app")}
    with limited("cpu", 1000) as limit:
        began = time.monotonic()
        gate = GateProcess(*TABLE, HEAD, environment=environment, secrets=[PASSWORD], launcher=limit.launcher)
        with gate:
            yield gate, began


def test_cpu_limit(starved):
    """With 10m of CPU a gate opens, late: its time begins when it has started."""
    gate, began = starved
    assert gate.end(120) == 0
    assert gate.ended_at - began > 5
    assert gate.message.startswith("opened: ")


def test_no_more_threads(start):
    """Where the container may have no thread more, the gate says so and waits, until it may."""
    with limited("pids", 1) as limit:
        brief = start("--timeout", "2s", launcher=limit.launcher)
        assert brief.end() == 124
        assert "no thread can be started; the container's limit of processes" in brief.message
        assert "Traceback" not in brief.log
        patient = start("--timeout", "60s", launcher=limit.launcher)
        patient.until("no thread can be started")
        limit.set(20)
        assert patient.end() == 0


def test_no_thread_to_watch_the_time(start):
    """A look that could not be cut off is not made."""
    with limited("pids", 2) as limit:
        gate = start("--timeout", "2s", launcher=limit.launcher)
        assert gate.end() == 124
        assert "no thread can be started" in gate.message


# -- files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def volume(tmp_path):
    (tmp_path / "volume").mkdir()
    with hanging(tmp_path / "volume") as place:
        yield place


@pytest.mark.parametrize("option", ["--database-file", "--password-file", "--revision-file", "--kubeconfig"])
def test_signal_while_a_volume_hangs(start, volume, option):
    """A volume that hangs holds back no signal."""
    gate = start(option, str(volume / "file"), "--job", "migrate", what=(*TABLE, "none"))
    until(lambda: answers_signals(gate))
    assert_interrupted(gate, signal.SIGTERM)


def test_deadline_while_a_volume_hangs(start, volume):
    """Nor does it hold back the deadline; a look's time is the least that the files are given."""
    what = ("schema", "--tool", "alembic", "--migrations", str(volume))
    gate = start("--timeout", "2s", what=what)
    assert gate.end(20) == 124, gate.log
    assert "still reading the files that the gate is given" in gate.message


@pytest.mark.parametrize("option", ["--database-file", "--password-file", "--revision-file", "--kubeconfig"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_plain_file(start, tmp_path, option, kind):
    """A pipe or a device in place of a file is misconfigured at once."""
    os.mkfifo(tmp_path / "pipe")
    path = str(tmp_path / "pipe") if kind == "pipe" else "/dev/zero"
    gate = start(option, path, "--job", "migrate")
    assert gate.end(20) == 2, gate.log
    assert f"{option}: {path} cannot be read (it is no plain file)" in gate.message


def test_service_file_is_a_pipe(start, tmp_path):
    """Libpq would read its service file without an end, and with the whole interpreter."""
    os.mkfifo(tmp_path / "pipe")
    gate = start(environment={"DATABASE_URL": "service=shop", "PGSERVICEFILE": str(tmp_path / "pipe")})
    assert gate.end(20) == 2, gate.log
    assert "cannot be read (it is no plain file)" in gate.message


@pytest.mark.parametrize("line", ["b: &b {<<: [*a, *a, *a, *a, *a, *a, *a]}", "b: &b [*a, *a, *a, *a, *a, *a, *a]"])
def test_aliases_in_kubeconfig(start, tmp_path, line):
    """A kubeconfig that is billions of values is misconfigured at once."""
    names = "abcdefghij"
    lines = [line.translate(str.maketrans("ab", one + other)) for one, other in pairwise(names)]
    (tmp_path / "config").write_text("\n".join(["a: &a {x: 1}", *lines]))
    gate = start("--kubeconfig", str(tmp_path / "config"), "--job", "migrate")
    assert gate.end(20) == 2, gate.log
    assert "its aliases make more than 1000000 values of it" in gate.message


# -- users and locales --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False], ids=["root", "unknown"])
@pytest.mark.parametrize("home", [{}, {"HOME": "/nonexistent"}, {"HOME": ""}], ids=["no HOME", "missing", "empty"])
def test_user(start, tmp_path, known, home):
    """Without a home, and as a user whom no file knows, a gate opens."""
    (tmp_path / "none").touch()
    launcher = () if known else (*replacing({"/etc/passwd": tmp_path / "none"}), *NOBODY_KNOWN)
    gate = start(launcher=launcher, environment=home)
    assert gate.end() == 0, gate.log


def test_unknown_user_and_no_role(start, server, tmp_path):
    """Where neither the URL nor the system names a user, the gate says so."""
    (tmp_path / "none").touch()
    launcher = (*replacing({"/etc/passwd": tmp_path / "none"}), *NOBODY_KNOWN)
    password = secrets.token_hex(8)
    url = f"postgresql://{server.host}:{server.port}/postgres?password={password}"
    gate = start("--timeout", "1s", launcher=launcher, environment={"DATABASE_URL": url}, planted=password)
    assert gate.end() == 2
    assert f"local user with ID {UID} does not exist" in gate.log


@pytest.mark.parametrize(
    "locale",
    [
        {},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": "xx_XX"},
        {"LC_ALL": "C.UTF-8"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=str,
)
def test_locale(start, locale):
    """Whatever the locale, text is UTF-8 from the arguments to the log."""
    gate = start("--log-format", "json", environment=locale)
    assert gate.end() == 0
    assert HEAD in json.loads(gate.log.splitlines()[-1])["reason"]
    assert HEAD in gate.message


# -- secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("cli.main", "main"),
        ("cli.checks", "databases"),
        ("histories.postgres", "make_conninfo"),
        ("histories.postgres", "_translate"),
        ("histories.look", "judge_history"),
    ],
)
def test_bug_gives_no_secret_away(start, module, function):
    """A bug, wherever it is, ends with its traceback, and without what the program was given."""
    code = WITH_BUG.format(module=module, function=function)
    refusing = f"postgresql://app:{quote(PASSWORD, '')}@127.0.0.1:{free_port()}/postgres"
    environment = {"DATABASE_URL": refusing} if function == "_translate" else {}
    gate = start("--timeout", "5s", launcher=(sys.executable, "-c", code), environment=environment)
    assert gate.end() == 1
    assert "RuntimeError: boom" in gate.log
    assert "bug in gatekeeper: RuntimeError; the log has its traceback" in gate.message


@pytest.mark.parametrize("variable", ["DATABASE_URL", "GATEKEEPER_PASSWORD", "GATEKEEPER_USER"])
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_other_encoding(start, kind, variable):
    """What is not UTF-8 in the environment is misconfigured, and nothing of it is told."""
    planted = secrets.token_hex(8)
    environment = {"DATABASE_URL": f"{kind}://app@127.0.0.1:9/shop", variable: f"{planted}\udcf6"}
    if variable == "DATABASE_URL":
        environment = {variable: f"{kind}://app:{planted}\udcf6@127.0.0.1:9/shop"}
    gate = start("--timeout", "5s", environment=environment, planted=planted)
    assert gate.end() == 2
    assert gate.message.startswith("misconfigured: the database")
    assert "is not UTF-8 text" in gate.message


def test_argv_is_public(start):
    """A URL with a password is refused as an argument: whoever may see processes can read it there."""
    gate = start("--database", f"postgresql://app:{secrets.token_hex(8)}@db/shop")
    assert gate.end() == 2
    assert "a password in argv is public" in gate.message
