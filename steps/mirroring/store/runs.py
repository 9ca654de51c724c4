"""The records of runs: one file a run in DATA/runs, newest last.

Each record is a file of its own, written whole, so that nobody needs the lock to write one: a run that is
refused because another has the data directory leaves its record too. A run that was killed leaves one that
says `running`. The next run has the lock, so it knows better and makes it `interrupted`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator

from steps.errors import MirrorError, error_class
from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from steps.errors import StepError
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)

RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"
STOPPED, INTERRUPTED = "stopped", "interrupted"
"""Ended by a signal that it could answer, and by one that it could not (or by the machine)."""
KEPT = 200
"""Records; at one a night more than half a year, at a few hundred bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run did, in one line; generations made or imported; bytes of their archives; images by kind.

    `unchanged` is a success that had nothing to do. `accepted` says which clusters accept which release.
    """

    summary: str
    generations: tuple[int, ...] = ()
    size: int = 0
    images: Mapping[str, int] = field(default_factory=dict)
    unchanged: bool = False
    accepted: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Run(Record):
    """One run. Times are RFC 3339 in UTC, empty for 'not yet'; `size` is in bytes.

    `images` counts what was mirrored by kind, `failed` gives the class of error by image (`reasons`),
    `wanted_by` the operators and bundles that need a failed image, in words, where oc-mirror said it; `error`
    is the class of the run's own failure, with `hint` for what to do. `left_out` says of a record that was
    shortened how many entries of each field went. `next_run` is that of the schedule, if there is one.
    `mirror_name` is empty where it is not one ImageSet that was mirrored, and in records of version 0.1.
    `accepted` has `accepted`, `not accepted` or `unknown` by release and minor version of clusters.
    `log` has the last lines of a run that failed, without secrets (`last_lines`).
    """

    workflow: str
    started: str
    state: str = RUNNING
    target: str = ""
    mirror_name: str = ""
    dry_run: bool = False
    finished: str = ""
    seconds: float = 0.0
    next_run: str = ""
    generations: tuple[int, ...] = ()
    size: int = 0
    images: dict[str, int] = Field(default_factory=dict)
    accepted: dict[str, dict[str, str]] = Field(default_factory=dict)
    unchanged: bool = False
    message: str = ""
    error: str = ""
    hint: str = ""
    exit_code: int = 0
    failed: dict[str, str] = Field(default_factory=dict)
    wanted_by: dict[str, str] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    host: str = ""
    log: tuple[str, ...] = ()

    @field_validator("started", "finished", "next_run")
    @classmethod
    def _is_time(cls, value: str) -> str:
        if value:
            datetime.fromisoformat(value)
        return value

    @classmethod
    def parse(cls, content: bytes | str) -> Self:
        """Read a record. Raises ValueError for what is none."""
        return records.parse(cls, content)

    def bounded(self, limit: int) -> str:
        """Return the record as JSON of at most `limit` bytes, which has to have room for its state.

        Entries go first, the longest field by half until it is empty, then the ends of texts, then all but
        what says how the run ended.
        """
        run: Run | None = self
        while run is not None and len(text := _line(run)) > limit:
            run = run.shorter()
        if run is None:
            kept = {"workflow", "started", "state", "finished", "exit_code"}
            text = _line(Run(**{name: getattr(self, name) for name in kept}))
        return text.decode()

    def shorter(self) -> Self | None:
        """Return the record with less in its longest field; None where nothing is left to shorten."""
        entries = {name: getattr(self, name) for name in _ENTRIES}
        longest = max(entries, key=lambda name: len(str(entries[name])))
        if entries[longest]:
            kept = _half(entries[longest])
            gone = self.left_out.get(longest, 0) + len(entries[longest]) - len(kept)
            return self.changed(**{longest: kept, "left_out": {**self.left_out, longest: gone}})
        texts = {name: str(getattr(self, name)) for name in _TEXTS}
        longest = max(texts, key=lambda name: len(texts[name].encode()))
        if len(texts[longest]) < _SHORTEST:
            return None
        return self.changed(**{longest: texts[longest][: len(texts[longest]) // 2] + "…"})


_ENTRIES = ("log", "failed", "wanted_by", "accepted", "images", "generations")
_TEXTS = ("message", "hint", "error", "target", "mirror_name", "host")
_SHORTEST = 8
"""Characters below which cutting a text saves nothing."""


def _half(entries: dict[str, Any] | tuple[Any, ...]) -> dict[str, Any] | tuple[Any, ...]:
    """Return the first half of a mapping, the last half of a list: the newest generations and lines."""
    if isinstance(entries, dict):
        return dict(list(entries.items())[: len(entries) // 2])
    return entries[len(entries) - len(entries) // 2 :]


def _line(run: Run) -> bytes:
    return json.dumps(run.document(), ensure_ascii=False).encode()


def alike(runs: Iterable[Run], request: Request) -> tuple[Run, ...]:
    """Return the runs of the same workflow, target, mirror name and dry-run as `request`.

    Other workflows may have used the data directory before. Records of version 0.1 have no mirror name.
    """
    asked = (request.workflow, request.target_registry, request.dry_run)
    return tuple(
        run
        for run in runs
        if (run.workflow, run.target, run.dry_run) == asked and run.mirror_name in {"", request.mirror_name}
    )


Watcher = Callable[[Run], None]
"""Is told of a run when it begins and when it has ended."""


class Runs:
    """The records of the runs of a data directory, in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Work with the records in `folder`, which need not exist yet."""
        self.folder = folder

    def all(self) -> list[Run]:
        """Return the runs that are remembered, oldest first."""
        return list(self._records().values())

    def last(self) -> Run | None:
        """Return the newest run, which may be running; None where there is none."""
        return next(reversed(self.all()), None)

    def begin(
        self,
        run: Run,
        *,
        watchers: Sequence[Watcher] = (),
        clock: Callable[[], datetime] | None = None,
        next_run: Callable[[datetime], datetime] | None = None,
    ) -> Recorder:
        """Return a recorder for `run`, which begins now; `next_run` gives the next time of the schedule."""
        return Recorder(self, run, watchers=watchers, clock=clock or _now, next_run=next_run)

    def write(self, path: Path, run: Run) -> None:
        """Write a record. A volume that cannot be written makes no run fail; it is logged."""
        try:
            write_atomically(path, run.as_json())
        except OSError as error:
            log.warning("%s cannot be written: %s", path, error.strerror)

    def mark_interrupted(self) -> None:
        """Correct the records of runs that were killed; to be called with the lock held."""
        for path, run in self._records().items():
            if run.state == RUNNING:
                message = "it was killed; the next run continued"
                self.write(path, run.changed(state=INTERRUPTED, message=message))

    def prune(self, keep: int = KEPT) -> None:
        """Remove the oldest records beyond the newest `keep`."""
        try:
            for path in sorted(self.folder.glob("[0-9]*.json"))[:-keep]:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s", self.folder, error.strerror)

    def _records(self) -> dict[Path, Run]:
        """Return the records by their files, oldest first; log what is no record, and pass over it."""
        found = {}
        for path in sorted(self.folder.glob("[0-9]*.json")):
            try:
                found[path] = Run.parse(path.read_bytes())
            except FileNotFoundError:  # pruned between the two
                continue
            except (OSError, ValueError) as error:
                log.warning("%s is not the record of a run (%s): skipped", path, error)
        return found


class Recorder:
    """Keeps the record of one run and tells its watchers; neither can make the run fail."""

    def __init__(
        self,
        runs: Runs,
        run: Run,
        *,
        watchers: Sequence[Watcher],
        clock: Callable[[], datetime],
        next_run: Callable[[datetime], datetime] | None,
    ) -> None:
        """Note the beginning; nothing is written before `begin` or the end."""
        self._runs, self._watchers, self._clock, self._next = runs, watchers, clock, next_run
        self._began = clock()
        self.run = run.changed(started=timestamp(self._began), host=socket.gethostname())
        self._path = runs.folder / f"{self._began:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}.json"

    def begin(self) -> None:
        """Record that the run has the lock: any other that says it runs was interrupted."""
        self._runs.mark_interrupted()
        self._tell()

    def succeeded(self, done: Done) -> None:
        """Record that the run did what it was to do."""
        self._end(
            SUCCEEDED,
            message=done.summary,
            generations=done.generations,
            size=done.size,
            images=dict(done.images),
            unchanged=done.unchanged,
            accepted={release: dict(states) for release, states in done.accepted.items()},
        )

    def failed(self, error: StepError, lines: Sequence[str] = ()) -> None:
        """Record why the run failed, with the last lines of its log."""
        self._end(
            FAILED,
            message=error.reason,
            hint=error.hint,
            error=error_class(error),
            exit_code=error.exit_code,
            failed=dict(error.failed) if isinstance(error, MirrorError) else {},
            wanted_by=dict(error.wanted_by) if isinstance(error, MirrorError) else {},
            log=tuple(lines),
        )

    def stopped(self, exit_code: int) -> None:
        """Record that a signal ended the run in order."""
        self._end(STOPPED, message="ended by a signal; the next run goes on from here", exit_code=exit_code)

    def _end(self, state: str, **facts: Any) -> None:
        now = self._clock()
        self.run = self.run.changed(
            state=state,
            finished=timestamp(now),
            seconds=round(max((now - self._began).total_seconds(), 0.0), 1),
            next_run=timestamp(self._next(now)) if self._next else "",
            **facts,
        )
        self._tell()
        self._runs.prune()

    def _tell(self) -> None:
        self._runs.write(self._path, self.run)
        for watcher in self._watchers:
            try:
                watcher(self.run)
            except Exception:  # a run must not fail because a watcher does
                log.warning("reporting the state of the run failed", exc_info=True)


def timestamp(moment: datetime) -> str:
    """Return a time as records have it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _now() -> datetime:
    return datetime.now(UTC)
