"""The service's loop: it mirrors on schedule, goes on after a failed run, and stops at once on SIGTERM.

The main thread waits and mirrors; the web server answers in other threads, which end with the process. The
loop reads the records of runs on the volume, so that after a restart it makes up, once, for a run that was
missed or interrupted.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from steps import log_lines
from steps.errors import StepError
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.parameters.table.service import FLEET
from steps.service.fleet import FleetReader
from steps.service.holdings import HoldingsReader
from steps.service.identity import identity_of
from steps.service.overview import Overview, published_in, space_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule
    from steps.mirroring.store.progress import RunProgress
    from steps.mirroring.store.runs import Run, Watcher

log = logging.getLogger(__name__)

LONGEST_WAIT = 3600.0
"""Seconds between two readings of the clock, which somebody may set while the service waits."""


@dataclass(frozen=True, slots=True)
class Verification:
    """When the target is verified, and what does it: it returns a line of summary or raises a StepError."""

    schedule: Schedule
    verify: Callable[[Watcher], str]


class Service:
    """The loop, and the overview of it that the web page shows."""

    def __init__(
        self,
        request: Request,
        schedule: Schedule,
        *,
        mirror: Callable[[Watcher], str],
        verification: Verification | None = None,
        problems: Callable[[], list[str]] = list,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare the loop; `run` starts it.

        `mirror` mirrors once: it passes the record of the run to the watcher that it is given, and returns a
        summary in one line or raises a StepError. `verification` does as much for the target, by a schedule
        of its own. `problems` lists what keeps a run from starting. `clock`
        returns the current time, with a time zone.
        """
        self.request, self._schedule, self._clock = request, schedule, clock
        self._mirror, self._problems, self._verification = mirror, problems, verification
        self._store = Store(request.data, request.cache)
        self.holdings = HoldingsReader(request, self._store)
        self._fleet = FleetReader(request.values[FLEET])
        self._all_runs: tuple[Run, ...] = ()
        self._runs: tuple[Run, ...] = ()
        self._next_run: datetime | None = None
        self.watchers: list[Watcher] = [lambda _run: self._read_records()]
        self._read_records()

    def run(self) -> NoReturn:
        """Wait for the schedule and mirror, for ever; SIGTERM ends it with an exception, at any point."""
        if reason := self._due_already():
            log.info("%s", reason)
            self.mirror_now()
        mirror_at, verify_at = self._schedule.after(self._clock()), self._first_verification()
        while True:
            self.wait_until(min(mirror_at, verify_at), next_run=mirror_at)
            if mirror_at <= self._clock():
                self.mirror_now()
                mirror_at = self._schedule.after(self._clock())
            if verify_at <= self._clock():
                self.verify_now()
                verify_at = self._next_verification()

    def _next_verification(self) -> datetime:
        """Return when the target is verified next; without a schedule for it, after every other moment."""
        if self._verification is None:
            return datetime.max.replace(tzinfo=UTC)
        return self._verification.schedule.after(self._clock())

    def _first_verification(self) -> datetime:
        """Return when the target is verified first: at once, where a verification was due since the last."""
        look = self._store.verified.last_look(self.request.target_registry)
        last = _moment(look.finished) if look else None
        if self._verification is None or last is None:
            return self._next_verification()
        due = self._verification.schedule.after(last)
        if due <= self._clock():
            log.info("the target was to be verified at %s: making up for it now", records.timestamp(due))
        return due

    def _due_already(self) -> str:
        """Return why a run begins without waiting.

        Empty if none does, as when the service starts for the first time.
        """
        last = self._runs[-1] if self._runs else None
        if last is None:
            return ""
        if last.state not in {records.SUCCEEDED, records.FAILED}:
            return f"the run of {last.started} was interrupted: going on now"
        if self._schedule.after(datetime.fromisoformat(last.started)) <= self._clock():
            return f"a run was due since the one of {last.started}: making up for it now"
        return ""

    def wait_until(self, moment: datetime, *, next_run: datetime) -> None:
        """Wait until the clock shows `moment`; meanwhile `next_run` is when the next run begins."""
        self._next_run = next_run
        log.info("next run at %s", records.timestamp(moment))
        never = threading.Event()
        while (left := (moment - self._clock()).total_seconds()) > 0:
            never.wait(min(left, LONGEST_WAIT))

    def mirror_now(self) -> None:
        """Mirror once; log a failure, which is also in the record of the run."""
        self._next_run = None
        self._do(self._mirror)

    def verify_now(self) -> None:
        """Verify the target once; log a failure, which is also in the record of the run."""
        if self._verification is not None:
            self._do(self._verification.verify)

    def _do(self, work: Callable[[Watcher], str]) -> None:
        try:
            log.info("%s", work(self._notify))
        except StepError as error:
            log.error(log_lines.ERROR, error.reason, error.hint)  # noqa: TRY400 - expected
        self._read_records()

    def overview(self) -> Overview:
        """Return the state of the service, for page and metrics; called from other threads."""
        free, capacity = space_of(self._store.root)
        return Overview(
            request=self.request,
            schedule=self._schedule,
            now=self._clock(),
            next_run=self._next_run,
            runs=self._runs,
            problems=tuple(self._problems()),
            published=published_in(self._store, self._all_runs),
            free=free,
            capacity=capacity,
            progress=self._progress(),
            identity=identity_of(self.request),
            fleet=self._fleet(),
        )

    def _progress(self) -> RunProgress | None:
        """Return how far the run in progress has come; what a run that was killed left does not count."""
        last = self._runs[-1] if self._runs else None
        if self._next_run is not None or last is None or last.state != records.RUNNING:
            return None
        found = self._store.progress.read()
        return found if found and found.written >= last.started else None

    def _notify(self, run: Run) -> None:
        for watcher in self.watchers:
            watcher(run)

    def _read_records(self) -> None:
        """Read the records of runs.

        Not at each request, since hundreds of files on a slow volume take a while.
        """
        self._all_runs = tuple(self._store.runs.all())
        self._runs = records.alike(self._all_runs, self.request)


def _moment(text: str) -> datetime | None:
    """Return the time of a record; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
