"""TLS in front of a PostgreSQL server that was built without it, for clients that insist on it."""

import asyncio
import ssl
import struct
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from servers.certificate import certificate

SSL_REQUEST = struct.pack("!II", 8, 80877103)
"""What a client sends first (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""


class TlsFront:
    """Listens on a free port of an address with a certificate of its own, and passes on what it hears to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="tls-") as folder:
            self._context.load_cert_chain(*certificate(Path(folder)))
        starting = asyncio.start_server(self._serve, self._upstream[0])
        self._server = self._loop.run_until_complete(starting)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                writer.write(b"N")  # GSS, and what else a client would like first
            writer.write(b"S")
            await writer.start_tls(self._context)
            server = await asyncio.open_connection(*self._upstream)
            await asyncio.gather(_pass_on(reader, server[1]), _pass_on(server[0], writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's end, then end the writer too."""
    try:
        while heard := await reader.read(65536):
            writer.write(heard)
            await writer.drain()
    finally:
        writer.close()
