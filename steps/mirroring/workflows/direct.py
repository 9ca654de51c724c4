"""workflow-direct: from registries to a registry. It converges: what is there is not copied again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.imageset.imageset import ImageSet
from steps.mirroring import publish
from steps.mirroring.checks import asked, estimate, verify
from steps.mirroring.ocmirror import command, mapping
from steps.mirroring.store import contents
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows import changed, cleanup, shared

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.session import Session
    from steps.mirroring.store.verified import VerifiedImage


def run(session: Session) -> Done:
    """Mirror what the ImageSet names to the target; return what was done.

    Raises MirrorError if oc-mirror failed.
    """
    if session.request.dry_run:
        return _dry_run(session)
    store, imageset, target = session.store, session.given_imageset, session.request.target_registry
    write_atomically(store.imageset, imageset.content)
    store.working_dir.prepare(imageset.mirror)
    shared.take_over(session)
    earlier = _pinned(store.working_dir.path)
    reading = session.oc_mirror.run(
        arguments(session, workspace=store.root, dry_run=False), working_dir=store.working_dir.path
    )
    made = publish.made_by(store.working_dir.path)
    store.inventory.add(
        reading,
        target=target,
        imageset=imageset,
        mirror_name=session.request.mirror_name,
        nesting=session.request.nesting,
    )
    used = store.working_dir.used(imageset.mirror, reading, store.cache)
    described = contents.describe(reading, imageset.mirror, store.working_dir.path, catalogs=used.catalogs)
    asked.check(reading, imageset.mirror, store.working_dir.path)
    verified = _verify(session, pinned=_pinned(store.working_dir.path) - earlier)
    name = session.request.mirror_name
    accepted = publish.publish(session, made, reading, mirror_name=name, imageset=imageset)
    store.verified.record(verify.recorded(session, name, verified))
    changed.after_direct(session, reading, described)
    store.mirrored.record(target, session.request.mirror_name, described)
    cleanup.after_run(store, session.request.mirror_name, imageset.mirror, used)
    images = {kind: done for kind, (done, _total) in reading.counts.items()}
    counts = ", ".join(f"{done} {kind}" for kind, done in images.items())
    summary = f"{target} has all {len(verified)} images (oc-mirror counts {counts or 'none'})"
    return Done(summary=summary, images=images, accepted=accepted)


def _dry_run(session: Session) -> Done:
    """List what would be mirrored, without the graph image, which oc-mirror would push even then."""
    store = session.store
    working_dir = store.scratch / "working-dir"
    write_atomically(store.imageset, session.given_imageset.without_graph().content)
    given = arguments(session, workspace=store.scratch, dry_run=True)
    session.oc_mirror.run(given, working_dir=working_dir)
    lists = mapping.read(working_dir)
    size = estimate.copy(store, lists[mapping.MAPPING], session.source)
    return Done(summary=estimate.keep_lists(store, [lists], size))


def _verify(session: Session, *, pinned: set[Path]) -> tuple[VerifiedImage, ...]:
    """Verify by the ImageSet that oc-mirror pinned, if it did (4.22): the tag of a catalog may move."""
    store, imageset = session.store, session.given_imageset
    newest = max(pinned, default=None)
    used = ImageSet.recorded(newest.read_bytes(), str(newest)) if newest else imageset
    write_atomically(store.imageset, used.without_graph().content)
    return verify.verify(
        session,
        arguments(session, workspace=store.root, dry_run=True),
        mirror=used.mirror,
        working_dir=store.working_dir.path,
        more=[verify.GRAPH] if used.mirror.platform.graph else [],
    )


def _pinned(working_dir: Path) -> set[Path]:
    return set(working_dir.glob("isc_pinned_*.yaml"))


def arguments(session: Session, *, workspace: Path, dry_run: bool) -> list[str]:
    """Return oc-mirror's arguments for the ImageSet of the run in progress, with its working directory."""
    return command.direct(
        session.oc_mirror.options,
        session.oc_mirror.program,
        imageset=session.store.imageset,
        workspace=workspace,
        cache=session.store.cache.folder,
        target=session.request.target_registry,
        dry_run=dry_run,
    )
