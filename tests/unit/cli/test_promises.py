"""What manifests, alerts and scripts depend on is what it was: `docs/promises.md` says what that is.

A change that is meant is written into promises.txt and the CHANGELOG. `test_promises` prints what to write.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from gatekeeper.cli.main import program
from gatekeeper.gate.exits import BUG, ENDINGS, MISUSE
from gatekeeper.gate.report import Line, as_json
from gatekeeper.manifests.findings import RULES

SNAPSHOT = Path(__file__).with_name("promises.txt")


def promises() -> Iterator[str]:
    """Yield a line for each thing that does not change."""
    for name, command in program().commands.items():
        yield f"command {name}"
        for option in command.params:
            if option.param_type_name != "option":
                yield f"command {name}: argument {option.name}"
                continue
            flags = " ".join([*option.opts, *option.secondary_opts])
            default = "" if option.default in (None, False) else f" = {option.default}"
            variable = f" or {option.envvar}" if option.envvar else ""
            yield f"command {name}: {flags}{default}{variable}"
    for code, word in (*ENDINGS.values(), (MISUSE, "misconfigured"), (BUG, "bug in gatekeeper")):
        yield f"exit code {code}: {word}"
    for key in json.loads(as_json(Line("waiting", "why"))):
        yield f"log key {key}"
    for rule in RULES.values():
        yield f"finding {rule.id} {rule.slug}"


def test_promises():
    """Nothing is gone, and nothing is new without having been promised."""
    assert "".join(f"{line}\n" for line in sorted(promises())) == SNAPSHOT.read_text()
