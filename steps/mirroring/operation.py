"""One operation: everything checked, the data directory locked and brought to rest, then the workflow."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError
from steps.mirroring import direct, from_disk, journal, lock, preflight, reasons, retention, to_disk
from steps.mirroring.layout import Layout
from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK
from steps.mirroring.runner import Job, OcMirror

if TYPE_CHECKING:
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


def run(request: Request) -> str:
    """Do what `request` asks and return in one line what was done; may be killed anywhere and called again.

    Raises the StepError of `preflight.check`, ConflictError if another run has the data directory,
    MirrorError if oc-mirror failed, InvalidInputError if archives are missing or damaged.
    """
    try:
        return _run(request)
    except OSError as error:
        problem = error.strerror or str(error)
        raise InvalidInputError(
            f"{error.filename or request.data}: {problem}", reasons.advice(problem).hint
        ) from error


def _run(request: Request) -> str:
    layout = Layout.at(request.data)
    ready = preflight.check(request)
    log.info("oc-mirror %s, %s, data in %s", ready.version.text, request.workflow, layout.root)
    for warning in ready.imageset.warnings if ready.imageset else ():
        log.warning("%s", warning)
    if request.workflow != TO_DISK:
        _say_what_has_no_effect(request)
    with lock.exclusive(layout, purpose=request.workflow) as held:
        journal.recover(layout, now=datetime.now(UTC))
        oc_mirror = OcMirror(
            executable=ready.executable, version=ready.version, options=request.options, lock=held
        )
        job = Job(request=request, layout=layout, oc_mirror=oc_mirror, imageset=ready.imageset)
        try:
            done = _workflow(job)
        finally:
            shutil.rmtree(layout.scratch, ignore_errors=True)
        if request.keep_generations is not None and not request.dry_run:
            retention.prune(layout, request.keep_generations)
        return done


def _workflow(job: Job) -> str:
    if job.request.workflow == FROM_DISK:
        return from_disk.run(job)
    if job.imageset is None:
        raise ValueError(f"{job.request.workflow} needs an ImageSet")
    if job.request.workflow == DIRECT:
        return direct.run(job, job.imageset)
    return to_disk.run(job, job.imageset)


def _say_what_has_no_effect(request: Request) -> None:
    for name, was_set in (
        ("since-date", request.since_date is not None),
        ("incremental-mode=false", not request.incremental_mode),
    ):
        if was_set:
            log.warning("%s has no effect on %s: it decides what an archive holds", name, request.workflow)
