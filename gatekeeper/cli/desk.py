"""The desk: `revision`, `tools`, `rbac`, `audit` and `inject`, for people and pipelines. None holds a pod."""

import sys
from collections.abc import Set as AbstractSet
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from gatekeeper import tools as known
from gatekeeper.cli import checks
from gatekeeper.cli.gates import Hold
from gatekeeper.cli.options import EXAMPLES, Names, Text, option
from gatekeeper.gate import exits, settings
from gatekeeper.gate.output import TERMINATION_LOG, answer, one_line, write
from gatekeeper.gate.settings import Misconfigured
from gatekeeper.gate.verdict import Refused
from gatekeeper.manifests import rbac as grants

if TYPE_CHECKING:
    from gatekeeper.manifests.arguments import Arguments

app = typer.Typer()
REFUSED, _ = exits.ENDINGS[Refused]


@app.command(epilog=f"Example: {EXAMPLES['revision']}")
def revision(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The migrations directory.", show_default=False)],
    *,
    tool: Annotated[Text, option("tool", "The migration tool, if DIR could be several tools'.", metavar="NAME")] = None,
    every: Annotated[
        bool, option("all", "Print all that must be applied, for `schema --revision-file`.", metavar="")
    ] = False,
) -> None:
    """Print the newest revision of a migrations directory, as `schema --revision` takes it; several are one a line.

    The newest does not tell that one which was merged late, below it, is applied: that takes --all, or `schema
    --migrations DIR`.
    """
    from gatekeeper.histories import directories  # noqa: PLC0415 - only where a directory is given

    name = settings.choice("--tool", tool, known.names()) if tool else ""
    record = known.named(name) if name else directories.recognise(directory)
    found = directories.wanted(record, directory).revisions if every else directories.newest(record, directory)
    answer("".join(f"{each}\n" for each in found))


JobNamespace = Annotated[
    str, typer.Option("--job-namespace", help="Namespace of the Jobs, if another.", metavar="NAME")
]


@app.command(epilog=f"Example: {EXAMPLES['tools']}")
def tools(
    form: Annotated[str, typer.Option("--format", metavar="text|json|markdown", help="Form of the table.")] = "text",
) -> None:
    """List the migration tools: table, revision, what the history tells, what was run to prove it."""
    from gatekeeper.cli import catalogue  # noqa: PLC0415 - only here

    forms = catalogue.FORMS
    answer(forms[settings.choice("--format", form, tuple(forms))]())


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
    job_namespace: JobNamespace = "",
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
    answer(grants.render(grants.objects(wanted), grants.comment(wanted)))


@app.command(epilog=f"Example: {EXAMPLES['audit']}")
def audit(
    files: Annotated[list[str], typer.Argument(metavar="FILE...|-", help="Rendered manifests; - is standard input.")],
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Of objects that name none, as for kubectl apply.", metavar="NAME")
    ] = "",
    form: Annotated[str, typer.Option("--format", metavar="table|json|sarif", help="Form of the findings.")] = "table",
    image: Annotated[
        Names,
        typer.Option("--image", metavar="NAME", help="An image that is gatekeeper's, as a mirror has it. Repeatable."),
    ] = None,
    ignore: Annotated[
        Names, typer.Option("--ignore", metavar="ID", help="Rule whose findings you accept, as GK202. Repeatable.")
    ] = None,
) -> None:
    """Tell of each gate in rendered manifests what it needs and is granted, and what is wrong, with its cure.

    Exit codes: 0 clean, 3 findings, 2 unreadable.
    """
    from gatekeeper.manifests import findings, objects  # noqa: PLC0415 - only here
    from gatekeeper.manifests.audit import audit as judge  # noqa: PLC0415 - only here

    settings.choice("--format", form, tuple(findings.FORMS))
    ids = tuple(rule.id for rule in findings.RULES.values())
    ignored = [settings.choice("--ignore", each, ids) for each in ignore or ()]
    manifests = [manifest for file in files for manifest in objects.read(file)]
    found = judge(manifests, namespace, image or ()).without(ignored)
    answer(findings.render(found, form))
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
        Names,
        typer.Option(
            "--workload", help="The workload, if there are several. Repeatable.", metavar="KIND/[NAMESPACE/]NAME"
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every workload that has a gate; with --job or --tool, every workload.")
    ] = False,
    replace: Annotated[
        str, typer.Option("--replace", help="Init container that the gate takes the place of.", metavar="CONTAINER")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Of objects that name none, as for kubectl apply.", metavar="NAME")
    ] = "",
    job_namespace: JobNamespace = "",
    image: Annotated[
        str, typer.Option("--image", help="The gate's image, if not the released one.", metavar="NAME")
    ] = "",
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
    limits: Annotated[
        str, typer.Option("--limits", help="The gate's, as cpu=100m,memory=128Mi.", metavar="NAME=QUANTITY,...")
    ] = "",
    requests: Annotated[
        str, typer.Option("--requests", help="The gate's, as cpu=10m,memory=64Mi.", metavar="NAME=QUANTITY,...")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Write also a gate that audit calls an error.")] = False,
) -> None:
    """Add a gate to workloads in rendered manifests, and print all of them, else unchanged.

    With --tool it looks at the database, else it waits for Jobs. Another program's gate is replaced, and waits for the
    same Jobs. What is there and wanted is left as it is.
    """
    from gatekeeper.manifests import inject as injection  # noqa: PLC0415 - only here
    from gatekeeper.manifests import objects, resources  # noqa: PLC0415 - only here

    place = settings.namespace("--job-namespace", job_namespace) if job_namespace else ""
    given = {"job": job, "namespace": [place] if place else None}
    wanted = injection.Wanted(
        {**context.ensure_object(dict), **{name: values for name, values in given.items() if values}},
        workload or (),
        every,
        replace,
        namespace=namespace,
        image=image,
        service_account=service_account,
        secrets=secret or (),
        mounts=mount or (),
        rights=rights,
        force=force,
        limits=resources.given("--limits", limits),
        requests=resources.given("--requests", requests),
    )
    text, encoding = objects.read_text(file, injection.EXAMPLE)
    done = injection.inject(text, wanted, file)
    for gate in done.gates:
        params = context.parent.command.commands[gate.command].params  # type: ignore[union-attr]
        _judge_gate(gate, set(map(_name_of, params)))
    for note in done.notes:
        write(f"note: {one_line(note)}\n", sys.stderr)
    answer(done.text, encoding)


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

    Hold(last("timeout") or settings.TIMEOUT, last("log-format") or "text", TERMINATION_LOG)
    checks.on_failure(last("on-failure") or "exit")
    settings.requirements(known.get("require", ()), {})
    for each in (*gate.words, *known.get("job", ())):
        if "$(" not in each:
            settings.job_name(each)
    if gate.command == "job":
        checks.labels(gate.words, last("selector"))
        settings.choice("--if-absent", last("if-absent") or "wait", settings.IF_ABSENT)
        return
    record, _ = checks.question(
        last("tool") or "", last("table"), last("column"), last("query"), trusted="trust-history" in known
    )
    revisions, directory = known.get("revision", ()), last("migrations")
    if directory:
        checks.judge_directory(record, revisions)
    if revisions or not (directory or last("revision-file") or gate.options.get("revision")):
        checks.if_ahead(record, checks.wanted(record, revisions, None, None), None if directory else last("if-ahead"))
    for url in known.get("database", ()):
        checks.judge_url(url)
