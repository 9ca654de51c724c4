"""The records of runs: whole, bounded, true also of runs that were refused, failed, stopped or killed."""

from __future__ import annotations

import json
import logging
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import ConflictError, MirrorError
from steps.mirroring import last_lines
from steps.mirroring.request import TO_DISK
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.mirroring.store.lock import exclusive
from steps.mirroring.store.runs import Done, Run
from tests.testbed.waiting import wait_until
from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place


@standin_only
def test_the_record_names_the_operator_and_bundle_of_a_failed_image(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.imageset.write_text(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n"
        "  - catalog: registry.example.com/index:v4.18\n    packages:\n    - name: quay\n"
    )
    monkeypatch.setenv("STANDIN_FAIL", "operator")
    monkeypatch.setenv("STANDIN_ERROR", "reading manifest v1 in registry.example.com/quay: manifest unknown")
    ran = connected.mirror()
    assert ran.returncode == 8
    assert "(no such tag; operator quay, bundle quay.v1)" in ran.stderr
    (record,) = Store(connected.data).runs.all()
    assert set(record.wanted_by.values()) == {"operator quay, bundle quay.v1"}
    assert set(record.wanted_by) == set(record.failed)


def test_a_run_that_succeeds_is_recorded_with_what_it_made(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    [run] = Store(connected.data).runs.all()
    assert run.state == records.SUCCEEDED
    assert run.workflow == TO_DISK
    assert run.generations == (1,)
    assert run.size == sum(
        path.stat().st_size for path in (connected.data / "generations" / "000001").glob("*.tar")
    )
    assert run.images == {"additional": 2}
    assert run.message.startswith("generation 1 (full")
    assert run.started <= run.finished
    assert 0 < run.seconds < 600


def test_one_run_of_a_schedule_that_another_keeps_tells_of_the_next(connected: Place) -> None:
    began = datetime.now(UTC)
    scheduled = connected.mirror("--schedule=0 2 * * *", "--time-zone=Asia/Tokyo", "--once=true")
    assert scheduled.returncode == 0, scheduled.stderr
    assert connected.mirror().returncode == 0
    [first, second] = Store(connected.data).runs.all()
    following = datetime.fromisoformat(first.next_run)
    assert (following.hour, following.minute) == (17, 0), "two o'clock in Tokyo, in UTC"
    assert timedelta() < following - began <= timedelta(days=1, minutes=10)
    assert second.next_run == "", "no schedule, no next run"


@standin_only
def test_a_run_that_fails_is_recorded_with_cause_and_remedy(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    assert connected.mirror().returncode == 8
    run = Store(connected.data).runs.last()
    assert run is not None
    assert run.state == records.FAILED
    assert run.exit_code == 8
    assert run.error == "no such tag"
    assert [(image.rpartition("/")[2], cause) for image, cause in run.failed.items()] == [
        ("db:v1", "no such tag")
    ]
    assert "correct the tag" in run.hint
    assert 1 < len(run.log) <= last_lines.KEPT
    assert any("db:v1" in line for line in run.log), "its last lines say which image"


def test_a_run_that_is_refused_is_recorded_and_the_running_one_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with exclusive(store.root, purpose="test"):
        store.runs.begin(Run(workflow=TO_DISK, started="")).begin()
        refused = store.runs.begin(Run(workflow=TO_DISK, started=""))
        refused.failed(ConflictError("in use", "wait"))
    assert [run.state for run in store.runs.all()] == [records.RUNNING, records.FAILED]
    assert store.runs.all()[1].error == "conflict"


def test_a_dry_run_that_ends_before_the_lock_is_recorded_too(connected: Place) -> None:
    connected.imageset.write_text("kind: Nonsense\n")
    assert connected.mirror("--dry-run=true").returncode == 3
    run = Store(connected.data).runs.last()
    assert run is not None
    assert (run.state, run.dry_run, run.error) == (records.FAILED, True, "invalid input")


@standin_only
def test_a_run_ended_by_sigterm_is_stopped_and_one_that_was_killed_interrupted(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_SLOW", "5")
    store = Store(connected.data)
    for number, state in ((signal.SIGTERM, records.STOPPED), (signal.SIGKILL, records.RUNNING)):
        process = connected.start()
        wait_for_state(store, records.RUNNING)
        process.send_signal(number)
        process.communicate()
        assert [run.state for run in store.runs.all()][-1] == state
    monkeypatch.delenv("STANDIN_SLOW")
    assert connected.mirror().returncode == 0
    states = [run.state for run in store.runs.all()]
    assert states == [records.STOPPED, records.INTERRUPTED, records.SUCCEEDED]


def wait_for_state(store: Store, state: str) -> None:
    def reached() -> bool:
        return (run := store.runs.last()) is not None and run.state == state

    wait_until(f"a run that is {state}", reached, interval=0.05, tolerate=())


def test_only_the_newest_records_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(12):
        store.runs.begin(Run(workflow=TO_DISK, started="")).succeeded(Done(summary="done"))
    store.runs.prune(keep=5)
    assert len(store.runs.all()) == 5


def test_a_damaged_record_is_named_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path)
    store.runs.begin(Run(workflow=TO_DISK, started="")).succeeded(Done(summary="done"))
    for content in ("{", "[]", '{"started": 1}', '{"workflow": "w", "started": "yesterday"}'):
        (store.runs.folder / "20990101T000000.000000Z-1.json").write_text(content)
        caplog.clear()
        assert [run.message for run in store.runs.all()] == ["done"]
        assert "20990101T000000.000000Z-1.json is not the record of a run" in caplog.text


def test_a_volume_that_cannot_be_written_fails_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").write_text("a file, where the folder should be")
    recorder = Store(tmp_path).runs.begin(Run(workflow=TO_DISK, started=""))
    recorder.begin()
    recorder.succeeded(Done(summary="done"))
    assert "cannot be written" in caplog.text


def test_a_watcher_that_fails_fails_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def watcher(_run: Run) -> None:
        raise RuntimeError("no")

    with caplog.at_level(logging.WARNING):
        Store(tmp_path).runs.begin(Run(workflow=TO_DISK, started=""), watchers=[watcher]).succeeded(
            Done(summary="done")
        )
    assert "reporting the state of the run failed" in caplog.text
    assert len(Store(tmp_path).runs.all()) == 1


def test_watchers_see_the_beginning_and_the_end(tmp_path: Path) -> None:
    seen: list[Run] = []
    recorder = Store(tmp_path).runs.begin(Run(workflow=TO_DISK, started=""), watchers=[seen.append])
    recorder.begin()
    recorder.failed(MirrorError("r", "h"))
    assert [run.state for run in seen] == [records.RUNNING, records.FAILED]


texts = st.text(max_size=40)
runs = st.builds(
    Run,
    workflow=st.just("workflow-direct"),
    started=st.just("2026-01-01T00:00:00Z"),
    state=st.sampled_from((records.SUCCEEDED, records.FAILED)),
    message=texts,
    hint=texts,
    error=texts,
    generations=st.lists(st.integers(1, 10**6), max_size=5).map(tuple),
    images=st.dictionaries(texts, st.integers(0, 10**6), max_size=4),
    failed=st.dictionaries(texts, texts, max_size=20),
    size=st.integers(0, 2**50),
)


@given(run=runs)
def test_a_record_is_read_as_it_was_written(run: Run) -> None:
    assert Run.parse(run.as_json()) == run
    assert set(json.loads(run.as_json())) == set(Run.model_fields)


def test_a_run_over_many_generations_has_a_last_word() -> None:
    """760 numbers do not fit: the newest stay, and how many went is said."""
    run = Run(workflow="workflow-from-disk", started="2026-01-01T00:00:00Z", generations=tuple(range(1, 761)))
    found = Run.parse(run.bounded(2048))
    assert found.generations[-1] == 760
    assert found.generations == tuple(range(760 - len(found.generations) + 1, 761))
    assert found.left_out == {"generations": 760 - len(found.generations)}


def test_a_field_of_a_later_version_is_no_obstacle() -> None:
    later = {"workflow": "workflow-direct", "started": "2026-01-01T00:00:00Z", "novel": ["x" * 50] * 400}
    assert Run.parse(Run.parse(json.dumps(later)).bounded(4096)).workflow == "workflow-direct"


@given(run=runs, limit=st.integers(600, 4096))
def test_a_last_word_is_never_longer_than_is_kept_and_always_whole(run: Run, limit: int) -> None:
    long = run.changed(
        message=run.message * 200,
        hint=run.hint * 200,
        host=run.error * 200,
        generations=run.generations * 400,
        images={f"{kind}{number}": 1 for kind in run.images for number in range(200)},
        wanted_by={f"{image}{number}": image for image in run.failed for number in range(100)},
    )
    text = long.bounded(limit)
    assert len(text.encode()) <= limit
    found = Run.parse(text)
    assert (found.state, found.exit_code) == (run.state, run.exit_code)
    for name, gone in found.left_out.items():
        assert len(getattr(found, name)) + gone == len(getattr(long, name))
    if len(run.as_json().encode()) < limit:
        assert Run.parse(run.bounded(limit)) == run
