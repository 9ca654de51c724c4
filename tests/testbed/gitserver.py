"""A real Git server over HTTP: git's own backend behind a small web server, with basic auth if wanted.

Bare repositories of one folder are served under their names; pushing is allowed to whoever may read, except
where a reader is named.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import requests

from tests.testbed.layout import GIT_PORT, GIT_ROOT, GIT_URL, NODE_ADDRESS
from tests.testbed.processes import Daemon
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class GitServer:
    """A running server: its address and the folder whose bare repositories it serves."""

    url: str
    root: Path

    def repository_url(self, name: str) -> str:
        """The clone URL of the repository in the folder `NAME.git`."""
        return f"{self.url}/{name}.git"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        root: Path,
        credentials: tuple[str, str],
        moved: Mapping[str, str] | None = None,
        reader: tuple[str, str] = ("", ""),
    ) -> None:
        self.root, self.moved = root, moved or {}
        self.writer, self.reader = _basic(*credentials), _basic(*reader)
        super().__init__(address, _Handler)


def _basic(username: str, password: str) -> str | None:
    """The header that a user sends; None for nobody."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return f"Basic {token}" if username else None


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Hand the request to git."""
        if refusal := self._refusal():
            self.send_response(refusal)
            self.send_header("WWW-Authenticate", 'Basic realm="testbed"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        for before, after in self.server.moved.items():
            if self.path.startswith(f"{before}/"):
                self.send_response(HTTPStatus.MOVED_PERMANENTLY)
                self.send_header("Location", self.path.replace(before, after, 1))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        body = self._body()
        env = self._environment(len(body))
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False)
        self._answer(done.stdout or b"Status: 500 git http-backend failed\r\n\r\n" + done.stderr)

    do_POST = do_GET  # noqa: N815 - the base class's name

    def _refusal(self) -> HTTPStatus | None:
        """Return why this user may not do this; None where it may be done."""
        given, server = self.headers.get("Authorization"), self.server
        if server.writer and given not in {server.writer, server.reader or server.writer}:
            return HTTPStatus.UNAUTHORIZED
        if server.reader and given == server.reader and "git-receive-pack" in self.path:
            return HTTPStatus.FORBIDDEN
        return None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _environment(self, length: int) -> dict[str, str]:
        target = urlsplit(self.path)
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            # The repositories belong to whichever test made them, and anyone who may read may push.
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "http.receivepack",
            "GIT_CONFIG_VALUE_1": "true",
            "PATH_INFO": unquote(target.path),
            "QUERY_STRING": target.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": self.client_address[0],
        }

    def _answer(self, output: bytes) -> None:
        head, _, body = output.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet inside tests; the server that runs on its own prints to its log."""
        if self.server.root == GIT_ROOT:
            super().log_message(format, *args)


def start() -> None:
    """Start the testbed's server and leave it running."""
    GIT_ROOT.mkdir(parents=True, exist_ok=True)
    Daemon("gitserver", [sys.executable, "-m", "tests.testbed", "gitserver"]).start()
    wait_until("the Git server", lambda: bool(requests.get(GIT_URL, timeout=2).status_code))


def serve_forever() -> None:
    """Be that server."""
    _Server((NODE_ADDRESS, GIT_PORT), GIT_ROOT, ("", "")).serve_forever()


@contextmanager
def serving(
    root: Path,
    *,
    username: str = "",
    password: str = "",
    address: str = "127.0.0.1",
    moved: Mapping[str, str] | None = None,
    reader: tuple[str, str] = ("", ""),
) -> Iterator[GitServer]:
    """A server on a free port for one test, with basic auth if a user name is given.

    Requests below a path of `moved` are led to the other one. `reader` is a user who may not push.
    """
    server = _Server((address, 0), root, (username, password), moved, reader)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield GitServer(f"http://{address}:{server.server_address[1]}", root)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
