"""Signatures and attestations beside an image in a real registry, by tag, and by the list of referrers."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
import stamina

from steps.oci import attached
from steps.oci.access import Access
from steps.oci.attached import MOST, Attached
from steps.oci.failures import BusyError, UnreadableError
from steps.oci.registry import Repository
from steps.trust import bundle as bundle_format
from tests.standin import manners
from tests.standin.manners import Question, Reply, refusal
from tests.standin.moody import Moody
from tests.testbed import registry as registries
from tests.testbed.registry import Registry

DIGEST = "sha256:" + "a" * 64
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KINDS = bundle_format.MEDIA_TYPES
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registries.serving() as found:
        yield found


@pytest.fixture
def without_waiting() -> Iterator[None]:
    """It is tried as often as the code says, without waiting."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def repository(registry: Registry, request: pytest.FixtureRequest) -> Iterator[Repository]:
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    with Access().open(f"{registry.host}/{name}/signed") as opened:
        yield opened


def test_what_is_attached_is_read_as_it_was_written(repository: Repository) -> None:
    tag = attached.tag(DIGEST, "sig")
    assert attached.layers(repository, tag) == []
    written = [Attached("application/x", b"one", {"a": "b"}), Attached("application/y", b"two")]
    digest = attached.attach(repository, tag, written)
    assert attached.layers(repository, tag) == written
    assert repository.digest(tag) == digest
    attached.attach(repository, tag, written[:1])
    assert attached.layers(repository, tag) == written[:1]


def test_a_list_of_referrers_under_a_tag_is_read_where_the_registry_has_no_such_question(
    repository: Repository, registry: Registry
) -> None:
    assert attached.referrers(repository, DIGEST, KINDS) == []
    bundle = Attached("application/vnd.dev.sigstore.bundle.v0.3+json", b"{}")
    digest = attached.attach(repository, "some", [bundle])
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {"mediaType": MANIFEST, "digest": digest, "size": 1, "artifactType": bundle.media_type}
        ],
    }
    name = f"{repository._name.partition('/')[2]}/manifests/{DIGEST.replace(':', '-')}"
    url = f"{registry.url}/v2/{name}"
    requests.put(url, json.dumps(index), headers={"Content-Type": INDEX}, timeout=10).raise_for_status()
    assert attached.referrers(repository, DIGEST, KINDS) == [bundle]


def test_what_is_no_bundle_among_referrers_is_passed_over_however_large_or_many(
    repository: Repository, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scanners and others attach lists and reports; that must not keep an image from being verified."""
    monkeypatch.setattr(attached, "LARGEST", 999)
    bundle = Attached(KINDS[0], b"{}")
    listed = [
        entry(attached.attach(repository, "report", [Attached("application/x", b"x" * 1000)])),
        entry(attached.attach(repository, "large", [Attached(KINDS[0], b"x" * 1000)])),
        entry(attached.attach(repository, "layers", [Attached("application/x", b"x")] * (MOST + 1))),
        entry(f"sha256:{'0' * 64}"),
        {"mediaType": MANIFEST},
        "no descriptor",
        *[{**entry(f"sha256:{n:064d}"), "artifactType": "application/x"} for n in range(MOST)],
        {
            **entry(attached.attach(repository, "bundle", [Attached("application/x", b"x" * 1000), bundle])),
            "artifactType": KINDS[0],
        },
    ]
    index: dict[str, object] = {"manifests": listed}
    with answering_referrers(index, registry) as host:
        name = f"{host}/{repository._name.partition('/')[2]}"
        with Access().open(name) as through:
            assert attached.referrers(through, DIGEST, KINDS) == [bundle]


def entry(digest: str) -> dict[str, object]:
    return {"mediaType": MANIFEST, "digest": digest, "size": 1}


SIGNATURE = Attached("application/vnd.dev.cosign.simplesigning.v1+json", b"{}", {"a": "b"})


@pytest.fixture
def moody(registry: Registry) -> Iterator[Moody]:
    with Moody(registry.host) as found:
        yield found


@pytest.fixture
def behind(moody: Moody, request: pytest.FixtureRequest) -> Iterator[Repository]:
    """A repository behind a registry that can be told to misbehave."""
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    with Access().open(f"{moody.host}/{name}/tried") as opened:
        yield opened


def on_signatures(answer: Reply) -> manners.Manner:
    return lambda question: answer if question.method == "PUT" and ".sig" in question.path else None


def test_a_registry_that_takes_signatures_has_none_left_after_the_try(behind: Repository) -> None:
    for _time in range(2):
        assert attached.refusal(behind, DIGEST, SIGNATURE) is None
        assert behind.tags() == []


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 415, 500])
@pytest.mark.usefixtures("without_waiting")
def test_a_registry_that_refuses_signatures_is_found_out_with_its_status(
    behind: Repository, moody: Moody, status: int
) -> None:
    moody.manners = [on_signatures(refusal(status, "MANIFEST_INVALID"))]
    refused = attached.refusal(behind, DIGEST, SIGNATURE)
    assert refused
    assert moody.host in refused.reason
    assert f"HTTP {status}" in refused.reason
    assert attached.tag(DIGEST, "sig") in refused.reason


def test_a_registry_that_does_not_delete_and_writes_tags_once_still_takes_signatures(
    behind: Repository, moody: Moody
) -> None:
    def exists(_repository: str, version: str) -> bool:
        return version in behind.tags()

    moody.manners = [manners.has_immutable_tags(exists), manners.deletes_nothing]
    for _time in range(2):
        assert attached.refusal(behind, DIGEST, SIGNATURE) is None
        assert behind.tags() == [attached.tag(DIGEST, "sig")]


def test_a_registry_that_makes_another_manifest_of_a_signature_takes_none(
    behind: Repository, moody: Moody
) -> None:
    def converts(question: Question) -> Reply | None:
        if question.method == "GET" and ".sig" in question.path:
            kind = "application/vnd.docker.distribution.manifest.v2+json"
            return Reply(200, {"Content-Type": kind}, b'{"schemaVersion": 2}')
        return None

    moody.manners = [converts]
    refused = attached.refusal(behind, DIGEST, SIGNATURE)
    assert refused
    assert "comes back as another manifest" in refused.reason
    assert "docker.distribution.manifest" in refused.reason


def test_a_registry_that_is_busy_is_not_called_one_that_takes_no_signatures(
    behind: Repository, moody: Moody, without_waiting: None
) -> None:
    moody.manners = [on_signatures(refusal(429, "TOOMANYREQUESTS"))]
    with pytest.raises(BusyError):
        attached.refusal(behind, DIGEST, SIGNATURE)


def test_two_runs_that_try_at_once_do_not_take_each_other_for_a_refusal(
    behind: Repository, moody: Moody
) -> None:
    tag = attached.tag(DIGEST, "sig")

    def is_quicker(question: Question) -> None:
        if question.method == "GET" and ".sig" in question.path:
            with Access().open(behind._name) as other:
                moody.manners = []
                other.delete(other.digest(tag))

    moody.manners = [is_quicker]
    assert attached.refusal(behind, DIGEST, SIGNATURE) is None


def test_a_manifest_with_very_many_layers_is_refused(repository: Repository) -> None:
    attached.attach(repository, "many", [Attached("application/x", b"one")] * (attached.MOST + 1))
    with pytest.raises(UnreadableError, match="more than 32"):
        attached.layers(repository, "many")


def test_a_large_blob_is_not_read(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    attached.attach(repository, "large", [Attached("application/x", b"x" * 1000)])
    monkeypatch.setattr(attached, "LARGEST", 999)
    with pytest.raises(UnreadableError):
        attached.layers(repository, "large")


def test_no_more_is_read_of_a_manifest_than_a_pod_has_room_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached.attach(repository, "many", [Attached("application/x", bytes(100)) for _ in range(3)])
    assert len(attached.layers(repository, "many", in_all=300)) == 3
    with pytest.raises(UnreadableError):
        attached.layers(repository, "many", in_all=299)


@contextmanager
def answering_referrers(index: dict[str, object], registry: Registry) -> Iterator[str]:
    """A registry of OCI 1.1 in front of one of 1.0: it answers for referrers, and hands on the rest."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/referrers/" in self.path:
                content, kind, status = json.dumps(index).encode(), INDEX, 200
            else:
                headers = {"Accept": self.headers.get("Accept", "*/*")}
                answer = requests.get(f"{registry.url}{self.path}", headers=headers, timeout=10)
                content, kind, status = answer.content, answer.headers["Content-Type"], answer.status_code
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_referrers_are_asked_for_where_the_registry_answers(
    repository: Repository, registry: Registry
) -> None:
    bundle = Attached("application/vnd.dev.sigstore.bundle.v0.3+json", b"{}")
    digest = attached.attach(repository, "some", [bundle])
    index: dict[str, object] = {"manifests": [{"mediaType": MANIFEST, "digest": digest, "size": 1}]}
    with answering_referrers(index, registry) as host:
        name = f"{host}/{repository._name.partition('/')[2]}"
        with Access().open(name) as through:
            assert attached.referrers(through, DIGEST, KINDS) == [bundle]
