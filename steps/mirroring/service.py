"""The persistent service: mirrors on schedule, says how it is, stops at once.

The main thread waits and mirrors; the web server answers beside it in threads that end with the process. A
run that fails is shown and logged, and the next one comes all the same. What is remembered lies in
DATA/service.json, so that a run missed or cut short while the pod went down is made up for, once.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from steps.errors import StepError
from steps.files import write_atomically
from steps.mirroring import operation, preflight, web
from steps.mirroring.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule

log = logging.getLogger(__name__)

LONGEST_WAIT = 3600.0
"""Seconds to wait without looking at the clock: it may have been set meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The last run, as remembered over restarts; times are RFC 3339 in UTC, empty for 'never'."""

    last_start: str = ""
    last_end: str = ""
    last_result: str = ""
    last_message: str = ""
    next_start: str = ""

    def as_text(self, request: Request, schedule: Schedule) -> str:
        """The status page."""
        running = bool(self.last_start) and not self.last_end
        return "\n".join(
            (
                f"oc-mirror service: {request.workflow}, schedule '{schedule.expression}' (UTC)",
                f"now:       {'mirroring since ' + self.last_start if running else 'waiting'}",
                f"last run:  {self.last_start or 'never'}"
                + (f" to {self.last_end}: {self.last_result}" if self.last_end else ""),
                f"           {self.last_message or '-'}",
                f"next run:  {self.next_start or '-'}",
                "",
            )
        )


class Service:
    """The loop, and what the web pages show of it."""

    def __init__(
        self,
        request: Request,
        schedule: Schedule,
        *,
        clock: Callable[[], datetime],
        mirror: Callable[[], str],
    ) -> None:
        """Mirror by calling `mirror`, which returns a line or raises a StepError; `clock` tells the time."""
        self._request, self._schedule = request, schedule
        self._clock, self._mirror = clock, mirror
        self._memory = Layout.at(request.data).service_state
        self.state = _remembered(self._memory)

    def run(self) -> NoReturn:
        """Wait for the schedule and mirror, for ever; SIGTERM ends it by an exception, at any point."""
        if self.state.last_start and not self.state.last_end:
            log.info("the run of %s was interrupted: going on now", self.state.last_start)
            self.mirror_now()
        elif self.state.last_start and self._was_missed(datetime.fromisoformat(self.state.last_start)):
            log.info("a run was due since the one of %s: making up for it now", self.state.last_start)
            self.mirror_now()
        while True:
            self.wait_until(self._schedule.after(self._clock()))
            self.mirror_now()

    def _was_missed(self, last: datetime) -> bool:
        return self._schedule.after(last) <= self._clock()

    def wait_until(self, moment: datetime) -> None:
        """Wait for `moment` as the clock has it."""
        self.state = replace(self.state, next_start=_text(moment))
        log.info("next run at %s", _text(moment))
        never = threading.Event()
        while (left := (moment - self._clock()).total_seconds()) > 0:
            never.wait(min(left, LONGEST_WAIT))

    def mirror_now(self) -> None:
        """Mirror once and remember when it began and how it went."""
        self._remember(
            last_start=_text(self._clock()), last_end="", last_result="", last_message="", next_start=""
        )
        try:
            message, result = self._mirror(), "succeeded"
            log.info("%s", message)
        except StepError as error:
            message, result = f"{error.reason}; {error.hint}", "failed"
            log.error("ERROR: %s\n  hint: %s", error.reason, error.hint)  # noqa: TRY400 - expected
        self._remember(last_end=_text(self._clock()), last_result=result, last_message=message)

    def _remember(self, **changes: str) -> None:
        self.state = replace(self.state, **changes)
        try:
            write_atomically(self._memory, json.dumps(asdict(self.state), indent=2) + "\n")
        except OSError as error:
            log.warning("%s cannot be written: %s", self._memory, error.strerror)

    def status(self) -> str:
        """The page at `/`."""
        return self.state.as_text(self._request, self._schedule)


def serve(request: Request, *, schedule: Schedule, port: int) -> NoReturn:
    """Serve until SIGTERM. Raises ConflictError if `port` is taken."""
    service = Service(
        request, schedule, clock=lambda: datetime.now(UTC), mirror=lambda: operation.run(request).summary
    )
    server = web.start(port, status=service.status, problems=lambda: preflight.problems(request))
    try:
        log.info("listening on port %d", server.server_port)
        service.run()
    finally:
        server.shutdown()
        server.server_close()


def _remembered(memory: Path) -> State:
    try:
        state = State(**json.loads(memory.read_bytes()))
        for text in filter(None, (state.last_start, state.last_end)):
            datetime.fromisoformat(text)
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s is not readable (%s): starting without memory of earlier runs", memory, error)
        return State()
    return state


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
