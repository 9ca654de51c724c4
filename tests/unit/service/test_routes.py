"""What the service answers on its paths, over HTTP, with a data directory behind it.

It looks at the data directory at most once a minute, so each test asks when everything lies there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from steps.mirroring.request import FROM_DISK, TO_DISK, Request
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import Store
from steps.mirroring.store.receipt import Sealed
from steps.mirroring.workflows import receipts
from steps.service import serve, web
from steps.service.loop import Service
from steps.service.metrics import Metrics
from steps.trust.keys import PrivateKey
from tests.unit.service.test_holdings import write_generation
from tests.unit.service.test_server import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET = "registry.example.com"


@pytest.fixture(params=[FROM_DISK])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[web.Server]:
    """A service on a data directory with one generation."""
    write_generation(tmp_path, 1)
    asked = Request(workflow=request.param, data=tmp_path, target_registry=TARGET)
    service = Service(asked, Schedule.parse("0 2 1 1 *"), mirror=lambda _watcher: "nothing")
    routes = serve.routes(service, Metrics(service.overview), Store(tmp_path))
    with web.start(0, routes) as running:
        yield running


def imported(data: Path, number: int, target: str = TARGET, key: PrivateKey | None = None) -> bytes:
    """Record an import as workflow-from-disk does; return its receipt."""
    store = Store(data)
    store.imports.record(target, [store.generations.present()[number]])
    path = receipts.issue(store, target, key)
    assert path is not None
    return path.read_bytes()


def test_the_receipt_is_downloaded_as_it_was_written(server: web.Server, tmp_path: Path) -> None:
    written = imported(tmp_path, 1)
    answer = ask(server.port, "/receipt.json")
    assert answer.code == 200
    assert answer.text.encode() == written
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="0001.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert Sealed.parse(answer.text.encode()).receipt.generations == "1"
    head = ask(server.port, "/receipt.json", "HEAD")
    assert (head.code, head.text) == (200, "")
    assert head.headers["Content-Length"] == str(len(written))


def test_the_newest_receipt_of_the_services_own_target_is_given(server: web.Server, tmp_path: Path) -> None:
    imported(tmp_path, 1)
    write_generation(tmp_path, 2)
    key = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    newest = imported(tmp_path, 2, key=key)
    imported(tmp_path, 2, target="other.example.com")
    answer = ask(server.port, "/receipt.json?of=other.example.com")
    assert answer.text.encode() == newest
    assert 'filename="0002.json"' in answer.headers["Content-Disposition"]
    assert Sealed.parse(newest).is_by(key.public)


@pytest.mark.parametrize("there", ["nothing", "of another target", "half a receipt"])
def test_without_a_receipt_the_answer_says_what_writes_one(
    server: web.Server, tmp_path: Path, there: str
) -> None:
    if there == "of another target":
        imported(tmp_path, 1, target="other.example.com")
    if there == "half a receipt":
        written = imported(tmp_path, 1)
        (tmp_path / "receipts/0001.json").write_bytes(written[: len(written) // 2])
    said = "there is none: workflow-from-disk writes one when it has imported something\n"
    assert ask(server.port, "/receipt.json").said == (404, said)


@pytest.mark.parametrize("server", [TO_DISK], indirect=True)
def test_the_side_that_makes_archives_has_none(server: web.Server, tmp_path: Path) -> None:
    imported(tmp_path, 1)
    assert ask(server.port, "/receipt.json").code == 404
