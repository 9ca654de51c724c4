"""What runs have published, as it is taken over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from steps.publishing import change
from steps.publishing.sources import Published, timeless
from steps.tree import Tree
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
    made = change.make(published, [], [], None, folder="cluster-resources/r").change
    assert sorted(made.files) == [
        "cluster-resources/r/idms.yaml",
        "oc-mirror/fleet.json",
    ]
    assert made.folders == ("cluster-resources/r",)


def test_of_two_targets_with_the_same_readable_name_the_second_has_a_folder_of_its_own(
    tmp_path: Path,
) -> None:
    def folder_of(target: str) -> str:
        tree = Tree(tmp_path)
        return change.folder_of(target, tree.paths, tree.read)

    one, two = "registry.example.com/a-b", "registry.example.com/a/b"
    plain = "cluster-resources/registry.example.com-a-b"
    assert folder_of(one) == folder_of(two) == plain
    for target in (one, two):
        made = change.make(
            Published(target=target, resources=[mirror_set(to=target)]),
            [],
            [],
            None,
            folder=folder_of(target),
        )
        for path, content in made.change.files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
    assert folder_of(one) == plain
    second = folder_of(two)
    assert second.startswith(f"{plain}-")
    shutil.rmtree(tmp_path / plain)
    assert folder_of(two) == second, "it stays where it is"
