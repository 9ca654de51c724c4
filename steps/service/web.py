"""The service's web server: it answers GET and HEAD with strict headers, and changes nothing."""

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
REQUEST_TIMEOUT = 15
"""Seconds that a client may take to send its request: a thread waits for each client."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; `kind` is its media type, `download` the file name to save it under, if any."""

    code: int
    body: bytes
    kind: str = TEXT
    download: str = ""


class Server(ThreadingHTTPServer):
    """A server on every address of the pod, IPv6 and IPv4; its threads end with the process."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Make an IPv6 socket accept IPv4 connections too, as `http.server` on the command line does."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection, as probes do.

        Any other error is a defect, with its traceback.
        """
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def text(code: int, *lines: str) -> Response:
    """Return a response of plain text lines."""
    return Response(code, "".join(f"{line}\n" for line in lines).encode())


def start(port: int, routes: Callable[[str], Response]) -> Server:
    """Start to answer GET and HEAD on `port` (0: any free port) with what `routes` returns for a path.

    Raises ConflictError if the port is in use.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT

        def do_GET(self) -> None:
            self._send(routes(unquote(urlsplit(self.path).path)))

        def do_HEAD(self) -> None:
            self._send(routes(unquote(urlsplit(self.path).path)), body=False)

        def version_string(self) -> str:
            return "oc-mirror-pipeline"

        def _send(self, answer: Response, *, body: bool = True) -> None:
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


def _headers(answer: Response) -> Mapping[str, str]:
    """Return the headers of a response, which forbid to guess its type, frame it, cache it or load assets."""
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
