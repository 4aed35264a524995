"""Every fixture, which a real migration tool left, is restored into a real database, and the program judges it."""

import contextlib
import time
from itertools import pairwise, product

import psycopg
import pymysql.constants.CLIENT
import pytest

from gatekeeper.cli.catalogue import records
from gatekeeper.gate.exits import ENDINGS, MISUSE
from gatekeeper.gate.verdict import Open
from gatekeeper.histories import mysql, postgres
from gatekeeper.histories.judge import HistoryPolicy, Wanted
from gatekeeper.histories.look import Question, SchemaCheck
from known import TOOLS
from recorder.fixture import HISTORIES, Fixture, proven, read_all
from servers import warm
from servers.mariadb import MariaDB
from servers.mysql import MySQL

FIXTURES = read_all()


def parameters(fixtures):
    """Parametrise with these fixtures, each on its database; MySQL takes MariaDB's too, if it has none like it."""
    fixtures = list(fixtures)
    own = {(each.tool, each.scenario) for each in fixtures if each.database == "mysql"}
    on = {"postgresql": [None], "mariadb": [MariaDB, MySQL], "mysql": [MySQL]}
    marks = {None: (), MariaDB: pytest.mark.mariadb, MySQL: pytest.mark.mysql}
    return pytest.mark.parametrize(
        ("fixture", "server_class"),
        [
            pytest.param(
                each,
                server,
                marks=marks[server],
                id=f"{each.tool}-{each.scenario}-{each.database}"
                + ("-on-mysql" if (each.database, server) == ("mariadb", MySQL) else ""),
            )
            for each in fixtures
            for server in on[each.database]
            if each.database == "mysql" or server is not MySQL or (each.tool, each.scenario) not in own
        ],
        indirect=["server_class"],
        scope="session",  # else each test would start a server of its own
    )


CODES = {word: code for code, word in ENDINGS.values()} | {"misconfigured": MISUSE}


def restore(fixture: Fixture, url: str, server) -> None:
    """Run a fixture's SQL in a fresh database."""
    if not fixture.sql:
        return
    if fixture.database == "postgresql":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(fixture.sql)
    else:
        flags = {"client_flag": pymysql.constants.CLIENT.MULTI_STATEMENTS}
        name = url.rpartition("/")[2]
        with contextlib.closing(server.connect(name, **flags)) as connection, connection.cursor() as cursor:
            cursor.execute(fixture.sql)
            while cursor.nextset():
                pass


@pytest.fixture
def restored(request, server_class):
    """Restore a fixture into a fresh database and return the database's URL."""

    def restore_into(fixture: Fixture) -> str:
        is_postgresql = fixture.database == "postgresql"
        url = request.getfixturevalue("database" if is_postgresql else "mariadb_database")
        restore(fixture, url, None if is_postgresql else request.getfixturevalue("mariadb"))
        return url

    return restore_into


@parameters(FIXTURES)
def test_conformance(restored, tmp_path, fixture: Fixture, conformance):
    """The program ends as the fixture says, and says why."""
    url = restored(fixture)
    logs = [tmp_path / str(index) for index in range(len(fixture.gates))]
    running = []
    for log, gate in zip(logs, fixture.gates, strict=True):
        log.touch()
        running.append(warm.start(["schema", "--tool", fixture.tool, *gate.argv(fixture.path.parent)], url, log))
    for process in running:
        process.join(40)
        process.kill()
    wrong = []
    for log, gate, process in zip(logs, fixture.gates, running, strict=True):
        message = log.read_text()
        as_said = message.startswith(f"{gate.outcome}:") and gate.reason in message
        if not as_said or process.exitcode != CODES[gate.outcome]:
            wrong.append(f"{gate.args} => {gate.outcome}: {gate.reason}, but {process.exitcode}: {message}")
    conformance(fixture, ok=not wrong)
    assert wrong == []


@parameters(fixture for fixture in FIXTURES if fixture.scenario == "done")
def test_another_tools_history(restored, fixture: Fixture):
    """No other tool's record takes a tool's history for its own, whichever of its revisions it is asked for."""
    url = restored(fixture)
    if fixture.database == "postgresql":
        database = postgres.PostgresDatabase(lambda: postgres.connection_parameters(url))
    else:
        database = mysql.MySQLDatabase(lambda: mysql.connection_parameters(url))
    owner = TOOLS[fixture.tool]
    place = owner.schemas[0] if fixture.database == "postgresql" else ""
    argv = [arg for gate in fixture.gates for arg in gate.argv(HISTORIES)]
    revisions = {value for option, value in pairwise(argv) if option == "--revision"}
    opened = []
    for tool, revision in product(TOOLS.values(), revisions):
        with contextlib.suppress(ValueError):
            wanted = Wanted((tool.revision(revision),))
            question = Question(tool, owner.table.name, place)
            policy = HistoryPolicy(tool.order, heads=tool.heads)
            check = SchemaCheck(database, question, wanted, policy, time.monotonic)
            if isinstance(check.look(10, fresh=False), Open):
                opened.append(tool.name)
    assert set(opened) == {fixture.tool}


def test_what_is_proven():
    """`gatekeeper tools` tells what was run for the fixtures, and there is a fixture of every tool."""
    listed = {record["tool"]: record["proven by"] for record in records()}
    assert listed == proven(FIXTURES)
