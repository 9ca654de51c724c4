"""`hold`: a run stops before it publishes, until somebody has approved the hash of its list of changes.

workflow-to-disk makes its archive as always and puts it aside (DATA/held); approved, it becomes a generation
without being made anew. workflow-from-disk stops before it pushes anything. What is held stays, whatever runs
come, with `hold` or without, so that the list that somebody reads does not change. Only a run by another
ImageSet of the same mirror name replaces it, or one that is asked to (`replace-held`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.errors import ApprovalError, HeldError
from steps.mirroring.store import changes_text
from steps.mirroring.store.changes import differences
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows import changed
from steps.parameters.table.changes import APPROVED_CHANGES_SHA256, HOLD, REPLACE_HELD

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from steps.mirroring.request import Request
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.changes import ChangeList
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.journal import Progress

log = logging.getLogger(__name__)

_DIFFERENCES = 5


def asked_for(request: Request) -> bool:
    """Return whether a run holds what it makes."""
    return bool(request.values[HOLD])


def settle(session: Session) -> Done | None:
    """Decide about the generation that an earlier run of workflow-to-disk held, before another is made.

    Approved, it is published, and the run has done its work. None where none is held, or where this run
    replaces it. Raises HeldError where it is not approved, ApprovalError where another list is.
    """
    store, request = session.store, session.request
    held = store.generations.held()
    if held is None or request.dry_run:
        return None
    listed = store.changes.between(None, held.sequence)
    approved = request.values[APPROVED_CHANGES_SHA256]
    if approved == listed.sha256:
        done = _published(store, held, listed)
        _warn_of_own(session, held)
        return done
    if _is_replaced(session, held):
        changed.set_aside(store, listed)
        store.set_held_aside(held)
        return None
    changed.tell(store, listed)  # also where the run was killed that made it
    told = f"generation {held.sequence}"
    raise _not_approved(store, request, listed, "", told, published=_identities(store.generations.ledger()))


def _warn_of_own(session: Session, held: Generation) -> None:
    """Warn where the run that publishes what was held is to mirror something else: it has not done that."""
    name = session.request.mirror_name
    if held.mirror_name == name and held.imageset_sha256 == session.given_imageset.sha256:
        return
    log.warning(
        "generation %d was made by another ImageSet%s than this run has: this run has only published it; run"
        " again to mirror what your ImageSet names",
        held.sequence,
        f", of mirror name {held.mirror_name}," if held.mirror_name != name else "",
    )


def _is_replaced(session: Session, held: Generation) -> bool:
    if held.mirror_name != session.request.mirror_name:
        return False
    if session.request.values[REPLACE_HELD]:
        return True
    if other := held.imageset_sha256 != session.given_imageset.sha256:
        log.warning(
            "generation %d is held, and was made by another ImageSet than this run has", held.sequence
        )
    return other


def generation(session: Session, progress: Progress) -> Generation:
    """Hold the generation that a run has just made; return it where its list is approved already.

    Raises HeldError where it is not.
    """
    store, request = session.store, session.request
    held = store.hold(progress)
    listed = store.changes.between(None, held.sequence)
    changed.tell(store, listed)
    if request.values[APPROVED_CHANGES_SHA256] == listed.sha256:
        return store.publish_held(held)
    raise _held(store, listed, "", f"generation {held.sequence}", _other_words(request, listed))


def _published(store: Store, held: Generation, listed: ChangeList) -> Done:
    changed.tell(store, listed)
    made = store.publish_held(held)
    return Done(
        summary=f"{made.summary} was held and is approved: it is in {store.generations.path(made.sequence)}",
        generations=(made.sequence,),
        size=made.size,
        images=made.images,
    )


def before_push(
    session: Session, waiting: Sequence[Generation], listed: ChangeList | None
) -> ChangeList | None:
    """Let a run go on to push `waiting` where nothing is held or their list is approved; return that list.

    An approval also counts for what is left of it after a part of it was pushed. Raises HeldError or
    ApprovalError as `settle` does; `listed` is None where what changes cannot be told, which holds too.
    """
    store, request = session.store, session.request
    target = request.target_registry
    if not asked_for(request):
        _warn_without_hold(request, listed)
        return listed
    listed = listed or store.changes.pending(target, waiting)  # again, for its error
    approved = request.values[APPROVED_CHANGES_SHA256]
    if listed.is_empty or approved == listed.sha256:
        return listed
    before = store.changes.by_hash(approved, target) if approved else None
    if before and listed.identities <= before.identities:
        log.info("to push: what is left of the list that was approved, %s", before.sha256)
        return before
    changed.tell(store, listed, target)
    told = f"generation {', '.join(str(one.sequence) for one in waiting)} for {target}"
    published = set(store.imports.of(target).generations.values())
    raise _not_approved(store, request, listed, target, told, published=published)


def _warn_without_hold(request: Request, listed: ChangeList | None) -> None:
    """Say that nothing waits for an approval, where one is given that is not of what is pushed."""
    approved = request.values[APPROVED_CHANGES_SHA256]
    if approved and listed and not listed.is_empty and approved != listed.sha256:
        log.warning(
            "approved-changes-sha256 is %s, and the list of what is pushed has %s: without hold=true nothing"
            " waits for an approval",
            approved,
            listed.sha256,
        )


def _identities(generations: dict[int, Generation]) -> set[str]:
    return {one.identity for one in generations.values()}


def _not_approved(
    store: Store, request: Request, listed: ChangeList, target: str, told: str, *, published: Collection[str]
) -> HeldError | ApprovalError:
    """Return the refusal: ApprovalError where another list is approved that is not yet published."""
    approved = request.values[APPROVED_CHANGES_SHA256]
    if not approved:
        return _held(store, listed, target, told)
    before = store.changes.by_hash(approved, target)
    if before and before.identities <= set(published):
        return _held(store, listed, target, told, f"; approved is {approved}, which was published before")
    path = store.changes.path(listed, target)
    differ = differences(before, listed) if before else []
    words = f": the list has changed since: {'; '.join(differ[:_DIFFERENCES])}" if differ else ""
    return ApprovalError(
        f"{path} has the hash {listed.sha256}, approved is {approved}{changes_text.plain(words)}",
        f"{told} is still held; read the list that lies there now, and if it is right, approve its hash",
    )


def _other_words(request: Request, listed: ChangeList) -> str:
    approved = request.values[APPROVED_CHANGES_SHA256]
    return f"; approved is {approved}, another list" if approved and approved != listed.sha256 else ""


def _held(store: Store, listed: ChangeList, target: str, told: str, more: str = "") -> HeldError:
    path = store.changes.path(listed, target)
    return HeldError(
        f"{told} is held until its list of changes is approved, {path} with sha256 {listed.sha256}{more}",
        f"read {path.with_suffix('.md')}; if it is right, run the same again with"
        f" approved-changes-sha256={listed.sha256}",
    )
