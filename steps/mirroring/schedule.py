"""When the service mirrors: a cron expression with five fields, read in a time zone."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_ANY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A valid cron expression and the name of the time zone (IANA) in which it is meant.

    Where clocks are set forward, a time that the day lacks comes with the next one it has; where they are set
    back, a time of day that comes twice counts once (cronsim keeps to what Debian's cron does). Expressions
    with `*` or a range of hours go by elapsed time, as one would expect.
    """

    expression: str
    time_zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, time_zone: str = "UTC") -> Schedule:
        """Check an expression; raises ValueError that names the field at fault.

        Five fields, as in the CronJob that takes the same parameter; cronsim would take seconds too.
        """
        if len(text.split()) != 5:
            raise ValueError(
                f"schedule '{text}' has {len(text.split())} fields instead of 5, such as '0 2 * * 0'"
            )
        try:
            next(CronSim(text, _ANY))
        except CronSimError as error:
            field = str(error).removeprefix("Bad ")
            raise ValueError(f"schedule '{text}' has a wrong {field}") from None
        except StopIteration:
            raise ValueError(f"schedule '{text}' never comes (no such day)") from None
        return cls(text, check_time_zone(time_zone))

    def after(self, moment: datetime) -> datetime:
        """The first time of the schedule after `moment`, in UTC."""
        return next(CronSim(self.expression, moment.astimezone(ZoneInfo(self.time_zone)))).astimezone(UTC)


def check_time_zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError, the rest of a sentence, if there is none such.

    The names are those of the IANA database as Python's tzdata package ships it, alike on every machine.
    Kubernetes, which has its own copy, knows them too; abbreviations such as CEST are no zones to it.
    """
    zones = _zones()
    if name in zones:
        return name
    known = {zone.lower(): zone for zone in zones}
    cities = {zone.lower().rpartition("/")[2]: zone for zone in zones}
    wanted = name.lower()
    near = difflib.get_close_matches(wanted, [*known, *cities], n=1)
    guess = (known | cities)[near[0]] if near else "Europe/Berlin"
    raise ValueError(f"'{name}' is no time zone of the IANA database, such as {guess}")


@cache
def _zones() -> frozenset[str]:
    return frozenset((resources.files("tzdata") / "zones").read_text().split())
