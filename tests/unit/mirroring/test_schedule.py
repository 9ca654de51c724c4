"""When the service mirrors: cron expressions, and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.mirroring.schedule import Schedule

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


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
        ("@nightly", "is none of"),
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


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from(["Europe/Berlin", "Asia/Tokyo"])
)
def test_after_is_always_after(moment: datetime, zone: str) -> None:
    now = moment.replace(tzinfo=UTC)
    following = Schedule.parse("30 2 * * *", zone).after(now)
    assert now < following <= now + timedelta(hours=25)
