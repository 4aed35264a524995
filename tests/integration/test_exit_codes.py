"""Every exit code through the real program in schema mode: the code, the word of the last line, and no more."""

import re
import signal
import socket
import sys
from contextlib import closing
from urllib.parse import quote

import psycopg
import pytest

HEAD = "ae1027a6acf2"
SCHEMA = ("schema", "--tool", "alembic", "--revision", HEAD)
PLANTED = "postgresql://app:planted@name.invalid/app"
ONCE = ("--timeout", "0")
ALEMBIC_VERSION = "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)"
AT_HEAD = f"{ALEMBIC_VERSION}; INSERT INTO alembic_version VALUES ('{HEAD}')"
WITHOUT_STDERR = ("/bin/sh", "-c", '"$@" 2>&-', "sh")
WITH_BUG = """
import sys
import gatekeeper.__main__, gatekeeper.cli.main

def main(argv):
    raise RuntimeError("boom")

gatekeeper.cli.main.main = main
gatekeeper.__main__.main()
"""


@pytest.fixture
def start(gate, postgres, database):
    """Start the gate on the test's database, unless the environment names another."""

    def start(*args, secrets=(), launcher=(), **environment):
        passwords = (postgres.password, quote(postgres.password, ""), *secrets)
        return gate(*args, environment={"DATABASE_URL": database, **environment}, secrets=passwords, launcher=launcher)

    return start


@pytest.fixture
def silent():
    """Return a listener that never answers who connects."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(10)
        yield listener


def url_of(listener):
    host, port = listener.getsockname()
    return f"postgresql://app:planted@{host}:{port}/app"


def assert_ended(gate, code, word, *, seconds=20):
    """Assert the code, and that the word begins the log's last line and the termination message."""
    assert gate.end(seconds) == code, gate.log
    last = gate.log.splitlines()[-1]
    assert re.sub(r"^\S+Z ", "", last).startswith(f"{word}: ")
    assert gate.message.startswith(f"{word}: ")
    assert gate.message.strip() in last
    assert "\n" not in gate.message.strip()
    assert ("Traceback" in gate.log) == (code == 1)


@pytest.mark.parametrize(
    ("setup", "environment", "code", "word"),
    [
        (AT_HEAD, {}, 0, "opened"),
        ("CREATE TABLE alembic_version (version text)", {}, 3, "refused"),
        (AT_HEAD, {"GATEKEEPER_PASSWORD": "planted"}, 4, "denied"),
        (AT_HEAD, {"GATEKEEPER_USER": "nobody-known"}, 4, "denied"),
        (ALEMBIC_VERSION, {}, 124, "timed out"),
        (AT_HEAD, {"DATABASE_URL": PLANTED}, 124, "timed out"),
        (AT_HEAD, {"GATEKEEPER_TABLE": "one.two.three"}, 2, "misconfigured"),
    ],
)
def test_ends(start, database, setup, environment, code, word):
    """What one look proves, or does not, is the code and the word of the end."""
    with psycopg.connect(database, autocommit=True) as server:
        server.execute(setup)
    assert_ended(start(*SCHEMA, *ONCE, secrets=["planted"], **environment), code, word)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:xq/zz@db/app",
        "postgresql://app:xq@zz@db/app",
        "postgresql://app:xq%zz@db/app",
        "postgresql://app:12/zz@db/app",
        "postgresql://app:12/zz?a=b@db/app",
        "jdbc:postgresql://app:xq/zz@db/app",
        "://app:zz@db/app",
        "app:zz@db/app",
        "host=db user=app password=xq zz",
    ],
)
def test_url_that_cannot_be_parsed(gate, tmp_path, url):
    """A database URL that cannot be parsed is misconfigured, and nothing of it is said."""
    (tmp_path / "url").write_text(url)
    for given in ({"DATABASE_URL": url}, {"GATEKEEPER_DATABASE_FILE": str(tmp_path / "url")}):
        assert_ended(gate(*SCHEMA, *ONCE, environment=given, secrets=["xq", "zz", url]), 2, "misconfigured")


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": f"{PLANTED}?sslmode=no"},
        {"DATABASE_URL": f"{PLANTED}?target_session_attrs=master"},
        {"DATABASE_URL": PLANTED, "PGSERVICE": "nowhere"},
        {"PGHOST": "db", "PGPORT": "tcp://10.0.0.1:5432"},
        {"PGHOST": "$(DB_HOST)", "PGDATABASE": "app"},
        {"DATABASE_URL": "postgresql://$(DB_USER):planted@db/app"},
        {"GATEKEEPER_DATABASE": "host=db dbname=app password=planted"},
        {"GATEKEEPER_DATABASE": "Host=db;Username=app;Password=planted;Search Path=app"},
        {"MYSQL_HOST": "db", "MYSQL_PORT": "tcp://10.0.0.1:3306", "MYSQL_USER": "app", "MYSQL_DATABASE": "app"},
    ],
    ids=str,
)
def test_never(gate, environment):
    """What no driver can ever accept is misconfigured at once, and is not waited for."""
    ended = gate(*SCHEMA, environment=environment, secrets=["planted"])
    assert_ended(ended, 2, "misconfigured")
    assert "for example" in ended.message


@pytest.mark.parametrize("variable", ["PGPASSWORD", "PGUSER", "PGDATABASE", "PGSSLROOTCERT", "PGAPPNAME"])
def test_variable_of_other_bytes(start, database, variable):
    """A variable of libpq's that is no UTF-8 is no bug, and where the URL has that part it does no harm."""
    with psycopg.connect(database, autocommit=True) as server:
        server.execute(AT_HEAD)
    assert_ended(start(*SCHEMA, *ONCE, **{variable: "h\udce4sslich"}), 0, "opened")


@pytest.mark.parametrize("variable", ["PGPASSWORD", "PGUSER", "PGDATABASE"])
def test_wrong_variable_of_other_bytes(start, postgres, variable):
    """Where the URL has not that part, it is as wrong as any other."""
    given = {**postgres.environment("postgres"), variable: "h\udce4sslich", "DATABASE_URL": ""}
    assert_ended(start(*SCHEMA, *ONCE, **given), 4, "denied")


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("shema",),
        ("schema",),
        ("schema", "--tool", "alembic"),
        ("schema", "--tool", "alembik", "--revision", HEAD),
        ("schema", "--tool", "goose", "--revision", "three"),
        (*SCHEMA, "--timeout", "soon"),
        (*SCHEMA, "--revison", HEAD),
        (*SCHEMA, "--if-ahead", "wait"),
        (*SCHEMA, "--password-file", "/nowhere/password"),
        (*SCHEMA, "--log-format", "yaml"),
    ],
    ids=" ".join,
)
def test_misconfigured(gate, args):
    """Wrong arguments end at once with a sentence that says what would be right."""
    ended = gate(*args, environment={"DATABASE_URL": PLANTED}, secrets=["planted", PLANTED])
    assert_ended(ended, 2, "misconfigured")
    assert re.search("write (for example|the path)", ended.message)


def test_bug(gate):
    """A bug ends with its traceback, and is called one."""
    ended = gate(*SCHEMA, launcher=(sys.executable, "-c", WITH_BUG))
    assert_ended(ended, 1, "bug in gatekeeper")
    assert "RuntimeError: boom" in ended.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(start, number):
    """A signal between two looks ends the gate at once, and what it waited for is said."""
    gate = start(*SCHEMA)
    gate.until("nothing is applied yet")
    gate.signal(number)
    assert_ended(gate, 128 + number, "interrupted", seconds=1)
    assert f"{number.name} while waiting for database" in gate.message


def test_signal_during_look(gate, silent):
    """A signal while the database is silent in the middle of a look ends the gate within a second."""
    held = gate(*SCHEMA, environment={"DATABASE_URL": url_of(silent)}, secrets=["planted"])
    with silent.accept()[0]:
        held.signal(signal.SIGTERM)
        assert_ended(held, 143, "interrupted", seconds=1)


def test_deadline_during_look(gate, silent):
    """The deadline is kept within a second though the database is silent."""
    held = gate(*SCHEMA, "--timeout", "3s", environment={"DATABASE_URL": url_of(silent)}, secrets=["planted"])
    assert_ended(held, 124, "timed out")
    assert f"; awaiting {HEAD}" in held.message
    assert 3 <= held.until("timed out: ").at - held.until("holding: ").at < 4


def test_closed_stderr(start, database):
    """A gate whose stderr is closed opens all the same, and leaves its message."""
    with psycopg.connect(database, autocommit=True) as server:
        server.execute(AT_HEAD)
    gate = start(*SCHEMA, *ONCE, launcher=WITHOUT_STDERR)
    assert gate.end() == 0
    assert gate.message.startswith("opened: ")
    assert not gate.log
