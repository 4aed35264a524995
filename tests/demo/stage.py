"""What the demos share: a narrator, and programs whose words are shown indented."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGIN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGIN:5.1f} s  {text}", flush=True)


def start_gate(stack: ExitStack, *args: str, **environment: str) -> subprocess.Popen[str]:
    """Start the gate as an init container would, ended with the stack."""
    say(f"starting the gate, as a pod's init container would: gatekeeper {' '.join(args)}")
    gate = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", *args],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    show(stack, gate)
    time.sleep(3)
    if gate.poll() is not None:
        sys.exit(f"the gate did not wait, it ended with exit code {gate.returncode}")
    return gate


def show(stack: ExitStack, process: subprocess.Popen[str]) -> None:
    """Print what a process says, indented, and end it with the stack."""

    def relay() -> None:
        for line in process.stdout:
            print(f"         | {line}", end="", flush=True)

    output = threading.Thread(target=relay)
    output.start()
    stack.enter_context(process)
    stack.callback(output.join)
    stack.callback(process.kill)


def play(demo: Callable[[ExitStack], int]) -> None:
    """Run a demo and leave nothing running, however it ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            code = demo(stack)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
