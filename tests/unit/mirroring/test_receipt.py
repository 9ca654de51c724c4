"""What a target has imported is recorded in it too: what happens to the target is noticed, and made good."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steps.oci.access import Access
from steps.oci.registry import Repository
from tests.unit.mirroring.conftest import serve_registry
from tests.unit.mirroring.test_to_registry import carry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.mirroring.conftest import Place

    Has = Callable[[str, str], bool]

LABEL = "io.github.oc-mirror-pipeline.taken"


def receipts(target: str) -> Repository:
    return Access().open(f"{target}/oc-mirror-pipeline/taken")


def taken(target: str) -> list[list[str]]:
    """The numbers that each receipt in a target names."""
    place = receipts(target)
    return [list(json.loads(place.read_label(tag, LABEL) or "{}")) for tag in place.tags()]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry of the test's own, to be emptied: HOST:PORT/PATH, and its folder."""
    with serve_registry(tmp_path / "own") as host:
        yield f"{host}/mirror", tmp_path / "own" / "docker"


@pytest.fixture
def side(disconnected: Place, registry: tuple[str, Path]) -> Place:
    disconnected.arguments = ["--workflow=workflow-from-disk", f"--target-registry={registry[0]}"]
    return disconnected


def test_a_text_is_kept_in_a_registry_and_replaced(target: str) -> None:
    place = receipts(target)
    assert place.read_label("none", LABEL) is None
    place.write_label("one", LABEL, "first")
    place.write_label("one", LABEL, "second ✓")
    assert place.read_label("one", LABEL) == "second ✓"
    assert place.read_label("one", "other") is None


def test_a_target_says_what_it_has_taken_in(three: Place, disconnected: Place, target: str) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    assert taken(target) == [["1"]]
    carry(three, disconnected, 2, 3)
    assert disconnected.mirror().returncode == 0
    assert taken(target) == [["1", "2", "3"]]


def test_a_dry_run_writes_nothing(three: Place, disconnected: Place, target: str) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror("--dry-run=true").returncode == 0
    assert taken(target) == []


def test_a_registry_that_was_emptied_gets_everything_again(
    three: Place, side: Place, registry: tuple[str, Path], has: Has
) -> None:
    target, folder = registry
    carry(three, side, 1, 2, 3)
    assert side.mirror().returncode == 0
    shutil.rmtree(folder)
    ran = side.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has lost generation 1, 2, 3: emptied, replaced or set back; imported again" in ran.stderr
    assert has(target, "team/app:v3")
    assert taken(target) == [["1", "2", "3"]]


def test_a_registry_set_back_to_an_older_state_gets_what_it_lacks(
    three: Place, side: Place, registry: tuple[str, Path], tmp_path: Path, has: Has
) -> None:
    target, folder = registry
    carry(three, side, 1)
    assert side.mirror().returncode == 0
    shutil.copytree(folder, tmp_path / "backup")
    carry(three, side, 2, 3)
    assert side.mirror().returncode == 0
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    ran = side.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has lost generation 2, 3" in ran.stderr
    assert has(target, "team/app:v3")


def test_what_is_lost_there_and_gone_here_is_named_every_time(
    three: Place, side: Place, registry: tuple[str, Path]
) -> None:
    carry(three, side, 1, 2)
    assert side.mirror().returncode == 0
    shutil.rmtree(registry[1])
    shutil.rmtree(side.data / "generations" / "000001")
    for _ in range(2):
        ran = side.mirror()
        assert ran.returncode == 3
        assert "has lost generation 1, 2, of which 1 is not here any more" in ran.stderr
        assert "running oc-mirror" not in ran.stderr


def test_a_receipt_that_was_pruned_is_written_again_and_nothing_else_done(
    three: Place, side: Place, registry: tuple[str, Path]
) -> None:
    target, folder = registry
    carry(three, side, 1)
    assert side.mirror().returncode == 0
    shutil.rmtree(next(folder.rglob("oc-mirror-pipeline")))
    ran = side.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has lost our record of what it imported, and nothing else" in ran.stderr
    assert "running oc-mirror" not in ran.stderr
    assert taken(target) == [["1"]]


def test_a_lost_disk_is_noticed_and_two_data_directories_do_not_disturb_each_other(
    three: Place, disconnected: Place, target: str
) -> None:
    carry(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    shutil.rmtree(disconnected.data)
    carry(three, disconnected, 3)
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "has imported generations up to 2, but from no data directory that this one knows" in ran.stderr
    assert "missing: 1 to 2" in ran.stderr
    carry(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    assert sorted(taken(target)) == [["1", "2"], ["1", "2", "3"]]
