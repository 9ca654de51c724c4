"""The deadline of a run: a timer that interrupts whatever the main thread waits for, as SIGTERM does.

A program, a registry or a volume may hang in ways that no limit of theirs ends. No workflow catches the
exception, so everything is left as at a kill, and oc-mirror is ended on the way.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

HOUR: Final = 3600
LONGEST_RUN: Final = 72 * HOUR
"""Seconds: a first mirror of several releases over a slow line takes more than a day, but not three."""
AGAIN: Final = 600.0
"""Seconds until it is raised once more, should tidying up hang too."""


class OverdueError(BaseException):
    """The run has reached its deadline; `doing` says what it did last."""

    def __init__(self) -> None:
        """Know nothing yet of what the run did; who knows it says so on the way up."""
        super().__init__()
        self.doing = "oc-mirror was not running"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise OverdueError where the block takes longer; to be used in the main thread, which gets signals."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise OverdueError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
