"""The web server: what it answers, with which headers, and what it ignores."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from steps.errors import ConflictError
from steps.service import web
from steps.service.web import Response, text

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Asked:
    """An answer, as a client sees it."""

    code: int
    text: str
    headers: dict[str, str]

    @property
    def said(self) -> tuple[int, str]:
        return self.code, self.text


def ask(port: int, path: str, method: str = "GET") -> Asked:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return Asked(answer.status, answer.read().decode(), dict(answer.getheaders()))
    finally:
        connection.close()


@pytest.fixture
def server() -> Iterator[web.Server]:
    def routes(path: str) -> Response:
        if path == "/file":
            return Response(200, b"kind: X\n", web.YAML, download="file.yaml")
        return text(200, f"asked for {path}")

    with web.start(0, routes) as running:
        yield running
        running.shutdown()


def test_two_servers_do_not_share_a_port(server: web.Server) -> None:
    with pytest.raises(ConflictError, match=f"port {server.server_port}"):
        web.start(server.server_port, lambda _path: text(200))


def test_every_answer_forbids_what_a_page_of_ours_never_does(server: web.Server) -> None:
    for path in ("/", "/file"):
        headers = ask(server.server_port, path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "oc-mirror-pipeline"
        assert "Python" not in str(headers)


def test_a_file_is_saved_under_its_name(server: web.Server) -> None:
    headers = ask(server.server_port, "/file").headers
    assert headers["Content-Disposition"] == 'attachment; filename="file.yaml"'
    assert headers["Content-Type"].startswith("application/yaml")


def test_query_and_escapes_are_no_part_of_the_path(server: web.Server) -> None:
    assert ask(server.server_port, "/a%20b?c=d#e").text == "asked for /a b\n"


def test_head_is_get_without_a_body(server: web.Server) -> None:
    asked = ask(server.server_port, "/file", "HEAD")
    assert (asked.code, asked.text, asked.headers["Content-Length"]) == (200, "", "8")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_takes_no_orders(server: web.Server, method: str) -> None:
    assert ask(server.server_port, "/", method).code == 501


def test_a_client_that_hangs_up_is_no_reason_for_a_traceback(
    server: web.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    for _attempt in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset at close
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert ask(server.server_port, "/").code == 200
    assert "Traceback" not in capfd.readouterr().err
