"""One operation: everything checked, the data directory locked and brought to rest, then the workflow."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, StepError
from steps.mirroring import direct, from_disk, to_disk, upkeep
from steps.mirroring.checks import preflight, unchanged
from steps.mirroring.data import journal, lock, retention
from steps.mirroring.data.layout import Layout
from steps.mirroring.data.recorder import Recorder
from steps.mirroring.deleting import cleanup, deletion
from steps.mirroring.delivery import applying, products
from steps.mirroring.job import Job
from steps.mirroring.ocmirror import reasons
from steps.mirroring.ocmirror.runner import OcMirror
from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK
from steps.mirroring.retries import retrying
from steps.parameters.table.mirror_run import APPLY_CLUSTER_RESOURCES
from steps.parameters.value_kinds import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steps.mirroring.data.status import Done, Watcher
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


def run(
    request: Request,
    *,
    watchers: Sequence[Watcher] = (),
    next_run: Callable[[datetime], datetime] | None = None,
) -> Done:
    """Do what `request` asks and return what was done; may be killed anywhere and called again.

    A record of it is kept (see `status`), and `watchers` are told. Raises the StepError of `preflight.check`,
    ConflictError if another run has the data directory, MirrorError if oc-mirror failed, InvalidInputError if
    archives are missing or damaged.
    """
    recorder = Recorder(Layout.at(request.data), request, watchers=watchers, next_run=next_run)
    try:
        done = _run_or_explain(request, recorder)
    except StepError as error:
        recorder.failed(error)
        raise
    except (SystemExit, KeyboardInterrupt) as end:
        recorder.stopped(143 if isinstance(end, SystemExit) else 130)
        raise
    recorder.succeeded(done)
    return done


def _run_or_explain(request: Request, recorder: Recorder) -> Done:
    try:
        return _run(request, recorder)
    except OSError as error:
        problem = error.strerror or str(error)
        raise InvalidInputError(
            f"{error.filename or request.data}: {problem}", reasons.advice(problem).hint
        ) from error


def _run(request: Request, recorder: Recorder) -> Done:
    match request.workflow:
        case Workflow.PLAN_DELETION:
            return upkeep.run(request, recorder, deletion.generate)
        case Workflow.DELETE:
            return upkeep.run(request, recorder, deletion.execute)
        case Workflow.CLEANUP:
            return upkeep.run(request, recorder, cleanup.run)
        case Workflow.TO_DISK | Workflow.FROM_DISK | Workflow.DIRECT:
            return _mirror(request, recorder)


def _mirror(request: Request, recorder: Recorder) -> Done:
    layout = Layout.at(request.data)
    ready = preflight.check(request)
    log.info("oc-mirror %s, %s, data in %s", ready.version.text, request.workflow, layout.root)
    for warning in ready.imageset.warnings if ready.imageset else ():
        log.warning("%s", warning)
    if request.workflow != TO_DISK:
        _say_what_has_no_effect(request)
    with lock.exclusive(layout, purpose=request.workflow) as held:
        recorder.begin()
        journal.recover(layout, now=datetime.now(UTC))
        products.restore(layout)
        oc_mirror = OcMirror(
            executable=ready.executable, version=ready.version, options=request.options, lock=held
        )
        job = Job(request=request, layout=layout, oc_mirror=oc_mirror, imageset=ready.imageset)
        try:
            retrying(job, partial(preflight.check_target, request, ready.imageset))
            done = _workflow(job)
        finally:
            shutil.rmtree(layout.scratch, ignore_errors=True)
        if request.keep_generations is not None and not request.dry_run:
            retention.prune(layout, request.keep_generations)
        if request.values[APPLY_CLUSTER_RESOURCES] and request.workflow != TO_DISK and not request.dry_run:
            applying.apply(layout)
        return done


def _workflow(job: Job) -> Done:
    if job.request.workflow == FROM_DISK:
        return from_disk.run(job)
    if job.imageset is None:
        raise ValueError(f"{job.request.workflow} needs an ImageSet")
    fingerprint = unchanged.take(job, job.imageset) if unchanged.applies(job) else None
    if fingerprint and (done := unchanged.answer(job, fingerprint)):
        return done
    workflow = direct.run if job.request.workflow == DIRECT else to_disk.run
    done = retrying(job, partial(workflow, job, job.imageset))
    if fingerprint:
        unchanged.note(job, fingerprint, done)
    return done


def _say_what_has_no_effect(request: Request) -> None:
    for name, was_set in (
        ("since-date", request.since_date is not None),
        ("incremental-mode=false", not request.incremental_mode),
    ):
        if was_set:
            log.warning("%s has no effect on %s: it decides what an archive holds", name, request.workflow)
