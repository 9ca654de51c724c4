"""from-disk: which generations a target still lacks, in which order, and what it has taken in.

Kept per target in DATA/intake/taken.json, so that a second registry gets all of them and a kill repeats at
most one run. oc-mirror itself remembers nothing and checks nothing: it unpacks what it is given, every time.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.errors import ConflictError, InvalidInputError, NotFoundError
from steps.files import write_atomically
from steps.mirroring.data import generations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.mirroring.data.generations import Generation
    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one target has taken in: the identity of each generation, by number."""

    identities: Mapping[int, str]

    @property
    def last(self) -> int:
        """The highest number, 0 where there is none."""
        return max(self.identities, default=0)


def read(layout: Layout, target: str) -> Taken:
    """What `target` has taken in from this data directory."""
    return Taken({int(number): identity for number, identity in _document(layout).get(target, {}).items()})


def note(layout: Layout, target: str, taken: Iterable[Generation]) -> None:
    """Write down that `target` has taken these generations in."""
    document = _document(layout)
    document.setdefault(target, {}).update({str(one.sequence): one.identity for one in taken})
    write_atomically(layout.taken, json.dumps(document, indent=2, sort_keys=True) + "\n")


def targets(layout: Layout) -> list[str]:
    """The targets that have taken anything in from this data directory."""
    return list(_document(layout))


def forget(layout: Layout, target: str, lost: Iterable[int]) -> None:
    """Take back that `target` has taken in these numbers."""
    document = _document(layout)
    for number in lost:
        document.get(target, {}).pop(str(number), None)
    write_atomically(layout.taken, json.dumps(document, indent=2, sort_keys=True) + "\n")


def taken_in_by_all(layout: Layout, *, newest: int) -> int:
    """The highest number that every target of this data directory has taken in; `newest` without targets."""
    document = _document(layout)
    return min((read(layout, target).last for target in document), default=newest)


def pending(layout: Layout, target: str) -> list[Generation]:
    """The generations to take in, oldest first; each one's predecessor is taken in or before it in the list.

    Reads records only, no archives. Raises NotFoundError if there are no generations,
    InvalidInputError naming the numbers that are missing, ConflictError if a number is known otherwise.
    """
    here = generations.present(layout)
    taken = read(layout, target)
    if not here and not taken.identities:
        loose = f" (bare archives lie there: {layout.archives()[0].name})" if layout.archives() else ""
        raise NotFoundError(
            f"no generations under {layout.generations}{loose}",
            "copy the folder generations/ of the connected side there, whole",
        )
    waiting = [generation for number, generation in here.items() if number > taken.last]
    _check_same(here, taken)
    _check_chain(waiting, taken)
    return waiting


def _check_same(here: Mapping[int, Generation], taken: Taken) -> None:
    for number, generation in here.items():
        if taken.identities.get(number, generation.identity) != generation.identity:
            raise ConflictError(
                f"generation {number} is not the generation {number} that was taken in before",
                "archives of another data directory are taken in with an empty --data of their own",
            )


def _check_chain(waiting: list[Generation], taken: Taken) -> None:
    """See that everything a waiting generation continues is there: an archive holds only new blobs."""
    known = dict(taken.identities)
    for generation in waiting:
        before = generation.predecessor
        if before is not None and before.sequence not in known:
            first = max((number for number in known if number < before.sequence), default=0) + 1
            missing = str(first) if first == before.sequence else f"{first} to {before.sequence}"
            raise InvalidInputError(
                f"generation {generation.sequence} continues generation {before.sequence},"
                f" which is neither here nor taken in; missing: {missing}",
                "bring the missing generations too, or make a full archive (incremental-mode false)",
            )
        if before is not None and known[before.sequence] != before.identity:
            raise ConflictError(
                f"generation {generation.sequence} continues another {before.sequence} than this side has",
                "archives of two data directories are mixed: give each its own --data",
            )
        known[generation.sequence] = generation.identity


def _document(layout: Layout) -> dict[str, dict[str, str]]:
    try:
        document: dict[str, dict[str, str]] = json.loads(layout.taken.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidInputError(
            f"{layout.taken} is not readable: {error}",
            "move this file away: all generations are then taken in again, which does no harm",
        ) from error
    return document
