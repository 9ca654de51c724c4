"""Posting to a real web server that stands where an EventListener would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina

from steps import send_event
from steps.errors import ClusterError, NotFoundError, StepError
from steps.listener import sign


@dataclass
class Listener:
    """Answers with each status in turn, the last one for ever; keeps what it was sent."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [202])
    body: bytes = b'{"eventID": "e-1"}'
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    state = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.received.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(state.answers.pop(0) if len(state.answers) > 1 else state.answers[0])
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/schedule"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _without_pauses() -> Iterator[None]:
    """Make all attempts follow each other without a pause."""
    with stamina.set_testing(True, attempts=6):
        yield


def send(url: str, folder: Path, key: str = "top secret") -> str:
    (folder / "key").write_text(f"{key}\n")
    arguments = [f"--listener-url={url}", f"--secret-file={folder / 'key'}", "--run=deployment"]
    return send_event.send(send_event.parse([*arguments, "--occasion=job-7"]))


def test_the_signature_is_the_one_of_githubs_documentation() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign(b"Hello, World!", b"It's a Secret to Everybody") == expected


def test_an_event_arrives_signed(listener: Listener, tmp_path: Path) -> None:
    assert send(listener.url, tmp_path) == "e-1"
    ((headers, body),) = listener.received
    assert json.loads(body) == {"run": "deployment", "occasion": "job-7"}
    assert headers["X-GitHub-Event"] == "schedule"
    assert headers["X-Hub-Signature-256"] == sign(body, b"top secret")


def test_a_listener_that_is_starting_is_asked_again(listener: Listener, tmp_path: Path) -> None:
    listener.answers = [503, 502, 202]
    assert send(listener.url, tmp_path) == "e-1"
    assert len(listener.received) == 3


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (503, b"", ClusterError, "HTTP 503"),
        (404, b"", ClusterError, "HTTP 404 instead of 202"),
        (302, b"", ClusterError, "HTTP 302 instead of 202"),
        (202, b"<html>", ClusterError, "no EventListener"),
        (202, b"[]", ClusterError, "no EventListener"),
    ],
)
def test_what_is_no_listener_is_named(
    listener: Listener, tmp_path: Path, status: int, body: bytes, kind: type[StepError], words: str
) -> None:
    listener.answers, listener.body = [status], body
    with pytest.raises(kind) as caught:
        send(listener.url, tmp_path)
    assert words in caught.value.reason


def test_nobody_there_is_said_with_what_to_apply(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        send("http://127.0.0.1:9/schedule", tmp_path)
    assert "tekton/triggers" in caught.value.hint


def test_a_missing_key_is_said_with_its_name(tmp_path: Path) -> None:
    arguments = ["--listener-url=http://x", f"--secret-file={tmp_path / 'none'}", "--run=a", "--occasion=b"]
    with pytest.raises(NotFoundError) as caught:
        send_event.send(send_event.parse(arguments))
    assert "oc-mirror-webhook-keys" in caught.value.hint
