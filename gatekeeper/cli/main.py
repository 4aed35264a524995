"""The program: the command line as Typer reads it, and its exit code."""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from gatekeeper import __version__
from gatekeeper.cli import gates
from gatekeeper.cli.options import EXAMPLES
from gatekeeper.gate.settings import Misconfigured


@cache
def program(command: str = "") -> Any:
    """Return the program; of one that is a gate, nothing but that gate."""
    if command in gates.NAMED:
        commands = gates.alone(command).registered_commands
    else:
        from gatekeeper.cli import desk  # noqa: PLC0415 - no gate loads it

        commands = [*gates.app.registered_commands, *desk.app.registered_commands]
    app = typer.Typer(
        name="gatekeeper",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.callback(invoke_without_command=True)(_root)
    app.registered_commands = commands
    return typer.main.get_command(app)


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


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code. Raises Misconfigured, in one sentence with an example."""
    command = argv[0] if argv else ""
    try:
        return program(command)(list(argv), prog_name="gatekeeper", standalone_mode=False) or 0
    except typer.TyperException as fault:
        example = EXAMPLES.get(command, EXAMPLES["job"])
        raise Misconfigured(f"{fault.format_message().strip().rstrip('.')}; write for example {example}") from fault
