"""Options -> checks: what is to be looked at, and how it is judged. Raises Misconfigured for what cannot be right.

`kube`, `postgres` and `mysql` are imported where they are needed: a schema gate without --job never loads the
Kubernetes client, a Job gate never loads a database driver.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gatekeeper import tools
from gatekeeper.cli.options import EXAMPLES
from gatekeeper.gate import settings
from gatekeeper.gate.clock import Clock
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Check
from gatekeeper.histories.judge import Wanted
from gatekeeper.histories.look import Question
from gatekeeper.histories.urls import is_mysql, key_values, plain
from gatekeeper.jobs.judge import JobCheck, JobPolicy
from gatekeeper.tools.shared.home_grown import HOME_GROWN, home_grown
from gatekeeper.tools.shared.record import CURRENT, PATH, Tool

if TYPE_CHECKING:
    from types import ModuleType

    from gatekeeper.histories.look import Database
    from gatekeeper.jobs.kube import Cluster

PASSWORD = "GATEKEEPER_PASSWORD"  # noqa: S105 - its name, not its value
"""The environment variable of the password; there is no flag, argv is public."""
_OF_PLACE = re.compile("schema|search_?path|table|migration", re.IGNORECASE)
"""Names of URL parameters that may say where a history is."""
_NO_PLACE = ("useInformationSchema", "Load Table Composites")
"""Drivers' own that have such a name and do not."""
_OF_COMMANDS = ("head", "heads", "base", "latest", "newest", "current", "+1", "HEAD")
"""What people write for whatever is newest."""
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
"""Of libpq's variables, those that name a database."""


def labels(names: Sequence[str], selector: str | None) -> str:
    """Return the selector, nothing where Jobs are named. Raises Misconfigured unless one of both is given."""
    if bool(names) == bool(selector):
        raise Misconfigured(f"give names of Jobs, or --selector, one of both; write for example {EXAMPLES['job']}")
    return settings.selector(selector) if selector else ""


class Jobs(NamedTuple):
    """The Job of a name, or the Jobs that a selector matches."""

    name: str = ""
    labels: str = ""


def job_checks(
    jobs: Sequence[Jobs],
    namespace: str | None,
    policy: JobPolicy,
    cluster: "Cluster",
    clock: Clock,
    *,
    messenger: bool = False,
) -> list[Check]:
    """Return a check of each Job, or of the Jobs that a selector matches."""
    from gatekeeper.jobs.kube import JobReader  # noqa: PLC0415 - only where Jobs are asked for

    place = namespace or cluster.namespace
    if place:
        settings.namespace("--namespace", place)
    prefix = f"{place}/" if place else ""
    return [
        JobCheck(
            f"Job {prefix}{each.name}" if each.name else f"Jobs {prefix}{each.labels}",
            JobReader(cluster, place, clock, name=each.name, labels=each.labels),
            policy,
            clock.now,
            messenger=messenger,
        )
        for each in jobs
    ]


def cluster(kubeconfig: str | None, context: str | None) -> "Cluster":
    """Return the cluster of a kubeconfig, else the pod's own."""
    from gatekeeper.jobs import kube  # noqa: PLC0415 - only where Jobs are asked for

    return kube.from_kubeconfig(kubeconfig, context) if kubeconfig or context else kube.in_cluster()


class Source(NamedTuple):
    """A database, and what its URL says beside how to connect to it."""

    database: "Database"
    left: Mapping[str, str]


def databases(
    tool: Tool,
    urls: Sequence[str],
    files: Sequence[str],
    user: str | None,
    password_file: str | None,
    *,
    in_argv: bool,
) -> list[Source]:
    """Return each database. What files hold is read anew for each look, as the kubelet renews them."""
    if not in_argv and len(urls) > 1 and any(re.match(r"\w+=", url) and not key_values(url) for url in urls):
        raise Misconfigured(
            "GATEKEEPER_DATABASE holds URLs between spaces, and no connection string that has spaces of its own; "
            "put that into DATABASE_URL, or write for example GATEKEEPER_DATABASE=postgresql://app@db.shop.svc/app"
        )
    sources = [*((url, None) for url in urls), *((None, file) for file in files)]
    if not sources and os.environ.get("DATABASE_URL"):
        sources = [(os.environ["DATABASE_URL"], None)]
    elif not sources and any(os.environ.get(variable) for variable in LIBPQ):
        sources = [(None, None)]
    elif not sources and os.environ.get("MYSQL_HOST"):
        from gatekeeper.histories import mysql_url  # noqa: PLC0415 - only where it is asked for

        sources = [(mysql_url.url_of_variables(os.environ), None)]
    if not sources:
        raise Misconfigured(
            "no database is given; set DATABASE_URL from a Secret, or PGHOST or MYSQL_HOST and what belongs to it, "
            "or write --database-file PATH"
        )
    return [_database(tool, url, file, user, password_file, in_argv=in_argv) for url, file in sources]


def _database(
    tool: Tool, url: str | None, file: str | None, user: str | None, password_file: str | None, *, in_argv: bool
) -> Source:
    def read() -> str | None:
        return settings.file_text("--database-file", file) if file else url and settings.utf8("the database URL", url)

    def parameters() -> dict[str, str]:
        password = os.environ.get(PASSWORD, "").rstrip("\r\n")  # as of a file: a Secret that `echo` made
        if password_file:
            password = settings.file_text("--password-file", password_file)
        parts = ("user", user), ("password", password)
        given = {key: settings.utf8(f"the database's {key}", value) for key, value in parts if value}
        written = read()
        left = edge.left_over(written)
        for name in tool.search_path:
            if name in left:
                given |= edge.search_path(left[name], is_name=tool.quotes_search_path)
        from_url: dict[str, str] = edge.connection_parameters(written)
        return from_url | given

    at_first = read()
    kind, edge, database = _edge(at_first)
    if tool.is_postgres_only and kind == "mysql":
        raise Misconfigured(
            f"--tool {tool.name}: it migrates PostgreSQL alone, and the database URL is MySQL's; correct one of both, "
            "write for example postgresql://app@db.shop.svc/app"
        )
    if in_argv and url:
        judge_url(url)
    return Source(database(parameters), edge.left_over(at_first))


def located(question: Question, left: Mapping[str, str], *, table: str | None) -> Question:
    """Return the question, of the place that a database's URL names for the tool; `table` is the user's, who knows.

    Raises Misconfigured for a parameter that seems to name a place, and that this tool's URLs do not have: whoever
    wrote it meant a history that is not the one here.
    """
    tool = question.tool
    try:
        place = tool.place(left)
    except ValueError as fault:
        raise Misconfigured(f"the database URL's {fault}") from fault
    if question.schema in (None, PATH, CURRENT):
        _judge_place(question, left)
    if not place.locks:
        tool = replace(tool, lock_is_sure=False)
    if place.lock_table and tool.lock_table:
        tool = replace(tool, lock_table=replace(tool.lock_table, name=place.lock_table))
    if table:
        return replace(question, tool=tool)
    schema = question.schema if place.schema is None else place.schema
    return replace(question, tool=tool, table=place.table or question.table, schema=schema)


def _judge_place(question: Question, left: Mapping[str, str]) -> None:
    known = {*question.tool.search_path, *question.tool.parameters}
    others = [name for name in left if name not in known and plain(name) not in map(plain, _NO_PLACE)]
    if strange := next(filter(_OF_PLACE.search, others), ""):
        by = "--query" if question.query else f"--table, for example --table app.{question.table}"
        raise Misconfigured(
            f"the database URL's parameter {strange} is none that {question.tool.name} reads; leave it out, and write "
            f"schema and table of the history by {by}"
        )
    if unclear := next((name for name in left if name in known and "+" in left[name]), ""):
        raise Misconfigured(
            f"the database URL's parameter {unclear} has a +, which is a space to some drivers and none to others; "
            "write for example search_path=app,%20public"
        )


def judge_url(url: str) -> None:
    """Raise Misconfigured for a URL that cannot be in argv."""
    _, edge, _ = _edge(url)
    if {"password", "sslpassword"} & set(edge.connection_parameters(url)):
        raise Misconfigured(
            "--database: a password in argv is public; put the URL into DATABASE_URL, or write for example "
            "--database postgresql://app@db.shop.svc/app --password-file /etc/db/password"
        )


def _edge(url: str | None) -> tuple[str, "ModuleType", Callable[[Callable[[], dict[str, str]]], "Database"]]:
    """Return the kind of this URL's database, the module that reads it, and the database's class."""
    if is_mysql(url):
        from gatekeeper.histories import mysql  # noqa: PLC0415 - only where it is asked for

        return "mysql", mysql, mysql.MySQLDatabase
    from gatekeeper.histories import postgres  # noqa: PLC0415 - only where it is asked for

    return "postgresql", postgres, postgres.PostgresDatabase


def tool_of(directory: str | None) -> str:
    """Return the name of the tool whose migrations are in a directory, where that is unmistakable."""
    if not directory:
        raise Misconfigured(
            f"--tool is missing: whose history is read, `gatekeeper tools` lists them; write for example "
            f"{EXAMPLES['schema']}"
        )
    from gatekeeper.histories import directories  # noqa: PLC0415 - only where a directory is given

    return directories.recognise(directory, surely=True).name


def question(
    name: str, table: str | None, column: str | None, query: str | None, *, trusted: bool
) -> tuple[Tool, Question]:
    """Return the tool, and what is to be read of its history."""
    if name not in (*tools.names(), *HOME_GROWN):
        raise Misconfigured(
            f"--tool: {name!r} is not a tool that is known; `gatekeeper tools` lists them, "
            "write for example --tool flyway, or --tool table for a history of your own"
        )
    if (name == "query") != bool(query) or (name == "table") != bool(column) or (name == "table" and not table):
        raise Misconfigured(
            "--column goes with --tool table and --table, --query with --tool query; "
            "write for example --tool table --table app.changes --column name"
        )
    place, own = settings.table_name(table) if table else (None, "")
    record = home_grown(name, own, column or "") if name in HOME_GROWN else tools.named(name)
    if record.unprovable and not trusted:
        raise Misconfigured(f"--tool {name}: {record.unprovable}")
    if trusted and not record.unprovable:
        raise Misconfigured(f"--trust-history: {name}'s history needs none; write for example --tool {name} alone")
    # A bare name is looked for where the tool looks for its own, but not in a schema that only its own name has.
    place = (CURRENT if CURRENT in record.schemas else PATH) if place == "" else place
    return record, Question(record, own or record.table.name, place, query or "")


def wanted(tool: Tool, revisions: Sequence[str], file: str | None, directory: str | None) -> Wanted:
    """Return what must be applied, in the tool's normal form."""
    lines = settings.file_text("--revision-file", file).splitlines() if file else []
    given = [*revisions, *filter(None, map(str.strip, lines))]
    for text in revisions:
        settings.refuse_unexpanded("--revision", text, tool.example)
    if not given and not directory:
        where = "" if not tool.directory else f", or --migrations DIR, in which there is {tool.directory.example}"
        raise Misconfigured(
            f"say what is awaited: write for example --tool {tool.name} --revision {tool.example}{where}"
        )
    if directory:
        from gatekeeper.histories import directories  # noqa: PLC0415 - only where a directory is given

        judge_directory(tool, given)
        return directories.wanted(tool, directory, given)
    for text in given:
        if text in _OF_COMMANDS and tool.name in tools.names():
            raise Misconfigured(
                f"--revision {text}: no history has that word, it is one of tools' commands; write for example "
                f"--revision {tool.example}, or --migrations DIR for all that a directory has"
            )
    try:
        names = tuple(dict.fromkeys(map(tool.revision, given)))
    except ValueError as fault:
        shown = ", ".join(given)
        raise Misconfigured(
            f"--revision {shown}: with {tool.name} {fault}; write for example {tool.example}"
        ) from fault
    return Wanted(names, caution=next(filter(None, map(tool.caution, names)), "") if tool.caution else "")


def judge_directory(tool: Tool, revisions: Sequence[str]) -> None:
    """Raise Misconfigured where no directory tells what is wanted."""
    if tool.name not in tools.names() or (revisions and not tool.heads):
        raise Misconfigured(
            "--migrations goes with a migration tool, and beside --revision with alembic alone; "
            f"write for example --tool {tool.name if tool.directory else 'flyway'} --migrations db/migrations"
        )


def if_ahead(tool: Tool, wanted: Wanted, given: str | None) -> str:
    """Return what follows when the database is past what is wanted."""
    graph = wanted.known is not None
    if given is None:
        return "wait" if graph else "open"
    if tool.order is None and not graph:
        also = ", unless --migrations shows it" if tool.heads else ""
        raise Misconfigured(
            f"--if-ahead: {tool.name}'s history shows no order{also}, so leave it out; "
            "write for example --tool flyway --revision 1.2 --if-ahead wait"
        )
    return settings.choice("--if-ahead", given, ("open", "wait", "refuse"))


def on_failure(given: str) -> str:
    """Return what follows when a migration has failed."""
    return settings.choice("--on-failure", given, ("exit", "wait"))
