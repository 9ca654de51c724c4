"""The state of the service at a moment, which the page and the metrics show."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.mirroring.store import runs as records

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule
    from steps.mirroring.store.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFile:
    """A file to download, which a cluster applies to use the mirror; `size` in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of the service at `now`.

    `next_run` is None while a run is in progress. `runs` are the oldest first. Each of `problems` keeps the
    next run from starting. `free` and `capacity` are bytes of the data volume.
    """

    request: Request
    schedule: Schedule
    now: datetime
    next_run: datetime | None
    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()
    resources: tuple[ResourceFile, ...] = ()
    free: int = 0
    capacity: int = 0

    @property
    def current(self) -> Run | None:
        """The run in progress, None if there is none."""
        last = self.runs[-1] if self.runs else None
        return last if last and last.state == records.RUNNING and self.next_run is None else None

    @property
    def last(self) -> Run | None:
        """The newest run that has ended, None if there is none."""
        return next((run for run in reversed(self.runs) if run.state != records.RUNNING), None)

    @property
    def last_success(self) -> Run | None:
        """The newest run that succeeded, None if there is none."""
        return next((run for run in reversed(self.runs) if run.state == records.SUCCEEDED), None)

    @property
    def generation(self) -> int:
        """The newest generation that a run made or imported; 0 if there is none."""
        return max((number for run in self.runs for number in run.generations), default=0)


def runs_of(runs: Iterable[Run], request: Request) -> tuple[Run, ...]:
    """Return the runs of the same workflow, target and dry-run as `request`.

    Other workflows may have used the data directory before.
    """
    return tuple(
        run
        for run in runs
        if (run.workflow, run.target, run.dry_run)
        == (request.workflow, request.target_registry, request.dry_run)
    )


def resources_in(folder: Path) -> tuple[ResourceFile, ...]:
    """Return the regular files of a folder, without hidden files and links; none if the folder is absent."""
    try:
        found = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
        return tuple(
            ResourceFile(name=path.name, size=path.stat().st_size)
            for path in sorted(found)
            if not path.name.startswith(".")
        )
    except OSError:  # not there yet, or replaced at this moment
        return ()


def space_of(folder: Path) -> tuple[int, int]:
    """Return the free bytes and all bytes of the volume; (0, 0) if the system does not tell."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return 0, 0
    return usage.free, usage.total
