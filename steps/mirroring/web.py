"""The service's web server: two probes and a page of plain text."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from steps.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


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


def start(port: int, *, status: Callable[[], str], problems: Callable[[], list[str]]) -> Server:
    """Answer `/healthz`, `/readyz` and `/` on `port` (0: any free one) from now on.

    Health is the main thread's: it mirrors. `/readyz` is 503 with one line for each of `problems()`. Raises
    ConflictError if the port is taken.
    """
    main = threading.main_thread()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200 if main.is_alive() else 500, "ok\n" if main.is_alive() else "stopped\n")
            elif self.path == "/readyz":
                found = problems()
                self._answer(503 if found else 200, "".join(f"{line}\n" for line in found) or "ok\n")
            elif self.path == "/":
                self._answer(200, status())
            else:
                self._answer(404, "there is /, /healthz and /readyz\n")

        def _answer(self, code: int, text: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
