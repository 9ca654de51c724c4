"""Old generations go only where no kept one needs them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps import mirror
from steps.errors import UsageError
from steps.mirroring.store import generations
from steps.mirroring.store.generations import Generation, Predecessor

if TYPE_CHECKING:
    from tests.unit.mirroring.conftest import Place


def generation(sequence: int, before: int | None) -> Generation:
    return Generation(
        sequence=sequence,
        predecessor=None if before is None else Predecessor(sequence=before, identity=""),
        files=(),
        imageset_sha256="",
        since=None,
        history_used=None,
        history_written=(),
        images={},
        oc_mirror="",
        started="",
        finished="",
        host="",
    )


@st.composite
def chains(draw: st.DrawFn) -> dict[int, Generation]:
    """Generations, each full or continuing any earlier one."""
    length = draw(st.integers(1, 12))
    return {
        number: generation(number, draw(st.none() | st.integers(1, number - 1)) if number > 1 else None)
        for number in range(1, length + 1)
    }


@given(chains(), st.integers(1, 14))
def test_what_is_left_can_be_taken_in_from_a_full_archive_on(known: dict[int, Generation], keep: int) -> None:
    left = set(known) - set(generations.superfluous(known, known, sorted(known)[-keep:]))
    assert set(sorted(known)[-keep:]) <= left
    for number in left:
        before = known[number].predecessor
        assert before is None or before.sequence in left


@given(chains(), st.integers(1, 14))
def test_nothing_is_kept_in_vain(known: dict[int, Generation], keep: int) -> None:
    newest = set(sorted(known)[-keep:])
    left = set(known) - set(generations.superfluous(known, known, newest))
    continued = {one.predecessor.sequence for number in left if (one := known[number]).predecessor}
    assert left <= newest | continued


def test_where_a_record_is_unknown_everything_before_it_is_kept() -> None:
    known = {5: generation(5, 3), 2: generation(2, 1), 1: generation(1, None)}
    assert generations.superfluous([1, 2, 5], known, [5]) == []


def numbers(place: Place) -> list[int]:
    return [int(path.name) for path in place.generations()]


def test_a_chain_goes_after_a_full_archive_and_not_before(connected: Place) -> None:
    for version in ("v1", "v2"):
        connected.names(f"team/app:{version}")
        assert connected.mirror("--keep-generations=1").returncode == 0
    assert numbers(connected) == [1, 2], "the second continues the first"
    assert connected.mirror("--incremental-mode=false", "--keep-generations=2").returncode == 0
    assert numbers(connected) == [1, 2, 3]
    ran = connected.mirror("--keep-generations=2", "--always-archive=true")
    assert ran.returncode == 0, ran.stderr
    assert numbers(connected) == [3, 4]
    assert "removed generation 1: the newest 2 do not need it" in ran.stderr
    ledger = sorted(path.name for path in (connected.data / "ledger").glob("*"))
    assert ledger == [f"{number:06d}.json" for number in (1, 2, 3, 4)]


def test_without_the_argument_nothing_goes_nor_in_a_dry_run(connected: Place) -> None:
    for _run in range(2):
        assert connected.mirror("--incremental-mode=false").returncode == 0
    assert connected.mirror("--dry-run=true", "--keep-generations=1").returncode == 0
    assert numbers(connected) == [1, 2]


def test_what_a_removal_left_half_done_is_removed(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    leaving = connected.data / "generations" / ".leaving-000009"
    shutil.copytree(connected.generations()[0], leaving)
    assert connected.mirror().returncode == 0
    assert not leaving.exists()


def test_a_target_in_arrears_keeps_what_it_lacks(connected: Place, disconnected: Place, target: str) -> None:
    for _run in range(3):
        assert connected.mirror("--incremental-mode=false").returncode == 0
    source, there = connected.data / "generations", disconnected.data / "generations"
    shutil.copytree(source / "000001", there / "000001")
    for registry in (f"{target}/one", f"{target}/two"):
        assert disconnected.mirror(f"--target-registry={registry}").returncode == 0
    shutil.copytree(source, there, dirs_exist_ok=True)
    disconnected.arguments.append("--keep-generations=1")
    assert disconnected.mirror(f"--target-registry={target}/one").returncode == 0
    assert numbers(disconnected) == [2, 3]
    assert disconnected.mirror(f"--target-registry={target}/two").returncode == 0
    assert numbers(disconnected) == [3]
    imported = json.loads((disconnected.data / "imported.json").read_text())["targets"].values()
    assert [list(imports["generations"]) for imports in imported] == [["1", "2", "3"]] * 2
    assert generations.load(there / "000003" / "generation.json").predecessor is None


def test_to_keep_none_is_refused() -> None:
    with pytest.raises(UsageError, match="'0' is not a number from 1 on"):
        mirror.parse(["--workflow=workflow-to-disk", "--imageset=x", "--data=d", "--keep-generations=0"])
