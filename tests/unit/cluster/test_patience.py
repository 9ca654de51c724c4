"""An API server in trouble is asked again, as the client asks: by urllib3, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from steps.cluster.patience import PatientRetry, RefusalDoubt

UNKNOWN_FIELD = (
    '{"message": "failed to create typed patch object (ns/x; batch/v1, Kind=Job): .spec.timeZone: field not '
    'declared in schema", "code": 500}'
)


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers, the last one for ever; gives its URL and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            status, text = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PATCH  # noqa: N815 - the base class's name

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        server.server_close()


def ask(url: str, method: str = "PATCH") -> urllib3.BaseHTTPResponse:
    retries = PatientRetry(doubt=RefusalDoubt(), backoff_factor=0)
    with urllib3.PoolManager(retries=retries) as pool:
        return pool.request(method, url, body=b"{}")


@pytest.mark.parametrize(
    "text",
    [
        '{"message": "etcdserver: leader changed"}',
        '{"message": "rpc error: code = Unavailable desc = etcdserver: request timed out"}',
        '{"message": "Internal error occurred: failed calling webhook \\"validate.kyverno.svc\\": EOF"}',
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_internal_error_that_passes_is_waited_out(text: str, method: str) -> None:
    with answering((500, text), (500, text), (200, "{}")) as (url, asked):
        assert ask(url, method).status == 200
    assert asked == [method] * 3


def test_an_internal_error_that_blames_the_object_stays() -> None:
    with answering((500, UNKNOWN_FIELD)) as (url, asked):
        answer = ask(url)
    assert (answer.status, answer.data.decode()) == (500, UNKNOWN_FIELD)
    assert len(asked) == 1


def test_a_refusal_by_an_admission_policy_is_believed_at_once() -> None:
    refused = (
        '{"message": "jobs.batch \\"x\\" is forbidden: ValidatingAdmissionPolicy \'oc-mirror-workload\' with '
        'binding \'oc-mirror-workload\' denied request: the workload may not", "code": 403}'
    )
    with answering((403, refused)) as (url, asked):
        answer = ask(url)
    assert (answer.status, answer.data.decode()) == (403, refused)
    assert len(asked) == 1


def test_an_internal_error_that_does_not_pass_is_given_back_at_last() -> None:
    with answering((500, '{"message": "leader changed"}')) as (url, asked):
        answer = ask(url)
    assert (answer.status, answer.data) == (500, b'{"message": "leader changed"}')
    assert 3 < len(asked) < 20
