"""One operation: everything checked, the data directory locked and brought to rest, then the workflow."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from steps.errors import StepError
from steps.mirroring import last_lines, publish
from steps.mirroring.checks import overdue, preflight, signatures, skip, volume, vouching
from steps.mirroring.deadline import OverdueError, within
from steps.mirroring.publish import apply
from steps.mirroring.request import FROM_DISK, TO_DISK
from steps.mirroring.retries import retrying
from steps.mirroring.session import Session, locked
from steps.mirroring.store import Store
from steps.mirroring.store.runs import Run
from steps.mirroring.workflows import (
    acknowledge,
    audit,
    cleanup,
    delete,
    direct,
    export,
    from_disk,
    hold,
    import_media,
    judge,
    receipts,
    repair,
    to_disk,
    verify_target,
)
from steps.parameters.table.image_signatures import VERIFY_SIGNATURES
from steps.parameters.table.target import APPLY_CLUSTER_RESOURCES
from steps.parameters.table.verification import REPAIR
from steps.parameters.value_kinds import VerifySignatures, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steps.mirroring.request import Request
    from steps.mirroring.store.runs import Done, Recorder, Watcher

log = logging.getLogger(__name__)


def run(
    request: Request,
    *,
    watchers: Sequence[Watcher] = (),
    next_run: Callable[[datetime], datetime] | None = None,
) -> Done:
    """Do what `request` asks and return what was done; may be killed anywhere and called again.

    A record of it is kept (see `runs`), and `watchers` are notified. Raises the StepError of
    `preflight.check`, ConflictError if another run has the data directory, MirrorError if oc-mirror failed,
    InvalidInputError if archives are missing or damaged, UntrustedError if nobody who is trusted vouches for
    them, DeadlineError if it took too long. To be called in the main thread.
    """
    store = Store(request.data, request.cache)
    record = Run(
        workflow=request.workflow,
        started="",
        target=request.target_registry,
        dry_run=request.dry_run,
        mirror_name=request.mirror_name,
    )
    recorder = store.runs.begin(record, watchers=watchers, next_run=next_run)
    try:
        with last_lines.kept() as last:
            done = _in_time(request, store, recorder)
    except OSError as error:
        failure = volume.explain(error, store.root)
        recorder.failed(failure, last.lines)
        raise failure from error
    except StepError as error:
        recorder.failed(error, last.lines)
        raise
    except (SystemExit, KeyboardInterrupt) as end:
        recorder.stopped(143 if isinstance(end, SystemExit) else 130)
        raise
    recorder.succeeded(done)
    return done


def _in_time(request: Request, store: Store, recorder: Recorder) -> Done:
    """Run it, and end it where it takes longer than it may. Raises DeadlineError then."""
    allowed = overdue.seconds(request, store.runs.all())
    try:
        with within(allowed):
            return _run(request, store, recorder)
    except OverdueError as late:
        raise overdue.failure(request, allowed, late) from None


def _run(request: Request, store: Store, recorder: Recorder) -> Done:
    if request.workflow is Workflow.VERIFY_TARGET and request.values[REPAIR]:
        return _repair(request, store, recorder)
    if upkeep := UPKEEP.get(request.workflow):
        return _upkeep(request, store, recorder, upkeep)
    return _mirror(request, store, recorder, MIRRORING[request.workflow])


def _upkeep(
    request: Request, store: Store, recorder: Recorder, workflow: Callable[[Request, Store], Done]
) -> Done:
    """Run a workflow that needs no oc-mirror."""
    preflight.check_authfile(request.options.authfile)
    preflight.check_writable(store.root)
    volume.check(store.root, links=False)
    volume.warn_of_local_locks(store.root)
    log.info("%s, data in %s", request.workflow, store.root)
    with locked(request, store, recorder):
        publish.bring_up_to_date(store, datetime.now(UTC))
        return workflow(request, store)


def _repair(request: Request, store: Store, recorder: Recorder) -> Done:
    """Mirror again what the target has lost; nothing is published by it."""
    ready = preflight.check(request, store)
    log.info("oc-mirror %s, %s, data in %s", ready.oc_mirror.program.version, request.workflow, store.root)
    with Session.open(
        request, store, recorder, oc_mirror=ready.oc_mirror, imageset=ready.imageset
    ) as session:
        return repair.run(signatures.decided(session))


def _mirror(request: Request, store: Store, recorder: Recorder, workflow: Callable[[Session], Done]) -> Done:
    """Run a workflow that mirrors, and what follows its success."""
    ready = preflight.check(request, store)
    log.info("oc-mirror %s, %s, data in %s", ready.oc_mirror.program.version, request.workflow, store.root)
    for warning in ready.imageset.warnings if ready.imageset else ():
        log.warning("%s", warning)
    if request.workflow != TO_DISK:
        _warn_without_effect(request)
    with Session.open(
        request, store, recorder, oc_mirror=ready.oc_mirror, imageset=ready.imageset
    ) as session:
        publish.bring_up_to_date(store, datetime.now(UTC))
        if request.values[VERIFY_SIGNATURES] is VerifySignatures.ONLY:
            return judge.run(session)
        if request.workflow == FROM_DISK:  # before anything of a generation is read, and the target is asked
            vouching.check(request, store)
        may_remove = request.workflow != TO_DISK or acknowledge.all_in_folder(request, store)
        if request.workflow == TO_DISK:  # before the archive is carried anywhere
            publish.warn_of_clashes(
                request.mirror_name, session.given_imageset, store.generations.imagesets()
            )
        retrying(session, partial(preflight.check_target, request, store, ready))
        done = hold.settle(session) if request.workflow == TO_DISK else None
        done = done or workflow(signatures.decided(session))
        if request.dry_run:
            return done
        if request.workflow == FROM_DISK:
            receipts.issue(store, request.target_registry, vouching.signing_key(request))
        if request.keep_generations is not None and may_remove:
            cleanup.prune(store, request.keep_generations)
        if request.values[APPLY_CLUSTER_RESOURCES] and request.workflow != TO_DISK:
            _apply(request, store)
        return done


def _apply(request: Request, store: Store) -> None:
    """Apply what is published for the target of this run, and for no other."""
    published = store.published.of(request.target_registry)
    if published is None:
        log.warning("nothing is published for %s yet, so nothing is applied", request.target_registry)
        return
    apply.apply(apply.permitted(published.files(), request.target_registry))


def _unless_unchanged(workflow: Callable[[Session], Done], session: Session) -> Done:
    """Run a workflow, unless it would find nothing new."""
    fingerprint = skip.take(session) if skip.applies(session) else None
    if fingerprint and (done := skip.answer(session, fingerprint)):
        return done
    done = signatures.sparing(session, lambda sparing: retrying(sparing, partial(workflow, sparing)))
    if fingerprint:
        skip.record(session, fingerprint, done)
    return done


UPKEEP: Final[Mapping[Workflow, Callable[[Request, Store], Done]]] = {
    Workflow.PLAN_DELETION: delete.generate,
    Workflow.DELETE: delete.execute,
    Workflow.CLEANUP: cleanup.run,
    Workflow.VERIFY: audit.run,
    Workflow.VERIFY_TARGET: verify_target.run,
    Workflow.EXPORT: export.run,
    Workflow.IMPORT: import_media.run,
    Workflow.ACKNOWLEDGE: acknowledge.run,
    Workflow.FORGET_TARGET: acknowledge.forget,
}
"""Workflows that need no oc-mirror."""
MIRRORING: Final[Mapping[Workflow, Callable[[Session], Done]]] = {
    Workflow.TO_DISK: partial(_unless_unchanged, to_disk.run),
    Workflow.DIRECT: partial(_unless_unchanged, direct.run),
    Workflow.FROM_DISK: partial(signatures.sparing, workflow=from_disk.run),
}


def _warn_without_effect(request: Request) -> None:
    for name, was_set in (
        ("since-date", request.since_date is not None),
        ("incremental-mode=false", not request.incremental_mode),
    ):
        if was_set:
            log.warning(
                "%s has no effect on %s: it only decides what an archive contains", name, request.workflow
            )
