"""When the service mirrors: a cron expression with five fields, read in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from steps.parameters.cron import check_time_zone, normal_schedule


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
        """Check an expression and a zone; raises ValueError that names the field at fault."""
        return cls(normal_schedule(text), check_time_zone(time_zone))

    def after(self, moment: datetime) -> datetime:
        """Return the first time of the schedule after `moment`, in UTC."""
        return next(CronSim(self.expression, moment.astimezone(ZoneInfo(self.time_zone)))).astimezone(UTC)
