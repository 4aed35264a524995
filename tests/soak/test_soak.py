"""Gates that wait through 6 hours of faults in 10 minutes: flat memory, threads and descriptors, and they open at once.

Time is pressed only from outside, by what a gate answers to anyway: an API server that ends watches after 1 s or 6 s
instead of the 60 s that they ask for, tokens that are renewed every 5 s, databases that restart every 15 s, an API
server that restarts, etcd that is compacted, and a Job that changes several times a second: each change is news, and
lets a schema gate look at its database at once instead of after 5 s. The gates' own limits and pauses are as always,
so what their life was worth is counted: one look at a database is 5 s of it, one watch of a Job 60 s.

GATEKEEPER_SOAK_MINUTES sets how long.
"""

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from faults.rows import JOB, World
from servers import front
from servers.apiserver import ApiServer
from servers.faults import FaultProxy
from servers.gate import GateProcess
from servers.mariadb import MariaDB, Server
from servers.namespace import in_pod
from servers.postgres import Postgres

pytestmark = pytest.mark.mariadb

MINUTES = float(os.environ.get("GATEKEEPER_SOAK_MINUTES", "10"))
PACE = 5.0
"""Seconds between two looks of a gate that waits."""
WATCH = 38.0
"""Seconds that a gate asks a watch to last."""
PAGE = os.sysconf("SC_PAGE_SIZE")
TABLE = ("--tool", "table", "--table", "changes", "--column", "name", "--revision", "b", "--timeout", "24h")
WATCHERS = {"watch ends after 6 s": 6, "watch ends after 1 s": 1}
EXPECTED = {
    "job, watch ends after 6 s": (1.5, False),
    "job, watch ends after 1 s": (1.5, True),
    "schema and job, PostgreSQL": (6, False),
    "schema and job, MariaDB": (6, False),
    "schema, PostgreSQL": (0.1, True),
}
"""Hours that 10 minutes are worth, and whether it is the gate's own pace that decides how often it looks."""


@dataclass
class Subject:
    """A gate, what goes through the proxies before it, and how it fared over time."""

    name: str
    gate: GateProcess
    world: World | None = None
    proxy: FaultProxy | None = None
    samples: list[tuple[int, int, int, int]] = field(default_factory=list)
    """RSS in bytes, descriptors, threads, and looks so far."""

    def sample(self) -> None:
        """Note how it fares."""
        process = Path(f"/proc/{self.gate.pid}")
        rss = int((process / "statm").read_text().split()[1]) * PAGE
        counts = len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))
        self.samples.append((rss, *counts, self.looks))

    @property
    def looks(self) -> int:
        """How often it looked at its database, or listed its Job."""
        if self.proxy:
            return self.proxy.accepted
        assert self.world
        return sum(not asked.watches for asked in self.world.front.asked)

    @property
    def watches(self) -> int:
        """How many watches it opened."""
        return sum(asked.watches for asked in self.world.front.asked) if self.world else 0

    @property
    def hours(self) -> float:
        """What its life was worth."""
        return max(self.proxy.accepted * PACE if self.proxy else 0, self.watches * WATCH) / 3600

    def quarter(self, which: int) -> list[tuple[int, int, int, int]]:
        """Return the samples of the first or the last quarter, without the first minute, in which it warms up."""
        samples = self.samples[min(60, len(self.samples) // 10) :]
        quarter = len(samples) // 4
        return samples[:quarter] if which == 0 else samples[-quarter:]


class Faults:
    """Calls each of these every so many seconds, in a thread of its own, until it is ended."""

    def __init__(self, **every: tuple[float, Callable[[], object]]) -> None:
        self._ended = threading.Event()
        self.counts = dict.fromkeys(every, 0)
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._repeat, args=(name, *each)) for name, each in every.items()]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Strike no more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, name: str, seconds: float, strike: Callable[[], object]) -> None:
        while not self._ended.wait(seconds):
            strike()
            self.counts[name] += 1


def restart(server: Any) -> None:
    """Stop a server, and start it again."""
    server.stop()
    time.sleep(0.5)
    server.start()


def renew_tokens(worlds: list[World]) -> None:
    """Let the kubelet renew the token of every pod: these two take turns."""
    for world in worlds:
        file = world.pod / "token"
        file.write_text(next(token for token in world.secrets if token != file.read_text()))


def touch(world: World) -> None:
    """Change a Job, as its controller does; an API server that is away is none of this test's faults."""
    with contextlib.suppress(Exception):
        change = {"metadata": {"annotations": {"changed": secrets.token_hex(4)}}}
        world.apiserver._merge(f"/apis/batch/v1/namespaces/{world.namespace}/jobs/{JOB}", change)


def compact(apiserver: ApiServer) -> None:
    """Let etcd forget what was, so that a watch cannot go on from there."""
    with contextlib.suppress(Exception):
        apiserver.compact()


def test_soak(apiserver, gate, tmp_path, capsys):  # noqa: C901, PLR0915 - one long story
    """Through all of this no gate grows, slows down, or opens; when it is proven, each opens at once."""
    with ExitStack() as stack, Postgres() as postgres, MariaDB() as mariadb:
        databases = prepare(postgres), prepare(mariadb)
        subjects = []

        def world(name: str, seconds: int) -> World:
            namespace = f"soak-{secrets.token_hex(4)}"
            apiserver.create_namespace(namespace)
            folder = tmp_path / namespace
            folder.mkdir()
            made = stack.enter_context(World(apiserver, gate, folder, namespace, timeout=24 * 3600))
            made.put_front().answer = front.ended_after(seconds)
            made.create()
            return made

        for name, seconds in WATCHERS.items():
            watched = world(name, seconds)
            watched.begin()
            subjects.append(Subject(f"job, {name}", watched.gate, watched))
        for kind, server in (("PostgreSQL", postgres), ("MariaDB", mariadb)):
            proxy = stack.enter_context(FaultProxy(server.host, server.port))
            url = server.url("soak").replace(f":{server.port}/", f":{proxy.port}/")
            pod = world(kind, 6)
            started = gate(
                *("schema", *TABLE, "--job", JOB),
                environment={"DATABASE_URL": url, **pod.environment},
                launcher=in_pod(pod.pod),
                secrets=[server.password, *pod.secrets],
            )
            subjects.append(Subject(f"schema and job, {kind}", started, pod, proxy))
        proxy = stack.enter_context(FaultProxy(postgres.host, postgres.port))
        url = postgres.url("soak").replace(f":{postgres.port}/", f":{proxy.port}/")
        started = gate("schema", *TABLE, environment={"DATABASE_URL": url}, secrets=[postgres.password])
        subjects.append(Subject("schema, PostgreSQL", started, None, proxy))

        worlds = [subject.world for subject in subjects if subject.world]
        busy = [subject for subject in subjects if subject.world and subject.proxy]
        faults = Faults(
            changes_of_a_job=(0.1, lambda: [touch(subject.world) for subject in busy]),
            renewals_of_tokens=(5, lambda: renew_tokens(worlds)),
            restarts_of_postgresql=(15, lambda: restart(postgres)),
            restarts_of_mariadb=(15, lambda: restart(mariadb)),
            restarts_of_the_api_server=(MINUTES * 60 / 4, lambda: restart(apiserver)),
            compactions=(37, lambda: compact(apiserver)),
        )
        stack.callback(faults.end)
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end:
            time.sleep(1)
            for subject in subjects:
                subject.sample()
        faults.end()
        time.sleep(PACE)
        proven = time.monotonic()
        for database in databases:
            database()
        for pod in worlds:
            pod.complete()
        opened = {subject.name: (subject.gate.end(), subject.gate.ended_at - proven) for subject in subjects}

        with capsys.disabled():
            print("\n", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in faults.counts.items()))
            for subject in subjects:
                print(figures(subject, opened[subject.name]))
        for subject in subjects:
            first, last = subject.quarter(0), subject.quarter(1)
            code, seconds = opened[subject.name]
            assert code == 0, subject.gate.log[-2000:]
            assert seconds < PACE + 1
            assert mean(each[0] for each in last) < mean(each[0] for each in first) + 2**20
            for column in (1, 2):
                assert max(each[column] for each in last) <= max(each[column] for each in first) + 1
            if MINUTES >= 10:
                hours, steady = EXPECTED[subject.name]
                assert subject.hours >= hours
                assert not steady or pace(last) > 0.8 * pace(first)


def prepare(server: Postgres | Server) -> Callable[[], object]:
    """Make a database whose history is not there yet, and return what completes it."""
    server.create_database("soak")

    def run(statement: str) -> None:
        with contextlib.closing(server.connect("soak")) as connection:
            connection.cursor().execute(statement)

    run("CREATE TABLE changes (name varchar(20))")
    run("INSERT INTO changes VALUES ('a')")
    return lambda: run("INSERT INTO changes VALUES ('b')")


def pace(samples: list[tuple[int, int, int, int]]) -> float:
    """Return looks a second."""
    return (samples[-1][3] - samples[0][3]) / len(samples)


def figures(subject: Subject, opened: tuple[int, float]) -> str:
    """Return a line for people: first and last quarter of each figure."""
    first, last = subject.quarter(0), subject.quarter(1)
    rss = [f"{mean(each[0] for each in quarter) / 2**20:.1f}" for quarter in (first, last)]
    most = [[str(max(each[column] for each in quarter)) for quarter in (first, last)] for column in (1, 2)]
    return (
        f"{subject.name}: worth {subject.hours:.1f} h, {subject.looks} looks, {subject.watches} watches; "
        f"RSS {' -> '.join(rss)} MiB, descriptors {' -> '.join(most[0])}, threads {' -> '.join(most[1])}, "
        f"looks a second {pace(first):.2f} -> {pace(last):.2f}; opened {opened[1]:.2f} s after its proof"
    )
