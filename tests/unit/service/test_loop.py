"""The persistent service: when it mirrors, what it remembers, how it stops."""

from __future__ import annotations

import json
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from steps.errors import MirrorError
from steps.files import write_atomically
from steps.mirroring.request import DIRECT, TO_DISK, Request
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.mirroring.store.runs import Done, Run, Watcher
from steps.mirroring.store.verified import Look
from steps.service.loop import Service, Verification
from tests.unit.service.test_server import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_the_page_knows_how_far_the_run_has_come_and_not_what_a_killed_one_left(tmp_path: Path) -> None:
    remember(tmp_path, NOON, records.RUNNING)
    running = service(Mirror(tmp_path))
    progress = {"began": "", "moved": "", "total": 9, "done": 4}
    for written, known in (("2026-11-23T11:59:00Z", None), ("2026-11-23T12:00:10Z", 4)):
        text = json.dumps({"format": 2, **progress, "written": written})
        write_atomically(tmp_path / "progress.json", text)
        found = running.overview().progress
        assert (found.done if found else None) == known


class EnoughError(BaseException):
    """Ends the endless loop of a service."""


class Mirror:
    """Writes the records of runs with the given ends, and ends the service after the last."""

    def __init__(self, data: Path, *outcomes: str, clock: Callable[[], datetime] | None = None) -> None:
        self.request = Request(workflow=TO_DISK, data=data)
        self.outcomes, self.clock = list(outcomes), clock or ticking(NOON)
        self.runs = 0

    def __call__(self, watcher: Watcher) -> str:
        if self.runs == len(self.outcomes):
            raise EnoughError
        self.runs += 1
        outcome = self.outcomes[self.runs - 1]
        recorder = Store(self.request.data).runs.begin(
            Run(workflow=TO_DISK, started=""), watchers=[watcher], clock=self.clock
        )
        recorder.begin()
        if outcome == "failure":
            error = MirrorError("oc-mirror ended with exit code 8", "look at the log", cause="timeout")
            recorder.failed(error)
            raise error
        recorder.succeeded(Done(summary=outcome, generations=(self.runs,), size=1000))
        return outcome


def ticking(start: datetime) -> Callable[[], datetime]:
    """A clock that shows `start` now."""
    begun = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - begun)


def service(mirror: Mirror, *, now: datetime = NOON, expression: str = "* * * * *") -> Service:
    return Service(mirror.request, Schedule.parse(expression), mirror=mirror, clock=ticking(now))


def remember(data: Path, started: datetime, state: str = records.SUCCEEDED, workflow: str = TO_DISK) -> None:
    run = Run(workflow=workflow, started=records.timestamp(started), state=state)
    write_atomically(Store(data).runs.folder / f"{started:%Y%m%dT%H%M%S.%fZ}-1.json", run.as_json())


def never_wait(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_moment: datetime, **_next_run: datetime) -> None:
        raise EnoughError

    monkeypatch.setattr(running, "wait_until", stop)


def test_it_mirrors_when_the_schedule_says_and_not_before(tmp_path: Path) -> None:
    begun = time.monotonic()
    running = service(Mirror(tmp_path), now=NOON - timedelta(seconds=0.3))
    with pytest.raises(EnoughError):
        running.run()
    assert time.monotonic() - begun >= 0.3


def test_a_failing_run_does_not_end_the_service(tmp_path: Path) -> None:
    running = service(Mirror(tmp_path, "failure", "generation 1 is made"))
    running.mirror_now()
    last = running.overview().last
    assert last is not None
    assert (last.state, last.message, last.error) == (
        "failed",
        "oc-mirror ended with exit code 8",
        "timeout",
    )
    running.mirror_now()
    assert [run.state for run in running.overview().runs] == ["failed", "succeeded"]


@pytest.mark.parametrize(
    ("ago", "made_up"), [(timedelta(minutes=30), 0), (timedelta(hours=1), 1), (timedelta(days=30), 1)]
)
@pytest.mark.parametrize("state", [records.SUCCEEDED, records.FAILED])
def test_one_missed_run_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: timedelta, made_up: int, state: str
) -> None:
    now = NOON + timedelta(minutes=30)
    remember(tmp_path, now - ago, state)
    mirror = Mirror(tmp_path, "made up for")
    running = service(mirror, now=now, expression="0 * * * *")
    never_wait(running, monkeypatch)
    with pytest.raises(EnoughError):
        running.run()
    assert mirror.runs == made_up


@pytest.mark.parametrize("state", [records.RUNNING, records.INTERRUPTED, records.STOPPED])
def test_a_run_cut_short_goes_on_at_once(tmp_path: Path, state: str) -> None:
    remember(tmp_path, NOON, state)
    mirror = Mirror(tmp_path)
    with pytest.raises(EnoughError):
        service(mirror, expression="0 3 1 1 *").run()


def test_the_first_start_waits_for_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = Mirror(tmp_path, "too early")
    running = service(mirror, expression="0 3 1 1 *")
    never_wait(running, monkeypatch)
    with pytest.raises(EnoughError):
        running.run()
    assert mirror.runs == 0
    assert running.overview().last is None


def test_runs_of_another_workflow_in_the_same_directory_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(tmp_path, NOON - timedelta(days=30), records.RUNNING, workflow=DIRECT)
    mirror = Mirror(tmp_path, "too early")
    running = service(mirror, expression="0 3 1 1 *")
    never_wait(running, monkeypatch)
    with pytest.raises(EnoughError):
        running.run()
    assert (mirror.runs, running.overview().runs) == (0, ())


def test_memory_outlives_a_restart(tmp_path: Path) -> None:
    service(Mirror(tmp_path, "generation 1 is made")).mirror_now()
    again = service(Mirror(tmp_path)).overview()
    assert again.last_success is not None
    assert (again.last_success.message, again.generation) == ("generation 1 is made", 1)


def test_the_next_run_is_known_while_it_waits_and_not_while_it_mirrors(tmp_path: Path) -> None:
    running = service(Mirror(tmp_path, "done"))
    running.wait_until(NOON, next_run=NOON)
    assert running.overview().next_run == NOON
    running.mirror_now()
    assert running.overview().next_run is None


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(minutes=90)])
def test_the_target_is_verified_by_a_schedule_of_its_own_and_no_turn_of_either_is_lost(
    tmp_path: Path, lasts: timedelta
) -> None:
    """Both are due at 14:00; with `lasts` each takes so long that the other becomes due meanwhile."""
    now, done = [NOON], []

    def work(name: str) -> Callable[[Watcher], str]:
        def do(_watcher: Watcher) -> str:
            done.append((name, f"{now[0]:%H:%M}"))
            if len(done) == 4:
                raise EnoughError
            now[0] += lasts
            return name

        return do

    running = Service(
        Request(workflow=DIRECT, data=tmp_path),
        Schedule.parse("0 */2 * * *"),
        mirror=work("mirror"),
        verification=Verification(Schedule.parse("0 13,14,17 * * *"), work("verify")),
        clock=lambda: now[0],
    )

    def wait(moment: datetime, *, next_run: datetime) -> None:
        assert next_run.hour % 2 == 0, "what is shown is when it mirrors"
        now[0] = max(now[0], moment)

    running.wait_until = wait  # type: ignore[method-assign]
    with pytest.raises(EnoughError):
        running.run()
    if lasts:
        assert done == [("verify", "13:00"), ("mirror", "14:30"), ("verify", "17:00"), ("mirror", "18:30")]
    else:
        assert done == [("verify", "13:00"), ("mirror", "14:00"), ("verify", "14:00"), ("mirror", "16:00")]


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2026-11-21T13:00:00Z", "12:00"),
        ("2026-11-22T13:00:05Z", "13:00"),
        ("", "13:00"),
    ],
)
def test_a_verification_that_was_missed_is_made_up_for_once(tmp_path: Path, last: str, first: str) -> None:
    now, done = [NOON], list[str]()

    def verify(_watcher: Watcher) -> str:
        done.append(f"{now[0]:%H:%M}")
        if len(done) == 2:
            raise EnoughError
        return "verified"

    Store(tmp_path).verified.looked(Look(target="host/x", finished=last))
    running = Service(
        Request(workflow=DIRECT, data=tmp_path, target_registry="host/x"),
        Schedule.parse("0 0 1 1 *"),
        mirror=Mirror(tmp_path),
        verification=Verification(Schedule.parse("0 13 * * *"), verify),
        clock=lambda: now[0],
    )

    def wait(moment: datetime, *, next_run: datetime) -> None:
        now[0] = max(now[0], moment)

    running.wait_until = wait  # type: ignore[method-assign]
    with pytest.raises(EnoughError):
        running.run()
    assert done == [first, "13:00"]


def test_the_service_from_start_to_sigterm(connected: Place) -> None:
    """A missed run is made up for with oc-mirror, every page answers, and it stops at once."""
    remember(connected.data, datetime.now(UTC) - timedelta(days=8))
    Store(connected.data).published.replace(
        "registry.example.com:8443/mirror",
        mirrors={},
        files={
            "idms.yaml": "kind: ImageDigestMirrorSet\nmetadata: {name: idms}\n",
            "notes.yaml": "config: {disconnected: {}}\n",
        },
        autoshift_values="config: {}\n",
    )
    # At four, which no day lacks when clocks change, and days from now.
    schedule = f"--schedule=0 4 * * {(datetime.now(UTC) + timedelta(days=3)).isoweekday() % 7}"
    with connected.start(schedule, "--time-zone=Europe/Berlin", "--listen-port=0") as process:
        assert process.stderr is not None
        port, lines = 0, []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"listening on port (\d+)", line):
                port = int(found[1])
            if "next run at" in line:
                break
        assert "a run was due since" in "".join(lines)
        assert ask(port, "/healthz").said == (200, "ok\n")
        assert ask(port, "/readyz").said == (200, "ok\n")
        page = ask(port, "/?from=a-bookmark").text
        assert '<h1 id="state">Last run succeeded</h1>' in page
        assert "generation 1 (full" in page
        assert re.search(r"\d{4}-\d\d-\d\d 04:00 CES?T", page)
        assert "Nothing here has <strong>no-such</strong>" in ask(port, "/?search=no-such").text
        assert ask(port, "/").headers["Refresh"] == "300"
        assert "Refresh" not in ask(port, "/?renew=off").headers
        told = json.loads(ask(port, "/status.json").text)
        assert told["last_run"]["state"] == "succeeded"
        assert [(one["sequence"], one["state"]) for one in told["generations"]] == [(1, "waiting")]
        assert told["additional_images"]
        metrics = ask(port, "/metrics").text
        assert 'oc_mirror_runs_total{result="succeeded"} 1.0' in metrics
        assert "oc_mirror_generation 1.0" in metrics
        assert [*yaml.safe_load_all(ask(port, "/cluster-resources.yaml").text)] == [
            {"kind": "ImageDigestMirrorSet", "metadata": {"name": "idms"}}
        ]
        assert ask(port, "/cluster-resources/notes.yaml").text.startswith("config:")
        below = "/targets/registry.example.com-8443-mirror"
        assert ask(port, f"{below}/autoshift-disconnected.yaml").said == (200, "config: {}\n")
        assert ask(port, f"{below}/cluster-resources.yaml").text.endswith("name: idms\n")
        for wrong in (f"{below}/target.json", f"{below}/../../lock", "/targets/../lock", "/targets/x/y"):
            assert ask(port, wrong).code == 404, wrong
        assert ask(port, "/cluster-resources/../lock").code == 404
        assert ask(port, "/cluster-resources/%2e%2e%2flock").code == 404
        assert ask(port, "/elsewhere").code == 404
        connected.imageset.write_text("kind: Something\n")
        unready = ask(port, "/readyz")
        assert unready.code == 503
        assert "kind is 'Something'" in unready.text
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
        assert time.monotonic() - begun < 20  # it does not wait for the next run, which is days off
    assert [path.name for path in connected.generations()] == ["000001"]
