"""The persistent service: when it mirrors, what it says, how it stops."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import ConflictError, MirrorError
from steps.mirroring import web
from steps.mirroring.request import Request
from steps.mirroring.schedule import Schedule, check_time_zone
from steps.mirroring.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class EnoughError(BaseException):
    """Ends the endless loop of a service."""


class Mirror:
    """Counts the runs, lets those fail that are to, and ends the service after the last."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.runs = 0

    def __call__(self) -> str:
        if self.runs == len(self.outcomes):
            raise EnoughError
        self.runs += 1
        outcome = self.outcomes[self.runs - 1]
        if outcome == "failure":
            raise MirrorError("oc-mirror ended with exit code 8", "look at the log")
        return outcome


def clock(start: datetime, *, speed: float = 1.0) -> Callable[[], datetime]:
    """A clock that shows `start` now and runs `speed` times as fast as ours."""
    begun = time.monotonic()
    return lambda: start + timedelta(seconds=(time.monotonic() - begun) * speed)


def service(data: Path, mirror: Mirror, *, now: datetime, expression: str = "* * * * *") -> Service:
    request = Request(workflow="workflow-to-disk", data=data)
    return Service(request, Schedule.parse(expression), clock=clock(now), mirror=mirror)


def remember(data: Path, **state: str) -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / "service.json").write_text(json.dumps(state))


def test_it_mirrors_when_the_schedule_says_and_not_before(tmp_path: Path) -> None:
    mirror = Mirror()
    running = service(tmp_path, mirror, now=NOON - timedelta(seconds=0.3))
    begun = time.monotonic()
    with pytest.raises(EnoughError):
        running.run()
    assert 0.3 <= time.monotonic() - begun < 2


def test_a_failing_run_does_not_end_the_service(tmp_path: Path) -> None:
    mirror = Mirror("failure", "generation 1 is made")
    running = service(tmp_path, mirror, now=NOON)
    running.mirror_now()
    assert "failed" in running.status()
    assert "oc-mirror ended with exit code 8; look at the log" in running.status()
    running.mirror_now()
    assert "succeeded" in running.status()
    assert "generation 1 is made" in running.status()


@pytest.mark.parametrize(
    ("ago", "made_up"), [(timedelta(minutes=30), 0), (timedelta(hours=1), 1), (timedelta(days=30), 1)]
)
def test_one_missed_run_is_made_up_for(tmp_path: Path, ago: timedelta, made_up: int) -> None:
    before = (NOON + timedelta(minutes=30) - ago).isoformat()
    remember(tmp_path, last_start=before, last_end=before, last_result="succeeded")
    mirror = Mirror("made up for")
    running = service(tmp_path, mirror, now=NOON + timedelta(minutes=30), expression="0 * * * *")
    running.wait_until = _stop  # type: ignore[method-assign]
    with pytest.raises(EnoughError):
        running.run()
    assert mirror.runs == made_up


def _stop(moment: datetime) -> None:
    raise EnoughError


def test_a_run_cut_short_goes_on_at_once(tmp_path: Path) -> None:
    remember(tmp_path, last_start=NOON.isoformat())
    mirror = Mirror()
    with pytest.raises(EnoughError):
        service(tmp_path, mirror, now=NOON, expression="0 3 1 1 *").run()


def test_the_first_start_waits_for_the_schedule(tmp_path: Path) -> None:
    running = service(tmp_path, Mirror(), now=NOON, expression="0 3 1 1 *")
    running.wait_until = _stop  # type: ignore[method-assign]
    with pytest.raises(EnoughError):
        running.run()
    assert "never" in running.status()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1}', '{"last_start": "yesterday"}'])
def test_a_memory_that_is_not_readable_is_no_reason_to_stop(tmp_path: Path, text: str) -> None:
    (tmp_path / "service.json").write_text(text)
    assert service(tmp_path, Mirror(), now=NOON).state.last_start == ""


def test_two_servers_do_not_share_a_port() -> None:
    with (
        web.start(0, status=str, problems=list) as first,
        pytest.raises(ConflictError, match=f"port {first.server_port}"),
    ):
        web.start(first.server_port, status=str, problems=list)
    first.shutdown()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_service_from_start_to_sigterm(connected: Place) -> None:
    last = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    remember(connected.data, last_start=last, last_end=last, last_result="succeeded")
    with connected.start("--schedule=0 2 * * 0", "--listen-port=0") as process:
        assert process.stderr is not None
        port, lines = 0, []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"listening on port (\d+)", line):
                port = int(found[1])
            if "next run at" in line:
                break
        assert "a run was due since" in "".join(lines)
        assert get(port, "/healthz") == (200, "ok\n")
        assert get(port, "/readyz") == (200, "ok\n")
        status = get(port, "/")[1]
        assert "succeeded" in status
        assert "generation 1 (full" in status
        assert re.search(r"next run:  \d{4}-\d\d-\d\dT02:00:00Z", status)
        assert get(port, "/elsewhere")[0] == 404
        connected.imageset.write_text("kind: Something\n")
        code, text = get(port, "/readyz")
        assert code == 503
        assert "kind is 'Something'" in text
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
        assert time.monotonic() - begun < 2
    assert [path.name for path in connected.generations()] == ["000001"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("61 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 2 32 * *", "day-of-month"),
        ("0 2 * 13 *", "month"),
        ("0 2 * * 9", "day-of-week"),
        ("0 2 30 2 *", "day-of-month"),
        ("0 2 * *", "4 fields"),
        ("0 0 2 * * *", "6 fields"),
        ("@daily", "1 fields"),
        ("every night", "2 fields"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_field_at_fault(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Schedule.parse(expression)


def test_the_schedule_is_in_utc_unless_another_zone_is_named() -> None:
    assert Schedule.parse("0 2 * * 0").after(NOON) == datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
    assert Schedule.parse("0 2 * * 0", "Europe/Berlin").after(NOON) == datetime(
        2026, 11, 29, 1, 0, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("expression", "start", "runs"),
    [
        # 2026-03-29 has no 02:30 in Berlin: clocks go from 02:00 to 03:00, which is 01:00 UTC.
        ("30 2 * * *", "2026-03-28T12:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        # 2026-10-25 has 02:30 twice, at 00:30 and 01:30 UTC.
        ("30 2 * * *", "2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        # By the hour, no hour that really passes is left out or counted twice.
        ("0 * * * *", "2026-03-29T00:30Z", ["2026-03-29T01:00Z", "2026-03-29T02:00Z"]),
        ("0 * * * *", "2026-10-25T00:00Z", ["2026-10-25T01:00Z", "2026-10-25T02:00Z"]),
    ],
)
def test_the_days_on_which_clocks_change_have_one_run_each(
    expression: str, start: str, runs: list[str]
) -> None:
    schedule, moment = Schedule.parse(expression, "Europe/Berlin"), datetime.fromisoformat(start)
    for expected in runs:
        moment = schedule.after(moment)
        assert moment == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("Europe/Berlim", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("CEST", "such as"),
        ("../UTC", "UTC"),
        ("america/new_york", "America/New_York"),
        ("", "such as"),
        ("Local", "such as"),
    ],
)
def test_a_wrong_time_zone_is_refused_with_the_one_that_was_meant(name: str, guess: str) -> None:
    with pytest.raises(ValueError, match=guess):
        check_time_zone(name)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from(["Europe/Berlin", "Asia/Tokyo"])
)
def test_after_is_always_after(moment: datetime, zone: str) -> None:
    now = moment.replace(tzinfo=UTC)
    following = Schedule.parse("30 2 * * *", zone).after(now)
    assert now < following <= now + timedelta(hours=25)
