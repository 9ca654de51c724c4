"""Registries that misbehave: what they say is not believed, and nobody is told that something is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.standin.manners import Question, Reply
from tests.standin.moody import Moody
from tests.unit.mirroring.conftest import serve_registry
from tests.unit.readiness.conftest import Fleet
from tests.unit.readiness.site import Site
from tests.unit.readiness.test_holes import BROKEN, PAYLOAD, READY, UNKNOWN, told

Manner = Callable[[Question], Reply | None]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Moody, Site]]:
    with serve_registry(tmp_path_factory.mktemp("storage")) as host, Moody(host) as moody:
        site = Site(f"{moody.host}/mirror")
        site.release("4.19.20")
        site.release("4.20.12", ["4.19.20"])
        site.graph_image({"stable-4.20": ["4.19.20", "4.20.12"]})
        yield moody, site


@pytest.fixture
def fleet(mirror: tuple[Moody, Site], tmp_path: Path) -> Iterator[Fleet]:
    moody, site = mirror
    yield Fleet(tmp_path, site, hub={"edge-1": {"version": "4.19.20"}})
    moody.manners.clear()
    moody.mood = lambda _method, _path: None


def _of(part: str, reply: Reply, *, method: str = "") -> Manner:
    def manner(question: Question) -> Reply | None:
        asked = question.path.endswith(part) and question.method in {method or question.method}
        return reply if asked else None

    return manner


def _look(fleet: Fleet, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, set[str]]:
    return told(fleet.look(*more, capsys=capsys)[1])


def test_another_digest_than_the_one_that_is_asked_for_is_no_answer(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    moody, site = mirror
    [part, _other] = site.parts["4.20.12"]
    headers = {"Docker-Content-Digest": f"sha256:{'0' * 64}", "Content-Type": MANIFEST}
    moody.manners = [_of(part, Reply(200, headers), method="HEAD")]
    assert _look(fleet, capsys) == (READY, set()), "GET has the right one"
    moody.manners.append(_of(part, Reply(404), method="GET"))
    assert _look(fleet, capsys) == (BROKEN, {"lost in the registry"})


def test_bytes_that_a_digest_does_not_name_are_told_where_layers_are_asked_for(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    moody, site = mirror
    [part, _other] = site.parts["4.20.12"]
    headers = {"Docker-Content-Digest": part, "Content-Type": MANIFEST}
    moody.manners = [_of(part, Reply(200, headers, b"{}"), method="GET")]
    assert _look(fleet, capsys, "--layers") == (BROKEN, {"incomplete in the registry"})


@pytest.mark.parametrize("tags", ['[3, {}, "4.20.12-x86_64"]', '{"a": 1}', '"4.20.12-x86_64"'])
def test_tags_that_are_none_tell_nothing(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str], tags: str
) -> None:
    moody, _site = mirror
    body = f'{{"name": "x", "tags": {tags}}}'.encode()
    headers = {"Content-Type": "application/json"}
    moody.manners = [_of("tags/list?n=1000", Reply(200, headers, body))]
    assert _look(fleet, capsys) == (UNKNOWN, {"the registry does not answer"})


def test_a_registry_that_lists_no_tags_is_told_with_what_to_do(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    moody, _site = mirror
    moody.manners = [_of("tags/list?n=1000", Reply(405))]
    _code, document = fleet.look(capsys=capsys)
    assert told(document) == (UNKNOWN, {"the registry does not answer"})
    [reason] = document["judgements"][0]["reasons"]
    assert reason["to_do"].startswith("let the login list tags")


@pytest.mark.parametrize("link", ["?n=1000", "?n=1000&last=4.20.12-x86_64"])
def test_pages_of_tags_that_lead_in_a_circle_have_an_end(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    moody, _site = mirror
    headers = {"Content-Type": "application/json", "Link": f'<{link}>; rel="next"'}
    body = b'{"name": "x", "tags": ["4.20.12-x86_64"]}'
    moody.manners = [lambda question: Reply(200, headers, body) if "/tags/list" in question.path else None]
    code, document = fleet.look(capsys=capsys)
    assert (code, told(document)) == (17, (UNKNOWN, {"the registry does not answer"}))
    assert "after 1 of them its pages have no end" in json.dumps(document)


def test_a_page_of_a_proxy_for_everything_tells_nothing(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    moody, _site = mirror
    moody.manners = [_of("", Reply(200, {"Content-Type": "text/html"}, b"<html>log in</html>"))]
    assert _look(fleet, capsys) == (UNKNOWN, {"the registry does not answer"})


@pytest.mark.parametrize("repository", [PAYLOAD, "openshift/graph-image", "openshift/release-images"])
def test_a_login_that_may_not_read_is_told_as_that(
    mirror: tuple[Moody, Site], fleet: Fleet, capsys: pytest.CaptureFixture[str], repository: str
) -> None:
    moody, _site = mirror
    moody.mood = lambda _method, path: 403 if f"/{repository}/" in path else None
    code, document = fleet.look(capsys=capsys)
    state, causes = told(document)
    assert (code, state, causes - {"what runs now is not whole in the registry"}) == (
        17,
        UNKNOWN,
        {"the registry refuses to answer"},
    )
    assert "mirror" not in json.dumps([one["to_do"] for one in document["judgements"][0]["reasons"]])
