"""What is known of the runs of a data directory: one record a run in DATA/runs, newest last.

Each record is a file of its own, written whole, so that nobody needs the lock to write one: a run that is
refused because another has the data directory leaves its record too. A run that was killed leaves one that
says `running`; the next run, which has the lock and so knows better, makes it `interrupted`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"
STOPPED, INTERRUPTED = "stopped", "interrupted"
"""Ended by a signal that it could answer, and by one that it could not (or by the machine)."""

KEPT = 200
"""Records; at one a night more than half a year, at a few hundred bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run did: in one line; generations made or taken in; bytes of their archives; images by kind.

    `unchanged` is a success that had nothing to do.
    """

    summary: str
    generations: tuple[int, ...] = ()
    size: int = 0
    images: Mapping[str, int] = field(default_factory=dict)
    unchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. Times are RFC 3339 in UTC, empty for 'not yet'; `size` is in bytes.

    `images` counts what was mirrored by kind, `failed` gives the class of error by image (`reasons`); `error`
    is the class of the run's own failure, with `hint` for what to do. `next_run` is that of the schedule, if
    there is one.
    """

    workflow: str
    started: str
    state: str = RUNNING
    target: str = ""
    dry_run: bool = False
    finished: str = ""
    seconds: float = 0.0
    next_run: str = ""
    generations: tuple[int, ...] = ()
    size: int = 0
    images: Mapping[str, int] = field(default_factory=dict)
    unchanged: bool = False
    message: str = ""
    error: str = ""
    hint: str = ""
    exit_code: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    host: str = ""

    def as_json(self) -> str:
        """The record as written."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, content: bytes | str) -> Run:
        """Read a record, passing over fields that a later version may add. Raises ValueError for another."""
        document = json.loads(content)
        known = {one.name for one in fields(cls)}
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - one error for what is no record
        try:
            found = {name: value for name, value in document.items() if name in known}
            run = cls(**found | {"generations": tuple(found.get("generations", ()))})
            for text in filter(None, (run.started, run.finished, run.next_run)):
                datetime.fromisoformat(text)
        except TypeError as error:
            raise ValueError(str(error)) from error
        return run


Watcher = Callable[[Run], None]
"""Is told of a run when it begins and when it has ended."""


def bounded(run: Run, limit: int) -> str:
    """The record as JSON of at most `limit` bytes: failed images go first, then the ends of the texts."""
    while len(text := json.dumps(asdict(run), ensure_ascii=False).encode()) > limit:
        if run.failed:
            keep = len(run.failed) // 2
            run = replace(run, failed=dict(list(run.failed.items())[:keep]))
        else:
            longest = max(("message", "hint", "error", "target"), key=lambda name: len(getattr(run, name)))
            run = replace(run, **{longest: getattr(run, longest)[: len(getattr(run, longest)) // 2] + "…"})
    return text.decode()


def history(layout: Layout) -> list[Run]:
    """The runs that are remembered, oldest first."""
    return list(records(layout).values())


def last(layout: Layout) -> Run | None:
    """The newest run, which may be running."""
    return next(reversed(history(layout)), None)


def prune(layout: Layout, keep: int = KEPT) -> None:
    """Remove the oldest records beyond the newest `keep`."""
    try:
        for path in sorted(layout.runs.glob("[0-9]*.json"))[:-keep]:
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s: %s", layout.runs, error.strerror)


def timestamp(moment: datetime) -> str:
    """A time as records have it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def records(layout: Layout) -> dict[Path, Run]:
    """The records by their files, oldest first; what is no record is named in the log and passed over."""
    found = {}
    for path in sorted(layout.runs.glob("[0-9]*.json")):
        try:
            found[path] = Run.parse(path.read_bytes())
        except FileNotFoundError:  # pruned between the two
            continue
        except (OSError, ValueError) as error:
            log.warning("%s is no record of a run (%s): passed over", path, error)
    return found


def write(path: Path, run: Run) -> None:
    """Write a record; a volume that cannot be written makes no run fail, it is logged."""
    try:
        write_atomically(path, run.as_json())
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error.strerror)
