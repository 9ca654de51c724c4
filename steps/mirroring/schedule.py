"""When the service mirrors: a cron expression with five fields, read in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

_ANY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A valid cron expression."""

    expression: str

    @classmethod
    def parse(cls, text: str) -> Schedule:
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
        return cls(text)

    def after(self, moment: datetime) -> datetime:
        """The first time of the schedule after `moment`."""
        return next(CronSim(self.expression, moment))
