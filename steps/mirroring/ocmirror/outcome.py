"""How a run of oc-mirror ended, and why, in words.

Sources (openshift/oc-mirror): exit codes internal/pkg/errcode/code.go; Results lines and the texts of failed
images internal/pkg/batch/; Go ends a panic with exit code 2, which is also the code of a release error, and
klog.Fatal with 255. Early 4.18 ends with 0 although images failed, so the Results lines count as well; and an
archive whose last block could not be written is only a warning to oc-mirror (archive/permissive_adder.go).
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.mirroring.ocmirror import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.errors import MirrorError

KINDS = ("release", "operator", "additional", "helm")
BITS = {
    1: "a general error",
    2: "release images",
    4: "operator images",
    8: "additional images",
    16: "helm images",
}

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_RESULT = re.compile(r"(\d+) / (\d+) (release|operator|additional|helm) images (?:mirrored|deleted)")
_FAILED = re.compile(
    r"error mirroring image (\S+)(?: \(Operator bundles: .*? - Operators: .*?\))? error: (.*)"
)
_ERROR = re.compile(r"\[ERROR\]\s*:\s*(?:\[\w+\]\s*)?(.*)")
_FATAL = re.compile(r"F\d{4} \S+ +\d+ \S+\] (.*)")
_PANIC = re.compile(r"panic: |fatal error: ")
_COPIED = re.compile(r"Success copying (\S+) \S+ (\S+)")
_TORN = re.compile(r"error (?:flushing|closing) archive writer")


@dataclass(slots=True)
class Reading:
    """What a run has said so far; `copied` has the images it named, and to which namespace each went."""

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    copied: dict[str, str] = field(default_factory=dict)
    copies: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    panic: str = ""
    torn: str = ""

    def feed(self, line: str) -> str:
        """Take in one line of output and give it back without colours and control characters."""
        text = _CONTROL.sub("", line).rstrip()
        if found := _RESULT.search(text):
            self.counts[found[3]] = (int(found[1]), int(found[2]))
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
        return text

    def note_failures(self, lines: Iterable[str]) -> None:
        """Take in lines of `mirroring_errors_*.txt`, which name the image and its error."""
        for line in lines:
            if found := _FAILED.search(line):
                self.failed.setdefault(found[1], found[2].strip())

    @property
    def names_all(self) -> bool:
        """Whether oc-mirror has named every image that it counts as copied; not all versions do."""
        return self.copies >= sum(done for done, _total in self.counts.values())

    @property
    def missing(self) -> dict[str, int]:
        """How many images of each kind were not mirrored."""
        return {kind: total - done for kind, (done, total) in self.counts.items() if done < total}


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
    raise reasons.error(f"{meaning}: {' '.join(text.split())}", reasons.advice(text))


def describe(exit_code: int) -> str:
    """An exit code of oc-mirror in words: `12` is 'operator images and additional images failed'."""
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
        return "a code unknown to us"
    return " and ".join(parts) + " failed"


def _images_failed(meaning: str, reading: Reading) -> MirrorError:
    lost = ", ".join(
        f"{reading.counts[kind][1] - reading.counts[kind][0]} of {reading.counts[kind][1]} {kind} images"
        for kind in KINDS
        if kind in reading.missing
    )
    causes = {image: reasons.advice(error) for image, error in reading.failed.items()}
    shown = [f"{image} ({causes[image].name})" for image in list(causes)[:5]]
    more = f" and {len(causes) - len(shown)} more" if len(causes) > len(shown) else ""
    text = f"{meaning}: {lost or 'images'} not mirrored"
    if shown:
        text += f": {', '.join(shown)}{more}"
    return reasons.error(text, reasons.commonest(causes.values()), causes)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
