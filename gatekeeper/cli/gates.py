"""The gates: `job`, `schema`, and the commands that take other programs' arguments, `wait` and `job-wr`."""

import os
import sys
from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from gatekeeper import __version__
from gatekeeper.cli import checks
from gatekeeper.cli.options import (
    EXAMPLES,
    HELP,
    Context,
    Kubeconfig,
    LogFormat,
    Names,
    Namespace,
    OnFailure,
    Require,
    TerminationLog,
    Text,
    Timeout,
    ToolName,
    option,
)
from gatekeeper.gate import settings
from gatekeeper.gate.clock import Clock
from gatekeeper.gate.durations import format_duration
from gatekeeper.gate.loop import LOOK_LIMIT, Gate
from gatekeeper.gate.output import TERMINATION_LOG
from gatekeeper.gate.report import FORMATS, Report
from gatekeeper.gate.verdict import Check, Outcome, TimedOut
from gatekeeper.histories.judge import HistoryPolicy
from gatekeeper.histories.look import SchemaCheck
from gatekeeper.jobs.judge import JobPolicy
from gatekeeper.manifests import peers

app = typer.Typer()


Prepared = tuple[Sequence[Check], Sequence[str]]
"""What is looked at, and what is awaited of it, for people."""
_MOUNTED = "mount those of its flags and variables from a volume that answers"


class Hold:
    """Holds a gate, with the options that every gate has."""

    def __init__(self, timeout: str, log_format: str, termination_log: str) -> None:
        self.clock = Clock()
        self._timeout = settings.duration(timeout)
        self._log_format = settings.choice("--log-format", log_format, tuple(FORMATS))
        self._termination_log = termination_log

    def __call__(self, prepare: Callable[[], Prepared]) -> Outcome:
        """Prepare, hold, tell, and return how it ended.

        Files may be of a volume that hangs. They have the time of one look for themselves, and what they take beyond it
        counts as the gate's.
        """
        began = self.clock.now()
        report = Report(self._log_format, sys.stderr)
        try:
            looks, awaited = self.clock.within(max(self._timeout, LOOK_LIMIT), prepare)
        except TimeoutError:
            waited = format_duration(self.clock.now() - began)
            outcome: Outcome = TimedOut(f"after {waited}, still reading the files that the gate is given; {_MOUNTED}")
        else:
            began = min(self.clock.now(), began + LOOK_LIMIT)
            report.begin(__version__, awaited, self._timeout)
            outcome = Gate(looks, self._timeout, self.clock, report.tell).hold(began)
        report.end(outcome, self.clock.now() - began, self._termination_log)
        return outcome


def _asks_for_help(args: list[str]) -> bool:
    return len(args) == 1 and args[0] in HELP


class _Gate(TyperCommand):
    """A command that is asked for help by a sole argument: what prints help among others would let the pod start."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, among which nothing asks for help."""
        if not _asks_for_help(args):
            ctx.help_option_names = []
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


@app.command(cls=_Gate, epilog=f"Example: {EXAMPLES['job']}")
def job(
    names: Annotated[Names, typer.Argument(metavar="NAME...", help="Names of the Jobs.", show_default=False)] = None,
    namespace: Namespace = None,
    require: Require = None,
    selector: Annotated[
        Text,
        option(
            "selector",
            "Jobs by label, where names are generated, as a CronJob's; add --require for the release. "
            "Needs rights on all Jobs.",
            short="-l",
            metavar="LABELS",
        ),
    ] = None,
    if_absent: Annotated[
        str,
        option(
            "if-absent", "A Job that does not exist: wait for it, open unproven, or fail.", metavar="wait|open|fail"
        ),
    ] = "wait",
    on_failure: OnFailure = "exit",
    timeout: Timeout = settings.TIMEOUT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    log_format: LogFormat = "text",
    termination_log: TerminationLog = TERMINATION_LOG,
) -> Outcome:
    """Hold until every named Job is Complete."""
    labels = checks.labels(names or (), selector)
    began = datetime.now(UTC)
    policy = JobPolicy(
        require=settings.requirements(require or (), os.environ),
        if_absent=settings.choice("--if-absent", if_absent, settings.IF_ABSENT),
        on_failure=checks.on_failure(on_failure),
        gate_began=began,
        selector=labels,
    )
    hold = Hold(timeout, log_format, termination_log)
    jobs = [checks.Jobs(name=settings.job_name(name)) for name in dict.fromkeys(names or ())]
    jobs += [checks.Jobs(labels=labels)] if labels else []

    def prepare() -> Prepared:
        looks = checks.job_checks(jobs, namespace, policy, checks.cluster(kubeconfig, context), hold.clock)
        return looks, [f"{check.name} to be Complete" for check in looks]

    return hold(prepare)


class _OtherArguments(_Gate):
    """A command that takes another program's arguments as they stand, unparsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments, unless they ask for help alone."""
        if _asks_for_help(args):
            return super().parse_args(ctx, args)
        ctx.args = args
        return args


@app.command(
    cls=_OtherArguments,
    options_metavar="--for=condition=complete [--timeout=DURATION] job/NAME... [-n NAMESPACE]",
    epilog=f"Example: {EXAMPLES['wait']}",
)
def wait(context: typer.Context) -> Outcome:
    """Take the arguments of `kubectl wait` for complete Jobs: as `gatekeeper job`, for 30s if no timeout is given."""
    timeout = [] if os.environ.get("GATEKEEPER_TIMEOUT") else ["--timeout", peers.KUBECTL_TIMEOUT]
    return _hold_as_other(peers.kubectl_wait(context.args), timeout)


@app.command("job-wr", cls=_OtherArguments, options_metavar="NAME", epilog=f"Example: {EXAMPLES['job-wr']}")
def job_wr(context: typer.Context) -> Outcome:
    """Take the arguments of k8s-wait-for's job-wr: as `gatekeeper job`."""
    return _hold_as_other(peers.job_wr(context.args), [])


def _refuse(context: typer.Context) -> None:
    """Say why what k8s-wait-for also waits for proves no migration."""
    peers.wait_for([context.info_name or "", *context.args])


for _name in ("job-we", "pod", "pod-we", "pod-wr", "service"):
    app.command(_name, cls=_OtherArguments, hidden=True)(_refuse)


def _hold_as_other(found: peers.JobWait, timeout: list[str]) -> Outcome:
    """Hold for what another program's arguments mean, with all that the environment says of `gatekeeper job`."""
    given = {"--selector": found.labels, "--namespace": found.namespace, "--timeout": found.timeout}
    options = [word for option, value in given.items() if value for word in (option, value)]
    argv = [*found.jobs, *options, *(timeout if not found.timeout else [])]
    command = typer.main.get_command(alone("job"))  # of a program with one command, that command
    outcome: Outcome = command(argv, prog_name="gatekeeper job", complete_var="", standalone_mode=False)
    return outcome


@app.command(cls=_Gate, epilog=f"Example: {EXAMPLES['schema']}")
def schema(
    invocation: typer.Context,
    *,
    tool: ToolName = None,
    revision: Annotated[Names, option("revision", "Revision that must be applied. Repeatable.", metavar="ID")] = None,
    revision_file: Annotated[Text, option("revision-file", "File with a revision per line.", metavar="PATH")] = None,
    migrations: Annotated[
        Text, option("migrations", "Directory of which every migration must be applied.", metavar="DIR")
    ] = None,
    database: Annotated[
        Names,
        option(
            "database",
            "URL without a password; else DATABASE_URL, else libpq's PG* variables. Repeatable: all must be there.",
            metavar="URL",
        ),
    ] = None,
    database_file: Annotated[
        Names, option("database-file", "File with a database URL, as of a mounted Secret. Repeatable.", metavar="PATH")
    ] = None,
    user: Annotated[Text, option("user", "Role to connect as, instead of the URL's.")] = None,
    password_file: Annotated[
        Text,
        option("password-file", "File with the password; else GATEKEEPER_PASSWORD, else the URL's.", metavar="PATH"),
    ] = None,
    table: Annotated[Text, option("table", "History table, if not the tool's own.", metavar="[SCHEMA.]TABLE")] = None,
    column: Annotated[Text, option("column", "With --tool table: column of applied revisions.", metavar="NAME")] = None,
    query: Annotated[
        Text, option("query", "With --tool query: returns the applied revisions, one per row.", metavar="SQL")
    ] = None,
    if_ahead: Annotated[
        Text,
        option(
            "if-ahead",
            "The database is past the revision; open where the order is known, else wait.",
            metavar="open|wait|refuse",
        ),
    ] = None,
    trust_history: Annotated[
        bool, option("trust-history", "The tool is set up so that a row means done; for bun.", metavar="")
    ] = False,
    on_failure: OnFailure = "exit",
    job: Annotated[
        Names,
        option(
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
) -> Outcome:
    """Hold until the migration tool's history table shows every wanted revision, applied and clean.

    --migrations, and a file of all revisions, prove that nothing is pending; --revision proves those that it names.
    """
    hold = Hold(timeout, log_format, termination_log)
    source = invocation.get_parameter_source("database")
    in_argv = source is not None and source.name == "COMMANDLINE"

    def prepare() -> Prepared:
        name = tool or checks.tool_of(migrations)
        record, question = checks.question(name, table, column, query, trusted=trust_history)
        wanted = checks.wanted(record, revision or (), revision_file, migrations)
        policy = HistoryPolicy(
            record.order,
            heads=record.heads,
            if_ahead=checks.if_ahead(record, wanted, if_ahead),
            on_failure=checks.on_failure(on_failure),
            repair=record.repair,
        )
        databases = checks.databases(record, database or (), database_file or (), user, password_file, in_argv=in_argv)
        looks: list[Check] = [
            SchemaCheck(each, checks.located(question, left, table=table), wanted, policy, hold.clock.now)
            for each, left in databases
        ]
        awaited = [f"{record.name} {wanted} in {check.name}" for check in looks]
        if job:
            news = JobPolicy(settings.requirements(require or (), os.environ), on_failure=policy.on_failure)
            jobs = [checks.Jobs(name=settings.job_name(name)) for name in dict.fromkeys(job)]
            cluster = checks.cluster(kubeconfig, context)
            looks += checks.job_checks(jobs, namespace, news, cluster, hold.clock, messenger=True)
        return looks, awaited

    return hold(prepare)


def alone(command: str) -> typer.Typer:
    """Return a program with nothing but the gate of this name: Typer reads the signatures of all that it has."""
    program = copy(app)
    program.registered_commands = [each for each in app.registered_commands if each.callback is NAMED[command]]
    return program


NAMED: dict[str, Callable[..., Outcome]] = {"job": job, "schema": schema}
"""The gates whose arguments Typer parses."""
COMMANDS = (*NAMED, "wait", "job-wr")
