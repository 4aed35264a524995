"""The rows of the API server's half of the fault matrix, for the gate and for whoever is compared with it.

A row is a generator of steps in a World, so that it says in one place what happens before the waiters start, what
strikes while they run, and how it heals. It knows no waiter: gatekeeper and its peers meet the same faults.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from gatekeeper.manifests import rbac
from servers import front
from servers.apiserver import ApiServer
from servers.faults import Fault, FaultProxy
from servers.front import Answer, Front
from servers.gate import GateProcess
from servers.namespace import in_pod, resolving

JOB = "migrate"
ACCOUNT = "gate"
SERVICE = "kubernetes.default.svc"
"""A name of the API server that does not look like this machine: many a client uses no proxy to reach that."""
AT_REST = "is running (pods: 1 active)"
LONG_AGO = datetime.now(UTC) - timedelta(days=3)
HUGE = 1_400_000
"""Bytes of an environment variable: etcd takes no request beyond 1.5 MiB."""
MID_ANSWER = 500_000
"""Bytes of answers after which a huge Job is being sent, and nothing else."""
LIBFAKETIME = "libfaketimeMT.so.1"
DEAD_PROXIES = {
    name: "http://127.0.0.1:1" for kind in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (kind, kind.lower())
}


@dataclass(frozen=True)
class Waiter:
    """A program that waits for a Job: its command, and the verbs that it needs beside list and watch."""

    name: str
    command: Callable[["World"], list[str]] | None = None
    """None is gatekeeper."""
    verbs: tuple[str, ...] = ()


GATEKEEPER = Waiter("gatekeeper")


@dataclass
class World:
    """A namespace with a Job, the folder of a pod there, and what lies between that pod and the API server."""

    apiserver: ApiServer
    start_process: Callable[..., GateProcess]
    folder: Path
    """For what a row leaves behind."""
    namespace: str
    waiters: tuple[Waiter, ...] = (GATEKEEPER,)
    timeout: int = 30
    require: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    running: list[GateProcess] = field(default_factory=list)
    proven_at: float = 0.0
    """When the Job of this release became Complete."""

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self.target = self.namespace
        # The next token is there from the start, so that it too is a secret that the waiters are searched for.
        self._next_token = self._issue_token()
        self.secrets = [self._next_token, self._issue_token()]
        port = int(self.apiserver.url.rpartition(":")[2])
        self.proxy = self._open.enter_context(FaultProxy("127.0.0.1", port))
        self._reach(self.proxy.host, self.proxy.port)
        self.grant()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def begin(self) -> None:
        """Start the waiters, each as a pod would that has no way to the API server but this world's."""
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {SERVICE}\n")
        launcher = (*resolving(hosts), *in_pod(self.pod))
        for waiter in self.waiters:
            if waiter.command:
                options: dict[str, Any] = {"program": waiter.command(self)}
                args: list[str] = []
            else:
                options = {}
                args = ["job", JOB, "-n", self.target, "--timeout", f"{self.timeout}s", "--log-format", "json"]
                args += ["--require", self.require] if self.require else []
            home = self.folder / waiter.name
            home.mkdir()
            environment = {"HOME": str(home), **self.environment}
            self.running.append(
                self.start_process(*args, environment=environment, launcher=launcher, secrets=self.secrets, **options)
            )

    @property
    def gate(self) -> GateProcess:
        """Gatekeeper's process, which is always the first."""
        return self.running[0]

    def until_watching(self) -> None:
        """Wait until the gate has looked and watches, and its peers have had time for as much."""
        self.until_said(AT_REST)

    def until_said(self, text: str) -> None:
        """Wait until the gate has said this, and its peers have had time to see as much."""
        self.gate.until(text, 20)
        if len(self.running) > 1:
            time.sleep(3)

    # -- the Job ----------------------------------------------------------------------------------------------------

    def create(self, *, runs: bool = True, **options: Any) -> None:
        """Create the Job, with a pod that runs."""
        self.apiserver.create_job(self.target, JOB, **options)
        if runs:
            self.apiserver.run(self.target, JOB)

    def complete(self) -> None:
        """Let the Job be Complete, which proves the migration."""
        self.proven_at = time.monotonic()
        self.apiserver.complete(self.target, JOB)

    # -- rights -----------------------------------------------------------------------------------------------------

    def grant(self) -> None:
        """Grant what gatekeeper needs, in the words of `gatekeeper rbac`, and what its peers need more."""
        elsewhere = self.target if self.target != self.namespace else ""
        objects = rbac.objects(
            rbac.grant([JOB], service_account=ACCOUNT, namespace=self.namespace, job_namespace=elsewhere)
        )
        verbs = {verb for waiter in self.waiters for verb in waiter.verbs}
        objects[0]["rules"][0]["verbs"] += verbs
        self.apiserver.apply(objects, self.namespace)
        self._binding = objects[1]["metadata"]["name"]

    def revoke(self) -> None:
        """Remove the RoleBinding."""
        group = f"/apis/{rbac.GROUP}/v1/namespaces/{self.target}"
        self.apiserver.request("DELETE", f"{group}/rolebindings/{self._binding}")
        review = {
            "spec": {
                "user": f"system:serviceaccount:{self.namespace}:{ACCOUNT}",
                "resourceAttributes": {
                    "namespace": self.target,
                    "group": "batch",
                    "resource": "jobs",
                    "verb": "list",
                    "name": JOB,
                },
            }
        }
        while self.apiserver.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"][
            "allowed"
        ]:
            time.sleep(0.01)

    def move(self) -> None:
        """Let the Job be awaited in a namespace that does not exist."""
        self.target = f"{self.namespace}-missing"

    def found_target(self) -> None:
        """Create the missing namespace, with the rights and the Job there."""
        self.apiserver.create_namespace(self.target)
        self.grant()
        self.create()
        self.complete()

    # -- the token --------------------------------------------------------------------------------------------------

    def rotate(self) -> None:
        """Let the kubelet renew the pod's token."""
        (self.pod / "token").write_text(self._next_token)

    def expire(self, seconds: float) -> None:
        """Give the pod a token of the API server's own making, but for its time of expiry: so many seconds from now."""
        head, body, _ = (self.pod / "token").read_text().split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        now = int(time.time())
        claims |= {"iat": now - 3600, "nbf": now - 3600, "exp": now + int(seconds)}
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        pem = (self.apiserver.directory / "pki" / "apiserver.key").read_bytes()
        key: Any = serialization.load_pem_private_key(pem, password=None)
        signature = key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        self.secrets.append(token)
        (self.pod / "token").write_text(token)

    def _issue_token(self) -> str:
        self.pod = self.apiserver.account(self.namespace, ACCOUNT)
        return (self.pod / "token").read_text()

    def empty_token(self) -> None:
        """Empty the pod's token file."""
        (self.pod / "token").write_text("")

    def remove_token(self) -> None:
        """Remove the pod's token file."""
        (self.pod / "token").unlink()

    # -- the way there ----------------------------------------------------------------------------------------------

    def put_front(self, host: str = "127.0.0.1") -> Front:
        """Let the pod reach the API server through a front."""
        self.front = self._open.enter_context(Front(self.apiserver, self.folder, host=host))
        (self.pod / "ca.crt").write_bytes(self.front.ca_file.read_bytes())
        self._reach(self.front.host, self.front.port)
        return self.front

    def heal(self) -> None:
        """Let the way be free again."""
        self.proxy.inject(Fault.PASS)

    def _reach(self, host: str, port: int) -> None:
        self.environment |= {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}

    def set_clock(self, offset: str) -> None:
        """Let the waiters' wall clock jump, and only that."""
        (self.folder / "clock").write_text(offset)

    def fake_clock(self) -> None:
        """Give the waiters a wall clock that can jump."""
        library = next(Path("/usr/lib").glob(f"*/faketime/{LIBFAKETIME}"), None)
        assert library, "the rows of a jumping clock need libfaketime; write for example apt-get install libfaketime"
        self.set_clock("+0")
        self.environment |= {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


Steps = Callable[[World], Iterator[None]]
"""What happens before the waiters start; after the first yield, what strikes; after the second, how it heals."""


@dataclass(frozen=True)
class Row:
    """A row of the matrix, and how a gate ends that meets it."""

    steps: Steps
    said: str
    """The reason, while the fault lasts."""
    code: int = 124
    """The exit code, when it lasts to the deadline."""
    patience: int = 30
    """Seconds until the deadline of a gate that sees it heal."""
    lasts: float = 2.0
    """Seconds until it heals."""


def at_start(on: Callable[[World], object], off: Callable[[World], object] = World.heal, **job: Any) -> Steps:
    """Let a fault be there when the waiters start, with a Job that is Complete."""

    def steps(world: World) -> Iterator[None]:
        world.create(**job)
        world.complete()
        on(world)
        yield
        yield
        off(world)

    return steps


def while_watching(on: Callable[[World], object], off: Callable[[World], object] = World.heal) -> Steps:
    """Let a fault come while the waiters watch, and the Job be Complete after it came."""

    def steps(world: World) -> Iterator[None]:
        world.create()
        yield
        world.until_watching()
        on(world)
        world.complete()
        yield
        off(world)

    return steps


def answered(answer: Answer) -> Steps:
    """Let requests for Jobs be answered like this at the start."""

    def on(world: World) -> None:
        world.put_front().answer = answer

    def off(world: World) -> None:
        world.front.answer = front.forward

    return at_start(on, off)


def injected(fault: Fault, **options: Any) -> Callable[[World], None]:
    """Return what injects a fault into the way."""
    return lambda world: world.proxy.inject(fault, **options)


def presented(**options: Any) -> Steps:
    """Let the API server present another certificate at the start."""

    def on(world: World) -> None:
        world.put_front().present(**options)

    return at_start(on, lambda world: world.front.present())


def namespace_missing(world: World) -> Iterator[None]:
    world.move()
    yield
    yield
    world.found_target()


def binding_removed(world: World) -> Iterator[None]:
    world.create()
    yield
    world.until_watching()
    world.revoke()
    yield
    world.grant()
    world.complete()


def clock_jumps(world: World) -> Iterator[None]:
    world.create()
    world.fake_clock()
    yield
    world.until_watching()
    world.set_clock("+30d")
    yield
    world.set_clock("-30m")
    world.complete()
    held, opened = (json.loads(world.gate.until(f'"event": "{event}"').text)["time"] for event in ("holding", "open"))
    assert opened < held, "the clock did not jump"


HUGE_JOB = {
    "template": {
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i", "env": [{"name": "SQL", "value": "x" * HUGE}]}],
        }
    }
}
FAULTS = {
    "refused": Row(at_start(injected(Fault.REFUSE)), "Connection refused"),
    "reset mid-list": Row(at_start(injected(Fault.RESET, after=MID_ANSWER), **HUGE_JOB), "cannot be reached: "),
    "reset mid-watch": Row(while_watching(injected(Fault.RESET)), "cannot be reached: "),
    "half-open at connect": Row(at_start(injected(Fault.DROP)), "cannot be reached: "),
    "half-open mid-list": Row(at_start(injected(Fault.DROP, after=MID_ANSWER), **HUGE_JOB), "cannot be reached: "),
    "half-open mid-watch": Row(while_watching(injected(Fault.DROP)), "no answer yet after 0.9 s"),
    "silent at connect": Row(at_start(injected(Fault.SILENCE)), "cannot be reached: "),
    "silent mid-watch": Row(while_watching(injected(Fault.SILENCE)), "no answer yet after 0.9 s"),
    "slow headers": Row(answered(front.slow_headers), "cannot be reached: "),
    "429, Retry-After beyond the deadline": Row(
        answered(front.status(429, "TooManyRequests", "too many requests", Retry_After="3600")),
        "answers 429 (too many requests)",
        patience=8,
    ),
    "500": Row(answered(front.status(500, "InternalError", "etcdserver: no leader")), "answers 500 (etcdserver: no"),
    "503": Row(answered(front.status(503, "ServiceUnavailable", "shutting down")), "answers 503 (shutting down)"),
    "504": Row(answered(front.status(504, "Timeout", "request timed out")), "answers 504 (request timed out)"),
    "truncated JSON": Row(answered(front.truncated), "answer is not JSON"),
    "410 at list": Row(answered(front.gone), "answers 410 (The resourceVersion for the provided list is too old.)"),
    "certificate of another CA": Row(presented(authority=trustme.CA()), "certificate verify failed"),
    "expired certificate": Row(presented(not_after=LONG_AGO), "certificate has expired"),
    "token expired": Row(at_start(lambda world: world.expire(-60), World.rotate), "answers 401", 4),
    "token file empty": Row(at_start(World.empty_token, World.rotate), "no ServiceAccount token", 4),
    "token file missing": Row(at_start(World.remove_token, World.rotate), "no ServiceAccount token", 4),
    "RoleBinding removed while watching": Row(binding_removed, "answers 403", 4),
    "RoleBinding added 10 s late": Row(at_start(World.revoke, World.grant), "answers 403", 4, lasts=10),
    "namespace missing": Row(namespace_missing, "answers 403", 4),
    "clock jumps": Row(clock_jumps, AT_REST),
}
"""Faults that keep the gate shut for as long as they last, and no longer."""


def gone_in_stream(world: World) -> Iterator[None]:
    yield from streamed(world, front.gone_in_stream)


def ended_every_second(world: World) -> Iterator[None]:
    yield from streamed(world, front.ended_after(1))


def streamed(world: World, answer: Answer) -> Iterator[None]:
    world.put_front().answer = answer
    world.create()
    yield
    world.until_watching()
    time.sleep(3)
    world.complete()


def bookmarks_only(world: World) -> Iterator[None]:
    world.timeout = 8
    yield from streamed(world, front.bookmarks_only)


def restart(world: World) -> Iterator[None]:
    world.create()
    yield
    world.until_watching()
    world.apiserver.stop()
    try:
        world.gate.until("cannot be reached")
    finally:
        world.apiserver.start()
    world.complete()


def compaction(world: World) -> Iterator[None]:
    world.put_front().answer = front.hide_outages
    world.create()
    yield
    world.until_watching()
    time.sleep(5.5)  # a watch that ended sooner would not be renewed from where it was
    world.apiserver.compact()
    world.apiserver.stop()
    world.apiserver.start()
    deadline = time.monotonic() + 15
    while not world.front.expired:
        assert time.monotonic() < deadline, "etcd was compacted, and no watch was told of it"
        time.sleep(0.05)
    world.complete()


def huge_job(world: World) -> Iterator[None]:
    world.create(**HUGE_JOB)
    yield
    world.until_watching()
    world.complete()


def ipv6(world: World) -> Iterator[None]:
    world.put_front("::1")
    world.create()
    yield
    world.until_watching()
    world.complete()


def proxy_variables(world: World) -> Iterator[None]:
    world.environment |= {**DEAD_PROXIES, "KUBERNETES_SERVICE_HOST": SERVICE}
    world.create()
    yield
    world.until_watching()
    world.complete()


def complete_without_rights(world: World) -> Iterator[None]:
    world.create()
    yield
    world.until_watching()
    world.revoke()
    world.complete()


IN_SPITE = {
    "410 in the stream": gone_in_stream,
    "bookmarks only": bookmarks_only,
    "watch ended every second": ended_every_second,
    "API server restarted, etcd kept": restart,
    "etcd compacted while watching": compaction,
    "huge Job, 1.4 MB": huge_job,
    "RoleBinding removed, then Complete": complete_without_rights,
    "IPv6 literal address": ipv6,
    "proxy variables set": proxy_variables,
}
"""What a gate opens in spite of, with no healing: the Job is Complete in the end, and the gate sees it."""


def failed(world: World) -> Iterator[None]:
    world.create()
    yield
    world.until_watching()
    world.apiserver.fail(world.target, JOB)


def absent(world: World) -> Iterator[None]:
    yield
    world.until_said("does not exist")
    world.create()
    world.complete()


def removed_by_ttl(world: World) -> Iterator[None]:
    yield
    world.until_said("does not exist")


def stale(world: World) -> Iterator[None]:
    world.require = "release=2"
    world.create(runs=False, labels={"release": "1"})
    world.apiserver.complete(world.target, JOB, LONG_AGO)
    yield
    world.until_said("is a Job of another release")
    world.apiserver.delete_job(world.target, JOB)
    world.create(labels={"release": "2"})
    world.complete()


def recreated(world: World) -> Iterator[None]:
    world.create()
    yield
    world.until_watching()
    world.apiserver.delete_job(world.target, JOB)
    world.until_said("does not exist")
    world.create()
    world.complete()


def empty_status(world: World) -> Iterator[None]:
    world.create(runs=False)
    yield
    world.until_said("has no condition yet")
    world.complete()


BEHAVIOURS = {
    "Job fails": failed,
    "Job absent, created later": absent,
    "Job removed by its TTL before": removed_by_ttl,
    "Job of the last release still there": stale,
    "Job deleted and created again": recreated,
    "Job without a status yet": empty_status,
}
"""States of a Job that need no fault. tests/apiserver/test_job_gate.py has all of them, and what a gate does."""


def dead_watch(kill: Callable[[World], object], answer: Answer | None = None) -> Steps:
    """Let a watch be dead for good, and new requests be answered."""

    def steps(world: World) -> Iterator[None]:
        world.timeout = 100
        if answer:
            world.put_front().answer = answer
        world.create()
        yield
        world.until_watching()
        time.sleep(1)  # for TCP to acknowledge the answer: sent again and again it would be a sign of life
        kill(world)
        world.complete()

    return steps


DEAD_WATCHES = {
    "half-open mid-watch for good": dead_watch(injected(Fault.DROP, new=False)),
    "silent mid-watch for good": dead_watch(injected(Fault.SILENCE, new=False)),
    "bookmarks only for good": dead_watch(lambda world: None, front.bookmarks_only),
}
"""Watches that never come back, while lists work: what they cost is the time until somebody notices."""
