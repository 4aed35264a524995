"""What a thousand waiting gates cost an API server, beside gates that poll it."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.job import GATE, GATEKEEPER, JOB, K8S_WAIT_FOR, NAMESPACE, JobBench, Jobs
from benchmarks.plan import Plan
from benchmarks.programs import Gates, Peers, Program, until
from benchmarks.report import Row, Spread
from gatekeeper.gate.clock import Clock
from gatekeeper.jobs.kube import JobReader, in_cluster
from servers.apiserver import ApiServer

TICKS = os.sysconf("SC_CLK_TCK")
SETTLE = 10
"""Seconds before an observation begins."""


class Load:
    """How busy an API server's process is, from its start on."""

    def __init__(self, server: ApiServer, seconds: float) -> None:
        self._process = Path("/proc", str(server._processes[-1].pid))
        self._seconds = seconds

    def observe(self) -> tuple[float, float]:
        """Return percent of a processor over these seconds, and MiB at their end."""
        time.sleep(SETTLE)
        before = self._cpu()
        time.sleep(self._seconds)
        cpu = 100 * (self._cpu() - before) / self._seconds
        pages = int((self._process / "statm").read_text().split()[1])
        return cpu, pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _cpu(self) -> float:
        _, _, fields = (self._process / "stat").read_text().rpartition(") ")
        return sum(map(int, fields.split()[11:13])) / TICKS


def measure(gates: Gates, peers: Peers, plan: Plan) -> list[Row]:
    """Return the rows; each run has a new API server."""
    watched, polled, told = [], [], []
    for _ in range(plan.watch_runs):
        with ApiServer() as server:
            jobs = Jobs(server)
            start = JobBench(jobs, gates, peers, plan).programs()
            load = Load(server, plan.watch_window)
            with jobs.job(), ExitStack() as stack:
                polled.append(_polling(start[K8S_WAIT_FOR], load, plan, stack))
            with jobs.job(), ExitStack() as stack:
                growth, last = _watching(start[GATEKEEPER], jobs, load, plan, stack)
            watched.append(growth)
            told.append(last)
    [our_cpu, our_memory], [their_cpu, their_memory] = (
        [Spread(values, unit) for values, unit in zip(zip(*runs, strict=True), ("%", "MiB"), strict=True)]
        for runs in (watched, polled)
    )
    loops = f"{K8S_WAIT_FOR}, {plan.polling_gates} loops"
    extrapolated = their_cpu.median * plan.watches / plan.polling_gates
    peers_cpu = {loops: their_cpu, f"{K8S_WAIT_FOR}, {plan.watches} loops, extrapolated": f"{extrapolated:.0f} %"}
    figure = f"{plan.watches} watches on one API server"
    return [
        Row(f"{figure}: its CPU grows by, of one processor", "reported", our_cpu, peers_cpu),
        Row(f"{figure}: its memory grows by", "reported", our_memory, {loops: their_memory}),
        Row(f"{figure}: Job completed -> the last one knows", "reported", Spread(told, "s")),
    ]


def _polling(start: Callable[[], Program], load: Load, plan: Plan, stack: ExitStack) -> tuple[float, float]:
    """Return what polling loops add to the API server's load."""
    idle = load.observe()
    for _ in range(plan.polling_gates):
        stack.enter_context(start())
    return _growth(idle, load.observe())


def _watching(
    start: Callable[[], Program], jobs: Jobs, load: Load, plan: Plan, stack: ExitStack
) -> tuple[tuple[float, float], float]:
    """Return what all the watches add to it, and seconds from the Job's completion until the last of them knows."""
    idle = load.observe()
    programs = [stack.enter_context(start()) for _ in range(plan.watch_gates)]
    for program in programs:
        program.until("waiting:")
    asked = set(map(_shape, jobs.requests(GATEKEEPER)))
    watches = [_Watch(jobs.server) for _ in range(plan.watches - plan.watch_gates)]
    assert set(map(_shape, jobs.requests(GATEKEEPER))) == asked, "the wire requests differ"
    growth = _growth(idle, load.observe())
    completed = jobs.complete()
    known = [watch.until_complete() for watch in watches]
    return growth, max(*known, *(program.end().ended for program in programs)) - completed


def _growth(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    return after[0] - before[0], after[1] - before[1]


def _shape(uri: str) -> str:
    """Return a request without the resource version that it begins at."""
    return "&".join(part for part in uri.split("&") if not part.startswith("resourceVersion="))


class _Watch:
    """The gate's own reader, with a client and a connection of its own, in the benchmark's process."""

    def __init__(self, server: ApiServer) -> None:
        host, _, port = server.url.removeprefix("https://").partition(":")
        account = server.directory / "accounts" / NAMESPACE / GATE
        cluster = in_cluster(account, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
        self._clock = Clock()
        self._reader = JobReader(cluster, NAMESPACE, self._clock, name=JOB)
        self._reader.read(60, fresh=True)
        self._reader.follow(60)

    def until_complete(self) -> float:
        """Return the instant at which it is known that the Job is Complete, or about that instant."""
        until(self._complete, 60, lambda: "a watch does not tell that the Job is Complete")
        return time.monotonic()

    def _complete(self) -> bool:
        return any(
            condition["type"] == "Complete"
            for job in self._reader.read(60, fresh=False)
            for condition in job["status"].get("conditions", ())
        )
