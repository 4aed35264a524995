"""The API server's half of the fault matrix: a gate in a pod, a real API server, and faults on the way to it.

The rows are in `rows`; `peers` lets other programs meet them too.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from faults.conftest import spellings
from faults.rows import DEAD_WATCHES, FAULTS, IN_SPITE, World
from gatekeeper.gate.loop import DENIED_GRACE
from gatekeeper.jobs.kube import KEEPALIVE, WATCH_LIMIT
from servers.apiserver import ApiServer
from servers.gate import GateProcess

SECRET = 'p@ss"wörd/'
AT_DEADLINE = 1.0
"""Seconds after its deadline by which a gate has ended."""
IDLE, BETWEEN, PROBES = KEEPALIVE
HALF_OPEN_LIMIT = IDLE + BETWEEN * PROBES
AT_ONCE = 12.0
"""Seconds in which a gate sees that a fault is over: a look that hangs is given up after 10."""
ONCE_GRANTED = DENIED_GRACE / 2 + 5
"""Seconds in which a gate that was denied sees what it lacked: it looks after half of the grace, and a pause."""


@pytest.fixture
def world(apiserver: ApiServer, namespace: str, gate: Callable[..., GateProcess], tmp_path: Path) -> Iterator[World]:
    """Return a namespace, a pod's folder, and a way to the API server."""
    with World(apiserver, gate, tmp_path, namespace) as world:
        yield world


@pytest.mark.parametrize("name", FAULTS)
def test_lasting(world, name):
    """While the fault lasts the gate is shut, and says why; it ends within a second of its deadline."""
    row = FAULTS[name]
    world.timeout = 4
    steps = row.steps(world)
    next(steps)
    world.begin()
    holding = world.gate.until("holding", 30).at
    next(steps)
    assert world.gate.end() == row.code
    overrun = world.gate.ended_at - holding - world.timeout
    assert -0.1 < overrun < AT_DEADLINE
    assert row.said in world.gate.message
    assert world.gate.message.startswith({4: "denied: ", 124: "timed out: after 4s, "}[row.code])


@pytest.mark.parametrize("name", FAULTS)
def test_healed(world, name):
    """Once the fault is over, the Job's completion opens the gate."""
    row = FAULTS[name]
    world.timeout = row.patience
    steps = row.steps(world)
    next(steps)
    world.begin()
    world.gate.until("holding", 30)
    next(steps)
    time.sleep(row.lasts)
    next(steps, None)
    healed = time.monotonic()
    assert world.gate.end(row.patience + 5) == 0
    assert world.gate.ended_at - healed < (ONCE_GRANTED if row.code == 4 else AT_ONCE)
    assert world.gate.message.startswith(f"opened: Job {world.target}/migrate: is Complete since ")


@pytest.mark.parametrize("name", IN_SPITE)
def test_in_spite(world, name):
    """The gate opens by the Job's completion, and not before."""
    steps = IN_SPITE[name](world)
    next(steps)
    world.begin()
    next(steps, None)
    assert world.gate.end() == 0
    assert world.gate.ended_at >= world.proven_at
    assert world.gate.message.startswith(f"opened: Job {world.target}/migrate: is Complete since ")


def test_dead_watches(apiserver, gate, tmp_path_factory):
    """A watch that is dead for good costs 44 s at most, whichever way it died: then the Job is listed again.

    Where not even TCP answers, the kernel notices after 30 s.
    """
    with ExitStack() as running:
        worlds = {}
        for name, row in DEAD_WATCHES.items():
            namespace = f"test-{secrets.token_hex(4)}"
            apiserver.create_namespace(namespace)
            world = running.enter_context(World(apiserver, gate, tmp_path_factory.mktemp("world"), namespace))
            steps = row(world)
            next(steps)
            world.begin()
            next(steps, None)
            worlds[name] = world
        for name, world in worlds.items():
            assert world.gate.end(WATCH_LIMIT + 20) == 0, name
            limit = HALF_OPEN_LIMIT if name.startswith("half-open") else WATCH_LIMIT
            assert world.gate.ended_at - world.proven_at < limit + 3, name


@pytest.mark.parametrize("said", sorted(spellings(SECRET)))
def test_secrets_are_searched_for(said):
    """A program that writes a secret is caught, in whichever spelling."""
    told = {"program": ("sh", "-c", 'echo "it is $SAID"'), "environment": {"SAID": said}}
    with (
        pytest.raises(AssertionError, match="a secret is public"),
        GateProcess(**told, secrets=spellings(SECRET)) as process,
    ):
        process.end()
