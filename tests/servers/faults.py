"""A TCP proxy with faults of the network, in front of any server of the tests.

    with FaultProxy(server.host, server.port) as proxy:     # clients are given proxy.host and proxy.port
        proxy.inject(Fault.SILENCE)                         # from now on, for live connections too
        proxy.inject(Fault.DROP, new=False)                 # live connections only, as of a NAT that forgot them
        proxy.inject(Fault.RESET, after=5000)               # each connection, once the server said 5000 bytes on it
        proxy.inject(Fault.SLOW, size=16, delay=0.5)        # 16 bytes of the answer every half second
        proxy.inject(Fault.PASS)                            # heals; connections that still live go on

It knows no protocol: TLS passes through it unopened. `accepted` and `returned` count what went through it.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any, NamedTuple, Self

CHUNK = 65536
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
"""asm-generic/socket.h; Python does not name them."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""A struct linger of no seconds: close() sends RST instead of FIN."""


class Fault(Enum):
    """What becomes of connections. Each meets those that live, and new ones, until the next is injected."""

    PASS = auto()
    """Bytes go both ways."""
    REFUSE = auto()
    """As of a server that was killed: live connections are reset, new ones refused."""
    RESET = auto()
    """As of a server that crashes while it answers: connections are accepted and reset."""
    CLOSE = auto()
    """Connections are accepted and ended in good order (FIN), wherever they are in their protocol."""
    SILENCE = auto()
    """As of a server that hangs: connections are accepted and acknowledged, and nothing is forwarded."""
    DROP = auto()
    """As of a cable that is cut: packets to the server vanish, SYN and ACK among them, with no RST. Linux only."""
    SLOW = auto()
    """Answers come in pieces of `size` bytes, each after `delay` seconds."""


class _Setting(NamedTuple):
    fault: Fault = Fault.PASS
    after: int = 0
    size: int = CHUNK
    delay: float = 0.0


class FaultProxy:
    """Listens on a free port of `host` and forwards to the server, as the fault of the hour lets it."""

    def __init__(self, server_host: str, server_port: int, *, host: str = "127.0.0.1") -> None:
        self.host = host
        self.accepted = 0
        """Connections that were accepted."""
        self.returned = 0
        """Bytes of answers that were forwarded."""
        self._server = (server_host, server_port)
        self._setting = _Setting()
        self._links: set[_Link] = set()

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Keeps the port while nobody listens, so that the kernel refuses and nobody else takes it.
        self._holder = socket.socket(family)
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind((self.host, 0))
        self.port: int = self._holder.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    def inject(self, fault: Fault, *, after: int = 0, size: int = CHUNK, delay: float = 0.0, new: bool = True) -> None:
        """Let this fault be in force, on each connection once `after` bytes of answers were forwarded on it.

        It concerns the connections that live, and `new` ones unless that is False.
        """
        self._run(self._inject(_Setting(fault, after, size, delay), new=new))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _begin(self) -> None:
        self._changed = asyncio.Event()
        self._listener: asyncio.Server | None = None
        await self._listen()

    async def _end(self) -> None:
        await self._deafen()
        served = [link.task for link in self._links]
        for link in list(self._links):
            link.reset()
            link.task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, self.host, self.port, reuse_port=True)

    async def _deafen(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _inject(self, setting: _Setting, *, new: bool) -> None:
        if new:
            self._setting = setting
            await (self._deafen() if setting.fault is Fault.REFUSE else self._listen())
        if self._listener is not None:
            for listening in self._listener.sockets:
                _drop_packets(listening, drop=self._setting.fault is Fault.DROP and not self._setting.after)
        for link in list(self._links):
            link.setting = setting
            link.strike()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = _Link(writer, self._setting)
        self._links.add(link)
        try:
            link.strike()
            if link.ended:
                return
            back, forth = await asyncio.open_connection(*self._server)
            link.writers.append(forth)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(link, reader, forth))
                pumps.create_task(self._pump(link, back, writer, answers=True))
        except* (OSError, asyncio.CancelledError):
            link.reset()  # the server cannot be reached, either side was cut off, or the proxy ends
        finally:
            link.close()
            self._links.discard(link)

    async def _pump(
        self, link: "_Link", reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        """Forward one direction until it ends, as the fault lets it."""
        while data := await reader.read(CHUNK):
            while data:
                await self._admit(link, answers=answers)
                if link.ended:
                    return
                part = data[: link.room] if answers else data
                writer.write(part)
                await writer.drain()
                if answers:
                    link.returned += len(part)
                    self.returned += len(part)
                data = data[len(part) :]
        await self._admit(link)
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _admit(self, link: "_Link", *, answers: bool = False) -> None:
        """Return when something may pass, or the connection was ended."""
        link.strike()
        while link.meets(Fault.SILENCE, Fault.DROP):
            await self._changed.wait()
        if answers and link.meets(Fault.SLOW):
            await asyncio.sleep(link.setting.delay)


class _Link:
    """A client's connection, and the one to the server that was made for it."""

    def __init__(self, client: asyncio.StreamWriter, setting: _Setting) -> None:
        self.writers = [client]
        self.socket: socket.socket = client.get_extra_info("socket")
        self.setting = setting
        self.returned = 0
        self.ended = False
        self.task = asyncio.current_task()

    def meets(self, *faults: Fault) -> bool:
        """Tell whether one of these is in force here by now."""
        return self.setting.fault in faults and self.returned >= self.setting.after

    @property
    def room(self) -> int:
        """How many bytes of an answer may be forwarded at once."""
        left = self.setting.after - self.returned
        return left if left > 0 else self.setting.size

    def strike(self) -> None:
        """Do at once what the fault does by itself, without a byte having to come."""
        _drop_packets(self.socket, drop=self.meets(Fault.DROP))
        if self.meets(Fault.REFUSE, Fault.RESET):
            self.reset()
        elif self.meets(Fault.CLOSE):
            self.close()

    def reset(self) -> None:
        """End it with RST."""
        if not self.ended:
            self.ended = True
            for writer in self.writers:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()

    def close(self) -> None:
        """End it with FIN."""
        self.ended = True
        for writer in self.writers:
            writer.close()


def _drop_packets(sock: socket.socket, *, drop: bool) -> None:
    """Let the kernel discard what comes in for this socket before TCP sees it, or no longer."""
    with contextlib.suppress(OSError):  # there is nothing to detach, or the connection is closed
        if drop:
            nothing = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K: keep 0 bytes
            program = struct.pack("@HP", 1, ctypes.addressof(nothing))
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        else:
            sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, struct.pack("i", 0))
