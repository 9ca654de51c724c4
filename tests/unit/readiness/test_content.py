"""Releases and graph images as others may have made them: read within limits, refused with words."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from steps.errors import RegistryError
from steps.readiness import content
from steps.readiness.graph import GraphData
from tests.unit.mirroring.test_acceptance import ACCESS, layer, push, push_index
from tests.unit.trust.signers import CONTENT, as_bytes

REFERENCES = as_bytes({"spec": {"tags": [{"name": "a", "from": {"name": f"{CONTENT}@sha256:{'0' * 64}"}}]}})
METADATA: dict[str, Any] = {"kind": "cincinnati-metadata-v0", "version": "4.20.1", "previous": []}


@pytest.fixture
def place(host: str) -> str:
    return f"{host}/content-{uuid.uuid4().hex[:12]}"


def release(place: str, **files: bytes) -> content.Release:
    named = {f"release-manifests/{name.replace('_', '-')}": text for name, text in files.items()}
    digest = push(place, [layer(named)])
    with ACCESS.open(place) as repository:
        return content.read_release(repository, digest)


def test_a_release_is_read_with_its_architecture(place: str) -> None:
    found = release(place, image_references=REFERENCES, release_metadata=as_bytes(METADATA))
    assert (found.node.version, found.architecture) == ("4.20.1", "amd64")
    assert found.content == ((CONTENT, f"sha256:{'0' * 64}"),)


def test_a_release_of_several_architectures_is_an_index_and_no_part_of_one(place: str) -> None:
    """The update service passes over the part (release_scrape_dockerv2/registry/mod.rs, fetch_releases)."""
    multi = METADATA | {"metadata": {"release.openshift.io/architecture": "multi"}}
    files = {
        "release-manifests/image-references": REFERENCES,
        "release-manifests/release-metadata": as_bytes(multi),
    }
    parts = [push(place, [layer(files)], architecture=one) for one in ("amd64", "arm64")]
    digest = push_index(place, parts)
    with ACCESS.open(place) as repository:
        assert content.read_release(repository, digest).architecture == "multi"
        with pytest.raises(RegistryError, match="part of a multi-architecture release"):
            content.read_release(repository, parts[0])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no release-manifests/image-references"),
        ({"image_references": REFERENCES}, "has no release-manifests/release-metadata"),
        ({"image_references": REFERENCES, "release_metadata": b"["}, "release-metadata: "),
        ({"image_references": REFERENCES, "release_metadata": b"[" * 100_000}, "release-metadata: "),
        ({"image_references": REFERENCES, "release_metadata": b"[]"}, "not of kind cincinnati-metadata-v0"),
        (
            {"image_references": REFERENCES, "release_metadata": as_bytes(METADATA | {"version": "4" * 70})},
            "not of kind cincinnati-metadata-v0",
        ),
        ({"image_references": b"{}", "release_metadata": as_bytes(METADATA)}, "cannot be understood"),
    ],
)
def test_what_is_no_release_is_refused(place: str, files: dict[str, bytes], words: str) -> None:
    with pytest.raises(RegistryError, match=words):
        release(place, **files)


def graph(place: str, files: dict[str, bytes]) -> GraphData:
    digest = push(place, [layer({"etc/os-release": b"x"}), layer(files), layer({"tmp/x": b"x"})])
    with ACCESS.open(place) as repository:
        return content.read_graph(repository, digest)


def test_files_of_the_graph_data_that_cannot_be_read_are_passed_over(place: str) -> None:
    root = content.FOLDER
    found = graph(
        place,
        {
            f"{root}/channels/stable-4.20.yaml": b"name: stable-4.20\nversions: [4.20.1, 4.20.2]\n",
            f"{root}/channels/broken.yaml": b"{[",
            f"{root}/channels/deep.yaml": b"[" * 10_000,
            f"{root}/channels/large.yaml": b"name: a # " + b"x" * content.LARGEST_FILE,
            f"{root}/channels/none.txt": b"name: stable-4.21\nversions: [4.21.1]\n",
            f"{root}/blocked-edges/a.yaml": b"to: 4.20.2\nfrom: 4[.]19[.].*\n",
            "channels/elsewhere.yaml": b"name: elsewhere\nversions: [4.20.1]\n",
        },
    )
    assert found.channels == {"stable-4.20": frozenset({"4.20.1", "4.20.2"})}
    assert [edge.to for edge in found.blocked] == ["4.20.2"]


def test_a_graph_image_without_data_or_with_too_much_is_refused(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RegistryError, match="has no graph data in /var/lib/cincinnati-graph-data"):
        graph(place, {"a": b"x"})
    monkeypatch.setattr(content, "LARGEST_DATA", 10)
    with pytest.raises(RegistryError, match="too much data"):
        graph(place, {f"{content.FOLDER}/channels/a.yaml": b"name: stable-4.20"})
