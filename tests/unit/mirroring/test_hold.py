"""hold: nothing is published before its list of changes is approved, and nothing held is lost."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.workload.objects import PERMANENT
from tests.unit.mirroring import apart
from tests.unit.mirroring.test_killed import check_whole
from tests.unit.mirroring.test_signed_generations import make_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place, Ran

UNAPPROVED = 19
HOLD = "--hold=true"


def approved(place: Place, folder: str = "changes") -> str:
    """The argument that approves the newest list in a folder of DATA, by what `sha256sum` prints of it."""
    path = max((place.data / folder).rglob("[0-9]*.json"), key=lambda path: path.stat().st_mtime_ns)
    return f"--approved-changes-sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"


def held(place: Place) -> list[str]:
    return sorted(path.name for path in (place.data / "held").glob("*"))


def published(place: Place) -> list[str]:
    return [path.name for path in place.generations()]


@pytest.fixture
def holding(connected: Place) -> Place:
    """A connected side with a generation, and a second one that is held."""
    assert connected.mirror().returncode == 0
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror(HOLD)
    assert ran.returncode == 16, ran.stderr
    return connected


def test_what_is_made_is_held_with_its_list_hash_and_the_way_on(holding: Place) -> None:
    assert (published(holding), held(holding)) == (["000001"], ["000002"])
    assert not list(holding.data.glob("mirror_*.tar"))
    assert not (holding.data / "run").exists()
    ran = holding.mirror(HOLD)
    hash_of_file = hashlib.sha256((holding.data / "changes/000002.json").read_bytes()).hexdigest()
    assert (
        f"generation 2 is held until its list of changes is approved, {holding.data}/changes/000002.json"
        in (ran.stderr)
    )
    assert f"approved-changes-sha256={hash_of_file}" in ran.stderr
    assert "running oc-mirror" not in ran.stderr, "the list that somebody reads does not change"
    [*_others, last] = Store(holding.data).runs.all()
    assert (last.state, last.error, last.exit_code) == (records.FAILED, "held", 16)


def test_an_approved_generation_is_published_without_being_made_anew(holding: Place) -> None:
    archive = next((holding.data / "held/000002").glob("*.tar"))
    content = hashlib.sha256(archive.read_bytes()).hexdigest()
    ran = holding.mirror(HOLD, approved(holding))
    assert ran.returncode == 0, ran.stderr
    assert "running oc-mirror" not in ran.stderr
    assert "generation 2 (continues 1" in ran.stderr
    assert (published(holding), held(holding)) == (["000001", "000002"], [])
    moved = holding.data / "generations/000002" / archive.name
    assert hashlib.sha256(moved.read_bytes()).hexdigest() == content
    check_whole(holding, "v1", "v2")
    holding.names("team/app:v3", "team/db:v1")
    assert holding.mirror().returncode == 0
    assert Store(holding.data).generations.present()[3].predecessor.sequence == 2  # type: ignore[union-attr]
    check_whole(holding, "v1", "v2", "v3")


@pytest.mark.parametrize("more", [(), ("--incremental-mode=false",), ("--always-archive=true",)])
def test_no_run_without_approval_publishes_or_changes_what_is_held(
    holding: Place, more: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in (holding.data / "held").rglob("*") if path.is_file()}
    ran = holding.mirror(*more)
    assert ran.returncode == 16, ran.stderr
    assert {
        path: path.read_bytes() for path in (holding.data / "held").rglob("*") if path.is_file()
    } == before
    assert published(holding) == ["000001"]


def test_another_mirror_of_the_data_directory_waits_for_what_is_held(holding: Place) -> None:
    holding.names("team/db:v1")
    ran = holding.mirror("--mirror-name=other", "--replace-held=true")
    assert ran.returncode == 16
    assert "generation 2 is held" in ran.stderr
    assert held(holding) == ["000002"]


def test_another_imageset_replaces_what_is_held_and_loses_nothing(holding: Place) -> None:
    first = approved(holding)
    holding.names("team/app:v3", "team/db:v1")
    ran = holding.mirror(HOLD)
    assert ran.returncode == 16
    assert "generation 2, which was held, is replaced" in ran.stderr
    assert held(holding) == ["000002"]
    assert list((holding.data / "quarantine").glob("replaced-*/000002/*.tar"))
    ran = holding.mirror(HOLD, first)
    assert ran.returncode == UNAPPROVED
    assert "the list has changed since" in ran.stderr
    assert f"+{holding.host}/team/app:v3" in ran.stderr
    ran = holding.mirror(HOLD, approved(holding))
    assert ran.returncode == 0, ran.stderr
    assert not list((holding.data / "quarantine").glob("replaced-*"))
    check_whole(holding, "v1", "v3")


def test_what_was_held_and_replaced_by_nothing_new_is_no_longer_the_newest_change(holding: Place) -> None:
    listed = (holding.data / "changes/000002.json").read_bytes()
    holding.names("team/app:v1", "team/db:v1")
    ran = holding.mirror(HOLD)
    assert ran.returncode == 0, ran.stderr
    store = Store(holding.data)
    newest = store.changes.newest_kept("")
    assert newest
    assert [one.sequence for one in newest.after.generations] == [1]
    assert store.changes.by_hash(hashlib.sha256(listed).hexdigest()), "for whoever approves it late"


def test_a_run_with_another_imageset_that_publishes_what_is_held_says_that_it_did_no_more(
    holding: Place,
) -> None:
    holding.names("team/app:v3", "team/db:v1")
    ran = holding.mirror(HOLD, approved(holding))
    assert ran.returncode == 0, ran.stderr
    assert "generation 2 was made by another ImageSet than this run has" in ran.stderr
    assert "run again to mirror what your ImageSet names" in ran.stderr
    check_whole(holding, "v1", "v2")


def test_a_run_that_is_asked_to_replaces_what_is_held(holding: Place) -> None:
    first = (holding.data / "held/000002/generation.json").read_bytes()
    ran = holding.mirror(HOLD, "--replace-held=true")
    assert ran.returncode == 16, ran.stderr
    assert (holding.data / "held/000002/generation.json").read_bytes() != first
    assert holding.mirror(HOLD, approved(holding)).returncode == 0
    check_whole(holding, "v1", "v2")


def test_an_approval_of_another_list_is_refused_with_both_hashes(holding: Place) -> None:
    ran = holding.mirror(HOLD, f"--approved-changes-sha256={'0' * 64}")
    assert ran.returncode == UNAPPROVED
    assert UNAPPROVED in PERMANENT, "no further attempt of a Job can change it"
    assert re.search(rf"000002.json has the hash [0-9a-f]{{64}}, approved is {'0' * 64}", ran.stderr)
    assert "generation 2 is still held" in ran.stderr
    assert held(holding) == ["000002"]


def test_an_approval_that_was_used_does_not_count_for_the_next_generation(holding: Place) -> None:
    used = approved(holding)
    assert holding.mirror(HOLD, used).returncode == 0
    holding.names("team/app:v3", "team/db:v1")
    ran = holding.mirror(HOLD, used)
    assert (ran.returncode, held(holding)) == (16, ["000003"])
    ran = holding.mirror(HOLD, used)
    assert ran.returncode == 16, "as without an approval, not as with a wrong one"
    assert "which was published before" in ran.stderr


def test_nothing_is_held_where_nothing_is_new(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    ran = connected.mirror(HOLD)
    assert ran.returncode == 0, ran.stderr
    assert "no archive was made" in ran.stderr
    assert held(connected) == []


def test_what_is_held_is_neither_exported_nor_pruned_nor_cleaned_up(holding: Place, tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    bare = [argument for argument in holding.arguments if not argument.startswith("--workflow")]
    holding.arguments[:] = bare
    assert holding.mirror(f"--export={medium}").returncode == 0
    assert [path.name for path in (medium / "generations").iterdir()] == ["000001"]
    ran = holding.mirror("--workflow=workflow-cleanup", "--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert (published(holding), held(holding)) == (["000001"], ["000002"])
    assert holding.mirror("--workflow=workflow-to-disk", approved(holding)).returncode == 0
    check_whole(holding, "v1", "v2")


def test_a_dry_run_looks_and_leaves_what_is_held(holding: Place) -> None:
    ran = holding.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "continues generation 2" in ran.stderr
    assert held(holding) == ["000002"]


def test_changes_tell_that_it_is_held(holding: Place, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    holding.arguments[:] = []
    assert holding.mirror("--changes").returncode == 0
    printed = capsys.readouterr().out
    assert printed.startswith("generation 2 of imageset, against generation 1 of imageset")
    assert "Held: it is published by the same run" in printed


def test_a_direct_run_cannot_be_held(direct: Place) -> None:
    ran = direct.mirror(HOLD)
    assert ran.returncode == 2
    assert "hold=true cannot stop workflow-direct" in ran.stderr


def killed_at_step(place: Place, step: int, *more: str) -> bool:
    """Run `mirror` and kill it before its `step`th change of a name in DATA; False if it ended."""
    ended = apart.killed_at_step(place.data, step, place.command(*more))
    assert ended.returncode in {0, 16, -signal.SIGKILL}, ended.stderr
    return ended.returncode == -signal.SIGKILL


PARTS = 2
"""Each takes every second step, side by side."""


def last_step(place: Place, before: Path, *more: str) -> int:
    """The number of the last step of an undisturbed run."""
    shutil.copytree(before, place.data)
    _ended, steps = apart.steps_of(place.data, place.command(*more))
    shutil.rmtree(place.data)
    return steps


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_while_it_holds_the_next_run_holds_and_the_approved_one_publishes(
    connected: Place, tmp_path: Path, part: int
) -> None:
    assert connected.mirror().returncode == 0
    before = tmp_path / "before"
    connected.data.rename(before)
    connected.names("team/app:v2", "team/db:v1")
    last = last_step(connected, before, HOLD)
    for step in range(max(1, last - 8 + part), last + 1, PARTS):
        shutil.copytree(before, connected.data)
        killed_at_step(connected, step, HOLD)
        assert published(connected) == ["000001"], f"published at step {step}"
        ran = connected.mirror(HOLD)
        assert ran.returncode == 16, ran.stderr
        assert (published(connected), held(connected)) == (["000001"], ["000002"])
        ran = connected.mirror(HOLD, approved(connected))
        assert ran.returncode == 0, ran.stderr
        check_whole(connected, "v1", "v2")
        shutil.rmtree(connected.data)


def every_fourth_step(place: Place, before: Path, check: Callable[[int, Ran], None], *more: str) -> None:
    """Kill a run at every fourth of its steps; then let the same run end, and check."""
    for step in range(1, last_step(place, before, *more) + 1, 4):
        shutil.copytree(before, place.data)
        assert killed_at_step(place, step, *more), step
        check(step, place.mirror(*more))
        shutil.rmtree(place.data)


def test_killed_while_it_publishes_nothing_is_lost(holding: Place, tmp_path: Path) -> None:
    approval = approved(holding)
    holding.data.rename(tmp_path / "before")

    def check(step: int, ran: Ran) -> None:
        assert ran.returncode == 0, f"step {step}: {ran.stderr}"
        assert (published(holding), held(holding)) == (["000001", "000002"], []), f"step {step}"
        check_whole(holding, "v1", "v2")

    every_fourth_step(holding, tmp_path / "before", check, HOLD, approval)


def test_killed_while_it_replaces_the_next_run_goes_on(holding: Place, tmp_path: Path) -> None:
    holding.data.rename(tmp_path / "before")
    holding.names("team/app:v3", "team/db:v1")
    last = last_step(holding, tmp_path / "before", HOLD)
    for step in [*range(1, 16, 3), *range(16, last + 1, 9)]:
        shutil.copytree(tmp_path / "before", holding.data)
        killed_at_step(holding, step, HOLD)
        ran = holding.mirror(HOLD)
        assert ran.returncode == 16, f"step {step}: {ran.stderr}"
        assert (published(holding), held(holding)) == (["000001"], ["000002"])
        ran = holding.mirror(HOLD, approved(holding))
        assert ran.returncode == 0, f"step {step}: {ran.stderr}"
        check_whole(holding, "v1", "v3")
        shutil.rmtree(holding.data)


def test_from_disk_pushes_nothing_before_its_list_is_approved(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    ran = arrived.mirror(HOLD)
    assert ran.returncode == 16, ran.stderr
    assert f"generation 1, 2, 3 for {target} is held" in ran.stderr
    assert not has(target, "team/db:v1")
    assert published(arrived) == ["000001", "000002", "000003"]
    ran = arrived.mirror(HOLD, f"--approved-changes-sha256={'0' * 64}")
    assert ran.returncode == UNAPPROVED
    assert not has(target, "team/db:v1")
    ran = arrived.mirror(HOLD, approved(arrived))
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v3")
    assert arrived.mirror(HOLD).returncode == 0, "nothing waits, so nothing is held"


def test_an_approval_for_one_registry_approves_nothing_for_another(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    """Whoever approved what comes to a test registry has not approved it for production."""
    assert arrived.mirror(HOLD).returncode == 16
    approval = approved(arrived)
    other = f"{target}-production"
    ran = arrived.mirror(HOLD, approval, f"--target-registry={other}")
    assert ran.returncode == UNAPPROVED, ran.stderr
    assert not has(other, "team/db:v1")
    (path,) = (arrived.data / "changes/targets").glob("*production*/*.json")
    assert json.loads(path.read_bytes())["target"] == other
    assert f"* For `{other}`" in path.with_suffix(".md").read_text()


def test_without_hold_an_approval_of_another_list_is_said_to_have_no_effect(arrived: Place) -> None:
    ran = arrived.mirror(f"--approved-changes-sha256={'0' * 64}")
    assert ran.returncode == 0
    assert f"approved-changes-sha256 is {'0' * 64}, and the list of what is pushed has " in ran.stderr
    assert "without hold=true nothing waits for an approval" in ran.stderr


def test_a_generation_that_came_since_needs_an_approval_of_its_own(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    later = arrived.data / "generations/000003"
    later.rename(arrived.data / "later")
    assert arrived.mirror(HOLD).returncode == 16
    approval = approved(arrived)
    (arrived.data / "later").rename(later)
    ran = arrived.mirror(HOLD, approval)
    assert ran.returncode == UNAPPROVED
    assert "the list has changed since: generations: now 3 (" in ran.stderr
    assert not has(target, "team/db:v1")


def test_what_is_left_of_an_approved_list_may_go_on(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    assert arrived.mirror(HOLD).returncode == 16
    approval = approved(arrived)
    store = Store(arrived.data)
    first = store.generations.present()[1]
    later = [arrived.data / f"generations/00000{number}" for number in (2, 3)]
    for folder in later:
        folder.rename(arrived.data / folder.name)
    assert arrived.mirror(approval).returncode == 0, "as if it was killed after the first"
    for folder in later:
        (arrived.data / folder.name).rename(folder)
    assert [one.sequence for one in store.imports.pending(target)] == [2, 3]
    assert first.identity in store.imports.of(target).generations.values()
    ran = arrived.mirror(HOLD, approval)
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v3")


def test_a_signed_generation_that_was_held_is_published_with_its_statement(
    connected: Place, tmp_path: Path
) -> None:
    ran = connected.mirror(HOLD, f"--signing-key={make_key(tmp_path / 'keys', 'release-2026')}")
    assert ran.returncode == 16, ran.stderr
    statement = (connected.data / "held/000001/generation.intoto.jsonl").read_bytes()
    ran = connected.mirror(HOLD, approved(connected))
    assert ran.returncode == 0, ran.stderr
    assert (connected.data / "generations/000001/generation.intoto.jsonl").read_bytes() == statement


def test_another_name_in_the_target_is_told_and_waits_for_its_approval(
    connected: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    connected.names("team/app:v1")
    assert connected.mirror().returncode == 0
    shutil.copytree(connected.data / "generations", disconnected.data / "generations")
    assert disconnected.mirror().returncode == 0
    connected.imageset.write_text(f"{connected.imageset.read_text()}    targetTag: other\n")
    ran = connected.mirror(HOLD)
    assert ran.returncode == 16, ran.stderr
    told = f"Settings of the ImageSet (1 changed): ~image {connected.host}/team/app:v1"
    assert told in ran.stderr
    assert connected.mirror(HOLD, approved(connected)).returncode == 0
    shutil.copytree(connected.data / "generations/000002", disconnected.data / "generations/000002")
    ran = disconnected.mirror(HOLD)
    assert ran.returncode == 16, ran.stderr
    assert told in ran.stderr
    assert not has(target, "team/app:other")
    assert disconnected.mirror(HOLD, approved(disconnected)).returncode == 0
    assert has(target, "team/app:other")
