"""A Job gate beside `kubectl wait` and a polling loop: memory, CPU, latency, requests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.plan import Plan
from benchmarks.programs import End, Gates, Peers, Program
from benchmarks.report import Row, Spread, ratio
from gatekeeper.manifests import rbac
from servers.apiserver import ApiServer

NAMESPACE = "bench"
JOB = "db-migrate"
PATIENCE = 3600
"""Seconds that every program may wait."""
SETTLE = 1.0
"""Seconds until the server, on the same processors, is done with what the benchmark itself asked of it."""
GATEKEEPER = "gatekeeper"
KUBECTL_WAIT = "kubectl wait"
K8S_WAIT_FOR = "k8s-wait-for"
GATE = "web"
ACCOUNTS = {GATEKEEPER: GATE, KUBECTL_WAIT: "kubectl", K8S_WAIT_FOR: "loop"}
"""The ServiceAccount of each program; the gate's has no more than the README's one rule."""


class Jobs:
    """The API server with a namespace, where an account may read the Job as the gate needs it, or as a peer does."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        server.create_namespace(NAMESPACE)
        for account in ACCOUNTS.values():
            role, binding = rbac.objects(rbac.grant([JOB], service_account=account))
            if account != GATE:
                role["rules"][0]["verbs"].append("get")
                role["rules"].append({"apiGroups": [""], "resources": ["events"], "verbs": ["list"]})  # for `describe`
            server.apply([role, binding], NAMESPACE)
        self.kubeconfigs = {account: server.kubeconfig_for(NAMESPACE, account) for account in ACCOUNTS.values()}

    @contextmanager
    def job(self) -> Iterator[None]:
        """Let there be a Job that runs."""
        self.server.create_job(NAMESPACE, JOB)
        self.server.run(NAMESPACE, JOB)
        try:
            yield
        finally:
            self.server.delete_job(NAMESPACE, JOB)

    def complete(self) -> float:
        """Let the Job be Complete, and return the instant at which the API server said so."""
        self.server.complete(NAMESPACE, JOB)
        return time.monotonic()

    def requests(self, program: str) -> list[str]:
        """Return what a program has asked so far."""
        time.sleep(0.2)  # an answer may be read before it is in the log
        user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNTS[program]}"
        return [request.uri for request in self.server.requests() if request.user == user]


def discovery(requests: list[str]) -> int:
    """Return how many of the requests ask for something other than Jobs and events."""
    asked = (f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", f"/api/v1/namespaces/{NAMESPACE}/events")
    return sum(not uri.startswith(asked) for uri in requests)


class JobBench:
    """Measures on one API server."""

    def __init__(self, jobs: Jobs, gates: Gates, peers: Peers, plan: Plan) -> None:
        self._jobs = jobs
        self._plan = plan
        self._gates = gates
        self._peers = peers
        gates.use(jobs.server, NAMESPACE, GATE)

    def programs(self) -> dict[str, Callable[[], Program]]:
        """Return what starts each program."""
        kubeconfigs = self._jobs.kubeconfigs
        return {
            GATEKEEPER: lambda: self._gates.start("job", JOB, "--timeout", f"{PATIENCE}s"),
            KUBECTL_WAIT: lambda: self._peers.kubectl_wait(kubeconfigs[ACCOUNTS[KUBECTL_WAIT]], JOB, PATIENCE),
            K8S_WAIT_FOR: lambda: self._peers.k8s_wait_for(kubeconfigs[ACCOUNTS[K8S_WAIT_FOR]], JOB),
        }

    def measure(self) -> list[Row]:
        """Return the rows of short waits, and of Jobs that are Complete already."""
        waits: dict[str, list[tuple[End, float]]] = {name: [] for name in ACCOUNTS}
        already: dict[str, list[End]] = {name: [] for name in ACCOUNTS}
        asked: dict[str, list[list[str]]] = {name: [] for name in ACCOUNTS}
        for turn in range(self._plan.runs + 1):
            for name, start in self.programs().items():
                waited = self._wait(start, self._plan.hold)
                ended, requests = self._already_complete(start, name)
                if turn:  # the first one reads the files from disk
                    waits[name].append(waited)
                    already[name].append(ended)
                    asked[name].append(requests)

        rss = {name: [end.rss for end, _ in ends] for name, ends in waits.items()}
        cpu = {name: [1000 * end.cpu for end, _ in ends] for name, ends in waits.items()}
        late = {name: [1000 * (end.ended - at) for end, at in ends] for name, ends in waits.items()}
        wall = {name: [1000 * (end.ended - end.began) for end in ends] for name, ends in already.items()}
        count = {name: [float(len(uris)) for uris in runs] for name, runs in asked.items()}
        odd = {name: [float(discovery(uris)) for uris in runs] for name, runs in asked.items()}
        later = Spread(late[GATEKEEPER]).median - Spread(late[KUBECTL_WAIT]).median
        return [
            beside("job gate, waiting: peak RSS", rss, "MiB", 0.52),
            beside(f"job gate: CPU of a whole wait of {self._plan.hold:.0f} s", cpu, "ms", 0.8),
            _row("job gate: Job completed -> process exited", "<= kubectl wait + 10 ms", late, "ms", met=later <= 10),
            beside("job gate: already complete, start -> exit", wall, "ms", 1.5),
            _row("job gate: requests when already complete", "<= 2", count, "", met=max(count[GATEKEEPER]) <= 2),
            _row("job gate: of these, discovery", "0", odd, "", met=not any(odd[GATEKEEPER])),
        ]

    def _wait(self, start: Callable[[], Program], seconds: float) -> tuple[End, float]:
        """Let a program wait; return how it ended, and when the Job was Complete."""
        with self._jobs.job():
            time.sleep(SETTLE)
            with start() as program:
                time.sleep(seconds)
                assert program.running, program.log
                at = self._jobs.complete()
                return program.end(), at

    def _already_complete(self, start: Callable[[], Program], name: str) -> tuple[End, list[str]]:
        """Start a program once the Job is Complete; return how it ended and what it asked."""
        with self._jobs.job():
            self._jobs.complete()
            time.sleep(SETTLE)
            before = len(self._jobs.requests(name))
            with start() as program:
                end = program.end()
            return end, self._jobs.requests(name)[before:]


def beside(figure: str, measured: dict[str, list[float]], unit: str, limit: float) -> Row:
    """Return the row of a figure that is to be at most so many times that of `kubectl wait`."""
    reached = ratio(measured[GATEKEEPER], measured[KUBECTL_WAIT])
    row = _row(figure, f"<= {limit:g} x kubectl wait", measured, unit, met=reached <= limit)
    return Row(row.figure, row.goal, f"{row.gatekeeper}: {reached:.2f} x", row.peers, row.met)


def _row(figure: str, goal: str, measured: dict[str, list[float]], unit: str, *, met: bool) -> Row:
    spreads = {name: Spread(values, unit) for name, values in measured.items()}
    return Row(figure, goal, spreads.pop(GATEKEEPER), dict(spreads), met)
