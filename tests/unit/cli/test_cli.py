"""The command line, as far as it goes before a gate is held."""

import json
import os
from pathlib import Path

import pytest
import yaml

from gatekeeper import __version__
from gatekeeper.cli import checks
from gatekeeper.cli import main as cli
from gatekeeper.gate.exits import code_of
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Barred, Interrupted, Opened, Refused, TimedOut
from gatekeeper.histories.judge import HistoryPolicy, judge_history, ledger_of
from gatekeeper.manifests.findings import FORMS
from gatekeeper.tools.shared.events import Applied
from gatekeeper.tools.shared.home_grown import HOME_GROWN
from known import TOOLS

ALEMBIC = "schema --tool alembic --revision ae10"
FLYWAY = "schema --tool flyway --revision 1.2"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    """Take away what would be read of the environment."""
    for name in os.environ:
        if name.startswith(("GATEKEEPER_", "PG", "DATABASE_URL", "KUBERNETES_")):
            monkeypatch.delenv(name)


MISUSES = [
    ("no command", "", "a command is missing"),
    ("unknown command", "open", "open"),
    ("unknown option", "job migrate --forever", "--forever"),
    ("option of the other command", "job migrate --tool alembic", "--tool"),
    ("option without a value", "job migrate --timeout", "--timeout"),
    ("job: nothing named", "job", "names of Jobs, or --selector"),
    ("job: names and selector", "job migrate --selector app=web", "names of Jobs, or --selector"),
    ("job: bad name", "job job/migrate", "'job/migrate' is not the name of a Job"),
    ("job: bad requirement", "job migrate --require 7", "--require: '7'"),
    ("job: bad selector", "job -l a/b/c=?", "--selector: 'a/b/c=?'"),
    ("job: bad timeout", "job migrate --timeout soon", "--timeout: 'soon'"),
    ("job: bad policy of absence", "job migrate --if-absent maybe", "--if-absent: 'maybe'"),
    ("job: bad policy of failure", "job migrate --on-failure retry", "--on-failure: 'retry'"),
    ("job: bad format", "job migrate --log-format xml", "--log-format: 'xml'"),
    (
        "schema: no tool",
        "schema --revision 1",
        "--tool is missing: whose history is read, `gatekeeper tools` lists them",
    ),
    ("schema: no tool, no directory", "schema --migrations /no/directory", "/no/directory: cannot be read"),
    ("schema: unknown tool", "schema --tool make --revision 1", "--tool: 'make' is not a tool that is known"),
    ("schema: an argument", f"{ALEMBIC} shop", "shop"),
    (
        "schema: no revision",
        "schema --tool flyway",
        "--tool flyway --revision 1.2, or --migrations DIR, in which there",
    ),
    (
        "schema: no revision, no directory",
        "schema --tool dbup",
        "write for example --tool dbup --revision MyApp.Scripts",
    ),
    ("schema: bad revision", "schema --tool flyway --revision one", "--revision one: with flyway"),
    ("schema: a command's word", "schema --tool alembic --revision head", "or --migrations DIR for all"),
    ("schema: a variable", "schema --tool alembic --revision $(REVISION)", "has no REVISION; write for example"),
    ("schema: a command's word of knex'", "schema --tool knex --revision latest", "--revision latest: no history has"),
    (
        "schema: PostgreSQL's tool on MySQL",
        "schema --tool pgroll --revision 1 --database mysql://app@db/shop",
        "it migrates PostgreSQL alone",
    ),
    ("schema: one bad revision of two", f"{FLYWAY} --revision V1.2.x.sql", "V1.2.x.sql"),
    ("schema: no file of revisions", "schema --tool flyway --revision-file /no/file", "--revision-file: /no/file"),
    ("schema: no database", ALEMBIC, "no database is given"),
    ("schema: no file of a database", f"{ALEMBIC} --database-file /no/file", "--database-file: /no/file"),
    (
        "schema: another database",
        f"{ALEMBIC} --database oracle://db/shop",
        "scheme is neither PostgreSQL's nor MySQL's",
    ),
    ("schema: parts of another name", ALEMBIC, "set DATABASE_URL from a Secret, or PGHOST or MYSQL_HOST"),
    (
        "schema: a key's password in argv",
        f"{ALEMBIC} --database postgresql://db/shop?sslkey=/k&sslpassword=hunter2",
        "a password in argv is public",
    ),
    ("schema: ecto", f"{ALEMBIC} --database ecto://app@db/shop", "does not say which database it is"),
    ("schema: a bad port", f"{ALEMBIC} --database postgresql://db:77777/shop", 'invalid port number: "77777"'),
    ("schema: no user of MySQL's", f"{ALEMBIC} --database mysql://db/shop", "no user is given"),
    ("schema: revision and directory", "schema --tool flyway --revision 1 --migrations /no", "--migrations goes with"),
    ("schema: directory of a table", "schema --tool table --table a --column b --migrations /no", "--migrations goes"),
    ("schema: no directory", "schema --tool flyway --migrations /no/directory", "/no/directory"),
    ("schema: a history that proves nothing", "schema --tool bun --revision 1", "WithMarkAppliedOnSuccess"),
    ("schema: trust for nothing", f"{ALEMBIC} --trust-history", "--trust-history"),
    ("revision: no directory", "revision", "DIR"),
    ("revision: not a directory", "revision /no/directory", "/no/directory"),
    ("revision: unknown tool", "revision /no --tool make", "--tool"),
    ("wait: a pod", "wait --for=condition=ready pod/web", "only a Job can prove a migration"),
    ("wait: no condition", "wait job/migrate", "--for"),
    ("wait: nothing", "wait", "no Job is named"),
    ("wait: a namespace glued to its flag", "wait --for=condition=complete job/a -n=Shop", "'Shop' is not the name"),
    ("wait: no cluster", "wait --for=condition=complete job/a", "no cluster to ask"),
    ("job-wr: nothing", "job-wr", "no Job is named"),
    ("job-wr: no cluster", "job-wr a -n shop", "no cluster to ask"),
    ("job-we", "job-we a", "it counts a failed Job as ready"),
    ("pod", "pod web", "does not tell that a migration succeeded"),
    ("service", "service db", "may have the pods of the last release"),
    ("audit: nothing", "audit", "FILE"),
    ("audit: no file", "audit /no/file", "/no/file"),
    ("audit: unknown form", "audit - --format yaml", "--format"),
    ("audit: unknown rule", "audit - --ignore GK1", "--ignore"),
    ("rbac: no account", "rbac --job db-migrate", "--service-account is missing"),
    ("rbac: the default account", "rbac --job db-migrate --service-account default", "add --allow-default"),
    ("rbac: names and labels", "rbac --job a -l app=web --service-account web", "one of both"),
    ("rbac: a Job by kind", "rbac --job job/a --service-account web", "'job/a' is not the name of a Job"),
    ("tools: unknown form", "tools --format yaml", "--format"),
    ("schema: bad table", f"{ALEMBIC} --table a.b.c", "--table: 'a.b.c'"),
    ("schema: table without a column", "schema --tool table --table changes --revision 1", "--column"),
    ("schema: column without a table", "schema --tool table --column name --revision 1", "--table"),
    ("schema: column of a tool's", f"{ALEMBIC} --column name", "--column goes with --tool table"),
    ("schema: no query", "schema --tool query --revision 1", "--query"),
    ("schema: query of a tool's", f"{ALEMBIC} --query SELECT", "--query with --tool query"),
    ("schema: ahead without an order", f"{ALEMBIC} --if-ahead refuse", "--if-ahead: alembic's history shows no order"),
    ("schema: bad policy of ahead", f"{FLYWAY} --if-ahead maybe", "--if-ahead: 'maybe'"),
    ("schema: bad policy of failure", f"{FLYWAY} --on-failure retry", "--on-failure: 'retry'"),
    ("schema: bad timeout", f"{FLYWAY} --timeout 1d", "--timeout: '1d'"),
    ("schema: bad job", f"{FLYWAY} --database postgres://db --job Migrate", "'Migrate' is not the name of a Job"),
    ("schema: bad requirement", f"{FLYWAY} --database postgres://db --job a --require 7", "--require: '7'"),
]


ASKING = [
    f"{gate} {asking}"
    for gate in (
        "job a",
        "job -n b a",
        ALEMBIC,
        f"{ALEMBIC} --job a",
        "wait --for=condition=complete job/a",
        "job-wr a",
    )
    for asking in ("-h", "--help", "-h db.shop.svc", "--version", "-h=x")
] + ["-h job a", "--help job a", f"--version {ALEMBIC}", "job -h a", "job --help a", "job -h -h"]


@pytest.mark.parametrize("argv", ASKING)
def test_asking_among_arguments(argv, capsys, monkeypatch):
    """What asks for help or the version among a gate's arguments is wrong: exit code 0 would start the app."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db.shop.svc/app")
    with pytest.raises(Misconfigured, match="write for example"):
        cli.main(argv.split())
    assert capsys.readouterr().out == ""


def test_host_is_part_of_the_url():
    """`-h HOST`, as psql and mysql have it, is told where the host belongs."""
    with pytest.raises(Misconfigured, match="-h; the host is part of the database's URL, write for example --database"):
        cli.main([*ALEMBIC.split(), "-h", "db.shop.svc"])


def test_no_completion(monkeypatch, capsys):
    """No variable makes a gate print a script for a shell, and end with 0."""
    monkeypatch.setenv("_GATEKEEPER_COMPLETE", "bash_source")
    with pytest.raises(Misconfigured, match="not a pod"):
        cli.main(["job", "a"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("argv", [["job", "a"], [*ALEMBIC.split(), "--database", "postgresql://app@db/app"]])
@pytest.mark.parametrize("end", [None, 0, True])
def test_only_an_outcome_is_an_end(argv, end, monkeypatch):
    """A gate that ends without an outcome is a bug, and never exit code 0."""
    monkeypatch.setattr("gatekeeper.cli.gates.Hold.__call__", lambda *_: end)
    monkeypatch.setattr("gatekeeper.cli.checks.job_checks", lambda *_, **__: [])
    monkeypatch.setattr("gatekeeper.cli.checks.cluster", lambda *_: None)
    with pytest.raises(KeyError):
        cli.main(argv)


def test_lock_of_a_url():
    """What the URL says of the tool's lock is heeded, whatever --table says of its history."""
    for table in (None, "app.changes"):
        _, question = checks.question("golang-migrate", table, None, None, trusted=False)
        tool = checks.located(question, {"x-lock-table": "mine", "x-lock-strategy": "table"}, table=table).tool
        assert (tool.lock_table.name, tool.lock_is_sure) == ("mine", False)
        tool = checks.located(question, {}, table=table).tool
        assert (tool.lock_table.name, tool.lock_is_sure) == ("schema_lock", True)


@pytest.mark.parametrize(("argv", "words"), [pytest.param(*row, id=name) for name, *row in MISUSES])
def test_misuse(argv, words):
    """Each wrong use is answered by one sentence, which names what is wrong and shows what would be right."""
    with pytest.raises(Misconfigured) as caught:
        cli.main(argv.split())
    message = str(caught.value)
    assert words in message
    assert "write" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hunter2@db/shop",
        "jdbc:postgresql://db/shop?user=app&password=hunter2",
        "host=db password=hunter2",
        "postgresql://app:hunter2@hunter2@db/shop",
        "mysql://app:hunter2@db/shop",
    ],
)
def test_password_in_argv(url):
    """A password in argv, which is public, is refused without being repeated."""
    with pytest.raises(Misconfigured) as caught:
        cli.main([*ALEMBIC.split(), "--database", url])
    assert "hunter2" not in str(caught.value)
    assert "write for example" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GATEKEEPER_TIMEOUT", "soon", "--timeout: 'soon'"),
        ("GATEKEEPER_REQUIRE", "a=1 b", "--require: 'b'"),
        ("GATEKEEPER_REQUIRE", "", "GATEKEEPER_REQUIRE is empty"),
        ("GATEKEEPER_IF_ABSENT", "maybe", "--if-absent: 'maybe'"),
        ("GATEKEEPER_SELECTOR", "app=web", "one of both"),
    ],
)
def test_environment(monkeypatch, variable, value, words):
    """An option's environment variable is read as the option would be."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured) as caught:
        cli.main(["job", "migrate"])
    assert words in str(caught.value)


@pytest.mark.parametrize("argv", ["job migrate", f"{ALEMBIC} --database postgres://db --job migrate"])
def test_namespace_that_is_none(monkeypatch, argv):
    """What is no name of a namespace is wrong in a pod: the API server would take it for another path."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(Misconfigured, match="--namespace: 'shop/jobs' is not the name"):
        cli.main([*argv.split(), "-n", "shop/jobs"])


def test_flag_wins(monkeypatch):
    """A flag outdoes its environment variable."""
    monkeypatch.setenv("GATEKEEPER_TIMEOUT", "soon")
    with pytest.raises(Misconfigured, match="--log-format: 'xml'"):
        cli.main(["job", "migrate", "--timeout", "5m", "--log-format", "xml"])


OPTIONS = [
    pytest.param(option, id=f"{command} {option.opts[0]}")
    for command in ("job", "schema")
    for option in cli.program().commands[command].params
    if option.param_type_name == "option"
]


@pytest.mark.parametrize("option", OPTIONS)
def test_option(option):
    """Every option has the environment variable that its name makes one expect, and a sentence of help."""
    assert option.envvar == "GATEKEEPER_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
    assert option.help.endswith(".")


def test_no_password_option():
    """No option takes a password: argv is public."""
    assert not [option for [option] in (param.values for param in OPTIONS) if "--password" in option.opts]


def test_version(capsys):
    """The version is printed alone."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"gatekeeper {__version__}\n"


@pytest.mark.parametrize("name", ["shop:users", "shop:@v1"])
def test_caution(name):
    """What a row does not tell of a revision is said when the gate opens on it."""
    wanted = checks.wanted(TOOLS["sqitch"], [name], None, None)
    verdict = judge_history(ledger_of([Applied(name)], wanted, HistoryPolicy()), wanted, HistoryPolicy())
    assert verdict.reason == f"has {name} applied" + (
        "; a change that was reworked has that name too, so where shop:users was, name a tag or the change's id"
        if name == "shop:users"
        else ""
    )


def test_revision(capsys, tmp_path):
    """The newest revision of a directory is printed alone, of a tool that is recognised or named."""
    for name in ("20240101000001_product.sql", "20240102000002_price.sql"):
        (tmp_path / name).write_text("-- migrate:up\nSELECT 1;\n-- migrate:down\n")
    for argv in (["revision", str(tmp_path)], ["revision", str(tmp_path), "--tool", "dbmate"]):
        assert cli.main(argv) == 0
        assert capsys.readouterr().out == "20240102000002\n"


def test_tool_of_a_directory(capsys, tmp_path):
    """A gate of a directory needs no --tool where only one tool's migrations look so."""
    (tmp_path / "1_a.sql").write_text("-- migrate:up\nSELECT 1;\n")
    url = ["--database", "postgresql://app@127.0.0.1:1/shop"]
    assert cli.main(["schema", "--migrations", str(tmp_path), *url, "--timeout", "0"]) == 124
    assert f"dbmate every migration in {tmp_path}, up to 1 in" in capsys.readouterr().err


def test_all_revisions(capsys, tmp_path):
    """All revisions of a directory are printed as a file of them is read: one a line, white space within it."""
    for name in ("V1__a.sql", "V2__b.sql", "R__views.sql"):
        (tmp_path / name).write_text("SELECT 1")
    assert cli.main(["revision", str(tmp_path), "--all"]) == 0
    text = capsys.readouterr().out
    assert text == "R__views with checksum 1719613851\n1\n2\n"
    (file := tmp_path / "revisions").write_text(f"\n{text}\r\n")
    assert checks.wanted(TOOLS["flyway"], [], str(file), None).revisions == tuple(text.splitlines())


def test_tools(capsys):
    """The tools are listed for people and for programs."""
    assert cli.main(["tools"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == ["tool", *TOOLS, *HOME_GROWN]
    assert cli.main(["tools", "--format", "json"]) == 0
    assert [tool["tool"] for tool in json.loads(capsys.readouterr().out)] == list(TOOLS)


AUDITS = Path(__file__).parents[1] / "manifests" / "audit"


@pytest.mark.parametrize(("file", "code", "words"), [("right.yaml", 0, "no findings"), ("prefixed.yaml", 3, "GK404")])
def test_audit(capsys, file, code, words):
    """An audit ends with 3 where it found something, in every form."""
    for form in FORMS:
        assert cli.main(["audit", str(AUDITS / file), "--format", form]) == code
        printed = capsys.readouterr().out
        assert words in printed or form != "table"
        assert form == "table" or json.loads(printed)


def test_rbac(capsys):
    """The rights are printed below what they are for; a schema gate's are none."""
    assert (
        cli.main(
            ["rbac", "--job", "a", "--job", "b", "--service-account", "web", "-n", "shop", "--job-namespace", "db"]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert printed.startswith("# All the rights that this needs: gatekeeper job a b -n db\n")
    assert [document["kind"] for document in yaml.safe_load_all(printed)] == ["Role", "RoleBinding"]
    assert cli.main(["rbac"]) == 0
    assert capsys.readouterr().out.startswith("# Nothing is needed")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--help", "Exit codes: 0 opened"),
        ("-h", "Exit codes: 0 opened"),
        ("job --help", "Example: gatekeeper job db-migrate"),
        ("schema -h", "Example: gatekeeper schema --tool"),
        ("wait --help", "Example: gatekeeper wait --for=condition=complete"),
        ("job-wr -h", "Example: gatekeeper job-wr"),
    ],
)
def test_help(capsys, argv, words):
    """Help is printed, with the exit codes or an example."""
    assert cli.main(argv.split()) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Opened(""), 0),
        (Refused(""), 3),
        (Barred(""), 4),
        (TimedOut(""), 124),
        (Interrupted("", 15), 143),
        (Interrupted("", 2), 130),
    ],
)
def test_exit_code(outcome, code):
    """Each outcome has its exit code, and only Opened has 0."""
    assert code_of(outcome) == code
