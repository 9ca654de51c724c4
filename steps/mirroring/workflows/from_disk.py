"""workflow-from-disk: the generations that a target lacks, all checked, pushed in as few runs as possible.

A target can import an archive only after those that it continues. To push each by a run of its own would walk
all images each time. So the archives before a batch's last one are only unpacked into oc-mirror's cache,
which is all that oc-mirror itself does with them before it copies.

A run walks every image that its ImageSet names, however few of them are new; so generations are imported
one by one only where nothing else is right. One run does for generations whose ImageSets differ in nothing
but `additionalImages` (and the archives' size): it names the images of them all, and of the rest the newest
state, which is what a direct run at that moment would have mirrored. Where platform, operators, charts or
blocked images differ, what an earlier ImageSet alone names is pushed by that ImageSet, from its own archive:
only that holds the catalogs it was made with.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from steps import units
from steps.files import write_atomically
from steps.mirroring import publish
from steps.mirroring.checks import estimate, space, verify, vouching
from steps.mirroring.ocmirror import command, mapping
from steps.mirroring.retries import retrying
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows import changed, hold, import_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.verified import VerifiedImage
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one run imports: oc-mirror gets the last generation, those before go into its cache.

    `imageset` is for all of them, `newest` that of the last one.
    """

    generations: tuple[Generation, ...]
    imageset: ImageSet
    newest: ImageSet

    @property
    def mirror_name(self) -> str:
        """The mirror name that all of them have."""
        return self.generations[-1].mirror_name

    @property
    def numbers(self) -> str:
        """The generations' numbers, for people."""
        return ", ".join(str(generation.sequence) for generation in self.generations)


def plan_batches(waiting: Iterable[tuple[Generation, ImageSet]]) -> list[Batch]:
    """Put generations (oldest first, each with its ImageSet) into as few batches as lose nothing.

    Generations of several mirror names never share a batch: each publishes its own cluster resources.
    """
    batches: list[Batch] = []
    for generation, imageset in waiting:
        last = batches[-1] if batches else None
        fits = last is not None and last.mirror_name == generation.mirror_name
        together = joined(last.imageset, imageset) if last and fits else None
        if together is None:
            batches.append(Batch(generations=(generation,), imageset=imageset, newest=imageset))
        else:
            generations = (*batches[-1].generations, generation)
            batches[-1] = Batch(generations=generations, imageset=together, newest=imageset)
    return batches


def joined(earlier: ImageSet, later: ImageSet) -> ImageSet | None:
    """Make an ImageSet for both; None where one run cannot do for both.

    All that the files say is compared, fields that only a newer version knows included.
    """
    if earlier.content == later.content:
        return later
    first, second = earlier.document(), later.document()
    before, after = _take_images(first), _take_images(second)
    if first != second:
        return None
    dropped = [image for image in before if image not in after]
    if not dropped:
        return later
    document = later.document()
    document["mirror"]["additionalImages"] = after + dropped
    return later.with_document(document)


def _take_images(document: dict[str, Any]) -> list[Any]:
    """Take the additional images out of a document, and what does not matter to a target."""
    document.pop("archiveSize", None)
    images: list[Any] = document["mirror"].pop("additionalImages", None) or []
    return images


def run(session: Session) -> Done:
    """Import what waits in DATA/generations; return what was done.

    Each generation is mirrored by the ImageSet it was made from (see `plan_batches`). Raises
    InvalidInputError, before anything is pushed, if a predecessor is missing or a file is damaged;
    UntrustedError, before an archive is read, as `vouching` does; MirrorError if oc-mirror failed; HeldError,
    before anything is pushed, where the list of what changes is to be approved and is not.
    """
    store, target = session.store, session.request.target_registry
    once_signed = store.imports.of(target).signed
    if not session.request.dry_run:
        once_signed = import_record.compare(session) or once_signed
    pending = store.imports.pending(target)
    waiting = pending or _to_repeat(session)
    if not waiting:
        newest = store.imports.of(target).newest
        return Done(
            summary=f"{target} has everything: generation {newest} was imported before;"
            " verify-target says what it has lost since",
            unchanged=True,
        )
    behind = [] if pending else _behind(store, waiting)
    signed = vouching.check_waiting(session.request, store, [*behind, *waiting], once_signed=once_signed)
    planned = _plan(session, waiting, behind)
    size = sum(generation.size for generation in waiting)
    if session.request.dry_run:
        lists = [_list(session, batch) for batch in planned]
        return Done(summary=estimate.keep_lists(store, lists, f"{units.size(size)} of archives to import"))
    listed = hold.before_push(session, waiting, changed.before_from_disk(store, target, waiting))
    accepted: dict[str, dict[str, str]] = {}
    _unpack(store, behind)
    for batch in planned:
        accepted |= _import(session, batch, signed=signed or once_signed)
    changed.tell(store, listed, target)
    numbers = tuple(generation.sequence for generation in waiting)
    return Done(
        summary=f"{target} has imported generation {', '.join(map(str, numbers))}",
        generations=numbers,
        size=size,
        images=waiting[-1].images,
        accepted=accepted,
    )


def _to_repeat(session: Session) -> list[Generation]:
    """Return what to import again because nothing is published for the target, or because it has lost images.

    The resources may have been removed, or set aside because it was not certain whose they were.
    """
    store, target = session.store, session.request.target_registry
    if session.request.dry_run or not (why := _to_mend(store, target)):
        return []
    found = store.imports.newest_here(target)
    if found:
        numbers = ", ".join(str(generation.sequence) for generation in found)
        log.info("%s: generation %s is imported again", why, numbers)
    else:
        log.warning(
            "%s, and generation %d, which it imported last, is not here: bring it again",
            why,
            store.imports.of(target).newest,
        )
    return found


def _behind(store: Store, again: Sequence[Generation]) -> list[Generation]:
    """Return the generations that those to import `again` continue (oldest first) if the cache lacks blobs.

    They were imported, so their images are not pushed again: their archives are unpacked into the cache only.
    A blob that is not there either, oc-mirror names.
    """
    here = store.generations.present()
    found: dict[int, Generation] = {}
    for generation in again:
        index = store.generations.content_index(generation)
        if index is None or all(one.archived or store.cache.has(blob) for blob, one in index.blobs.items()):
            continue
        before = generation.predecessor
        while before and before.sequence in here and here[before.sequence].identity == before.identity:
            found[before.sequence] = here[before.sequence]
            before = here[before.sequence].predecessor
    for generation in again:
        found.pop(generation.sequence, None)
    if found:
        numbers = ", ".join(map(str, sorted(found)))
        log.info("the cache lacks what generation %s brought: unpacked again", numbers)
    return [found[number] for number in sorted(found)]


def _to_mend(store: Store, target: str) -> str:
    """Return what is wrong with a target that has everything by the records; empty if nothing is."""
    if store.published.of(target) is None:
        return f"nothing is published for {target}"
    found = store.verified.last_look(target)
    return f"{target} has lost {len(found.missing)} images" if found and found.missing else ""


def _plan(session: Session, waiting: list[Generation], behind: Sequence[Generation]) -> list[Batch]:
    """Check that all of `waiting` can be imported, and `behind` unpacked; put `waiting` into batches."""
    store = session.store
    imagesets = [store.generations.imageset(generation) for generation in waiting]
    space.check_import(store, [*behind, *waiting])
    store.generations.verify([*behind, *waiting])
    log.info(
        "to import, chain and files checked: %s", ", ".join(generation.summary for generation in waiting)
    )
    if session.imageset is not None and session.imageset.sha256 != waiting[-1].imageset_sha256:
        log.warning(
            "%s is not the ImageSet of the last archive: the archives' own are used", session.imageset.name
        )
    return plan_batches(zip(waiting, imagesets, strict=True))


def _list(session: Session, batch: Batch) -> mapping.Lists:
    """Return what a dry run of a batch lists."""
    staging = session.store.scratch
    retrying(session, partial(_push, session, batch, staging))
    return mapping.read(staging / "working-dir")


def _import(session: Session, batch: Batch, *, signed: bool) -> dict[str, dict[str, str]]:
    """Push a batch, verify it, publish its resources, and record it: in the target first, then here.

    Returns which clusters accept which release.
    """
    store, target, staging = session.store, session.request.target_registry, session.store.staging
    reading = retrying(session, partial(_push, session, batch, staging))
    made = publish.made_by(staging / "working-dir")
    images = _verify(session, batch, staging)
    accepted = publish.publish(session, made, reading, mirror_name=batch.mirror_name, imageset=batch.newest)
    store.inventory.add(
        reading,
        target=target,
        imageset=batch.imageset,
        mirror_name=batch.mirror_name,
        newest=batch.newest,
        generations=[generation.sequence for generation in batch.generations],
        nesting=session.request.nesting,
    )
    tag = import_record.write(session, batch.generations, signed=signed)
    store.imports.record(target, batch.generations, record_tag=tag, signed=signed)
    store.verified.record(verify.recorded(session, batch.mirror_name, images))
    log.info("%s has imported generation %s", target, batch.numbers)
    return accepted


def _push(session: Session, batch: Batch, staging: Path) -> Reading:
    store = session.store
    *before, last = batch.generations
    if before:
        log.info("in one run, by an ImageSet for all of them: generations %s", batch.numbers)
    _unpack(store, before)
    write_atomically(store.imageset, batch.imageset.content)
    _stage(store.generations.archives(last), staging)
    given = arguments(session, staging, dry_run=session.request.dry_run)
    return session.oc_mirror.run(given, working_dir=staging / "working-dir")


def _unpack(store: Store, generations: Iterable[Generation]) -> None:
    for generation in generations:
        unpacked = sum(map(store.cache.unpack, store.generations.archives(generation)))
        log.info("unpacked generation %d into the cache: %s", generation.sequence, units.size(unpacked))


def _verify(session: Session, batch: Batch, staging: Path) -> tuple[VerifiedImage, ...]:
    """Verify the batch that was just pushed, by what of it lies unpacked in working directory and cache."""
    verify.empty_archive(staging)
    return verify.verify(
        session,
        arguments(session, staging, dry_run=True),
        mirror=batch.imageset.mirror,
        working_dir=staging / "working-dir",
    )


def _stage(archives: list[Path], staging: Path) -> None:
    """Put links to a generation's archives where oc-mirror reads them and writes its working directory."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for archive in archives:
        (staging / archive.name).symlink_to(os.path.relpath(archive, staging))


def arguments(session: Session, staging: Path, *, dry_run: bool) -> list[str]:
    """Return oc-mirror's arguments for the ImageSet of the run in progress and the archives in `staging`."""
    return command.from_disk(
        session.oc_mirror.options,
        session.oc_mirror.program,
        imageset=session.store.imageset,
        archives=staging,
        cache=session.store.cache.folder,
        target=session.request.target_registry,
        dry_run=dry_run,
    )
