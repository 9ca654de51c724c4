"""A schedule passes only if Kubernetes and our service read it, and read it alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import given, reject
from hypothesis import strategies as st

from steps.parameters.cron import MACROS, check_time_zone, normal_schedule


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  0  2 * *   0 ", "0 2 * * 0"),
        ("*/15 8-18 * * MON-FRI", "*/15 8-18 * * MON-FRI"),
        ("0 0 1,15 jan,jul *", "0 0 1,15 jan,jul *"),
        ("5/20 * * * *", "5/20 * * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 13 * 5", "0 0 13 * 5"),
        ("@daily", "0 0 * * *"),
        ("@Weekly ", "0 0 * * 0"),
    ],
)
def test_what_both_know_passes_in_normal_form(text: str, normal: str) -> None:
    assert normal_schedule(text) == normal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60 * * * *", "wrong minute field '60'"),
        ("0 24 * * *", "wrong hour field '24'"),
        ("0 0 0 * *", "wrong day-of-month field '0'"),
        ("0 0 * 13 *", "wrong month field '13'"),
        ("0 0 * * 8", "wrong day-of-week field '8'"),
        ("0 0 * * 7", "Sunday is 0 or SUN"),
        ("0 0 * * 5-7", "Sunday is 0 or SUN"),
        ("0 0 * * 1/2", "list the days"),
        ("0 3-3/2 * * *", "more than one"),
        ("0 0 * * 5L", "Kubernetes knows no L"),
        ("0 0 * * 1#2", "wrong day-of-week field '1#2'"),
        ("0 0 L * *", "wrong day-of-month field 'L'"),
        ("0 0 15W * *", "wrong day-of-month field '15W'"),
        ("0 0 ? * *", "wrong day-of-month field '?'"),
        ("*/0 * * * *", "wrong minute field '*/0'"),
        ("5-1 * * * *", "wrong minute field '5-1'"),
        ("0 0 30 2 *", "wrong day-of-month field '30'; it never comes"),
        ("0 2 31 4,6 *", "wrong day-of-month field '31'; it never comes"),
        ("0 0 */2 * 1", "read differently"),
        ("0 0 1 * */2", "read differently"),
        ("0 0 0 * * *", "6 fields instead of 5"),
        ("", "0 fields instead of 5"),
        ("@every 1h", "is none of @yearly"),
        ("@reboot", "is none of @yearly"),
        ("TZ=Europe/Berlin 0 2 * * *", "names a time zone"),
        ("CRON_TZ=UTC 0 2 * * *", "names a time zone"),
        ("٣ * * * *", "wrong minute field"),
        ("9" * 5000 + " * * * *", "more than 200"),
        ("every day at two", "4 fields"),
    ],
)
def test_what_one_of_them_refuses_or_reads_otherwise_is_refused_with_its_field(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"has|is none|names") as caught:
        normal_schedule(text)
    assert said in str(caught.value)


def test_every_macro_is_itself_a_schedule() -> None:
    assert {normal_schedule(macro) for macro in MACROS} == set(MACROS.values())


@st.composite
def field(draw: st.DrawFn, low: int, high: int) -> str:
    """A cron field, mostly sensible: a star, a number or a range, with or without a step."""
    first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    span = draw(st.sampled_from(["*", "*", str(first), f"{first}-{last}"]))
    return span + draw(st.sampled_from(["", "", "/2", "/5", "/7", "/30"]))


@given(st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)))
def test_what_passes_comes_true_on_the_days_that_kubernetes_means(
    fields: tuple[str, str, str, str, str],
) -> None:
    try:
        schedule = normal_schedule(" ".join(fields))
    except ValueError:
        reject()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for moment in islice(CronSim(schedule, start), 30):
        assert matches_kubernetes(schedule, moment), f"{schedule} at {moment}"
    # And none is left out: minute by minute over the first hours around the first tick.
    first = next(CronSim(schedule, start))
    expected = [
        moment
        for offset in range(300)
        if matches_kubernetes(schedule, moment := first + timedelta(minutes=offset))
    ]
    ticks = [first, *islice(CronSim(schedule, first), len(expected))]
    assert ticks[: len(expected)] == expected


def matches_kubernetes(schedule: str, moment: datetime) -> bool:
    """The slow, obvious reading of robfig/cron's rules (spec.go, parser.go)."""
    minute, hour, day, month, weekday = schedule.split()
    if not (
        inside(minute, moment.minute, 0, 59)
        and inside(hour, moment.hour, 0, 23)
        and inside(month, moment.month, 1, 12)
    ):
        return False
    day_ok = inside(day, moment.day, 1, 31)
    weekday_ok = inside(weekday, (moment.weekday() + 1) % 7, 0, 6)
    starred = day in {"*", "*/1"} or weekday in {"*", "*/1"}
    return (day_ok and weekday_ok) if starred else (day_ok or weekday_ok)


def inside(text: str, value: int, low: int, high: int) -> bool:
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    start = low if first == "*" else int(first)
    end = int(last) if last else (high if first == "*" or step else start)
    return start <= value <= end and (value - start) % int(step or 1) == 0


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("Europe/Berlim", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("CEST", "did you mean Europe/Berlin"),
        ("PDT", "did you mean America/Los_Angeles"),
        ("XYZT", "such as Europe/Berlin"),
        ("../UTC", "UTC"),
        ("america/new_york", "America/New_York"),
        ("", "such as"),
        ("Local", "such as"),
    ],
)
def test_a_wrong_time_zone_is_refused_with_the_one_that_was_meant(name: str, guess: str) -> None:
    with pytest.raises(ValueError, match=guess):
        check_time_zone(name)
