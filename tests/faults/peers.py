"""Let gatekeeper's peers meet the API server's half of the fault matrix beside it: `python -m faults.peers [ROW...]`.

Writes a table into docs/reliability.md, or prints that of the given rows: how gatekeeper, `kubectl wait` and a polling
loop end that wait for the same Job by the same way. Faults heal after a few seconds and the Job is Complete, so that a
waiter which bears the fault opens.
"""

import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from faults.rows import BEHAVIOURS, DEAD_WATCHES, FAULTS, GATEKEEPER, IN_SPITE, JOB, Row, Steps, Waiter, World
from servers.apiserver import ApiServer
from servers.gate import GateProcess
from servers.kubebuilder import assets

TIMEOUT = 25
"""Seconds, of those that have one."""
SETTLE = 3
"""Seconds more than in the tests until a fault heals, for all to have met it."""
AT_ONCE = 2
"""Rows that are run at the same time."""
ALONE = {"API server restarted, etcd kept", "etcd compacted while watching"}
"""Rows that disturb every other."""
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- peers -->\n", "<!-- /peers -->"
LOOP = Path(__file__).with_name("polling-loop.sh")


def wait_command(world: World) -> list[str]:
    """Return the command line of kubectl wait."""
    limit = f"--timeout={world.timeout}s"
    return ["kubectl", "wait", "--for=condition=complete", f"job/{JOB}", "-n", world.target, limit]


def loop_command(world: World) -> list[str]:
    """Return the command line of the polling loop, whose kubectl is to end with it."""
    return ["unshare", "--pid", "--fork", "--kill-child", "sh", str(LOOP), JOB, world.target]


WAITERS = (
    GATEKEEPER,
    Waiter("kubectl wait", wait_command, ("get",)),
    Waiter("polling loop", loop_command, ("get",)),
)


def meet(apiserver: ApiServer, row: Row | Steps) -> list[str]:
    """Let all waiters meet a row, and return how each ended."""
    namespace = f"peers-{secrets.token_hex(4)}"
    apiserver.create_namespace(namespace)
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))

        def start(*args: str, **options: Any) -> GateProcess:
            return running.enter_context(GateProcess(*args, **options))

        world = running.enter_context(World(apiserver, start, folder, namespace, WAITERS, TIMEOUT))
        if isinstance(row, Row):
            world.timeout = min(row.patience, TIMEOUT)
        steps = row.steps(world) if isinstance(row, Row) else row(world)
        next(steps)
        world.begin()
        began = time.monotonic()
        next(steps, None)
        if isinstance(row, Row):
            time.sleep(row.lasts + SETTLE)
            next(steps, None)
        healed = time.monotonic()
        codes = [process.wait(began + world.timeout + 5) for process in world.running]
        return [
            describe(process, code, world, began, healed) for process, code in zip(world.running, codes, strict=True)
        ]


def describe(process: GateProcess, code: int | None, world: World, began: float, healed: float) -> str:
    """Return in a few words how a waiter ended."""
    after = process.ended_at - healed
    if code is None:
        return "hangs"
    if code == 0 and not 0 < world.proven_at < process.ended_at:
        return "**opens unproven**"
    if code == 0:
        return "opens" if after < 1 else f"opens, {after:.0f} s late"
    if process.ended_at - began > world.timeout - 1:
        return f"times out, exit {code}"
    said = (process.message or process.log.strip().rpartition("\n")[2]).replace(world.namespace, "shop")
    said = re.sub(r"(127\.0\.0\.1|\[::1\]|kubernetes\.default\.svc):\d+", "api", said.replace("|", "/"))
    return f"exit {code}: {said[:60]}{'...' if len(said) > 60 else ''}"


def compare(names: Iterable[str]) -> str:
    """Return the table of these rows, or of all."""
    rows: dict[str, Row | Steps] = {**FAULTS, **IN_SPITE, **DEAD_WATCHES, **BEHAVIOURS}
    chosen = {name: rows[name] for name in names or rows}
    with ApiServer() as apiserver, ThreadPoolExecutor(AT_ONCE) as pool:
        ends = {name: pool.submit(meet, apiserver, row) for name, row in chosen.items() if name not in ALONE}
        told = {name: end.result() for name, end in ends.items()}
        told |= {name: meet(apiserver, row) for name, row in chosen.items() if name in ALONE}
    lines = [["", *(waiter.name for waiter in WAITERS)], ["---"] * (1 + len(WAITERS))]
    lines += [[name, *told[name]] for name in chosen]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(names: Iterable[str]) -> None:
    """Compare, and tell."""
    os.environ["PATH"] = f"{assets()}:{os.environ['PATH']}"
    if names:
        print(compare(names))
        return
    head, mark, rest = PAGE.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert end, f"{PAGE} has no place for the table: {BEGIN} and {END}"
    PAGE.write_text(head + mark + compare(names) + end + tail)


if __name__ == "__main__":
    main(sys.argv[1:])
