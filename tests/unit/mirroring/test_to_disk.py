"""workflow-to-disk: generations, their chain, and what survives what."""

from __future__ import annotations

import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from steps.errors import ConflictError
from steps.mirroring.store import Store, lock
from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place


def record(place: Place, sequence: int) -> dict[str, Any]:
    text = (place.data / "generations" / f"{sequence:06d}" / "generation.json").read_text()
    return dict(json.loads(text))


def blobs(place: Place, sequence: int) -> set[str]:
    """The blobs that a generation carries."""
    found = set()
    for path in sorted((place.data / "generations" / f"{sequence:06d}").glob("mirror_*.tar")):
        with tarfile.open(path) as tar:
            found |= {name.split("/")[-2] for name in tar.getnames() if name.endswith("/data")}
    return found


def test_a_first_run_makes_a_full_generation(connected: Place) -> None:
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "full archive: there is no history yet" in ran.stderr
    assert [path.name for path in connected.generations()] == ["000001"]
    made = record(connected, 1)
    assert made["predecessor"] is None
    assert made["images"] == {"additional": 2}
    folder = connected.data / "generations" / "000001"
    assert (folder / "imageset.yaml").read_bytes() == connected.imageset.read_bytes()
    assert [file["size"] for file in made["files"]] == [(folder / "mirror_000001.tar").stat().st_size]
    assert not list(connected.data.glob("mirror_*.tar"))
    assert not (connected.data / "run").exists()


def test_the_next_run_carries_only_what_is_new_and_names_what_it_continues(connected: Place) -> None:
    connected.mirror()
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "continues generation 1" in ran.stderr
    assert record(connected, 2)["predecessor"]["sequence"] == 1
    assert record(connected, 2)["since"] is None
    first, second = blobs(connected, 1), blobs(connected, 2)
    assert second
    assert not first & second


def test_incremental_mode_false_makes_a_full_archive(connected: Place) -> None:
    connected.mirror()
    ran = connected.mirror("--incremental-mode=false")
    assert ran.returncode == 0, ran.stderr
    assert "--since=1970-01-01" in ran.stderr
    assert record(connected, 2)["predecessor"] is None
    assert blobs(connected, 2) == blobs(connected, 1)


def test_a_since_date_continues_the_last_archive_before_that_day(connected: Place) -> None:
    connected.mirror()
    today = datetime.now(UTC).date()
    ran = connected.mirror(f"--since-date={today.isoformat()}")
    assert ran.returncode == 0, ran.stderr
    assert f"--since={today.isoformat()}" in ran.stderr
    assert record(connected, 2)["predecessor"] is None, "today's archive is not older than today"
    assert blobs(connected, 2) == blobs(connected, 1)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    history = connected.data / "working-dir" / ".history"
    old = f".history-{yesterday:%Y-%m-%dT%H:%M:%SZ}"
    (history / connected.histories()[0]).rename(history / old)
    for path in (
        *connected.data.glob("ledger/000001.json"),
        *connected.data.glob("generations/000001/*.json"),
    ):
        changed = json.loads(path.read_text()) | {"history_written": [old]}
        path.write_text(json.dumps(changed))
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror(f"--since-date={today.isoformat()}")
    assert ran.returncode == 0, ran.stderr
    assert record(connected, 3)["predecessor"]["sequence"] == 1
    assert not blobs(connected, 3) & blobs(connected, 1)


def test_a_clock_that_was_set_back_loses_nothing(connected: Place) -> None:
    connected.mirror()
    future = f".history-{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    history = connected.data / "working-dir" / ".history"
    (history / connected.histories()[0]).rename(history / future)
    for path in (
        *connected.data.glob("ledger/000001.json"),
        *connected.data.glob("generations/000001/*.json"),
    ):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"history_written": [future]}))
    first = blobs(connected, 1)
    for version in ("v2", "v3"):
        connected.names(f"team/app:{version}", "team/db:v1")
        ran = connected.mirror()
        assert ran.returncode == 0, ran.stderr
        assert "the clock was set back" in ran.stderr
    assert [record(connected, number)["predecessor"]["sequence"] for number in (2, 3)] == [1, 1]
    assert blobs(connected, 3)
    assert not blobs(connected, 3) & first


def test_a_history_of_unknown_origin_is_not_continued(connected: Place) -> None:
    history = connected.data / "working-dir" / ".history"
    history.mkdir(parents=True)
    (history / ".history-2026-01-01T00:00:00Z").write_text("sha256:" + "0" * 64 + "\n")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ".history-2026-01-01T00:00:00Z was written by no generation" in ran.stderr
    assert record(connected, 1)["predecessor"] is None
    assert connected.mirror("--always-archive=true").returncode == 0
    assert record(connected, 2)["predecessor"]["sequence"] == 1


def test_generations_that_were_carried_away_still_count(connected: Place, tmp_path: Path) -> None:
    connected.mirror()
    (connected.data / "generations" / "000001").rename(tmp_path / "carried away")
    ran = connected.mirror("--always-archive=true")
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in connected.generations()] == ["000002"]
    assert record(connected, 2)["predecessor"]["sequence"] == 1


def test_a_dry_run_leaves_archives_and_histories_alone(connected: Place) -> None:
    connected.mirror()
    before = {path: path.read_bytes() for path in connected.data.glob("generations/**/*") if path.is_file()}
    histories = connected.histories()
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "2 images would be mirrored, 1 of them to be fetched" in ran.stderr
    assert len((connected.data / "planned" / "mapping.txt").read_text().splitlines()) == 2
    assert {path: path.read_bytes() for path in before} == before
    assert connected.histories() == histories
    assert not (connected.data / "scratch").exists()


def test_archives_that_lie_there_are_moved_out_of_oc_mirrors_way(connected: Place) -> None:
    connected.data.mkdir()
    (connected.data / "mirror_000001.tar").write_bytes(b"made by hand")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "came from no run of ours" in ran.stderr
    assert [path.read_bytes() for path in connected.data.glob("quarantine/found-*/mirror_000001.tar")] == [
        b"made by hand"
    ]
    assert [path.name for path in connected.generations()] == ["000001"]


def test_a_failed_image_makes_no_generation_and_advances_no_history(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.mirror()
    histories = connected.histories()
    connected.names("team/app:v1", "team/gone:v9")
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    ran = connected.mirror()
    monkeypatch.delenv("STANDIN_FAIL")
    assert ran.returncode == 8
    *_, error, hint = ran.stderr.splitlines()
    assert "exit code 8 (additional images failed): 1 of 2 additional images not mirrored" in error
    assert f"{connected.host}/team/gone:v9 (no such tag)" in error
    assert "ImageSet" in hint
    assert connected.histories() == histories
    assert len(connected.generations()) == 1
    connected.names("team/app:v2", "team/db:v1")
    assert connected.mirror().returncode == 0
    assert record(connected, 2)["predecessor"]["sequence"] == 1


@standin_only
@pytest.mark.parametrize(("moment", "reason"), [("archive", "no space left"), ("close", "no space left")])
def test_a_full_disk_makes_no_generation(
    connected: Place, monkeypatch: pytest.MonkeyPatch, moment: str, reason: str
) -> None:
    monkeypatch.setenv("STANDIN_DISK_FULL", moment)
    ran = connected.mirror()
    assert ran.returncode == 8
    assert reason in ran.stderr.splitlines()[-2]
    assert "enlarge the volume" in ran.stderr.splitlines()[-1]
    assert not connected.generations()
    assert not connected.histories(), "blobs count as archived that no archive holds"
    monkeypatch.delenv("STANDIN_DISK_FULL")
    assert connected.mirror().returncode == 0
    assert record(connected, 1)["predecessor"] is None


@standin_only
def test_a_volume_that_is_too_small_is_named_and_can_be_enlarged(
    connected: Place, monkeypatch: pytest.MonkeyPatch, small_volume: Callable[[str], Path]
) -> None:
    monkeypatch.setenv("STANDIN_BYTES", "700000")
    for size in ("300k", "1m", "2m"):
        connected.data = small_volume(f"size={size}") / "data"
        ran = connected.mirror()
        assert ran.returncode in {3, 8}, ran.stderr
        assert "full" in ran.stderr.splitlines()[-2] or "o space left" in ran.stderr.splitlines()[-2]
        assert "enlarge the volume" in ran.stderr.splitlines()[-1]
        assert not connected.generations()
        small_volume("remount,size=60m")
        ran = connected.mirror()
        assert ran.returncode == 0, ran.stderr
        assert record(connected, 1)["predecessor"] is None
        assert not list(connected.data.glob("quarantine/*"))


@standin_only
def test_success_with_failed_images_is_a_failure(connected: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_VERSION", "4.18.3")
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    monkeypatch.setenv("STANDIN_EXIT", "0")
    ran = connected.mirror()
    assert ran.returncode == 8
    assert "exit code 0 (success, although images failed)" in ran.stderr
    assert not connected.generations()


@standin_only
def test_a_crash_of_oc_mirror_is_told_from_failed_releases(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_PANIC", "1")
    ran = connected.mirror()
    assert ran.returncode == 8
    assert "oc-mirror crashed (exit code 2): panic: runtime error" in ran.stderr


def test_a_release_folder_without_index_is_removed(connected: Place) -> None:
    unfinished = connected.data / "working-dir" / "release-images" / "ocp-release" / "4.18.22-x86_64"
    finished = unfinished.with_name("4.18.21-x86_64")
    for folder in (unfinished, finished):
        folder.mkdir(parents=True)
    (finished / "index.json").write_text("{}")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"removed {unfinished}, a release image that an interrupted run had not finished" in ran.stderr
    assert f"removed {finished}," not in ran.stderr
    assert not unfinished.exists()


def test_uploads_that_a_kill_cut_short_do_not_swell_the_archives(connected: Place) -> None:
    registry = connected.data / "cache/.oc-mirror/.cache/docker/registry/v2"
    upload = registry / "repositories/team/app/_uploads/97e2891e-4cb2-4289-a87a-e9b8cd006d20/data"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(bytes(5_000_000))
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "removed 5 MB of uploads" in ran.stderr
    assert not upload.exists()
    assert record(connected, 1)["files"][0]["size"] < 1_000_000
    assert "of uploads" not in connected.mirror().stderr


def test_a_history_with_a_wrong_name_is_refused_before_anything_is_fetched(connected: Place) -> None:
    history = connected.data / "working-dir" / ".history"
    history.mkdir(parents=True)
    (history / ".history-yesterday").touch()
    ran = connected.mirror()
    assert ran.returncode == 3
    assert ".history-yesterday" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_a_data_directory_with_one_of_oc_mirrors_own_names_is_refused(
    connected: Place, tmp_path: Path
) -> None:
    ran = connected.mirror(f"--data={tmp_path / 'delete-me'}")
    assert ran.returncode == 3
    assert "contains 'delete'" in ran.stderr


def test_two_runs_never_work_in_one_data_directory(connected: Place) -> None:
    store = Store(connected.data)
    with (
        lock.exclusive(store.root, purpose="workflow-to-disk"),
        pytest.raises(ConflictError, match=rf"workflow-to-disk, process {os.getpid()} on .*, since 2"),
        lock.exclusive(store.root, purpose="another", patience=0.2),
    ):
        pytest.fail("the lock was given twice")
    with lock.exclusive(store.root, purpose="another", patience=0.2):
        pass


def test_a_lock_whose_file_was_removed_lets_nobody_else_in(tmp_path: Path) -> None:
    with lock.exclusive(tmp_path, purpose="the first"):
        (tmp_path / "lock").unlink()
        with (
            pytest.raises(ConflictError, match="is in use by"),
            lock.exclusive(tmp_path, purpose="another", patience=0.0),
        ):
            pass
    with lock.exclusive(tmp_path, purpose="another", patience=0.0):
        assert (tmp_path / "lock").exists()
