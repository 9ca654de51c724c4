"""oc-mirror's output: how far a run has come, how it ended, and why, in words.

Sources (openshift/oc-mirror): exit codes internal/pkg/errcode/code.go; Results lines and the texts of failed
images internal/pkg/batch/; Go ends a panic with exit code 2, which is also the code of a release error, and
klog.Fatal with 255. Early 4.18 ends with 0 although images failed, so the Results lines count as well; and an
archive whose last block could not be written is only a warning to oc-mirror (archive/permissive_adder.go).

Progress is counted from what oc-mirror says (batch/concurrent_chan_worker.go): the number of images before it
begins, and a line for each, mirrored or failed. Between the lines of a large image it says nothing for
minutes, so a thread reports progress instead: a line at intervals, or a bar where a person sits at a
terminal.
"""

from __future__ import annotations

import logging
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps import log_lines, units
from steps.mirroring.ocmirror import reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from steps.errors import MirrorError

log = logging.getLogger(__name__)

KINDS = ("release", "operator", "additional", "helm")
BITS = {
    1: "a general error",
    2: "release images",
    4: "operator images",
    8: "additional images",
    16: "helm images",
}
LONGEST = 16 * 1024
"""Characters of a line that are understood. oc-mirror quotes what servers say, and they may say anything."""
_QUOTED = 200
"""Characters of its last line that are quoted."""
INTERVAL = 60.0
"""Seconds between two lines of progress."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_SECRET = re.compile(
    r"(?<=://)[^\s/@\"':]+:[^\s/@\"']+(?=@)|(?<=authorization: )(?:basic|bearer)? ?\S+|(?<=bearer )\S+",
    re.IGNORECASE,
)
"""A login in an address, and what an Authorization header holds."""
_RESULT = re.compile(
    r"(?<!\d)(\d{1,9}) / (\d{1,9}) (release|operator|additional|helm) images (?:mirrored|deleted)"
)
_FAILED = re.compile(
    r"error mirroring image (\S+)(?: \(Operator bundles: \[([^]]*)\] - Operators: \[([^]]*)\]\))? error: (.*)"
)
_SHOWN = 3
"""Operators and bundles of one image that are named."""
_MODE = re.compile(r"workflow mode: (\w+)")
_LEVEL = re.compile(r"^[\d/: ]{0,24}\[(WARN|ERROR)\]")
_LEVELS = {"WARN": logging.WARNING, "ERROR": logging.ERROR}
_ERROR = re.compile(r"\[ERROR\]\s*:\s*(?:\[\w+\]\s*)?(.*)")
_FATAL = re.compile(r"F\d{4} \S+ +\d+ \S+\] (.*)")
_PANIC = re.compile(r"panic: |fatal error: ")
_COPIED = re.compile(r"Success copying (\S+) \S+ (\S+)")
_DIGEST = re.compile(r"\bsha256:[0-9a-f]{64}\b")
_TORN = re.compile(r"error (?:flushing|closing) archive writer")
_TOTAL = re.compile(r"(?:^|:)\W{0,40}images to copy\s{1,40}(\d{1,9})(?!\d)")
_ONE = re.compile(r"Success copying |Failed to copy ")
_ARCHIVING = "Preparing the tarball archive"


@dataclass(slots=True)
class Reading:
    """What a run has said so far.

    `copied` has the images it named, and to which namespace each went; `failed` the images that failed, with
    their errors, and `wanted_by` the operators and bundles that need such an image, in words.
    """

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    copied: dict[str, str] = field(default_factory=dict)
    copies: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    wanted_by: dict[str, str] = field(default_factory=dict)
    mode: str = ""
    errors: list[str] = field(default_factory=list)
    panic: str = ""
    torn: str = ""
    last: tuple[str, float] = ("", 0.0)

    def feed(self, line: str) -> str:
        """Take in one line of output and give it back without colours, control characters and logins."""
        text = clean(line)
        self._understand(text[:LONGEST])
        if text:
            self.last = text, time.monotonic()
        return text

    @property
    def last_words(self) -> str:
        """What oc-mirror said last, and how long ago, in words."""
        text, when = self.last
        if not text:
            return "oc-mirror said nothing"
        ago = units.duration(round(time.monotonic() - when))
        return f"oc-mirror said nothing for {ago} after: {text[:_QUOTED]}"

    def _understand(self, text: str) -> None:
        if found := _RESULT.search(text):
            self.counts[found[3]] = (int(found[1]), int(found[2]))
        if found := _MODE.search(text):
            self.mode = found[1]
        if found := _COPIED.search(text):
            self.copies += 1
            if self.copied.get(found[1], "cache") == "cache":
                self.copied[found[1]] = found[2]
        self.note_failures([text])
        if found := _ERROR.search(text) or _FATAL.match(text):
            self.errors.append(found[1].strip())
        if _PANIC.match(text) and not self.panic:
            self.panic = text
        if _TORN.search(text):
            self.torn = text

    def note_failures(self, lines: Iterable[str]) -> None:
        """Take in lines of `mirroring_errors_*.txt`, which name the image and its error."""
        for line in lines:
            if found := _FAILED.search(line[:LONGEST]):
                self.failed.setdefault(found[1], found[4].strip())
                if found[2] or found[3]:
                    self.wanted_by[found[1]] = _wanted_by(found[3].split(), found[2].split())

    def cause(self, error: str) -> reasons.Cause:
        """Return the class of an error of this run."""
        return reasons.advice(error, from_archives=self.mode in {"", "diskToMirror"})

    @property
    def broken_blobs(self) -> set[str]:
        """The digests in texts that say that a blob is damaged or missing."""
        texts = [*self.failed.values(), *self.errors]
        broken = [text for text in texts if self.cause(text) in {reasons.DAMAGED, reasons.MISSING_BASE}]
        return {digest for text in broken for digest in _DIGEST.findall(text)}

    @property
    def names_all(self) -> bool:
        """Whether oc-mirror has named every image that it counts as copied; not all versions do."""
        return self.copies >= sum(done for done, _total in self.counts.values())

    @property
    def missing(self) -> dict[str, int]:
        """How many images of each kind were not mirrored."""
        return {kind: total - done for kind, (done, total) in self.counts.items() if done < total}


def level_of(text: str) -> int:
    """Return the level of a line of oc-mirror's, as `logging` numbers it; INFO where it names none."""
    found = _LEVEL.search(text[:LONGEST])
    return _LEVELS[found[1]] if found else logging.INFO


def clean(line: str) -> str:
    """Return a line without colours, control characters and logins."""
    return _SECRET.sub("***", _CONTROL.sub("", line)).rstrip()


def check(exit_code: int, reading: Reading) -> None:
    """Do nothing if the run did all it was to do; else raise MirrorError: what failed, why, what to do."""
    if exit_code == 0 and not reading.missing and not reading.failed and not reading.torn:
        return
    if reading.panic and reasons.advice(reading.panic) is reasons.PORT:
        raise reasons.error(f"oc-mirror could not start its cache: {reading.panic}", reasons.PORT)
    if reading.panic:
        raise reasons.error(f"oc-mirror crashed (exit code {exit_code}): {reading.panic}", reasons.CRASH)
    meaning = f"oc-mirror ended with exit code {exit_code} ({describe(exit_code)})"
    if exit_code == 0 and reading.torn:
        text = f"oc-mirror could not finish the archive: {reading.torn}"
        raise reasons.error(text, reasons.advice(reading.torn))
    if reading.failed or reading.missing:
        raise _images_failed(meaning, reading)
    text = reading.errors[-1].removeprefix("[Executor]").strip() if reading.errors else "it gave no reason"
    if exit_code < 0:
        raise reasons.error(meaning, reasons.KILLED if exit_code == -signal.SIGKILL else reasons.ENDED)
    text = " ".join(text.split())
    raise reasons.error(f"{meaning}: {text}", reading.cause(text), blobs=reading.broken_blobs)


def describe(exit_code: int) -> str:
    """Return an exit code of oc-mirror in words: `12` is 'operator images and additional images failed'."""
    if exit_code < 0:
        return f"killed by {_signal(-exit_code)}"
    if exit_code == 0:
        return "success, although images failed"
    if exit_code == 255:
        return "it refused to start"
    if exit_code == 1:
        return BITS[1]
    parts = [text for bit, text in BITS.items() if exit_code & bit]
    if not parts or exit_code > sum(BITS):
        return "an unknown code"
    return " and ".join(parts) + " failed"


def _images_failed(meaning: str, reading: Reading) -> MirrorError:
    lost = ", ".join(
        f"{reading.counts[kind][1] - reading.counts[kind][0]} of {reading.counts[kind][1]} {kind} images"
        for kind in KINDS
        if kind in reading.missing
    )
    causes = {image: reading.cause(error) for image, error in reading.failed.items()}
    shown = [
        f"{image} ({_detail(causes[image], reading.wanted_by.get(image))})" for image in list(causes)[:5]
    ]
    more = f" and {len(causes) - len(shown)} more" if len(causes) > len(shown) else ""
    text = f"{meaning}: {lost or 'images'} not mirrored"
    if shown:
        text += f": {', '.join(shown)}{more}"
    common, blobs = reasons.commonest(causes.values()), reading.broken_blobs
    return reasons.error(text, common, causes, reading.wanted_by, blobs)


def _detail(cause: reasons.Cause, wanted_by: str | None) -> str:
    return f"{cause.name}; {wanted_by}" if wanted_by else cause.name


def _wanted_by(operators: list[str], bundles: list[str]) -> str:
    """Return `operator a, bundles a.v1 and a.v2`; of many the first three."""
    named = (("operator", operators), ("bundle", bundles))
    return ", ".join(f"{what}{'s' * (len(names) > 1)} {_some(names)}" for what, names in named if names)


def _some(names: list[str]) -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


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
        text = text[:LONGEST]
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
        """Return a line such as `12 of 395 images, 4.1 a minute, about 1 h 33 min left`; empty at first."""
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
    """Give a counter and show how it stands: by a bar on a `terminal` (default: whether stderr takes one)."""
    counter = Counter()
    if log_lines.is_decorated(sys.stderr) if terminal is None else terminal:
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
