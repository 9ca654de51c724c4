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
