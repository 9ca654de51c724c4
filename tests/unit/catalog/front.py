"""A front before a real registry, which does to answers what networks and busy registries do to them."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.testbed.registry import Registry


@dataclass
class Front:
    """What to do with requests: each rule takes a path and may answer (status, headers, body), or None."""

    registry: Registry
    host: str = ""
    asked: list[str] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes] | None] = lambda _: None
    cut: Callable[[str], bool] = lambda _: False
    damage: Callable[[str], bool] = lambda _: False
    pause: float = 0


@contextmanager
def before(registry: Registry, certificate: Path | None = None) -> Iterator[Front]:
    """Serve a front on a free port of this machine, over TLS with a certificate (and key, in one file)."""
    front = Front(registry)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            front.asked.append(self.path)
            if own := front.answer(self):
                status, headers, body = own
            else:
                accept = {"Accept": self.headers.get("Accept", "*/*"), "Accept-Encoding": "identity"}
                found = requests.get(f"{registry.url}{self.path}", headers=accept, timeout=10)
                status, body = found.status_code, found.content
                headers = {"Content-Type": found.headers.get("Content-Type", "")}
            time.sleep(front.pause)
            if front.damage(self.path):
                body = body[:-1] + bytes([body[-1] ^ 1])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if front.cut(self.path):
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                return
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    front.host = f"127.0.0.1:{server.server_port}"
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def proxy_to(address: str, asked: list[str]) -> Iterator[str]:
    """Serve a proxy that takes every CONNECT to `address` and notes what was asked for; yield its URL."""
    host, _, port = address.partition(":")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            with socket.create_connection((host, int(port))) as upstream:
                self.send_response(200)
                self.end_headers()
                there = threading.Thread(target=_pass_on, args=(self.connection, upstream))
                there.start()
                _pass_on(upstream, self.connection)
                there.join()
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
