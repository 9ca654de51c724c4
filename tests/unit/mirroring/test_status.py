"""The records of runs: whole, bounded, true also of runs that were refused, failed, stopped or killed."""

from __future__ import annotations

import json
import logging
import signal
import time
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import ConflictError, MirrorError
from steps.mirroring.data import status
from steps.mirroring.data.layout import Layout
from steps.mirroring.data.lock import exclusive
from steps.mirroring.data.recorder import Recorder
from steps.mirroring.data.status import Done, Run
from steps.mirroring.request import TO_DISK, Request
from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place


def test_a_run_that_succeeds_is_recorded_with_what_it_made(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    [run] = status.history(Layout.at(connected.data))
    assert run.state == status.SUCCEEDED
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
    [first, second] = status.history(Layout.at(connected.data))
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
    run = status.last(Layout.at(connected.data))
    assert run is not None
    assert run.state == status.FAILED
    assert run.exit_code == 8
    assert run.error == "not found"
    assert [(image.rpartition("/")[2], cause) for image, cause in run.failed.items()] == [
        ("db:v1", "not found")
    ]
    assert "blockedImages" in run.hint


def test_a_run_that_is_refused_is_recorded_and_the_running_one_stays(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    request = Request(workflow=TO_DISK, data=tmp_path)
    with exclusive(layout, purpose="test"):
        Recorder(layout, request).begin()
        refused = Recorder(layout, request)
        refused.failed(ConflictError("in use", "wait"))
    assert [run.state for run in status.history(layout)] == [status.RUNNING, status.FAILED]
    assert status.history(layout)[1].error == "conflict"


def test_a_dry_run_that_ends_before_the_lock_is_recorded_too(connected: Place) -> None:
    connected.imageset.write_text("kind: Nonsense\n")
    assert connected.mirror("--dry-run=true").returncode == 3
    run = status.last(Layout.at(connected.data))
    assert run is not None
    assert (run.state, run.dry_run, run.error) == (status.FAILED, True, "invalid input")


@standin_only
def test_a_run_ended_by_sigterm_is_stopped_and_one_that_was_killed_interrupted(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_SLOW", "5")
    layout = Layout.at(connected.data)
    for number, state in ((signal.SIGTERM, status.STOPPED), (signal.SIGKILL, status.RUNNING)):
        process = connected.start()
        wait_for_state(layout, status.RUNNING)
        process.send_signal(number)
        process.communicate()
        assert [run.state for run in status.history(layout)][-1] == state
    monkeypatch.delenv("STANDIN_SLOW")
    assert connected.mirror().returncode == 0
    states = [run.state for run in status.history(layout)]
    assert states == [status.STOPPED, status.INTERRUPTED, status.SUCCEEDED]


def wait_for_state(layout: Layout, state: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if (run := status.last(layout)) is not None and run.state == state:
            return
        time.sleep(0.05)
    raise TimeoutError(state)


def test_only_the_newest_records_are_kept(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    for _ in range(12):
        Recorder(layout, Request(workflow=TO_DISK, data=tmp_path)).succeeded(Done(summary="done"))
    status.prune(layout, keep=5)
    assert len(status.history(layout)) == 5


def test_a_damaged_record_is_named_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layout = Layout.at(tmp_path)
    Recorder(layout, Request(workflow=TO_DISK, data=tmp_path)).succeeded(Done(summary="done"))
    for content in ("{", "[]", '{"started": 1}', '{"workflow": "w", "started": "yesterday"}'):
        (layout.runs / "20990101T000000.000000Z-1.json").write_text(content)
        caplog.clear()
        assert [run.message for run in status.history(layout)] == ["done"]
        assert "20990101T000000.000000Z-1.json is no record of a run" in caplog.text


def test_a_volume_that_cannot_be_written_fails_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").write_text("a file, where the folder should be")
    recorder = Recorder(Layout.at(tmp_path), Request(workflow=TO_DISK, data=tmp_path))
    recorder.begin()
    recorder.succeeded(Done(summary="done"))
    assert "cannot be written" in caplog.text


def test_a_watcher_that_fails_fails_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def watcher(_run: Run) -> None:
        raise RuntimeError("no")

    with caplog.at_level(logging.WARNING):
        Recorder(Layout.at(tmp_path), Request(workflow=TO_DISK, data=tmp_path), watchers=[watcher]).succeeded(
            Done(summary="done")
        )
    assert "could not be told" in caplog.text
    assert len(status.history(Layout.at(tmp_path))) == 1


def test_watchers_see_the_beginning_and_the_end(tmp_path: Path) -> None:
    seen: list[Run] = []
    recorder = Recorder(Layout.at(tmp_path), Request(workflow=TO_DISK, data=tmp_path), watchers=[seen.append])
    recorder.begin()
    recorder.failed(MirrorError("r", "h"))
    assert [run.state for run in seen] == [status.RUNNING, status.FAILED]


def test_what_a_later_version_adds_is_passed_over() -> None:
    document = json.loads(Run(workflow="w", started="2026-01-01T00:00:00Z").as_json())
    assert Run.parse(json.dumps(document | {"colour": "blue"})) == Run.parse(json.dumps(document))


texts = st.text(max_size=40)
runs = st.builds(
    replace,
    st.just(Run(workflow="workflow-direct", started="2026-01-01T00:00:00Z")),
    state=st.sampled_from((status.SUCCEEDED, status.FAILED)),
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
    assert set(json.loads(run.as_json())) == {one.name for one in fields(Run)}


@given(run=runs, limit=st.integers(600, 4096))
def test_a_last_word_is_never_longer_than_is_kept_and_always_whole(run: Run, limit: int) -> None:
    long = replace(run, message=run.message * 200, hint=run.hint * 200)
    text = status.bounded(long, limit)
    assert len(text.encode()) <= limit
    assert Run.parse(text).state == run.state
    if len(run.as_json().encode()) < limit:
        assert Run.parse(status.bounded(run, limit)) == run
