"""Where nodes look for an image, by the mirror sets of a cluster."""

from __future__ import annotations

import pytest

from steps.mirroring.ocmirror.mirror_sets import MirrorSets


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("registry.redhat.io/quay/quay", ("m.example.com/own/quay", "second.example.com/own/quay")),
        ("registry.redhat.io/quay", ("m.example.com/own", "second.example.com/own")),
        ("registry.redhat.io/quay2/quay", ("m.example.com/all/quay2/quay",)),
        ("registry.access.redhat.io/ubi9", ("m.example.com/all/ubi9",)),
        ("redhat.io/ubi9", ()),
        ("other.io/redhat.io/ubi9", ()),
        ("eredhat.io/ubi9", ()),
        ("quay.io:8443/a", ("m.example.com/port/a",)),
        ("quay.io/a", ()),
    ],
)
def test_the_longest_source_counts_and_a_star_stands_for_subdomains(
    name: str, places: tuple[str, ...]
) -> None:
    sets = [
        {"*.redhat.io": ["m.example.com/all"], "registry.redhat.io/quay": ["m.example.com/own"]},
        {"registry.redhat.io/quay": ["second.example.com/own"], "quay.io:8443": ["m.example.com/port"]},
    ]
    documents = [
        {
            "kind": "ImageDigestMirrorSet",
            "spec": {"imageDigestMirrors": [{"source": one, "mirrors": two} for one, two in found.items()]},
        }
        for found in sets
    ]
    assert MirrorSets.of(documents).places(name) == places
    assert MirrorSets.for_tags(documents).places(name) == ()


def _set(kind: str, mirrors: dict[str, list[str]]) -> dict[str, object]:
    entries = [{"source": source, "mirrors": found} for source, found in mirrors.items()]
    return {"kind": f"Image{kind}MirrorSet", "spec": {f"image{kind}Mirrors": entries}}


def test_a_node_takes_the_longest_source_of_both_kinds_and_no_other() -> None:
    documents = [
        _set("Digest", {"quay.io": ["m.example.com/all"], "docker.io/a/b": ["m.example.com/b"]}),
        _set("Tag", {"quay.io/org": ["m.example.com/org"], "docker.io": ["m.example.com/hub"]}),
    ]
    by_digest, by_tag = MirrorSets.of(documents), MirrorSets.for_tags(documents)
    assert by_digest.places("quay.io/org/app") == ()
    assert by_digest.hiding("quay.io/org/app") == "quay.io/org"
    assert by_digest.places("quay.io/other/app") == ("m.example.com/all/other/app",)
    assert by_digest.hiding("quay.io/other/app") == ""
    assert (by_digest.places("docker.io/c"), by_digest.hiding("docker.io/c")) == ((), "")
    assert by_tag.places("docker.io/a/b") == ()
    assert by_tag.hiding("docker.io/a/b") == "docker.io/a/b"
    assert by_tag.places("quay.io/org/app") == ("m.example.com/org/app",)


def test_a_source_without_a_mirror_but_itself_counts_for_nothing() -> None:
    documents = [
        _set("Digest", {"quay.io": ["m.example.com/all"], "quay.io/a": [], "quay.io/b": ["quay.io/b"]}),
        _set("Tag", {"quay.io/c": ["quay.io/c"]}),
    ]
    found = MirrorSets.of(documents)
    for one in "abc":
        assert found.places(f"quay.io/{one}") == (f"m.example.com/all/{one}",)
