"""The web server in a crowd: whoever keeps connections open, sends or reads slowly, stops no probe."""

from __future__ import annotations

import re
import resource
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from steps.service import web
from steps.service.web import Response, text
from tests.conftest import unavailable
from tests.unit.service.test_server import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.unit.mirroring.conftest import Place

CROWD = 2000
PROMPT = 2.0
"""Seconds in which a probe has its answer; the kubelet waits for 5."""
LONG = b"x" * 4_000_000


def routes(path: str, _query: str) -> Response:
    if path == "/long":
        return Response(200, LONG)
    if path.startswith("/hangs"):
        time.sleep(30)
    return text(200, f"asked for {path}")


@pytest.fixture
def port() -> Iterator[int]:
    with files(2 * CROWD), web.start(0, routes) as running:
        yield running.port


@contextmanager
def files(count: int) -> Iterator[None]:
    """Let this process have `count` open files, instead of what it may have now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != hard < count:
        unavailable(f"a process may have no more than {hard} open files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def crowd(port: int, count: int, sent: bytes, *, probes: Sequence[str] = ()) -> Iterator[list[socket.socket]]:
    """Keep `count` connections open which have sent that much, and read nothing.

    See an answer to each of `probes` in good time, while the crowd grows.
    """
    with ExitStack() as stack:
        clients = []
        for number in range(count):
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(5)
            with suppress(OSError):  # the server hung up on it
                client.connect(("127.0.0.1", port))
                client.sendall(sent)
            clients.append(client)
            if number % 100 == 99:
                answered(port, *probes)
        yield clients


def answered(port: int, *paths: str) -> None:
    """See that each path has its answer in good time."""
    for path in paths:
        begun = time.monotonic()
        assert ask(port, path).code == 200
        assert time.monotonic() - begun < PROMPT, path


def prompt(port: int, *paths: str) -> None:
    """Ask for each path as often as the kubelet does in minutes, and see each answer come in good time."""
    for _ in range(5):
        answered(port, *paths)
        time.sleep(0.3)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="silent"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX-Begun: ", id="half a request"),
        pytest.param(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n", id="reads nothing"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx", id="half a body"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 40, id="many requests in one"),
    ],
)
def test_probes_and_page_answer_while_thousands_hold_connections(port: int, sent: bytes) -> None:
    with crowd(port, CROWD, sent, probes=["/healthz"]):
        prompt(port, "/healthz", "/readyz", "/")


def test_probes_and_page_answer_while_others_send_a_byte_a_second(port: int) -> None:
    def drip() -> None:
        while not ended.wait(1):
            for client in clients:
                with suppress(OSError):
                    client.send(b"x")

    ended = threading.Event()
    with crowd(port, CROWD, b"GET / HTTP/1.1\r\nX-Long: ", probes=["/healthz"]) as clients:
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            prompt(port, "/healthz", "/readyz", "/")
        finally:
            ended.set()
            dripping.join()


def test_probes_answer_while_every_page_waits_for_a_volume_that_hangs(port: int) -> None:
    with ExitStack() as stack:
        for number in range(200):
            request = f"GET /hangs/{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            stack.enter_context(crowd(port, 1, request))
        prompt(port, "/healthz", "/readyz")
        begun = time.monotonic()
        assert ask(port, "/").said == (503, "too many requests at the same time: try again\n")
        assert time.monotonic() - begun < PROMPT


def test_one_probe_that_hangs_does_not_stop_the_other() -> None:
    def one_hangs(path: str, _query: str) -> Response:
        if path == "/readyz":
            time.sleep(30)
        return text(200, "ok")

    with (
        web.start(0, one_hangs) as running,
        crowd(running.port, 200, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"),
    ):
        prompt(running.port, "/healthz", "/")


@pytest.mark.parametrize(
    ("limit", "request_line"),
    [
        ("REQUEST_SECONDS", b"GET / HTTP/1.1\r\nX-Long: "),
        ("ANSWER_SECONDS", b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("ANSWER_SECONDS", b"GET /hangs HTTP/1.1\r\nHost: x\r\n\r\n"),
    ],
)
def test_each_connection_has_a_deadline_however_it_keeps_busy(
    monkeypatch: pytest.MonkeyPatch, limit: str, request_line: bytes
) -> None:
    monkeypatch.setattr(web, limit, 0.5)
    with web.start(0, routes) as running, crowd(running.port, 1, request_line) as (client,):
        begun = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - begun < 10 and (limit == "REQUEST_SECONDS" or client.recv(1024)):
                time.sleep(0.05)
                client.send(b"x")
        assert time.monotonic() - begun < 5


def test_a_long_answer_comes_whole(port: int) -> None:
    with crowd(port, 20, b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert ask(port, "/long").text == LONG.decode()


def test_the_service_answers_in_a_crowd_with_the_files_that_a_process_has_by_default(
    connected: Place,
) -> None:
    with files(1024):
        process = connected.start("--schedule=0 2 * * 0", "--listen-port=0")
    with process, files(2 * CROWD):
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"listening on port (\d+)", line) for line in process.stderr)))
        port = int(found[1])
        with crowd(port, CROWD, b"GET / HTTP/1.1\r\nX-Begun: ", probes=["/healthz"]):
            prompt(port, "/healthz", "/readyz", "/")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
