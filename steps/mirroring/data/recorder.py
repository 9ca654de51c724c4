"""Keeps the record of one run while it goes on."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steps.errors import MirrorError, error_class
from steps.mirroring.data import status
from steps.mirroring.data.status import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steps.errors import StepError
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.data.status import Done, Watcher
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


class Recorder:
    """Keeps the record of one run and tells its watchers; neither can make the run fail."""

    def __init__(
        self,
        layout: Layout,
        request: Request,
        *,
        watchers: Sequence[Watcher] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        next_run: Callable[[datetime], datetime] | None = None,
    ) -> None:
        """Note the beginning; nothing is written before `begin` or the end. `next_run`: after a time."""
        self._layout, self._watchers, self._clock, self._next = layout, watchers, clock, next_run
        self._began = clock()
        self.run = Run(
            workflow=request.workflow,
            target=request.target_registry,
            dry_run=request.dry_run,
            started=status.timestamp(self._began),
            host=socket.gethostname(),
        )
        self._path = layout.runs / f"{self._began:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}.json"

    def begin(self) -> None:
        """The run has the lock: what says that it runs, and is not this, was interrupted."""
        for path, run in status.records(self._layout).items():
            if run.state == status.RUNNING:
                status.write(
                    path,
                    replace(run, state=status.INTERRUPTED, message="it was killed; the next run went on"),
                )
        self._tell()

    def succeeded(self, done: Done) -> None:
        """The run did what it was to do."""
        self._end(
            status.SUCCEEDED,
            message=done.summary,
            generations=done.generations,
            size=done.size,
            images=dict(done.images),
            unchanged=done.unchanged,
        )

    def failed(self, error: StepError) -> None:
        """The run could not."""
        self._end(
            status.FAILED,
            message=error.reason,
            hint=error.hint,
            error=error_class(error),
            exit_code=error.exit_code,
            failed=error.failed if isinstance(error, MirrorError) else {},
        )

    def stopped(self, exit_code: int) -> None:
        """A signal ended the run in order."""
        self._end(
            status.STOPPED, message="ended by a signal; the next run goes on from here", exit_code=exit_code
        )

    def _end(self, state: str, **facts: Any) -> None:
        now = self._clock()
        following = status.timestamp(self._next(now)) if self._next else ""
        seconds = round(max((now - self._began).total_seconds(), 0.0), 1)
        self.run = replace(
            self.run,
            state=state,
            finished=status.timestamp(now),
            seconds=seconds,
            next_run=following,
            **facts,
        )
        self._tell()
        status.prune(self._layout)

    def _tell(self) -> None:
        status.write(self._path, self.run)
        for watcher in self._watchers:
            try:
                watcher(self.run)
            except Exception:  # a run must not fail because somebody cannot be told of it
                log.warning("the state of the run could not be told", exc_info=True)
