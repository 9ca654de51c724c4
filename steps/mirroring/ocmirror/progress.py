"""How far a run has come: a line at intervals, or a bar where a person sits at a terminal.

Counted from what oc-mirror says (batch/concurrent_chan_worker.go): the number of images before it begins, and
a line for each, mirrored or failed. Between the lines of a large image nothing is heard of it for minutes,
so a thread speaks up instead.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two lines."""

_TOTAL = re.compile(r"images to copy\s+(\d+)")
_ONE = re.compile(r"Success copying |Failed to copy ")
_ARCHIVING = "Preparing the tarball archive"


@dataclass(slots=True)
class Counter:
    """Images done, of how many, since when (by `clock`, in seconds)."""

    clock: Callable[[], float] = time.monotonic
    total: int = 0
    done: int = 0
    archiving: bool = False
    began: float = field(default=0.0)
    changed: Callable[[], None] = lambda: None

    def see(self, text: str) -> None:
        """Take in a line of oc-mirror's, without control characters."""
        if found := _TOTAL.search(text):
            self.total, self.done, self.began = int(found[1]), 0, self.clock()
        elif _ONE.search(text):
            self.done += 1
        elif _ARCHIVING in text:
            self.archiving = True
        else:
            return
        self.changed()

    def text(self) -> str:
        """A line such as `12 of 395 images, 4.1 a minute, about 1 h 33 min left`; empty before the first."""
        if not self.total:
            return ""
        if self.archiving:
            return f"{self.done} of {self.total} images, writing the archive"
        passed = self.clock() - self.began
        parts = [f"{self.done} of {self.total} images"]
        if self.done and passed > 0:
            rate = self.done / passed
            parts.append(f"{rate * 60:.1f} a minute")
            if self.total > self.done:
                parts.append(f"about {_duration((self.total - self.done) / rate)} left")
        return ", ".join(parts)


@contextmanager
def shown(*, interval: float = INTERVAL, terminal: bool | None = None) -> Iterator[Counter]:
    """Give a counter and show how it stands: by a bar on a `terminal` (default: whether stderr is one)."""
    counter = Counter()
    if sys.stderr.isatty() if terminal is None else terminal:
        with _bar(counter):
            yield counter
        return
    ended = threading.Event()
    thread = threading.Thread(target=_speak, args=(counter, ended, interval), daemon=True, name="progress")
    thread.start()
    try:
        yield counter
    finally:
        ended.set()
        thread.join()


def _speak(counter: Counter, ended: threading.Event, interval: float) -> None:
    while not ended.wait(interval):
        if text := counter.text():
            log.info("progress: %s", text)


@contextmanager
def _bar(counter: Counter) -> Iterator[None]:
    """Draw a bar below the log, which goes on above it. Imported here: a pod has no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("images"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("images", total=None)
        counter.changed = lambda: bar.update(task, total=counter.total or None, completed=counter.done)
        # The log was given stderr before the bar put itself in its place.
        moved = [
            (handler, handler.setStream(sys.stderr))
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__
        ]
        try:
            yield
        finally:
            for handler, stream in moved:
                handler.setStream(stream)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
