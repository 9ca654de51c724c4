"""workflow-cleanup: what no current ImageSet and no archive to come needs, off the disk.

Old generations go by the rules of `retention`. Of the cache goes what runs recorded and the newest run of
each ImageSet given, and of each target, no longer needs. On a side that takes archives in, all that the chain
has brought since its last full archive stays as well: an archive to come may continue it.
History, ledger and records are never touched: blobs that go and come to be needed again are fetched again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps import units
from steps.errors import ConflictError
from steps.mirroring.data import generations, intake, inventory, retention
from steps.mirroring.data.status import Done
from steps.mirroring.deleting import cached, needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steps.mirroring.data.inventory import Entry
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


def run(layout: Layout, request: Request) -> Done:
    """Remove what may go; a dry run only says what. May be killed anywhere and called again.

    Raises ConflictError for an ImageSet that no run on record has mirrored.
    """
    removed: list[int] = []
    if request.keep_generations is None:
        log.info("generations: all stay, keep-generations is not given")
    else:
        removed = retention.prune(layout, request.keep_generations, dry_run=request.dry_run)
    everywhere = inventory.read_all(layout)
    kept = _kept(layout, request, everywhere)
    recorded = [entry for entries in everywhere.values() for entry in entries]
    known = {place for entry in recorded for place in entry.places | entry.earlier_places}
    freed = cached.trim(layout.cached_registry, known - kept, among=known, dry_run=request.dry_run)
    words = "would be" if request.dry_run else "were"
    numbers = ", ".join(map(str, removed)) or "none"
    return Done(
        summary=f"{freed.tags} images and {units.size(freed.size)} {words} removed from the cache;"
        f" generations removed: {numbers}",
        size=freed.size,
        unchanged=not removed and not freed.size,
    )


def _kept(layout: Layout, request: Request, everywhere: Mapping[str, Sequence[Entry]]) -> set[str]:
    chosen: list[Entry] = [entries[-1] for entries in everywhere.values()]
    chain: set[str] = set()
    for meaning, path in needs.meanings(request).items():
        newest = [[one for one in entries if one.imageset == meaning][-1:] for entries in everywhere.values()]
        if not any(newest):
            raise ConflictError(
                f"{path} was never mirrored as it is now: what it needs of the cache is not known",
                "mirror with it first, or give the ImageSet that was mirrored",
            )
        chosen += [entry for one in newest for entry in one]
    for target in intake.targets(layout):
        start = _last_full(layout, target)
        for entry in everywhere.get(target, ()):
            *before, last = entry.generations or (start,)
            chain |= entry.places if last >= start else set()
            chain |= entry.earlier_places if any(one >= start for one in before) else set()
    return chain.union(*(entry.places for entry in chosen))


def _last_full(layout: Layout, target: str) -> int:
    """The newest full archive that a target has taken in; 0 where no record says it."""
    taken = intake.read(layout, target).identities
    for number, generation in sorted(generations.ledger(layout).items(), reverse=True):
        if taken.get(number) == generation.identity and generation.predecessor is None:
            return number
    return 0
