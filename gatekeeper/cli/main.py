"""The program: the command line as Typer reads it, and its exit code."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from gatekeeper import __version__
from gatekeeper.cli import gates
from gatekeeper.cli.options import EXAMPLES, HELP, URL_EXAMPLE
from gatekeeper.gate import exits
from gatekeeper.gate.output import answer
from gatekeeper.gate.settings import Misconfigured

ALONE = tuple([each] for each in HELP)
"""What a gate takes for a question. Among other arguments, `-h` is what other programs call the host."""


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
        context_settings={"help_option_names": list(HELP), "max_content_width": 120},
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

    What it reads, needs and says is written at https://github.com/gatekeeper/gatekeeper
    """
    if version:
        answer(f"gatekeeper {__version__}\n")
    elif context.invoked_subcommand is None:
        raise Misconfigured(f"a command is missing; write for example {EXAMPLES['job']}")


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code. Raises Misconfigured, in one sentence with an example.

    A gate's exit code is that of its outcome, and no other: what ends a gate without one is a bug.
    """
    command, *rest = argv or [""]
    example = EXAMPLES.get(command, EXAMPLES["job"])
    if rest and command in (*HELP, "--version"):
        raise Misconfigured(f"{command} stands alone; write for example {example}")
    try:
        # Completion for shells ends with 0 whatever follows, and asks for it by a variable; so it has none.
        end = program(command)(list(argv), prog_name="gatekeeper", complete_var="", standalone_mode=False)
    except typer.TyperException as fault:
        raise Misconfigured(_sentence(fault, command, example)) from fault
    if command in gates.COMMANDS and rest not in ALONE:
        return exits.code_of(end)
    return end or 0


def _sentence(fault: typer.TyperException, command: str, example: str) -> str:
    said = fault.format_message().strip().rstrip(".")
    if command == "schema" and getattr(fault, "option_name", "") == "-h":
        return f"{said}; the host is part of the database's URL, write for example --database {URL_EXAMPLE}"
    return f"{said}; write for example {example}"
