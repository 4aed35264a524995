"""The command line: flags and environment become plain settings, and settings become checks. Only importer of typer.

`kube` and `postgres` are imported by the command that needs them: a schema gate without --job never loads the
Kubernetes client, a Job gate never loads a database driver.
"""

import os
import sys
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from gatekeeper import __version__, exits, peers, settings
from gatekeeper import rbac as grants
from gatekeeper.clock import Clock
from gatekeeper.gate import Gate
from gatekeeper.history import HistoryPolicy, Wanted
from gatekeeper.job import JobCheck, JobPolicy
from gatekeeper.output import TERMINATION_LOG, write
from gatekeeper.report import FORMATS, Report
from gatekeeper.schema import Question, SchemaCheck
from gatekeeper.settings import Misconfigured
from gatekeeper.tools import HOME_GROWN, TOOLS, Tool, home_grown
from gatekeeper.verdict import Check, Refused

if TYPE_CHECKING:
    from types import ModuleType

    from gatekeeper.inject import Arguments
    from gatekeeper.kube import Cluster
    from gatekeeper.schema import Database

app = typer.Typer(
    name="gatekeeper",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
REFUSED, _ = exits.ENDINGS[Refused]
PASSWORD = "GATEKEEPER_PASSWORD"  # noqa: S105 - its name, not its value
"""The environment variable of the password; there is no flag, argv is public."""
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
"""Of libpq's variables, those that name a database."""
EXAMPLES = {
    "job": "gatekeeper job db-migrate --require app.kubernetes.io/version=1.4.0 --timeout 8m",
    "schema": "gatekeeper schema --tool alembic --revision ae1027a6acf2 --timeout 8m",
    "wait": "gatekeeper wait --for=condition=complete --timeout=600s job/db-migrate -n shop",
    "job-wr": "gatekeeper job-wr db-migrate",
    "revision": "gatekeeper revision db/migrations --tool flyway",
    "tools": "gatekeeper tools --format json",
    "audit": "kustomize build . | gatekeeper audit -",
    "inject": "kustomize build . | gatekeeper inject - --job db-migrate | kubectl apply -f -",
    "rbac": "gatekeeper rbac --job db-migrate --service-account web --create-service-account",
}


def _option(name: str, help_text: str, *, short: str = "", metavar: str = "TEXT") -> OptionInfo:
    """Return an option; its environment variable is GATEKEEPER_ and its name."""
    flags = [f"--{name}", *([short] if short else [])]
    option: OptionInfo = typer.Option(*flags, envvar=settings.variable(name), metavar=metavar, help=help_text)
    return option


Names = list[str] | None
Text = str | None

Timeout = Annotated[
    str,
    _option("timeout", "Time for the whole gate: 90s, 10m, 1h30m; 0 looks once, -1s never ends.", metavar="DURATION"),
]
OnFailure = Annotated[
    str,
    _option(
        "on-failure", "A migration that failed: leave with exit code 3, or hold until repaired.", metavar="exit|wait"
    ),
]
LogFormat = Annotated[str, _option("log-format", "Form of the log on stderr.", metavar="text|json")]
ToolName = Annotated[
    str, _option("tool", "The migration tool, as `gatekeeper tools` lists it; or table, or query.", metavar="NAME")
]
TerminationLog = Annotated[
    str, _option("termination-log", "The container's terminationMessagePath, for the last line.", metavar="PATH")
]
Namespace = Annotated[Text, _option("namespace", "Namespace of the Jobs; the pod's own if not given.", short="-n")]
Require = Annotated[
    Names,
    _option("require", "Label or annotation that the Job of this release carries. Repeatable.", metavar="KEY=VALUE"),
]
Kubeconfig = Annotated[
    Text,
    _option("kubeconfig", "Ask the cluster of this file, not the pod's own; for people at a desk.", metavar="PATH"),
]
Context = Annotated[Text, _option("context", "Context of the kubeconfig.")]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Hold a pod until the database migration that its code needs has finished.

    Exit codes: 0 opened, 2 wrong flags or environment, 3 refused, 4 denied, 124 timed out, 143 or 130 by a signal.
    """
    if version:
        sys.stdout.write(f"gatekeeper {__version__}\n")
    elif context.invoked_subcommand is None:
        raise Misconfigured(f"a command is missing; write for example {EXAMPLES['job']}")


@app.command(epilog=f"Example: {EXAMPLES['job']}")
def job(
    names: Annotated[Names, typer.Argument(metavar="NAME...", help="Names of the Jobs.", show_default=False)] = None,
    namespace: Namespace = None,
    require: Require = None,
    selector: Annotated[
        Text,
        _option("selector", "Jobs by label instead of name; needs rights on all Jobs.", short="-l", metavar="LABELS"),
    ] = None,
    if_absent: Annotated[
        str,
        _option(
            "if-absent", "A Job that does not exist: wait for it, open unproven, or fail.", metavar="wait|open|fail"
        ),
    ] = "wait",
    on_failure: OnFailure = "exit",
    timeout: Timeout = settings.TIMEOUT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    log_format: LogFormat = "text",
    termination_log: TerminationLog = TERMINATION_LOG,
) -> int:
    """Hold until every named Job is Complete."""
    labels = _labels(names or (), selector)
    began = datetime.now(UTC)
    policy = JobPolicy(
        require=tuple(map(settings.requirement, require or ())),
        if_absent=settings.choice("--if-absent", if_absent, settings.IF_ABSENT),
        on_failure=_on_failure(on_failure),
        gate_began=began,
    )
    hold = _Hold(timeout, log_format, termination_log)
    jobs = [_Jobs(name=settings.job_name(name)) for name in dict.fromkeys(names or ())]
    jobs += [_Jobs(labels=labels)] if labels else []
    checks = _job_checks(jobs, namespace, policy, _cluster(kubeconfig, context), hold.clock)
    return hold(checks, [f"{check.name} to be Complete" for check in checks])


def _labels(names: Sequence[str], selector: str | None) -> str:
    """Return the selector, nothing where Jobs are named. Raises Misconfigured unless one of both is given."""
    if bool(names) == bool(selector):
        raise Misconfigured(f"give names of Jobs, or --selector, one of both; write for example {EXAMPLES['job']}")
    return settings.selector(selector) if selector else ""


class _OtherArguments(TyperCommand):
    """A command that takes another program's arguments as they stand, unparsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments, unless they ask for help alone."""
        if args in (["-h"], ["--help"]):
            parsed: list[str] = super().parse_args(ctx, args)
            return parsed
        ctx.args = args
        return args


@app.command(
    cls=_OtherArguments,
    options_metavar="--for=condition=complete [--timeout=DURATION] job/NAME... [-n NAMESPACE]",
    epilog=f"Example: {EXAMPLES['wait']}",
)
def wait(context: typer.Context) -> int:
    """Take the arguments of `kubectl wait` for complete Jobs: as `gatekeeper job`, for 30s if no timeout is given."""
    timeout = [] if os.environ.get("GATEKEEPER_TIMEOUT") else ["--timeout", peers.KUBECTL_TIMEOUT]
    return _hold_as_other(peers.kubectl_wait(context.args), timeout)


@app.command("job-wr", cls=_OtherArguments, options_metavar="NAME", epilog=f"Example: {EXAMPLES['job-wr']}")
def job_wr(context: typer.Context) -> int:
    """Take the arguments of k8s-wait-for's job-wr: as `gatekeeper job`."""
    return _hold_as_other(peers.job_wr(context.args), [])


def _refuse(context: typer.Context) -> None:
    """Say why what k8s-wait-for also waits for proves no migration."""
    peers.wait_for([context.info_name or "", *context.args])


for _name in ("job-we", "pod", "pod-we", "pod-wr", "service"):
    app.command(_name, cls=_OtherArguments, hidden=True)(_refuse)


def _hold_as_other(found: peers.JobWait, timeout: list[str]) -> int:
    """Hold for what another program's arguments mean, with all that the environment says of `gatekeeper job`."""
    given = {"--selector": found.labels, "--namespace": found.namespace, "--timeout": found.timeout}
    options = [word for option, value in given.items() if value for word in (option, value)]
    return main(["job", *found.jobs, *options, *(timeout if not found.timeout else [])])


@app.command(epilog=f"Example: {EXAMPLES['schema']}")
def schema(
    invocation: typer.Context,
    tool: ToolName,
    *,
    revision: Annotated[Names, _option("revision", "Revision that must be applied. Repeatable.", metavar="ID")] = None,
    revision_file: Annotated[Text, _option("revision-file", "File with a revision per line.", metavar="PATH")] = None,
    migrations: Annotated[
        Text, _option("migrations", "Directory of which every migration must be applied.", metavar="DIR")
    ] = None,
    database: Annotated[
        Names,
        _option(
            "database",
            "URL without a password; else DATABASE_URL, else libpq's PG* variables. Repeatable: all must be there.",
            metavar="URL",
        ),
    ] = None,
    database_file: Annotated[
        Names, _option("database-file", "File with a database URL, as of a mounted Secret. Repeatable.", metavar="PATH")
    ] = None,
    user: Annotated[Text, _option("user", "Role to connect as, instead of the URL's.")] = None,
    password_file: Annotated[
        Text,
        _option("password-file", "File with the password; else GATEKEEPER_PASSWORD, else the URL's.", metavar="PATH"),
    ] = None,
    table: Annotated[Text, _option("table", "History table, if not the tool's own.", metavar="[SCHEMA.]TABLE")] = None,
    column: Annotated[
        Text, _option("column", "With --tool table: column of applied revisions.", metavar="NAME")
    ] = None,
    query: Annotated[
        Text, _option("query", "With --tool query: returns the applied revisions, one per row.", metavar="SQL")
    ] = None,
    if_ahead: Annotated[
        Text,
        _option(
            "if-ahead",
            "The database is past the revision; open where the order is known, else wait.",
            metavar="open|wait|refuse",
        ),
    ] = None,
    trust_history: Annotated[
        bool, _option("trust-history", "The tool is set up so that a row means done; for bun.", metavar="")
    ] = False,
    on_failure: OnFailure = "exit",
    job: Annotated[
        Names,
        _option(
            "job",
            "Job that migrates: if it fails refuse at once, if it completes look at once. Repeatable.",
            metavar="NAME",
        ),
    ] = None,
    namespace: Namespace = None,
    require: Require = None,
    timeout: Timeout = settings.TIMEOUT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    log_format: LogFormat = "text",
    termination_log: TerminationLog = TERMINATION_LOG,
) -> int:
    """Hold until the migration tool's history table shows every wanted revision, applied and clean."""
    record, question = _question(tool, table, column, query, trusted=trust_history)
    wanted = _wanted(record, revision or (), revision_file, migrations)
    policy = HistoryPolicy(
        record.order,
        heads=record.heads,
        if_ahead=_if_ahead(record, wanted, if_ahead),
        on_failure=_on_failure(on_failure),
        repair=record.repair,
    )
    hold = _Hold(timeout, log_format, termination_log)
    source = invocation.get_parameter_source("database")
    in_argv = source is not None and source.name == "COMMANDLINE"
    databases = _databases(database or (), database_file or (), user, password_file, in_argv=in_argv)
    checks: list[Check] = [SchemaCheck(each, question, wanted, policy, hold.clock.now) for each in databases]
    awaited = [f"{record.name} {wanted} in {check.name}" for check in checks]
    if job:
        news = JobPolicy(tuple(map(settings.requirement, require or ())), on_failure=policy.on_failure)
        jobs = [_Jobs(name=settings.job_name(name)) for name in dict.fromkeys(job)]
        checks += _job_checks(jobs, namespace, news, _cluster(kubeconfig, context), hold.clock, messenger=True)
    return hold(checks, awaited)


@app.command(epilog=f"Example: {EXAMPLES['revision']}")
def revision(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The migrations directory.", show_default=False)],
    tool: Annotated[
        Text, _option("tool", "The migration tool, if DIR could be several tools'.", metavar="NAME")
    ] = None,
) -> None:
    """Print the newest revision of a migrations directory, as `schema --revision` takes it; several are one a line."""
    from gatekeeper import directories  # noqa: PLC0415 - only where a directory is given

    record = TOOLS[settings.choice("--tool", tool, tuple(TOOLS))] if tool else directories.recognise(directory)
    sys.stdout.write("".join(f"{newest}\n" for newest in directories.newest(record, directory)))


@app.command(epilog=f"Example: {EXAMPLES['tools']}")
def tools(
    form: Annotated[str, typer.Option("--format", metavar="text|json|markdown", help="Form of the table.")] = "text",
) -> None:
    """List the migration tools: table, revision, what the history tells, what was run to prove it."""
    from gatekeeper import catalogue  # noqa: PLC0415 - only here

    forms = catalogue.FORMS
    sys.stdout.write(forms[settings.choice("--format", form, tuple(forms))]())


@app.command(epilog=f"Example: {EXAMPLES['rbac']}")
def rbac(
    *,
    jobs: Annotated[Names, typer.Option("--job", help="Name of a Job. Repeatable.", metavar="NAME")] = None,
    selector: Annotated[
        Text, typer.Option("--selector", "-l", help="Jobs by label: rights on all Jobs.", metavar="LABELS")
    ] = None,
    service_account: Annotated[
        str, typer.Option("--service-account", help="ServiceAccount of the pods with the gate.", metavar="NAME")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Its namespace; else `kubectl apply -n` decides.", metavar="NAME")
    ] = "",
    job_namespace: Annotated[
        str, typer.Option("--job-namespace", help="Namespace of the Jobs, if another.", metavar="NAME")
    ] = "",
    create_service_account: Annotated[
        bool, typer.Option("--create-service-account", help="Print the ServiceAccount too.")
    ] = False,
    allow_default: Annotated[
        bool, typer.Option("--allow-default", help="Grant it to the account default, which every other pod has.")
    ] = False,
) -> None:
    """Print the least rights that let a gate read its Jobs, as YAML; without Jobs, that nothing is needed."""
    wanted = grants.grant(
        jobs or (),
        selector=selector,
        service_account=service_account,
        namespace=namespace,
        job_namespace=job_namespace,
        create_service_account=create_service_account,
        allow_default=allow_default,
    )
    sys.stdout.write(grants.render(grants.objects(wanted), grants.comment(wanted)))


@app.command(epilog=f"Example: {EXAMPLES['audit']}")
def audit(
    files: Annotated[list[str], typer.Argument(metavar="FILE...|-", help="Rendered manifests; - is standard input.")],
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Of objects that name none, as for kubectl apply.", metavar="NAME")
    ] = "",
    form: Annotated[str, typer.Option("--format", metavar="table|json|sarif", help="Form of the findings.")] = "table",
    ignore: Annotated[
        Names, typer.Option("--ignore", metavar="ID", help="Rule whose findings you accept, as GK202. Repeatable.")
    ] = None,
) -> None:
    """Tell of each gate in rendered manifests what it needs and is granted, and what is wrong, with its cure.

    Exit codes: 0 clean, 3 findings, 2 unreadable.
    """
    from gatekeeper import findings, manifests  # noqa: PLC0415 - only here
    from gatekeeper.audit import audit as judge  # noqa: PLC0415 - only here

    settings.choice("--format", form, tuple(findings.FORMS))
    ids = tuple(rule.id for rule in findings.RULES.values())
    ignored = [settings.choice("--ignore", each, ids) for each in ignore or ()]
    found = judge([manifest for file in files for manifest in manifests.read(file)], namespace).without(ignored)
    sys.stdout.write(findings.render(found, form))
    if found.findings:
        raise typer.Exit(REFUSED)


_DESK = {"kubeconfig", "context", "termination-log"}
"""Options of the gate that no manifest has any use for."""


class _TakesGate(TyperCommand):
    """A command that takes, beside its own options, those of the gate; what is given of them is its context's `obj`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its own parameters, then the gate's options, which are not read from the environment here."""
        found = {param.opts[0]: param for param in super().get_params(ctx)}
        for command in ("schema", "job"):
            for param in ctx.parent.command.commands[command].params:
                if param.param_type_name == "option" and _name_of(param) not in _DESK:
                    option = copy(param)
                    option.envvar, option.required, option.expose_value, option.callback = None, False, False, _keep
                    found.setdefault(option.opts[0], option)
        return list(found.values())


def _name_of(option: Any) -> str:
    """Return an option's name, as `Arguments` has it."""
    name: str = option.opts[0]
    return name.removeprefix("--")


def _keep(context: typer.Context, option: Any, value: Any) -> None:
    """Keep what is given of a gate's option, as text; a switch has no values."""
    source = context.get_parameter_source(option.name)
    if source is not None and source.name == "COMMANDLINE":
        given = [] if value is True else [value] if isinstance(value, str) else list(value)
        context.ensure_object(dict)[_name_of(option)] = given


@app.command(cls=_TakesGate, epilog=f"Example: {EXAMPLES['inject']}")
def inject(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Rendered manifests; - is standard input.")],
    *,
    workload: Annotated[
        str, typer.Option("--workload", help="The workload, if there are several.", metavar="KIND/NAME")
    ] = "",
    image: Annotated[str, typer.Option("--image", help="The gate's image, if not the released one.")] = "",
    service_account: Annotated[
        str, typer.Option("--service-account", help="What the pod is to run as, if as default now.", metavar="NAME")
    ] = "",
    rights: Annotated[
        bool, typer.Option("--rbac", help="Add what the gate may not do yet: Role, RoleBinding, ServiceAccount.")
    ] = False,
    secret: Annotated[
        Names,
        typer.Option(
            "--secret",
            help="Key of a Secret, as a variable of the gate; DATABASE_URL if none is named. Repeatable.",
            metavar="[VARIABLE=]SECRET/KEY",
        ),
    ] = None,
    mount: Annotated[
        Names,
        typer.Option("--mount", help="Volume of the pod, mounted in the gate. Repeatable.", metavar="VOLUME=PATH"),
    ] = None,
    job: Annotated[
        Names, typer.Option("--job", help="Job to wait for; with --tool, one that tells early.", metavar="NAME")
    ] = None,
) -> None:
    """Add a gate to a workload in rendered manifests, and print all of them, else unchanged.

    With --tool it looks at the database, else it waits for Jobs. Another program's gate is replaced, and waits for the
    same Jobs. What is there and wanted is left as it is.
    """
    from gatekeeper import inject as injection  # noqa: PLC0415 - only here
    from gatekeeper import manifests  # noqa: PLC0415 - only here

    options = {**context.ensure_object(dict), **({"job": job} if job else {})}
    wanted = injection.Wanted(options, workload, image, service_account, secret or (), mount or (), rights)
    done = injection.inject(manifests.read_text(file, injection.EXAMPLE), wanted, file)
    if done.gate:
        params = context.parent.command.commands[done.gate.command].params  # type: ignore[union-attr]
        _judge_gate(done.gate, set(map(_name_of, params)))
    for note in done.notes:
        write(f"note: {note}\n", sys.stderr)
    try:
        sys.stdout.buffer.write(done.text.encode())
        sys.stdout.flush()
    except OSError as fault:
        raise Misconfigured(f"not all could be printed ({fault.strerror}); write to a pipe that is read") from fault


def _judge_gate(gate: "Arguments", options: AbstractSet[str]) -> None:
    """Raise Misconfigured for what the gate itself would refuse; what only its pod has is left to it."""
    known = {name: [value for value in values if "$(" not in value] for name, values in gate.options.items()}
    stray = known.keys() - options
    if stray:
        raise Misconfigured(
            f"--{min(stray)} is no option of gatekeeper {gate.command}; write for example {EXAMPLES[gate.command]}"
        )

    def last(option: str) -> str | None:
        values = known.get(option)
        return values[-1] if values else None

    _Hold(last("timeout") or settings.TIMEOUT, last("log-format") or "text", TERMINATION_LOG)
    _on_failure(last("on-failure") or "exit")
    for each in known.get("require", ()):
        settings.requirement(each)
    for each in (*gate.words, *known.get("job", ())):
        if "$(" not in each:
            settings.job_name(each)
    if gate.command == "job":
        _labels(gate.words, last("selector"))
        settings.choice("--if-absent", last("if-absent") or "wait", settings.IF_ABSENT)
        return
    record, _ = _question(
        last("tool") or "", last("table"), last("column"), last("query"), trusted="trust-history" in known
    )
    revisions, directory = known.get("revision", ()), last("migrations")
    if directory:
        _judge_directory(record, revisions)
    if revisions or not (directory or last("revision-file") or gate.options.get("revision")):
        _if_ahead(record, _wanted(record, revisions, None, None), None if directory else last("if-ahead"))
    for url in known.get("database", ()):
        _judge_url(url)


class _Hold:
    """Holds a gate, with the options that every gate has."""

    def __init__(self, timeout: str, log_format: str, termination_log: str) -> None:
        self.clock = Clock()
        self._timeout = settings.duration(timeout)
        self._log_format = settings.choice("--log-format", log_format, tuple(FORMATS))
        self._termination_log = termination_log

    def __call__(self, checks: Sequence[Check], awaited: Sequence[str]) -> int:
        """Hold, tell, and return the exit code."""
        report = Report(self._log_format, sys.stderr)
        report.begin(__version__, awaited, self._timeout)
        began = self.clock.now()
        outcome = Gate(checks, self._timeout, self.clock, report.tell).hold()
        report.end(outcome, self.clock.now() - began, self._termination_log)
        return exits.code_of(outcome)


class _Jobs(NamedTuple):
    """The Job of a name, or the Jobs that a selector matches."""

    name: str = ""
    labels: str = ""


def _job_checks(
    jobs: Sequence[_Jobs],
    namespace: str | None,
    policy: JobPolicy,
    cluster: "Cluster",
    clock: Clock,
    *,
    messenger: bool = False,
) -> list[Check]:
    from gatekeeper.kube import JobReader  # noqa: PLC0415 - only where Jobs are asked for

    place = namespace or cluster.namespace
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


def _cluster(kubeconfig: str | None, context: str | None) -> "Cluster":
    from gatekeeper import kube  # noqa: PLC0415 - only where Jobs are asked for

    return kube.from_kubeconfig(kubeconfig, context) if kubeconfig or context else kube.in_cluster()


def _databases(
    urls: Sequence[str],
    files: Sequence[str],
    user: str | None,
    password_file: str | None,
    *,
    in_argv: bool,
) -> list["Database"]:
    """Return each database. What files hold is read anew for each look, as the kubelet renews them."""
    sources = [*((url, None) for url in urls), *((None, file) for file in files)]
    if not sources and os.environ.get("DATABASE_URL"):
        sources = [(os.environ["DATABASE_URL"], None)]
    elif not sources and any(os.environ.get(variable) for variable in LIBPQ):
        sources = [(None, None)]
    if not sources:
        raise Misconfigured("no database is given; set DATABASE_URL from a Secret, or write --database-file PATH")
    return [_database(url, file, user, password_file, in_argv=in_argv) for url, file in sources]


def _database(
    url: str | None, file: str | None, user: str | None, password_file: str | None, *, in_argv: bool
) -> "Database":
    def read() -> str | None:
        return settings.file_text("--database-file", file) if file else url and settings.utf8("the database URL", url)

    def parameters() -> dict[str, str]:
        password = os.environ.get(PASSWORD)
        if password_file:
            password = settings.file_text("--password-file", password_file)
        parts = ("user", user), ("password", password)
        given = {key: settings.utf8(f"the database's {key}", value) for key, value in parts if value}
        from_url: dict[str, str] = edge.connection_parameters(read())
        return from_url | given

    edge, kind = _edge(read())
    if in_argv and url:
        _judge_url(url)
    return kind(parameters)


def _judge_url(url: str) -> None:
    """Raise Misconfigured for a URL that cannot be in argv."""
    edge, _ = _edge(url)
    if "password" in edge.connection_parameters(url):
        raise Misconfigured(
            "--database: a password in argv is public; put the URL into DATABASE_URL, or write for example "
            "--database postgresql://app@db.shop.svc/app --password-file /etc/db/password"
        )


def _edge(url: str | None) -> tuple["ModuleType", Callable[[Callable[[], dict[str, str]]], "Database"]]:
    """Return the module that reads this URL's database, and the database's class."""
    if settings.is_mysql(url):
        from gatekeeper import mysql  # noqa: PLC0415 - only where it is asked for

        return mysql, mysql.MySQLDatabase
    from gatekeeper import postgres  # noqa: PLC0415 - only where it is asked for

    return postgres, postgres.PostgresDatabase


def _question(
    name: str, table: str | None, column: str | None, query: str | None, *, trusted: bool
) -> tuple[Tool, Question]:
    if name not in (*TOOLS, *HOME_GROWN):
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
    record = TOOLS.get(name) or home_grown(name, own, column or "")
    if record.unprovable and not trusted:
        raise Misconfigured(f"--tool {name}: {record.unprovable}")
    if trusted and not record.unprovable:
        raise Misconfigured(f"--trust-history: {name}'s history needs none; write for example --tool {name} alone")
    return record, Question(record, own or record.table.name, place, query or "")


def _wanted(tool: Tool, revisions: Sequence[str], file: str | None, directory: str | None) -> Wanted:
    """Return what must be applied, in the tool's normal form."""
    given = [*revisions, *(settings.file_text("--revision-file", file).split() if file else ())]
    if not given and not directory:
        raise Misconfigured(f"say what is awaited: write for example --revision {tool.example}, or --migrations DIR")
    if directory:
        from gatekeeper import directories  # noqa: PLC0415 - only where a directory is given

        _judge_directory(tool, given)
        return directories.wanted(tool, directory, given)
    try:
        return Wanted(tuple(dict.fromkeys(map(tool.revision, given))))
    except ValueError as fault:
        shown = ", ".join(given)
        raise Misconfigured(
            f"--revision {shown}: with {tool.name} {fault}; write for example {tool.example}"
        ) from fault


def _judge_directory(tool: Tool, revisions: Sequence[str]) -> None:
    if tool.name not in TOOLS or (revisions and not tool.heads):
        raise Misconfigured(
            "--migrations goes with a migration tool, and beside --revision with alembic alone; "
            "write for example --tool flyway --migrations db/migrations"
        )


def _if_ahead(tool: Tool, wanted: Wanted, given: str | None) -> str:
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


def _on_failure(given: str) -> str:
    return settings.choice("--on-failure", given, ("exit", "wait"))


_GATES: dict[str, Callable[..., int]] = {"job": job, "schema": schema}


def _program(command: str) -> typer.Typer:
    """Return the program, with nothing but its command for a gate: Typer reads the signatures of all it has."""
    if command not in _GATES:
        return app
    alone = copy(app)
    alone.registered_commands = [each for each in app.registered_commands if each.callback is _GATES[command]]
    return alone


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code. Raises Misconfigured, in one sentence with an example."""
    program = _program(argv[0] if argv else "")
    try:
        return program(list(argv), prog_name="gatekeeper", standalone_mode=False) or 0
    except typer.TyperException as fault:
        example = EXAMPLES.get(argv[0] if argv else "", EXAMPLES["job"])
        raise Misconfigured(f"{fault.format_message().strip().rstrip('.')}; write for example {example}") from fault
