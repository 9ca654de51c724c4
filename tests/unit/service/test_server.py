"""The web server: what it answers, with which headers, and what it ignores."""

from __future__ import annotations

import http.client
import re
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
    def routes(path: str, query: str) -> Response:
        if path == "/file":
            return Response(200, b"kind: X\n", web.YAML, download="file.yaml")
        return text(200, f"asked for {path}{' with ' * bool(query)}{query}")

    with web.start(0, routes) as running:
        yield running


def test_two_servers_do_not_share_a_port(server: web.Server) -> None:
    with pytest.raises(ConflictError, match=f"port {server.port}"):
        web.start(server.port, lambda _path, _query: text(200))


def test_every_answer_forbids_what_a_page_of_ours_never_does(server: web.Server) -> None:
    for path in ("/", "/file"):
        headers = ask(server.port, path).headers
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
    headers = ask(server.port, "/file").headers
    assert headers["Content-Disposition"] == 'attachment; filename="file.yaml"'
    assert headers["Content-Type"].startswith("application/yaml")


def test_query_and_escapes_are_no_part_of_the_path(server: web.Server) -> None:
    assert ask(server.port, "/a%20b?c=d%20#e").text == "asked for /a b with c=d%20\n"


def test_of_a_query_only_the_beginning_is_read(server: web.Server) -> None:
    said = ask(server.port, f"/a?{'x' * 5000}").text
    assert said == f"asked for /a with {'x' * web.QUERY}\n"


def test_head_is_get_without_a_body(server: web.Server) -> None:
    asked = ask(server.port, "/file", "HEAD")
    assert (asked.code, asked.text, asked.headers["Content-Length"]) == (200, "", "8")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_takes_no_orders(server: web.Server, method: str) -> None:
    assert ask(server.port, "/", method).code == 501


def raw(port: int, sent: bytes) -> bytes:
    """Return what the server answers to these bytes, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 10_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100 + b"\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET http://[/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 10, 200),
    ],
)
def test_what_is_no_plain_request_is_refused_in_a_line(
    server: web.Server, sent: bytes, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    said = raw(server.port, sent)
    assert re.match(rb"HTTP/1\.[01] (\d+) ", said)[1] == str(code).encode()  # type: ignore[index]
    assert said.count(b"HTTP/1.") == 1
    assert b"\r\nServer: oc-mirror-pipeline\r\n" in said
    assert b"aiohttp" not in said
    assert "Traceback" not in capfd.readouterr().err


def test_a_defect_is_told_in_the_log_and_not_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    def broken(path: str, _query: str) -> Response:
        return text(200, str(1 / len(path.removeprefix("/"))))

    with web.start(0, broken) as running:
        assert ask(running.port, "/").said == (500, "a defect: the log says more\n")
        assert ask(running.port, "/xx").said == (200, "0.5\n")
    assert "ZeroDivisionError" in caplog.text


def test_it_serves_both_families_and_frees_its_port(server: web.Server) -> None:
    if socket.has_dualstack_ipv6():
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
    server.close()
    web.start(server.port, lambda _path, _query: text(200)).close()


def test_a_client_that_hangs_up_is_no_reason_for_a_traceback(
    server: web.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    for _attempt in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset at close
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert ask(server.port, "/").code == 200
    assert "Traceback" not in capfd.readouterr().err
