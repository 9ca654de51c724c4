"""from-disk: what a target has imported, recorded in the target as well, so that a loss of either is noticed.

    TARGET/oc-mirror-pipeline/taken:TAG      TAG names the data directory (`record_tag` in DATA/imported.json)

It also says there whether signed generations were imported: then unsigned ones are refused from then on.

The data directory's own record stays the one that counts. The target's shows what happened to the target: a
registry that was emptied, or went back to an older state, gets again what it lacks.
"""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Final

from steps.bounded import json_of
from steps.errors import InvalidInputError, RegistryError
from steps.mirroring.checks import skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation
    from steps.oci.registry import Repository

log = logging.getLogger(__name__)

REPOSITORY, LABEL = "oc-mirror-pipeline/taken", "io.github.oc-mirror-pipeline.taken"
"""Where version 0.1 and all later ones keep it."""
_SIGNED: Final = (0, "signed")
"""The entry, of a number that no generation has, which says that signed ones were imported. Versions that do
not know it take it for one more generation, which does no harm."""


def compare(session: Session) -> bool:
    """Compare our record of what the target has imported with the target's own, and correct ours.

    The target's record alone may have been pruned; so where it is gone, images of the last run decide.
    Returns whether either says that signed generations were imported. Raises InvalidInputError if the target
    has lost what is not here any more.
    """
    store, target = session.store, session.request.target_registry
    ours = store.imports.of(target)
    try:
        with _open(session) as repository:
            if not ours.generations:
                return _look_for_others(repository, target) or ours.signed
            if not ours.record_tag:
                return ours.signed
            theirs = _parse(repository.read_label(ours.record_tag, LABEL))
    except RegistryError as error:
        log.warning("what %s has imported cannot be read there: %s", target, error.reason)
        return ours.signed
    signed = _say_signed(theirs) or ours.signed
    lost = [number for number, identity in ours.generations.items() if theirs.get(number) != identity]
    if lost and (theirs or _lacks_images(session)):
        numbers = ", ".join(map(str, lost))
        _check_present(store, target, lost, numbers)
        log.warning(
            "%s has lost generation %s: emptied, replaced or set back; imported again", target, numbers
        )
        store.imports.forget(target, lost)
    elif lost:
        log.info("%s has lost our record of what it imported, and nothing else: written again", target)
        write(session, ())
    return signed


def write(session: Session, imported: Iterable[Generation], *, signed: bool = False) -> str:
    """Record in the target that it has imported these, besides those before; return the tag.

    `signed`: a trusted key had signed them.
    Where that is not allowed, log a warning and return an empty text. To be called before our own record is
    written: a kill between the two costs a repetition, nothing else.
    """
    target = session.request.target_registry
    ours = session.store.imports.of(target)
    tag = ours.record_tag or uuid.uuid4().hex
    known = {**ours.generations, **{generation.sequence: generation.identity for generation in imported}}
    if signed or ours.signed:
        known |= [_SIGNED]
    content = json.dumps({str(number): identity for number, identity in known.items()})
    try:
        with _open(session) as repository:
            repository.write_label(tag, LABEL, content)
    except RegistryError as error:
        log.warning("what %s has imported is recorded here only: %s", target, error.reason)
        return ""
    return tag


def _lacks_images(session: Session) -> bool:
    entries = session.store.inventory.of(session.request.target_registry)
    return not entries or bool(skip.missing(session, list(entries[-1].images)))


def _check_present(store: Store, target: str, lost: list[int], numbers: str) -> None:
    """Check that what was lost is here, or a full archive newer than what is not."""
    here = store.generations.present()
    gone = [number for number in lost if number not in here]
    full = [number for number, generation in here.items() if generation.predecessor is None]
    if gone and max(full, default=0) < max(gone):
        raise InvalidInputError(
            f"{target} has lost generation {numbers}, of which {', '.join(map(str, gone))} is not here"
            " any more",
            "bring these generations again, or make a full archive (incremental-mode false) and bring that",
        )


def _look_for_others(repository: Repository, target: str) -> bool:
    """Warn of a target with records where this data directory has none: perhaps a disk was lost.

    Returns whether one of them says that signed generations were imported.
    """
    found = [_parse(repository.read_label(tag, LABEL)) for tag in repository.tags()]
    signed = [_say_signed(numbers) for numbers in found]
    newest = max((number for numbers in found for number in numbers), default=0)
    if newest:
        log.warning(
            "%s has imported generations up to %d, but from no data directory that this one knows:"
            " if its disk was lost, bring the chain from its last full archive on",
            target,
            newest,
        )
    return any(signed)


def _say_signed(record: dict[int, str]) -> bool:
    """Take the entry that is no generation out of a record; return whether it was there."""
    number, word = _SIGNED
    return record.pop(number, "") == word


def _open(session: Session) -> Repository:
    return session.target.open(f"{session.request.target_registry}/{REPOSITORY}")


def _parse(text: str | None) -> dict[int, str]:
    try:
        return {int(number): str(identity) for number, identity in json_of(text or "{}").items()}
    except (ValueError, TypeError, AttributeError):  # somebody else's
        return {}
