"""The README's tables are what the program says of itself."""

from pathlib import Path

import pytest

from gatekeeper.cli.catalogue import FORMS
from gatekeeper.cli.main import program
from gatekeeper.gate.exits import BUG, ENDINGS, MISUSE
from gatekeeper.gate.verdict import Interrupted

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def option_rows(command: str) -> list[str]:
    """Return a row per option: flags, environment variable, default, help."""
    group = program()
    rows = []
    for option in group.commands[command].params:
        if option.param_type_name == "option" and option.envvar:
            flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
            value = str(option.metavar).replace("|", "\\|")
            default = f"`{option.default}`" if option.default else ""
            rows.append(f"| {flags} {value} | `{option.envvar}` | {default} | {option.help} |")
    return rows


@pytest.mark.parametrize("command", ["job", "schema", "revision"])
def test_options(command: str):
    """The README has a row for every option, as the program describes it, in its order."""
    assert "\n".join(option_rows(command)) in README


def test_tools():
    """The README's table of tools is what the program prints."""
    assert f"<!-- tools -->\n{FORMS['markdown']()}<!-- /tools -->" in README


def test_exit_codes():
    """The README has a row for every exit code, with the word that the termination message begins with."""
    codes = {code: word for ending, (code, word) in ENDINGS.items() if ending is not Interrupted}
    codes |= {MISUSE: "misconfigured", BUG: "bug in gatekeeper", 143: "interrupted", 130: "interrupted"}
    for code, word in codes.items():
        assert f"\n| {code} | `{word}:" in README
