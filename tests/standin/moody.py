"""A registry with moods: passes requests on to a real one, unless it is asked to misbehave.

`mood(method, path)` decides for each request: None passes it on; a number is answered as that HTTP status;
"drop" closes the connection without an answer, "cut" in the middle of one; a float passes it on after so many
seconds. `manners` are asked before it; see `tests/standin/manners.py`. `sent` are paths
with the bytes of what the real one answered.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.standin.manners import Manner, Question, Reply, Without

Mood = int | float | str | None


class Moody(ThreadingHTTPServer):
    """Serves on a free port of loopback for the time of a `with`, before the registry at `upstream`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.mood: Callable[[str, str], Mood] = lambda _method, _path: None
        self.manners: list[Manner] = []
        self.asked: list[tuple[str, str]] = []
        self.sent: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def __enter__(self) -> Moody:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_arguments: object) -> None:
        """A client that went away is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Moody

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        self.server.asked.append((self.command, self.path))
        without: frozenset[str] = frozenset()
        question = Question(
            self.command, self.path, {name.lower(): text for name, text in self.headers.items()}, body
        )
        for manner in self.server.manners:
            found = manner(question)
            if isinstance(found, Reply):
                self._reply(found)
                return
            if isinstance(found, Without):
                without |= found.headers
        mood = self.server.mood(self.command, self.path)
        if mood == "drop":
            self._hang_up()
        elif isinstance(mood, int):
            self._refuse(mood)
        else:
            if isinstance(mood, float):
                threading.Event().wait(mood)
            self._pass_on(body, cut=mood == "cut", without=without)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _chunks(self) -> bytes:
        found = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(found)

    def _pass_on(self, body: bytes, *, cut: bool, without: frozenset[str]) -> None:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # Accept comes more than once
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
            self.server.sent.append((self.path, len(data)))
            self.send_response(answer.status)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            for name, value in answer.getheaders():
                if name.lower() not in {"content-length", "connection", "transfer-encoding", *without}:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
        finally:
            connection.close()
        if cut and data:
            self._hang_up()

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="moody"')
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_arguments: Any) -> None: ...
