"""from-disk: what this side has taken in, written down in the target as well, lest either be lost unnoticed.

    TARGET/oc-mirror-pipeline/taken:ID      ID names the data directory (DATA/intake/receipts.json)

The data directory's own list stays the one that counts. The target's tells of what happened to the target: a
registry that was emptied, or went back to an older state, gets again what it lacks.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from steps.errors import InvalidInputError, RegistryError
from steps.files import write_atomically
from steps.mirroring.checks import unchanged
from steps.mirroring.data import generations, intake, inventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.data.generations import Generation
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.job import Job
    from steps.oci.registry import Repository

log = logging.getLogger(__name__)

REPOSITORY, LABEL = "oc-mirror-pipeline/taken", "io.github.oc-mirror-pipeline.taken"


def compare(job: Job) -> None:
    """Hold what we believe the target has taken in against what it says itself; then ours is right.

    A receipt alone may have been pruned; so where it is gone, images of the last run decide. Raises
    InvalidInputError if the target has lost what is not here any more.
    """
    layout, target = job.layout, job.request.target_registry
    believed = dict(intake.read(layout, target).identities)
    written = _written(layout)
    try:
        with _open(job) as receipts:
            if not believed:
                _tell_of_others(receipts, target)
            if not believed or target not in written:
                return
            found = _parse(receipts.read_label(written[target], LABEL))
    except RegistryError as error:
        log.warning("what %s has taken in cannot be read there: %s", target, error.reason)
        return
    lost = [number for number, identity in believed.items() if found.get(number) != identity]
    if lost and (found or _lacks_images(job)):
        numbers = ", ".join(map(str, lost))
        _check_here(layout, target, lost, numbers)
        log.warning(
            "%s has lost generation %s: emptied, replaced or set back; taken in again", target, numbers
        )
        intake.forget(layout, target, lost)
    elif lost:
        log.info("%s has lost our record of what it took in, and nothing else: written again", target)
        write(job, ())


def write(job: Job, taken: Iterable[Generation]) -> None:
    """Write into the target that it has taken these in, besides those before; a warning where it may not be.

    To be called before our own list is written: a kill between the two costs a repetition, nothing else.
    """
    layout, target = job.layout, job.request.target_registry
    written = _written(layout)
    identity = written.get(target) or uuid.uuid4().hex
    known = {**intake.read(layout, target).identities, **{one.sequence: one.identity for one in taken}}
    try:
        with _open(job) as receipts:
            text = json.dumps({str(number): text for number, text in known.items()})
            receipts.write_label(identity, LABEL, text)
    except RegistryError as error:
        log.warning("what %s has taken in is written down here only: %s", target, error.reason)
        return
    if target not in written:
        document = {**written, target: identity}
        write_atomically(layout.receipts, json.dumps(document, indent=2, sort_keys=True) + "\n")


def _lacks_images(job: Job) -> bool:
    entries = inventory.read(job.layout, job.request.target_registry)
    return not entries or bool(unchanged.missing(job, list(entries[-1].images)))


def _check_here(layout: Layout, target: str, lost: list[int], numbers: str) -> None:
    """See that what was lost is here, or a full archive newer than what is not."""
    here = generations.present(layout)
    gone = [number for number in lost if number not in here]
    fresh = [number for number, one in here.items() if one.predecessor is None]
    if gone and max(fresh, default=0) < max(gone):
        raise InvalidInputError(
            f"{target} has lost generation {numbers}, of which {', '.join(map(str, gone))} is not here"
            " any more",
            "bring these generations again, or make a full archive (incremental-mode false) and bring that",
        )


def _tell_of_others(receipts: Repository, target: str) -> None:
    """A data directory that knows of nothing, and a target that does: perhaps a disk was lost."""
    found = [_parse(receipts.read_label(tag, LABEL)) for tag in receipts.tags()]
    newest = max((number for numbers in found for number in numbers), default=0)
    if newest:
        log.warning(
            "%s has taken in generations up to %d, but from no data directory that this one knows:"
            " if its disk was lost, bring the chain from its last full archive on",
            target,
            newest,
        )


def _open(job: Job) -> Repository:
    return job.request.options.destination.open(f"{job.request.target_registry}/{REPOSITORY}")


def _parse(text: str | None) -> dict[int, str]:
    try:
        return {int(number): str(identity) for number, identity in json.loads(text or "{}").items()}
    except (ValueError, AttributeError):  # somebody else's
        return {}


def _written(layout: Layout) -> dict[str, str]:
    try:
        document: Any = json.loads(layout.receipts.read_bytes())
        return {str(target): str(identity) for target, identity in document.items()}
    except (OSError, ValueError, AttributeError):
        return {}
