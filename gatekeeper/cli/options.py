"""The options that several commands have, with their variables, and an example of each command."""

from typing import Annotated

import typer
from typer.models import OptionInfo

from gatekeeper.gate import settings

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


HELP = ("-h", "--help")
URL_EXAMPLE = "postgresql://app@db.shop.svc:5432/app"


def option(name: str, help_text: str, *, short: str = "", metavar: str = "TEXT") -> OptionInfo:
    """Return an option; its environment variable is GATEKEEPER_ and its name."""
    flags = [f"--{name}", *([short] if short else [])]
    made: OptionInfo = typer.Option(*flags, envvar=settings.variable(name), metavar=metavar, help=help_text)
    return made


Names = list[str] | None
Text = str | None

Timeout = Annotated[
    str,
    option("timeout", "Time for the whole gate: 90s, 10m, 1h30m; 0 looks once, -1s never ends.", metavar="DURATION"),
]
OnFailure = Annotated[
    str,
    option(
        "on-failure", "A migration that failed: leave with exit code 3, or hold until repaired.", metavar="exit|wait"
    ),
]
LogFormat = Annotated[str, option("log-format", "Form of the log on stderr.", metavar="text|json")]
ToolName = Annotated[
    Text,
    option(
        "tool",
        "The migration tool, as `gatekeeper tools` lists it, if --migrations does not tell; or table, or query.",
        metavar="NAME",
    ),
]
TerminationLog = Annotated[
    str, option("termination-log", "The container's terminationMessagePath, for the last line.", metavar="PATH")
]
Namespace = Annotated[Text, option("namespace", "Namespace of the Jobs; the pod's own if not given.", short="-n")]
Require = Annotated[
    Names,
    option("require", "Label or annotation that the Job of this release carries. Repeatable.", metavar="KEY=VALUE"),
]
Kubeconfig = Annotated[
    Text,
    option("kubeconfig", "Ask the cluster of this file, not the pod's own; for people at a desk.", metavar="PATH"),
]
Context = Annotated[Text, option("context", "Context of the kubeconfig.")]
