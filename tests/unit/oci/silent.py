"""A server that takes connections and never says a word."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Silent:
    """Listens on a free port of loopback for the time of a `with`."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)

    @property
    def connections(self) -> int:
        return len(self._taken)

    def __enter__(self) -> Silent:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (self._server, *self._taken):
            connection.close()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                self._taken.append(self._server.accept()[0])
