"""A TLS front before the real API server, which rewrites the answers about Jobs that a test asks it to.

Whatever is not rewritten is the API server's own answer to the caller's own request, with the caller's Authorization:
RBAC, tokens, lists and watches stay real. `answer` says what becomes of a request for Jobs, and may be set at any time.
The front's certificate is of an authority of its own.
"""

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

from servers.apiserver import ApiServer

NAMES = ("localhost", "127.0.0.1", "::1")
CHUNK = 65536
HOP_BY_HOP = {"connection", "host", "transfer-encoding", "content-length", "accept-encoding"}


class Exchange(BaseHTTPRequestHandler):
    """One request, and the means to answer it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"
    begun = False
    """Whether an answer has begun."""

    @property
    def watches(self) -> bool:
        """Whether a watch is asked for."""
        return "watch" in parse_qs(urlsplit(self.path).query)

    @property
    def lists(self) -> bool:
        """Whether a list is asked for."""
        return urlsplit(self.path).path.endswith("/jobs") and not self.watches

    @contextlib.contextmanager
    def ask(self, path: str = "") -> Iterator[HTTPResponse]:
        """Give the API server's answer to this request, or to the same with another path."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        front = self.server.front
        with contextlib.closing(front.connect()) as connection, front.held(connection.sock):
            connection.request("GET", path or self.path, headers={**headers, "Connection": "close"})
            with connection.getresponse() as response:
                yield response

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the front's end."""
        if self.server.front.closing.wait(seconds):
            raise ConnectionAbortedError

    def begin(self, status: int, length: int | None = None, **headers: str) -> None:
        """Send the status and the headers; a body of unknown length is sent in chunks."""
        self.begun = True
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header(*(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))))
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """Send a part of a body of unknown length; an empty one ends it."""
        self.server.front.expired += b'"code":410' in data
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Answer as a whole."""
        self.begin(status, len(body), **headers)
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer as the front says, or the API server."""
        front, self.begun = self.server.front, False
        if "/jobs" not in urlsplit(self.path).path:
            forward(self)
            return
        front.answer(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Answer = Callable[[Exchange], None]


class Front:
    """Listens on a free port of `host`."""

    def __init__(self, apiserver: ApiServer, folder: Path, *, host: str = "127.0.0.1") -> None:
        self.apiserver = apiserver
        self._address = urlsplit(apiserver.url)
        self._upstream_tls = ssl.create_default_context(cafile=apiserver.ca_file)
        self._authority = trustme.CA()
        self.host = host
        self.closing = threading.Event()
        self.ca_file = folder / "front-ca.crt"
        self._authority.cert_pem.write_to_path(self.ca_file)
        self.answer: Answer = forward
        self.expired = 0
        """How often a client was told 410."""
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.present()
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        for live in list(self._sockets):
            with contextlib.suppress(OSError):
                live.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def present(self, *, authority: trustme.CA | None = None, not_after: datetime | None = None) -> None:
        """Present a new certificate from now on, of the front's authority or of another."""
        certificate = (authority or self._authority).issue_cert(
            *NAMES, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=not_after
        )
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.tls)

    def connect(self) -> HTTPSConnection:
        """Connect to the API server."""
        connection = HTTPSConnection(self._address.hostname or "", self._address.port, context=self._upstream_tls)
        connection.connect()
        return connection

    @contextlib.contextmanager
    def held(self, live: socket.socket) -> Iterator[None]:
        """Shut this connection down with the front at the latest."""
        self._sockets.add(live)
        try:
            yield
        finally:
            self._sockets.discard(live)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close joins them

    def __init__(self, front: Front) -> None:
        self.front = front
        self.address_family = socket.AF_INET6 if ":" in front.host else socket.AF_INET
        super().__init__((front.host, 0), Exchange)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Speak TLS in the connection's own thread, so that a slow handshake holds back nobody else."""
        with self.front.held(request):
            try:
                tls = self.front.tls.wrap_socket(request, server_side=True)
            except OSError:  # the client does not accept the certificate
                self.shutdown_request(request)
                return
        with self.front.held(tls):
            super().process_request_thread(tls, client_address)

    def handle_error(self, *_: object) -> None:
        """Let a connection end with either side of it, as a front does."""


# -- answers --------------------------------------------------------------------------------------------------------


def forward(exchange: Exchange, path: str = "") -> None:
    """Answer as the API server does."""
    with exchange.ask(path) as response:
        kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        exchange.begin(response.status, **kept)
        while data := response.read1(CHUNK):
            exchange.chunk(data)
        exchange.chunk(b"")


def status(code: int, reason: str, message: str, **headers: str) -> Answer:
    """Answer with a Kubernetes Status."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return lambda exchange: exchange.reply(code, json.dumps({**body, "code": code}).encode(), **headers)


def truncated(exchange: Exchange) -> None:
    """Answer with the first half of the API server's JSON, as if that were all."""
    with exchange.ask() as response:
        body = response.read()
    exchange.reply(response.status, body[: len(body) // 2])


def slow_headers(exchange: Exchange) -> None:
    """Answer with a byte every half second, in headers without an end."""
    for byte in chain(b"HTTP/1.1 200 OK\r\nX-Slow: ", repeat(ord("x"))):
        exchange.wfile.write(bytes([byte]))
        exchange.pause(0.5)


_expired = status(410, "Expired", "The resourceVersion for the provided list is too old.")


def gone(exchange: Exchange) -> None:
    """Answer every list as if etcd had been compacted since."""
    (_expired if exchange.lists else forward)(exchange)


def gone_in_stream(exchange: Exchange) -> None:
    """End every watch at once, with 410 as its only event."""
    if not exchange.watches:
        forward(exchange)
        return
    expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (2)"}
    exchange.begin(200)
    exchange.chunk(json.dumps({"type": "ERROR", "object": expired}).encode() + b"\n")
    exchange.chunk(b"")


def bookmarks_only(exchange: Exchange) -> None:
    """Let a watch tell of nothing but bookmarks, five in a second."""
    if not exchange.watches:
        forward(exchange)
        return
    version = parse_qs(urlsplit(exchange.path).query)["resourceVersion"][0]
    job = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"resourceVersion": version}, "status": {}}
    exchange.begin(200)
    while True:
        exchange.chunk(json.dumps({"type": "BOOKMARK", "object": job}).encode() + b"\n")
        exchange.pause(0.2)


def ended_after(seconds: int) -> Answer:
    """Let the API server end every watch after so many seconds."""

    def answer(exchange: Exchange) -> None:
        path = re.sub(r"timeoutSeconds=\d+", "", exchange.path)
        forward(exchange, f"{path}&timeoutSeconds={seconds}" if exchange.watches else "")

    return answer


def hide_outages(exchange: Exchange) -> None:
    """Answer when the API server is ready, however long that takes, and end in good order a stream that breaks off."""
    while not exchange.server.front.apiserver.ready():
        exchange.pause(0.1)
    try:
        forward(exchange)
    except (OSError, HTTPException):
        if exchange.begun:
            exchange.chunk(b"")
