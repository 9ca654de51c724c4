"""The service's web server: it answers questions, with strict headers, and takes no orders."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from steps.errors import ConflictError
from steps.service import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

TEXT = "text/plain; charset=utf-8"
YAML = "application/yaml; charset=utf-8"
PATIENCE = 15
"""Seconds that a client may take to ask: a thread waits for each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: a code, a body and its type; with `download`, the name under which it is to be saved."""

    code: int
    body: bytes
    kind: str = TEXT
    download: str = ""


class Server(ThreadingHTTPServer):
    """Listens on every address of the pod, IPv6 and IPv4 alike; its threads end with the process."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Let an IPv6 socket take IPv4 connections too, as `http.server` on the command line does."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that hang up, as probes do; anything else is a defect and keeps its traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def text(code: int, *lines: str) -> Answer:
    """An answer of plain lines."""
    return Answer(code, "".join(f"{line}\n" for line in lines).encode())


def start(port: int, routes: Callable[[str], Answer]) -> Server:
    """Answer GET and HEAD on `port` (0: any free one) from now on. Raises ConflictError if it is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            self._send(routes(unquote(urlsplit(self.path).path)))

        def do_HEAD(self) -> None:
            self._send(routes(unquote(urlsplit(self.path).path)), body=False)

        def version_string(self) -> str:
            return "oc-mirror-pipeline"

        def _send(self, answer: Answer, *, body: bool = True) -> None:
            self.send_response(answer.code)
            for name, value in _headers(answer).items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            log.debug(format, *args)

    try:
        server = Server(("", port), Handler)
    except OSError as error:
        raise ConflictError(
            f"cannot listen on port {port}: {error.strerror}", "choose another with --listen-port"
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True, name="web").start()
    return server


def _headers(answer: Answer) -> Mapping[str, str]:
    """The headers of an answer: nobody may guess its type, frame it, keep it or load anything from it."""
    headers = {
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
        "Content-Security-Policy": page.content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if answer.download:
        headers["Content-Disposition"] = f'attachment; filename="{answer.download}"'
    return headers
