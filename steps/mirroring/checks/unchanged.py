"""--skip-unchanged: a run that would find nothing new ends in seconds, without oc-mirror; not when in doubt.

    DATA/fingerprints.json      what the last success of each workflow and target was made by

Taken before the run, so that what changes while it lasts is new to the next one.
"""

from __future__ import annotations

import json
import logging
import random
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from steps.errors import StepError
from steps.files import write_atomically
from steps.mirroring.checks import fingerprint, verification
from steps.mirroring.data import generations, history, inventory
from steps.mirroring.data.status import Done, timestamp
from steps.mirroring.request import DIRECT, TO_DISK
from steps.oci.reference import Reference
from steps.parameters.table.mirror_run import APPLY_CLUSTER_RESOURCES, RESOURCE_PREFIX

if TYPE_CHECKING:
    from steps.imageset.imageset import ImageSet
    from steps.mirroring.checks.fingerprint import Fingerprint
    from steps.mirroring.data.inventory import Image
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.job import Job

log = logging.getLogger(__name__)

SAMPLE: Final = 48
"""Images that a target is asked for; others each time, so that a loss is noticed sooner or later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A run that succeeded: its fingerprint, when it ended, and the generation that it made (0: none)."""

    parts: Fingerprint
    finished: str
    generation: int


def applies(job: Job) -> bool:
    """Whether this run may be left out at all: not if it was asked for something of its own."""
    request = job.request
    plain = request.incremental_mode and request.since_date is None
    return (
        request.skip_unchanged
        and not request.dry_run
        and (request.workflow == DIRECT or (request.workflow == TO_DISK and plain))
    )


def take(job: Job, imageset: ImageSet) -> Fingerprint | None:
    """The fingerprint of what a run would mirror by; None where a part of it cannot be told."""
    options = job.oc_mirror.options
    settings = {
        "oc-mirror": job.oc_mirror.version.text,
        "remove-signatures": str(options.remove_signatures or ""),
        "target": job.request.target_registry,
        "resource-prefix": job.request.values[RESOURCE_PREFIX] or "",
        "apply-cluster-resources": str(job.request.values[APPLY_CLUSTER_RESOURCES] or ""),
    }
    try:
        return fingerprint.take(imageset, options=options, settings=settings)
    except fingerprint.DoubtError as doubt:
        log.info("whether anything changed cannot be told: %s", doubt)
        return None


def answer(job: Job, found: Fingerprint) -> Done | None:
    """What to say instead of running oc-mirror; None if it is to run, with the reason in the log."""
    before = _read(job.layout).get(_key(job))
    if before is None:
        return None
    changed = sorted(name for name in {*before.parts, *found} if before.parts.get(name) != found.get(name))
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        log.info("changed since the run of %s: %s%s", before.finished, ", ".join(changed[:5]), more)
        return None
    try:
        doubt = _doubt(job, before)
    except StepError as error:
        doubt = error.reason
    if doubt:
        log.info("nothing changed since the run of %s, but %s", before.finished, doubt)
        return None
    return Done(
        summary=f"unchanged since {before.finished}: oc-mirror was not run (--skip-unchanged=false runs it)",
        unchanged=True,
    )


def note(job: Job, found: Fingerprint, done: Done) -> None:
    """Write down by what this run was made."""
    now = timestamp(datetime.now(UTC))
    success = Success(parts=found, finished=now, generation=max(done.generations, default=0))
    known = {key: asdict(one) for key, one in _read(job.layout).items()}
    document = known | {_key(job): asdict(success)}
    write_atomically(job.layout.fingerprints, json.dumps(document, indent=1, sort_keys=True) + "\n")


def _doubt(job: Job, before: Success) -> str:
    """Why what the last success made may not be there any more; empty if it is."""
    if job.request.workflow == TO_DISK:
        return _generation_doubt(job.layout, before.generation)
    target = job.request.target_registry
    if not job.layout.cluster_resources.is_dir():
        return f"{job.layout.cluster_resources} is not there"
    entries = inventory.read(job.layout, target)
    if not entries or not entries[-1].complete:
        return f"what {target} has is not known in full"
    lacking = missing(job, [*entries[-1].images, *entries[-1].earlier])
    return f"{target} lacks {lacking}" if lacking else ""


def missing(job: Job, images: list[Image]) -> str:
    """One of these images that the target has in none of its places, of a sample; empty if it has them."""
    known = [one for one in images if one.places]
    return _missing(job, random.sample(known, min(SAMPLE, len(known))))


def _missing(job: Job, images: list[Image]) -> str:
    """The first of these images that the target has in none of its places; empty if it has them all."""
    target = job.request.target_registry
    places = {
        image.origin: [Reference.parse(f"{target}/{place}") for place in image.places] for image in images
    }
    wanted = [one for some in places.values() for one in some]
    absent = verification.absent(job.oc_mirror.options.destination, wanted)
    lacking = (origin for origin, some in places.items() if all(image.place in absent for image in some))
    return next(lacking, "")


def _generation_doubt(layout: Layout, sequence: int) -> str:
    ledger = generations.ledger(layout)
    newest = ledger.get(max(ledger, default=0))
    if newest is None or newest.sequence != sequence:
        return f"the newest generation is not {sequence}, which it made"
    if not layout.generation(sequence).is_dir():
        return f"generation {sequence} is not here any more"
    if history.chosen(history.recorded(layout.history), None) not in newest.history_written:
        return "the history is not the one that it wrote"
    return ""


def _key(job: Job) -> str:
    return f"{job.request.workflow} {job.request.target_registry}".strip()


def _read(layout: Layout) -> dict[str, Success]:
    """By workflow and target; what cannot be read is as if it were not there: then oc-mirror runs."""
    try:
        document: dict[str, Any] = json.loads(layout.fingerprints.read_bytes())
        return {key: Success(**one) for key, one in document.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, StepError) as error:
        log.warning("%s is not readable (%s): nothing is skipped", layout.fingerprints, error)
        return {}
