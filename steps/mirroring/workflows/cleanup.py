"""workflow-cleanup: remove from the disk what no current ImageSet and no later archive needs.

Old generations go by the rules of `Generations.prune`. From the cache goes what runs recorded and neither the
newest run of each ImageSet given nor that of each target needs. On a side that imports archives, all that the
chain has brought since its last full archive stays as well: a later archive may continue it. What other data
directories need of a cache that they share stays, too.
History, ledger and records are never touched: blobs that are needed again are fetched again.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from steps import units
from steps.errors import ConflictError, InvalidInputError
from steps.mirroring.ocmirror.placement import path_of
from steps.mirroring.store import generations, neighbours
from steps.mirroring.store.cache import Freed
from steps.mirroring.store.receipt import numbers_as_text
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows import acknowledge, delete
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from steps.imageset.model import Mirror
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.inventory import InventoryEntry
    from steps.mirroring.store.working_dir import Used

log = logging.getLogger(__name__)

_FILTER = re.compile(r"[0-9a-f]{32}")
"""The tag under which oc-mirror's cache has a catalog that it filtered: the MD5 of the filter, in
hexadecimal (operator/filtered_collector.go, digestOfFilter)."""

Entries = dict[str, list["InventoryEntry"]]
"""The inventory: the entries of each target, oldest first."""


def run(request: Request, store: Store) -> Done:
    """Remove what nothing needs; a dry run only says what. May be killed anywhere and called again.

    Raises ConflictError for an ImageSet that no run on record has mirrored, and what
    `acknowledge.all_in_folder` raises.
    """
    removed: list[int] = []
    may_remove = acknowledge.all_in_folder(request, store)
    if request.keep_generations is None:
        log.info("generations: all stay, keep-generations is not given")
    elif may_remove:
        removed = prune(store, request.keep_generations, dry_run=request.dry_run)
    entries = store.inventory.all()
    kept = _needed_by_imagesets(request, entries) | _needed_by_chains(store, entries)
    freed = _trim(store, entries, kept, dry_run=request.dry_run)
    size = freed.size + store.working_dir.clean(dry_run=request.dry_run)
    words = "would be" if request.dry_run else "were"
    numbers = ", ".join(map(str, removed)) or "none"
    return Done(
        summary=f"{freed.tags} images and {units.size(freed.size)} {words} removed from the cache,"
        f" {units.size(size - freed.size)} from oc-mirror's working directory;"
        f" generations removed: {numbers}",
        size=size,
        unchanged=not removed and not size,
    )


def after_run(store: Store, name: str, mirror: Mirror, used: Used) -> None:
    """Remove what the run by `mirror` that has just ended has replaced; `name` is that of the mirror.

    `used` is what the run used. From oc-mirror's working directory goes what no run needs any more. From the
    cache go the images that an earlier run by the same ImageSet needed and no run needs now, and what was
    filtered from replaced catalogs: oc-mirror archives the cache's records of all images, every time. A side
    that imports archives keeps all: a later archive may continue them.
    """
    store.working_dir.tidy(name, mirror, used)
    others = _neighbours(store)
    if store.imports.targets() or others is None:
        return
    entries = store.inventory.all()
    replaced = _replaced(entries)
    kept = (_known(entries) - replaced) | _needed_by(others)
    images = _images(replaced - kept)
    filters = set[str]().union(*(one.working_dir.filters() for one in (store, *others)))
    catalogs = {catalog.target_catalog or path_of(catalog.catalog) for catalog in mirror.operators}
    for repository in catalogs:
        stale = {tag for tag in store.cache.tags(repository) if _FILTER.fullmatch(tag) and tag not in filters}
        if stale:
            images[repository] |= stale
    if images:
        freed = store.cache.remove(images, among={*_repositories(entries), *catalogs}, kept=_images(kept))
        what = "image" if freed.tags == 1 else "images"
        log.info("removed %d replaced %s, %s, from the cache", freed.tags, what, units.size(freed.size))


def prune(store: Store, keep: int, *, dry_run: bool = False) -> list[int]:
    """Remove old generations but the newest `keep`, and what targets still lack; return their numbers.

    Where a receipt of a registry was ever acknowledged, those go that every such registry has, whatever
    continues them, and no others.
    """
    imported = store.imports.imported_by_all()
    try:
        confirmed = store.acknowledged.by_all()
    except InvalidInputError as error:
        log.warning("no generation is removed: %s; %s", error.reason, error.hint)
        return []
    lacking = None if imported is None else imported + 1
    removed = store.generations.prune(keep, also_from=lacking, confirmed=confirmed, dry_run=dry_run)
    if confirmed is not None:
        _warn_of_unconfirmed(store, keep)
    return removed


def _warn_of_unconfirmed(store: Store, keep: int) -> None:
    """Say which old generations stay because a registry has not confirmed them, and which registry."""
    old = generations.old(store.generations.present().values(), keep)
    for name, target in store.acknowledged.targets().items():
        if lacking := [one.sequence for one in old if not target.has(one.identity)]:
            log.warning(
                "generation %s stays although keep-generations is %d: %s has not confirmed it by a receipt",
                numbers_as_text(lacking),
                keep,
                name,
            )


def _trim(store: Store, entries: Entries, kept: set[str], *, dry_run: bool) -> Freed:
    """Remove from the cache what the inventory knows, and neither `kept` nor who shares the cache needs."""
    others = _neighbours(store)
    if others is None:
        return Freed(0, 0)
    kept = kept | _needed_by(others)
    images = _images(_known(entries) - kept)
    return store.cache.remove(images, among=_repositories(entries), kept=_images(kept), dry_run=dry_run)


def _neighbours(store: Store) -> list[Store] | None:
    """Return the data directories that share the cache; None where it is not known what one of them needs."""
    known, unknown = store.neighbours()
    if not unknown:
        return known
    log.warning(
        "nothing is removed from the cache %s: %s, which used it too, is not there or empty; is its volume"
        " mounted? If it is gone for good, remove its folder, and its line from %s",
        store.cache.folder,
        ", ".join(map(str, unknown)),
        neighbours.record(store.cache.folder),
    )
    return None


def _needed_by(others: Iterable[Store]) -> set[str]:
    """Return the places in the cache that other data directories need: the newest run of each ImageSet there.

    Its mirror name tells an ImageSet. Where its newest run did not name all its images, all runs count.
    """
    needed: set[str] = set()
    for other in others:
        entries = other.inventory.all()
        needed |= _needed_by_chains(other, entries)
        for recorded in entries.values():
            newest = {entry.mirror_name: entry for entry in recorded}
            needed |= _places(
                entry.places | entry.earlier_places
                for entry in recorded
                if entry is newest[entry.mirror_name] or not newest[entry.mirror_name].complete
            )
    return needed


def _known(entries: Entries) -> set[str]:
    return {
        place
        for recorded in entries.values()
        for entry in recorded
        for place in entry.places | entry.earlier_places
    }


def _repositories(entries: Entries) -> set[str]:
    return {Reference.parse_relative(place).repository for place in _known(entries)}


def _replaced(entries: Entries) -> set[str]:
    """Return the places that only earlier runs of an ImageSet needed, by which there was a newer run."""
    replaced: set[str] = set()
    kept: set[str] = set()
    for recorded in entries.values():
        newest = {entry.imageset: entry for entry in recorded}
        for entry in recorded:
            superseded = entry is not newest[entry.imageset] and newest[entry.imageset].complete
            (replaced if superseded else kept).update(entry.places | entry.earlier_places)
    return replaced - kept


def _images(places: set[str]) -> defaultdict[str, set[str]]:
    """Return tags and digests by repository."""
    images: defaultdict[str, set[str]] = defaultdict(set)
    for image in map(Reference.parse_relative, places):
        images[image.repository].add(image.version)
    return images


def _needed_by_imagesets(request: Request, entries: Entries) -> set[str]:
    """Return the places of the newest run of each target, and of each ImageSet given."""
    chosen = [recorded[-1] for recorded in entries.values()]
    for meaning, path in delete.meanings(request).items():
        newest = [
            by_meaning[-1]
            for recorded in entries.values()
            if (by_meaning := [entry for entry in recorded if entry.imageset == meaning])
        ]
        if not newest:
            raise ConflictError(
                f"{path} was never mirrored as it is now: what it needs of the cache is not known",
                "mirror with it first, or give the ImageSet that was mirrored",
            )
        chosen += newest
    return _places(entry.places for entry in chosen)


def _needed_by_chains(store: Store, entries: Mapping[str, Sequence[InventoryEntry]]) -> set[str]:
    """Return the places that each target has imported since its last full archive."""
    needed: set[str] = set()
    for target in store.imports.targets():
        start = _last_full(store, target)
        for entry in entries.get(target, ()):
            *before, last = entry.generations or (start,)
            if last >= start:
                needed |= entry.places
            if any(number >= start for number in before):
                needed |= entry.earlier_places
    return needed


def _places(groups: Iterable[set[str]]) -> set[str]:
    return set().union(*groups)


def _last_full(store: Store, target: str) -> int:
    """Return the newest full archive that a target has imported; 0 where no record says it."""
    imported = store.imports.of(target).generations
    for number, generation in sorted(store.generations.ledger().items(), reverse=True):
        if imported.get(number) == generation.identity and generation.predecessor is None:
            return number
    return 0
