"""The service's loop: mirrors on schedule, whatever becomes of a run, and stops at once.

The main thread waits and mirrors; the web server answers beside it in threads that end with the process. What
it remembers are the records of runs on the volume, so that a run missed or cut short while the pod went down
is made up for, once.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from steps.errors import StepError
from steps.mirroring.data import status
from steps.mirroring.data.layout import Layout
from steps.service.overview import Overview, own, resources_in, space_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.mirroring.data.status import Run, Watcher
    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule

log = logging.getLogger(__name__)

LONGEST_WAIT = 3600.0
"""Seconds to wait without looking at the clock: it may have been set meanwhile."""


class Service:
    """The loop, and what the web pages show of it."""

    def __init__(
        self,
        request: Request,
        schedule: Schedule,
        *,
        mirror: Callable[[Watcher], str],
        problems: Callable[[], list[str]] = list,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Mirror by calling `mirror`, which returns a line or raises a StepError, and tells its watcher.

        `problems` says what keeps a run from starting, `clock` tells the time.
        """
        self._request, self._schedule, self._clock = request, schedule, clock
        self._mirror, self._problems = mirror, problems
        self._layout = Layout.at(request.data)
        self._runs: tuple[Run, ...] = ()
        self._next_run: datetime | None = None
        self.watchers: list[Watcher] = [lambda _run: self._look()]
        self._look()

    def run(self) -> NoReturn:
        """Wait for the schedule and mirror, for ever; SIGTERM ends it by an exception, at any point."""
        if why := self._due_already():
            log.info("%s", why)
            self.mirror_now()
        while True:
            self.wait_until(self._schedule.after(self._clock()))
            self.mirror_now()

    def _due_already(self) -> str:
        """Why a run begins without waiting; empty if none does, as on the first start of all."""
        last = self._runs[-1] if self._runs else None
        if last is None:
            return ""
        if last.state not in {status.SUCCEEDED, status.FAILED}:
            return f"the run of {last.started} was interrupted: going on now"
        if self._schedule.after(datetime.fromisoformat(last.started)) <= self._clock():
            return f"a run was due since the one of {last.started}: making up for it now"
        return ""

    def wait_until(self, moment: datetime) -> None:
        """Wait for `moment` as the clock has it."""
        self._next_run = moment
        log.info("next run at %s", status.timestamp(moment))
        never = threading.Event()
        while (left := (moment - self._clock()).total_seconds()) > 0:
            never.wait(min(left, LONGEST_WAIT))

    def mirror_now(self) -> None:
        """Mirror once; a failure is logged, and in the record of the run."""
        self._next_run = None
        try:
            log.info("%s", self._mirror(self._tell))
        except StepError as error:
            log.error("ERROR: %s\n  hint: %s", error.reason, error.hint)  # noqa: TRY400 - expected
        self._look()

    def overview(self) -> Overview:
        """How things are, for page and metrics; asked from other threads."""
        free, capacity = space_of(self._layout.root)
        return Overview(
            request=self._request,
            schedule=self._schedule,
            now=self._clock(),
            next_run=self._next_run,
            runs=self._runs,
            problems=tuple(self._problems()),
            resources=resources_in(self._layout.cluster_resources),
            free=free,
            capacity=capacity,
        )

    def _tell(self, run: Run) -> None:
        for watcher in self.watchers:
            watcher(run)

    def _look(self) -> None:
        """Read the records: not at each request, since on a slow volume hundreds of files take a while."""
        self._runs = own(status.history(self._layout), self._request)
