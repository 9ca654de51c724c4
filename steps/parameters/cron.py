"""Cron expressions that mean the same to a CronJob and to our own service, and time zones.

The CronJob is read by Kubernetes (github.com/robfig/cron/v3, standard parser), the service by cronsim. An
expression passes here only if both know it and agree, so that switching deploy-mode never moves a run.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from cronsim import CronSim, CronSimError

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LONGEST = 200
ABBREVIATIONS = {
    "CEST": "Europe/Berlin",
    "MEZ": "Europe/Berlin",
    "MESZ": "Europe/Berlin",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "EEST": "Europe/Athens",
    "MSK": "Europe/Moscow",
    "EDT": "America/New_York",
    "CDT": "America/Chicago",
    "CST": "America/Chicago",
    "MDT": "America/Denver",
    "PDT": "America/Los_Angeles",
    "PST": "America/Los_Angeles",
    "BRT": "America/Sao_Paulo",
    "SAST": "Africa/Johannesburg",
    "IST": "Asia/Kolkata",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "NZST": "Pacific/Auckland",
    "NZDT": "Pacific/Auckland",
}
"""A zone for each abbreviation that is none itself: where most of those live who write it."""


def normal_schedule(text: str) -> str:
    """Return the expression with single spaces and macros such as @daily written out.

    Raises ValueError, naming the field, for what either reader refuses or the two would read differently.
    """
    if len(text) > LONGEST:
        raise ValueError(f"has {len(text)} characters, more than {LONGEST}")
    try:
        return _normal(text.strip())
    except ValueError as error:
        raise ValueError(f"'{text}' {error}") from error


def _normal(text: str) -> str:
    if re.match(r"(CRON_)?TZ=", text):
        raise ValueError("names a time zone; give it as time-zone")
    if text.startswith("@"):
        if text.lower() not in MACROS:
            raise ValueError(f"is none of {', '.join(MACROS)}")
        return MACROS[text.lower()]
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"has {len(fields)} fields instead of 5 ({', '.join(FIELDS)})")
    for name, field in zip(FIELDS, fields, strict=True):
        _check_field(name, field)
    _check_days(fields[2], fields[4])
    try:
        next(CronSim(" ".join(fields), datetime.now(UTC)))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        field = fields[FIELDS.index(name)]
        never = "; it never comes, as no such month has that day" if field in {"30", "31"} else ""
        raise ValueError(f"has a wrong {name} field '{field}'{never}") from error
    except StopIteration:
        raise ValueError("never comes true: there is no such day") from None
    return " ".join(fields)


def _check_field(name: str, field: str) -> None:
    """Refuse what one reader knows (L, W, #, ?, day-of-week 7) or reads otherwise (3-3/2, 1/2 of a week)."""
    letters = r"A-Za-z" if name in {"month", "day-of-week"} else ""
    if not re.fullmatch(rf"[0-9{letters}*,/-]+", field):
        raise ValueError(f"has a wrong {name} field '{field}'")
    if re.search(r"(^|,)0*(\w+)-0*\2/", field, re.IGNORECASE):
        raise ValueError(f"has a wrong {name} field '{field}': a step needs a range of more than one")
    if name == "day-of-week":
        if any(re.fullmatch(r"0*7", day) for day in re.split(r"[,-]|/\d+", field)):
            raise ValueError(
                f"has a wrong day-of-week field '{field}': Sunday is 0 or SUN, Kubernetes knows no 7"
            )
        if re.search(r"(^|,)\w+/", field):
            raise ValueError(
                f"has a wrong day-of-week field '{field}': readers differ on where it ends; list the days"
            )
        if re.search(r"\dL", field, re.IGNORECASE):
            raise ValueError(f"has a wrong day-of-week field '{field}': Kubernetes knows no L")


def _check_days(day_of_month: str, day_of_week: str) -> None:
    """Refuse `*/2` beside a restricted other day field: cron then means both days, Kubernetes either."""
    for field, other in ((day_of_month, day_of_week), (day_of_week, day_of_month)):
        if field.startswith("*") and field != "*" and other != "*":
            raise ValueError(
                f"has '{day_of_month}' as day-of-month and '{day_of_week}' as day-of-week, which cron and "
                "Kubernetes read differently; list the days, or restrict only one of the two fields"
            )


def check_time_zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError, the rest of a sentence, if there is none such.

    The names are those of the IANA database as Python's tzdata package ships it, alike on every machine.
    Kubernetes, which has its own copy, knows them too; abbreviations such as CEST are no zones to it.
    """
    if name in _zones():
        return name
    meant = _meant_zone(name)
    guess = f"did you mean {meant}?" if meant else "such as Europe/Berlin"
    raise ValueError(f"'{name}' is no time zone of the IANA database; {guess}")


def _meant_zone(name: str) -> str:
    """Return the zone that somebody may mean, by an abbreviation or a name that is nearly right.

    An abbreviation is never guessed from its letters: CEST is not nearly EST.
    """
    if abbreviation := ABBREVIATIONS.get(name.upper()):
        return abbreviation
    zones = {zone.lower(): zone for zone in _zones() if "/" in zone}
    cities = {zone.rpartition("/")[2]: place for zone, place in zones.items()}
    wanted = name.lower().replace(" ", "_")
    if wanted in cities:
        return cities[wanted]
    near = difflib.get_close_matches(wanted, [*zones, *cities], n=1, cutoff=0.75)
    return (zones | cities)[near[0]] if near else ""


@cache
def _zones() -> frozenset[str]:
    return frozenset((resources.files("tzdata") / "zones").read_text().split())
