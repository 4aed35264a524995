"""A PostgreSQL server that speaks no TLS and asks everybody for the password in clear text."""

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

CLEARTEXT_PASSWORD = b"R" + struct.pack("!II", 8, 3)
REQUESTS = (struct.pack("!II", 8, 80877103), struct.pack("!II", 8, 80877104))
"""For TLS, and for GSS (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""


class Rogue:
    """Listens on a free port, refuses what a client would like first, and keeps all that it is told.

    `answer` is what it says to a startup packet, by itself the request for a password.
    """

    def __init__(self, answer: bytes = CLEARTEXT_PASSWORD) -> None:
        self._answer = answer
        self.heard = b""
        self.asked = 0
        """How many clients came."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # it is closed
                return
            self.asked += 1
            with client, suppress(OSError):
                client.settimeout(5)
                while (said := client.recv(65536)) in REQUESTS:
                    client.sendall(b"N")
                if said:
                    self.heard += said
                    client.sendall(self._answer)
                    self.heard += client.recv(65536)
