"""The `gatekeeper` program, also as `python -m gatekeeper`."""

import gc
import sys

from gatekeeper.gate.exits import edge, leave


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    # Nothing of a start is garbage, and to look for some again and again is a tenth of a gate's CPU.
    gc.set_threshold(50_000)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as for one that was closed; typeshed knows no more of it than that it is text
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    with edge():
        from gatekeeper.cli.main import main as run  # noqa: PLC0415 - only once signals and faults are answered

        leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
