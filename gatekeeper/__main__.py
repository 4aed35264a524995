"""The `gatekeeper` program, also as `python -m gatekeeper`."""

import gc
import sys

from gatekeeper.gate.exits import edge, leave


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    # Nothing of a start is garbage, and to look for some again and again is a tenth of a gate's CPU.
    gc.set_threshold(50_000)
    with edge():
        from gatekeeper.cli.main import main as run  # noqa: PLC0415 - only once signals and faults are answered

        leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
