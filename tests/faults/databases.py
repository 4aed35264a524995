"""What the rows of PostgreSQL and of MariaDB share: two gates that meet a fault, and what is asserted of them."""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from servers.certificate import certificate
from servers.faults import Fault, FaultProxy
from servers.gate import GateProcess
from servers.postgres import LOOPBACK

PASSWORD = "r/d:@%? #" + secrets.token_hex(4)
"""Of the role that gates use."""
STALE = "stale-" + PASSWORD
NO_ANSWER = "no answer yet after|did not answer within|no connection: timed out"
"""The reason in a silence; a gate that sees it end before the look's limit has nothing to tell."""


class Rig:
    """A database at the wanted revision, a proxy before its server, and gates whose URL is in a file."""

    plain = ""
    """Parameters of a URL that ask for no TLS."""
    awaited: Sequence[str] = ()
    """The gate's arguments."""
    deadline = 2
    """Seconds of a gate that ends within the fault."""

    def __init__(
        self, gate: Callable[..., GateProcess], server: Any, proxy: FaultProxy, name: str, folder: Path
    ) -> None:
        self._gate = gate
        self.server, self.proxy, self.name, self.folder = server, proxy, name, folder
        self.file = folder / "url"
        self.options: dict[str, Any] = {}
        self.denial = ""
        """How the gate ended that did so within the fault."""
        self.through(proxy.port)

    def through(
        self, port: int, role: str = "app", host: str = LOOPBACK, query: str = "", password: str = PASSWORD
    ) -> None:
        """Let gates use another port, role, host, or parameters of a connection, from their next look on."""
        url = self.server.url(self.name, role, password)
        place = f"{self.server.host}:{self.server.port}/"
        self.file.write_text(f"{url.replace(place, f'{host}:{port}/')}?{query or self.plain}")

    def direct(self, **parts: str) -> None:
        """Let gates connect to the server itself."""
        self.through(self.server.port, **parts)

    def start(self, *args: str, what: Sequence[str] = ()) -> GateProcess:
        """Start a gate."""
        planted = [PASSWORD, STALE, self.server.password]
        argv = [*(what or self.awaited), "--database-file", str(self.file), *args]
        return self._gate(*argv, secrets=planted, **self.options)

    def answered(self) -> int:
        """Return how many bytes a whole look is answered."""
        before = self.proxy.returned
        assert self.start("--timeout", "0").end() == 0
        return self.proxy.returned - before

    def meet(self, fault: Callable[[Any], Any], code: int) -> None:
        """Let a gate whose deadline passes, and one that is there when the fault is over, meet it.

        The fault yields the reason that is told, as a regular expression; what follows in it heals.
        """
        with contextlib.contextmanager(fault)(self) as reason:
            brief = self.start("--timeout", f"{self.deadline}s")
            patient = self.start("--timeout", "90s", "--log-format", "json")
            assert_ended(brief, code, "denied" if code == 4 else "timed out", reason, self.deadline)
            self.denial = brief.message
            assert "opened" not in patient.log
        assert patient.end(20) == 0, patient.log
        assert reason is NO_ANSWER or re.search(reason, reasons(patient)), patient.log
        assert patient.message.startswith("opened: ")


def rows_of_network(rows: dict[str, tuple[Any, int]], cut: str) -> None:
    """Add the faults that any server's network has; `cut` is what the driver says of a connection that is cut."""

    def add(name: str, fault: Fault, reason: str, before_the_end: int | None = None, **how: Any) -> None:
        def row(rig: Rig) -> Iterator[str]:
            if before_the_end is not None:
                how["after"] = rig.answered() - before_the_end
            rig.proxy.inject(fault, **how)
            yield reason
            rig.proxy.inject(Fault.PASS)

        rows[name] = row, 124

    mid_query = 100
    """Bytes before the end of a look: within the history's rows, and before the answer to COMMIT."""
    add("refused", Fault.REFUSE, "Connection refused")
    add("reset at connect", Fault.RESET, cut)
    add("reset mid-query", Fault.RESET, cut, mid_query)
    add("reset at COMMIT", Fault.RESET, cut, 1)
    add("ended in good order mid-query", Fault.CLOSE, cut, mid_query)
    add("half-open at connect", Fault.DROP, NO_ANSWER)
    add("silent at login", Fault.SILENCE, NO_ANSWER, after=20)
    add("half-open mid-query", Fault.DROP, NO_ANSWER, mid_query)
    add("silent mid-query", Fault.SILENCE, NO_ANSWER, mid_query)
    add("silent at COMMIT", Fault.SILENCE, NO_ANSWER, 1)
    add("too slow", Fault.SLOW, NO_ANSWER, size=8, delay=0.2)


def rows_of_verification(rows: dict[str, tuple[Any, int]], mode: str, query: str, mismatch: str) -> None:
    """Add a server's certificates that a client which verifies does not take.

    `mode` is the driver's word for it, `query` what asks for it in a URL, with {} for the authority's file, and
    `mismatch` what the driver says of another host's certificate.
    """

    @row(rows, f"{mode}, another authority's certificate")
    def wrong_authority(rig: Any) -> Iterator[str]:
        trusted = rig.folder / "ca.crt"
        other, _ = certificate(rig.folder, "other")
        trusted.write_bytes(other.read_bytes())
        rig.secure(query=query.format(trusted))
        yield "certificate verify failed"
        trusted.write_bytes(rig.server.certificate.read_bytes())

    @row(rows, f"{mode}, another host's certificate")
    def wrong_host(rig: Any) -> Iterator[str]:
        rig.secure(LOOPBACK, query=query.format(rig.server.certificate))
        yield mismatch
        rig.secure(query=query.format(rig.server.certificate))


def row(rows: dict[str, tuple[Any, int]], name: str, code: int = 124) -> Callable[[Any], Any]:
    """Add a fault, and the exit code at a deadline that passes meanwhile, to these rows."""

    def add(fault: Any) -> Any:
        rows[name] = fault, code
        return fault

    return add


def assert_ended(gate: GateProcess, code: int, word: str, reason: str, deadline: int) -> None:
    """Assert how a gate ended, and that it did so within a second of its deadline."""
    assert gate.end(deadline + 10) == code, gate.log
    assert re.match(f"{word}: .*({reason})", gate.message), gate.message
    took = gate.until(f"{word}: ").at - gate.until("holding: ").at
    assert deadline - 0.2 < took < deadline + 1, took
    assert "Traceback" not in gate.log


def reasons(gate: GateProcess) -> str:
    """Return all that a gate has said of its check, in JSON."""
    return " ".join(json.loads(line)["reason"] for line in gate.log.splitlines())


def until(condition: Callable[[], object], seconds: float = 10, pause: float = 0.02) -> None:
    """Wait until this is so, and look at it after each pause."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not come to pass"
        time.sleep(pause)
