"""--skip-unchanged: a run that would find nothing new ends in seconds, without oc-mirror; not when in doubt.

    DATA/fingerprints.json      what the last success of each workflow and target was made by

Taken before the run, so that what changes while it lasts is new to the next one.
"""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps.errors import StepError
from steps.mirroring.checks import fingerprint, verification
from steps.mirroring.request import DIRECT, TO_DISK
from steps.mirroring.store import history
from steps.mirroring.store.fingerprints import Success
from steps.mirroring.store.runs import Done, timestamp
from steps.oci.reference import Reference
from steps.parameters.table.mirror_run import APPLY_CLUSTER_RESOURCES, RESOURCE_PREFIX

if TYPE_CHECKING:
    from steps.mirroring.checks.fingerprint import Fingerprint
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.inventory import InventoryImage

log = logging.getLogger(__name__)

SAMPLE: Final = 48
"""Images that a target is asked for; others each time, so that a loss is noticed sooner or later."""


def applies(session: Session) -> bool:
    """Return whether this run may be skipped at all: not if it was asked for something of its own."""
    request = session.request
    plain = request.incremental_mode and request.since_date is None
    return (
        request.skip_unchanged
        and not request.dry_run
        and (request.workflow == DIRECT or (request.workflow == TO_DISK and plain))
    )


def take(session: Session) -> Fingerprint | None:
    """Return the fingerprint of what the run would mirror by; None where a part of it is unknown."""
    options = session.oc_mirror.options
    settings = {
        "oc-mirror": session.oc_mirror.version.text,
        "remove-signatures": str(options.remove_signatures or ""),
        "target": session.request.target_registry,
        "resource-prefix": session.request.values[RESOURCE_PREFIX] or "",
        "apply-cluster-resources": str(session.request.values[APPLY_CLUSTER_RESOURCES] or ""),
    }
    try:
        return fingerprint.take(session.given_imageset, options=options, settings=settings)
    except fingerprint.DoubtError as doubt:
        log.info("whether anything changed cannot be told: %s", doubt)
        return None


def answer(session: Session, found: Fingerprint) -> Done | None:
    """Return the result without running oc-mirror; None if it has to run, with the reason in the log."""
    request = session.request
    before = session.store.fingerprints.last(request.workflow, request.target_registry)
    if before is None:
        return None
    changed = sorted(name for name in {*before.parts, *found} if before.parts.get(name) != found.get(name))
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        log.info("changed since the run of %s: %s%s", before.finished, ", ".join(changed[:5]), more)
        return None
    try:
        doubt = _doubt(session, before)
    except StepError as error:
        doubt = error.reason
    if doubt:
        log.info("nothing changed since the run of %s, but %s", before.finished, doubt)
        return None
    return Done(
        summary=f"unchanged since {before.finished}: oc-mirror was not run (--skip-unchanged=false runs it)",
        unchanged=True,
    )


def record(session: Session, found: Fingerprint, done: Done) -> None:
    """Record by what this run was made."""
    now = timestamp(datetime.now(UTC))
    success = Success(parts=found, finished=now, generation=max(done.generations, default=0))
    session.store.fingerprints.record(session.request.workflow, session.request.target_registry, success)


def _doubt(session: Session, before: Success) -> str:
    """Return why what the last success made may not be there any more; empty if it is."""
    if session.request.workflow == TO_DISK:
        return _generation_doubt(session.store, before.generation)
    target = session.request.target_registry
    resources = session.store.resources.folder
    if not resources.is_dir():
        return f"{resources} is not there"
    entries = session.store.inventory.of(target)
    if not entries or not entries[-1].complete:
        return f"what {target} has is not known in full"
    lacking = missing(session, [*entries[-1].images, *entries[-1].earlier])
    return f"{target} lacks {lacking}" if lacking else ""


def missing(session: Session, images: list[InventoryImage]) -> str:
    """Return an image, of a sample, that the target has in none of its places; empty if it has them all."""
    known = [image for image in images if image.places]
    return _missing(session, random.sample(known, min(SAMPLE, len(known))))


def _missing(session: Session, images: list[InventoryImage]) -> str:
    """Return the first image that the target has in none of its places; empty if it has them all."""
    target = session.request.target_registry
    places = {
        image.origin: [Reference.parse(f"{target}/{place}") for place in image.places] for image in images
    }
    wanted = [reference for references in places.values() for reference in references]
    absent = verification.absent(session.request.options.destination, wanted)
    lacking = (origin for origin, some in places.items() if all(image.place in absent for image in some))
    return next(lacking, "")


def _generation_doubt(store: Store, sequence: int) -> str:
    ledger = store.generations.ledger()
    newest = ledger.get(max(ledger, default=0))
    if newest is None or newest.sequence != sequence:
        return f"the newest generation is not {sequence}, which it made"
    if not store.generations.path(sequence).is_dir():
        return f"generation {sequence} is not here any more"
    if history.chosen(store.history.written(), None) not in newest.history_written:
        return "the history is not the one that it wrote"
    return ""
