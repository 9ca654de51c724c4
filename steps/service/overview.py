"""The state of the service at a moment, which the page and the metrics show."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from steps.errors import StepError
from steps.mirroring.notify import HELD
from steps.mirroring.store import runs as records
from steps.parameters.value_kinds import Workflow
from steps.service.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule
    from steps.mirroring.store import Store
    from steps.mirroring.store.progress import RunProgress
    from steps.mirroring.store.runs import Run
    from steps.mirroring.store.verified import Look
    from steps.service.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFile:
    """A file to download, which a cluster applies to use the mirror; `size` in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFiles:
    """The files for the clusters of one target; `folder` is the name of its folder, and in their URLs.

    `verified` is the newest run after which the target had every image, `deleted` the newest one that deleted
    something from the target; each is None where no record tells of one. `accepted` has the verdict by
    release and minor version of clusters, as the newest run of each mirror name that looked found it.
    `look` is what the last `workflow-verify-target` found, None before the first.
    """

    target: str
    folder: str
    files: tuple[ResourceFile, ...]
    verified: Run | None = None
    deleted: Run | None = None
    accepted: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    look: Look | None = None

    @property
    def lost(self) -> int:
        """How many images the target had and has lost, as far as somebody has looked."""
        return len(self.look.missing) if self.look else 0

    @property
    def is_safe(self) -> bool:
        """Whether the target has had every image since a run, as far as our runs decide."""
        if self.verified is None or self.lost:
            return False
        return self.deleted is None or self.deleted.started < self.verified.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of the service at `now`.

    `next_run` is None while a run is in progress. `runs` are the oldest first. Each of `problems` keeps the
    next run from starting. `published` are the files for the clusters of each target. `free` and
    `capacity` are bytes of the data volume. `progress` is how far the run in progress has come, None where
    oc-mirror copies nothing. `fleet` is what fleet-readiness has said, None where it has said nothing.
    """

    request: Request
    schedule: Schedule
    now: datetime
    next_run: datetime | None
    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()
    published: tuple[TargetFiles, ...] = ()
    free: int = 0
    capacity: int = 0
    progress: RunProgress | None = None
    identity: Identity = field(default_factory=Identity)
    fleet: Fleet | None = None

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
    def failing(self) -> tuple[Run, ...]:
        """The failed runs since the last success, oldest first.

        Those that were stopped, or wait for an approval, do not count.
        """
        found = []
        for run in reversed(self.runs):
            if run.state == records.SUCCEEDED:
                break
            if run.state == records.FAILED and run.error != HELD:
                found.append(run)
        return tuple(reversed(found))

    @property
    def own(self) -> TargetFiles | None:
        """The files for the clusters of this service's target."""
        return own_of(self.published, self.request)

    @property
    def others(self) -> tuple[TargetFiles, ...]:
        """The files for the clusters of other targets."""
        return tuple(files for files in self.published if files != self.own)

    @property
    def generation(self) -> int:
        """The newest generation that a run made or imported; 0 if there is none."""
        return max((number for run in self.runs for number in run.generations), default=0)


def own_of(published: Iterable[TargetFiles], request: Request) -> TargetFiles | None:
    """Return the files of the target of `request`; of a request without target those of the only target."""
    known = list(published)
    if not request.target_registry:
        return known[0] if len(known) == 1 else None
    return next((files for files in known if files.target == request.target_registry), None)


def published_in(store: Store, runs: Sequence[Run] = ()) -> tuple[TargetFiles, ...]:
    """Return the files for the clusters of each target, by which of `runs` they are known to be safe.

    None where they cannot be read.
    """
    try:
        return tuple(
            TargetFiles(
                target=one.target,
                folder=one.folder.name,
                files=resources_in(one.resources),
                verified=_newest(runs, one.target, VERIFYING),
                deleted=_newest(runs, one.target, {Workflow.DELETE}),
                accepted=_accepted(runs, one.target),
                look=store.verified.last_look(one.target),
            )
            for one in store.published.all()
        )
    except StepError:  # a newer version wrote them
        return ()


VERIFYING: Final = frozenset({Workflow.FROM_DISK, Workflow.DIRECT})
"""Workflows that succeed only where the target has every image."""


def _accepted(runs: Sequence[Run], target: str) -> dict[str, dict[str, str]]:
    """Return which clusters accept which release, by the newest run of each mirror name that looked.

    Of a release that several mirror names have, the newest look counts.
    """
    newest = {run.mirror_name: run for run in runs if run.target == target and run.accepted}
    looks = sorted(newest.values(), key=lambda run: run.started)
    merged = {release: states for run in looks for release, states in run.accepted.items()}
    return dict(sorted(merged.items(), key=lambda item: item[0], reverse=True))


def _newest(runs: Sequence[Run], target: str, workflows: Collection[str]) -> Run | None:
    """Return the newest run of one of `workflows` to `target` that counts.

    One that verifies counts if it succeeded, one that deletes however it ended.
    """
    return next(
        (
            run
            for run in reversed(runs)
            if run.workflow in workflows and run.target == target and not run.dry_run
            if run.state == records.SUCCEEDED or run.workflow not in VERIFYING
        ),
        None,
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
