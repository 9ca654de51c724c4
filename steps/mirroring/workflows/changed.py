"""What a run has changed, told at its end, and `mirror --changes`, which tells it at any time.

Telling is no part of a run's work: where a list cannot be made or written, the run says so and goes on.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from steps.errors import NotFoundError, StepError
from steps.mirroring.ocmirror.placement import Rules
from steps.mirroring.store import changes_text
from steps.mirroring.store.change_lists import run_state
from steps.mirroring.store.contents import lasting
from steps.mirroring.store.runs import timestamp
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.change_lists import RunState
    from steps.mirroring.store.changes import ChangeList
    from steps.mirroring.store.contents import Contents
    from steps.mirroring.store.generations import Generation
    from steps.oci.access import Access
    from steps.parameters.value_kinds import Compared

log = logging.getLogger(__name__)

ListForm = Literal["text", "markdown", "json"]
"""How a list is printed."""

MOST_ASKED: Final = 2000
"""Images without a digest in their name that a target is asked for."""
AT_ONCE: Final = 8


def after_to_disk(store: Store, generation: Generation) -> None:
    """Tell what a generation brings that was just made."""
    tell(store, _made(lambda: store.changes.between(None, generation.sequence)))


def catch_up(store: Store) -> None:
    """Write the list of the newest generation where a kill came between the two."""
    newest = max(store.generations.present().values(), key=lambda one: one.sequence, default=None)
    if newest is None or store.changes.has(newest):
        return
    if listed := _made(lambda: store.changes.between(None, newest.sequence)):
        _keep(store, listed)


def before_from_disk(store: Store, target: str, waiting: Sequence[Generation]) -> ChangeList | None:
    """Write what is about to be imported, while the target lacks it; None where that cannot be told.

    A list that cannot be written is told all the same, and written at the end of the run.
    """
    listed = _made(lambda: store.changes.pending(target, waiting))
    if listed:
        _keep(store, listed, target)
    return listed


def _keep(store: Store, listed: ChangeList, target: str = "") -> Path | None:
    """Write a list, unless it lies there already; return its path, None where it cannot be written."""
    try:
        return store.changes.keep(listed, target)
    except OSError as error:
        log.warning("the list of changes cannot be written: %s", error.strerror)
        return None


def after_direct(session: Session, reading: Reading, contents: Contents) -> None:
    """Tell what a direct run has brought, and keep what it left for the next one to compare with."""
    store, request = session.store, session.request
    target, name = request.target_registry, request.mirror_name

    def made() -> ChangeList:
        now = _left(session, reading, contents)
        listed = store.changes.of_run(target, name, now)
        tell(store, listed, target)
        store.changes.keep_run(target, name, now)  # last: after a kill before it the next run tells the same
        return listed

    _made(made)


def _left(session: Session, reading: Reading, contents: Contents) -> RunState:
    """Return what a direct run left; images whose names have no digest are looked up in the target."""
    request, own_places = session.request, Rules.of(session.given_imageset.mirror).own_places
    images: dict[str, str] = {}
    asked: dict[str, Reference] = {}
    for origin in reading.copied:
        name = lasting(origin).removeprefix("docker://")
        reference = Reference.find(origin)
        images[name] = reference.digest if reference else ""
        if not images[name] and origin in own_places and len(asked) < MOST_ASKED:
            place = request.nesting.join(own_places[origin])
            asked[name] = Reference.parse(f"{request.target_registry}/{place}")
    found = _digests(session.target, asked)
    finished = timestamp(datetime.now(UTC))
    return run_state(finished, contents, images | found, complete=reading.names_all)


def _digests(access: Access, asked: Mapping[str, Reference]) -> dict[str, str]:
    """Return the digests that tags have in a target, as far as it tells."""

    def ask(reference: Reference) -> str:
        try:
            with access.open(reference.name) as repository:
                manifest = repository.find(reference.tag)
        except StepError as error:
            log.debug("%s: %s", reference.name, error.reason)
            return ""
        return manifest.digest if manifest else ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(asked, pool.map(ask, asked.values()), strict=True))


def set_aside(store: Store, listed: ChangeList) -> None:
    """Give the list of a held generation that is replaced another name; where that fails, the log says so."""
    try:
        store.changes.set_aside(listed)
    except OSError as error:
        log.warning("the list of what was held stays where it is: %s", error.strerror)


def tell(store: Store, listed: ChangeList | None, target: str = "") -> None:
    """Log what changed in a few lines, and keep the list; None was told to be unknown before."""
    if listed is None:
        return
    for line in changes_text.brief(listed):
        log.info("%s", line)
    if path := _keep(store, listed, target):
        log.info("the list: %s, sha256 %s", path, listed.sha256)


def _made(make: Callable[[], ChangeList]) -> ChangeList | None:
    try:
        return make()
    except (StepError, OSError) as error:
        log.warning("what changed cannot be told: %s", error)
        return None


def show(store: Store, target: str, compared: Compared, form: ListForm) -> str:
    """Return the list that `mirror --changes` prints; nothing is locked or written.

    Raises NotFoundError for generations that no record has, and where there is nothing to compare.
    """
    listed = _asked_for(store, target, compared)
    if form == "json":
        return listed.canonical.decode().rstrip("\n")
    if form == "markdown":
        return changes_text.markdown(listed).rstrip("\n")
    return changes_text.text(listed) + (HELD if is_held(store, listed) else "")


HELD: Final = "\nHeld: it is published by the same run with that hash as approved-changes-sha256."


def is_held(store: Store, listed: ChangeList) -> bool:
    """Return whether a list is that of the generation that is held."""
    held = store.generations.held()
    return held is not None and listed.identities == {held.identity}


def _asked_for(store: Store, target: str, compared: Compared) -> ChangeList:
    if compared != (None, None):
        return store.changes.between(*compared)
    if target:
        return _of_target(store, target)
    try:
        return store.changes.between(None, None)
    except NotFoundError:
        targets = store.changes.targets()
        if len(targets) != 1:
            raise
        return targets[0]


def _of_target(store: Store, target: str) -> ChangeList:
    """Return what waits for a target; where nothing does, what a run has brought it last."""
    waiting = store.imports.waiting(target)
    if waiting:
        return store.changes.pending(target, waiting)
    kept = store.changes.newest_kept(target)
    if kept is None:
        raise NotFoundError(
            f"nothing waits for {target}, and no run of this data directory has told what it brought there",
            "name the target as the runs did, or leave --target-registry out",
        )
    return kept
