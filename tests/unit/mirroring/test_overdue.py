"""Runs that hang: ended at their deadline with words, with all their processes, and with nothing lost."""

from __future__ import annotations

import itertools
import math
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from steps import process, units
from steps.mirroring.checks import overdue
from steps.mirroring.deadline import LONGEST_RUN, OverdueError, within
from steps.mirroring.request import DIRECT, TO_DISK, Request
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.mirroring.store.runs import Run
from steps.parameters.parameter import Values
from steps.parameters.table.tuning import RUN_DEADLINE
from tests.unit.mirroring.conftest import Place

HOUR = 3600
SLACK = 15.0
"""Seconds that a busy machine may need beside the deadline."""


def processes_of(place: Place) -> list[str]:
    """Return the commands that run with the data directory of a place."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(place.data) in command and "pytest" not in command:
            found.append(command)
    return found


@pytest.mark.standin_only
@pytest.mark.parametrize("manners", ["polite", "deaf"])
def test_an_oc_mirror_that_hangs_is_ended_and_the_next_run_goes_on(
    connected: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manners: str
) -> None:
    monkeypatch.setitem(process.stream.__kwdefaults__ or {}, "grace", 1.0)
    begun = time.monotonic()
    assert replace(connected, data=tmp_path / "undisturbed").mirror().returncode == 0
    # Where a whole run takes long, here and now, it takes long to come to where it hangs.
    deadline = 3 + math.ceil(3 * (time.monotonic() - begun))
    monkeypatch.setenv("STANDIN_HANG", manners)
    begun = time.monotonic()
    ran = connected.mirror(f"--run-deadline={deadline}s")
    assert time.monotonic() - begun < deadline + SLACK
    assert ran.returncode == 14
    after = units.duration(deadline)
    said = f"the run was ended at its deadline, after {after} (run-deadline): oc-mirror said nothing"
    assert said in ran.stderr
    assert "after: " in ran.stderr
    assert "Success copying" in ran.stderr.rpartition("after: ")[2]
    assert "set run-deadline to a longer time" in ran.stderr
    assert not processes_of(connected)
    (run,) = Store(connected.data).runs.all()
    assert (run.state, run.error, run.exit_code) == (records.FAILED, "deadline", 14)
    assert not connected.generations()

    monkeypatch.delenv("STANDIN_HANG")
    ran = connected.mirror("--run-deadline=300s")
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in connected.generations()] == ["000001"]


def test_a_registry_that_never_answers_ends_a_run_at_its_deadline(direct: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        ran = direct.mirror(f"--target-registry={host}/mirror", "--run-deadline=3s")
    assert time.monotonic() - begun < 3 + SLACK
    assert ran.returncode == 14, ran.stderr
    assert "(run-deadline): oc-mirror was not running" in ran.stderr


def test_the_deadline_is_none_of_the_errors_that_a_workflow_takes_for_an_answer() -> None:
    def work() -> None:
        with within(0.2):
            for _ in itertools.repeat(None):
                try:
                    time.sleep(10)
                except Exception:
                    continue

    begun = time.monotonic()
    with pytest.raises(OverdueError):
        work()
    assert time.monotonic() - begun < 5
    with within(HOUR):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0), "the timer is off"


def test_it_is_told_again_where_tidying_up_hangs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.mirroring.deadline.AGAIN", 0.2)

    def work() -> None:
        with within(0.2):
            try:
                time.sleep(10)
            finally:
                time.sleep(10)

    begun = time.monotonic()
    with pytest.raises(OverdueError):
        work()
    assert time.monotonic() - begun < 5


def run_of(seconds: float, **facts: object) -> Run:
    known = {
        "workflow": TO_DISK,
        "started": "2026-11-01T02:00:00Z",
        "state": records.SUCCEEDED,
        "mirror_name": "a",
    }
    return Run(**{**known, "seconds": seconds, **facts})  # type: ignore[arg-type]


LATE = {"state": records.FAILED, "error": "deadline"}


@pytest.mark.parametrize(
    ("runs", "hours"),
    [
        pytest.param([], 72, id="a first run"),
        pytest.param([run_of(600)], 12, id="short ones"),
        pytest.param([run_of(8 * HOUR), run_of(600)], 32, id="a long one"),
        pytest.param([run_of(40 * HOUR)], 72, id="a very long one"),
        pytest.param([run_of(600), run_of(12 * HOUR, **LATE)], 24, id="late once"),
        pytest.param([run_of(600), run_of(1, **LATE), run_of(1, **LATE)], 48, id="late twice"),
        pytest.param([run_of(1, **LATE), run_of(600)], 12, id="late before the last success"),
        pytest.param([run_of(9 * HOUR, state=records.FAILED, error="network"), run_of(600)], 12, id="failed"),
        pytest.param([run_of(5, unchanged=True)], 72, id="nothing was new"),
        pytest.param([run_of(9, workflow=DIRECT)], 72, id="another workflow"),
        pytest.param([run_of(9, dry_run=True)], 72, id="a dry run"),
        pytest.param([run_of(9, mirror_name="b")], 72, id="another ImageSet"),
    ],
)
def test_without_a_deadline_it_follows_from_the_runs_before(runs: list[Run], hours: int) -> None:
    request = Request(workflow=TO_DISK, data=Path("/data"), mirror_name="a")
    assert overdue.seconds(request, runs) == hours * HOUR <= LONGEST_RUN
    given = Request(workflow=TO_DISK, data=Path("/data"), values=Values({RUN_DEADLINE: 5 * HOUR}))
    assert overdue.seconds(given, runs) == 5 * HOUR
