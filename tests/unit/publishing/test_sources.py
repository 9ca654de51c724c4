"""What runs have published, as it is taken over."""

from __future__ import annotations

import json

import pytest

from steps.publishing import change
from steps.publishing.sources import Published, timeless
from tests.unit.publishing.samples import TARGET, mirror_set


def test_the_same_verdicts_are_the_same_bytes_whenever_they_were_made() -> None:
    first = {"format": 1, "made": "2026-11-27T02:00:00Z", "ready": False, "clusters": [{"name": "größe"}]}
    second = dict(reversed(first.items())) | {"made": "2026-11-28T02:00:00Z"}
    assert timeless(json.dumps(first)) == timeless(json.dumps(second))
    assert json.loads(timeless(json.dumps(first))) == {k: v for k, v in first.items() if k != "made"}


@pytest.mark.parametrize("document", ["", "[1]", "{", "\ud800", "[" * 500])
def test_what_is_no_verdict_is_left_out(document: str) -> None:
    assert timeless(document) == ""


def test_the_verdicts_lie_apart_from_what_clusters_apply() -> None:
    published = Published(target=TARGET, resources=[mirror_set()], fleet="{}\n")
    made = change.make(published, [], [], None).change
    assert sorted(made.files) == [
        "cluster-resources/registry.example.com-5000-ocp/idms.yaml",
        "oc-mirror/fleet.json",
    ]
    assert made.folders == ("cluster-resources/registry.example.com-5000-ocp",)
