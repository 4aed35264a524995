"""The `gatekeeper` program, also as `python -m gatekeeper`."""

import sys

from gatekeeper.exits import edge, leave


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    with edge():
        from gatekeeper.cli import main as run  # noqa: PLC0415 - only once signals and faults are answered

        leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
