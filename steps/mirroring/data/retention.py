"""--keep-generations: which old generations may go; never one that a kept one continues, even indirectly."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from steps.mirroring.data import generations, intake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.mirroring.data.generations import Generation
    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)


def prune(layout: Layout, keep: int, *, dry_run: bool = False) -> list[int]:
    """Remove the generations that neither the newest `keep` nor a target in arrears needs; return them.

    To be called with the lock held. Their records stay in the ledger, and what targets have taken in is
    remembered too, so the chain can still be checked.
    """
    here = generations.present(layout)
    wanted = [
        number for number in here if number > intake.taken_in_by_all(layout, newest=max(here, default=0))
    ]
    known = generations.ledger(layout)
    leaving_now = superfluous(here, known, [*sorted(here)[-keep:], *wanted])
    if dry_run:
        return leaving_now
    for number in leaving_now:
        folder = layout.generation(number)
        # Renamed first: of a folder half removed nobody is to think that it was copied incompletely.
        leaving = layout.leaving(number)
        shutil.rmtree(leaving, ignore_errors=True)
        folder.rename(leaving)
        shutil.rmtree(leaving)
        log.info("removed generation %d: the newest %d do not need it", number, keep)
    return leaving_now


def superfluous(here: Iterable[int], known: Mapping[int, Generation], kept: Iterable[int]) -> list[int]:
    """The numbers in `here` that are neither kept nor continued by a kept one; `known` has the records.

    Where a link of the chain is unknown, everything before it counts as needed.
    """
    needed: set[int] = set()
    for number in kept:
        following: int | None = number
        while following is not None and following not in needed:
            needed.add(following)
            if following not in known:
                needed.update(other for other in here if other < following)
                break
            before = known[following].predecessor
            following = None if before is None else before.sequence
    return sorted(set(here) - needed)
