"""Imports: which generations each target registry has imported, and which it still lacks.

Kept per target in DATA/imported.json, so that a second registry gets all of them and a kill repeats at most
one run. oc-mirror itself remembers nothing and checks nothing: it unpacks what it is given, every time.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from pydantic import Field, TypeAdapter, ValidationError

from steps.bounded import json_file
from steps.errors import ConflictError, InvalidInputError, NotFoundError
from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.archives import ARCHIVES
from steps.mirroring.store.records import UNNUMBERED, Part, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from steps.mirroring.store.generations import Generation, Generations

log = logging.getLogger(__name__)
_HINT = "move this file away: all generations are then imported again, which does no harm"


class TargetImports(Part):
    """What one target has imported: the identity of each generation, by number.

    `record_tag` is the tag under which the target keeps a copy of this; empty where it has none yet.
    `signed`: it has imported generations that a trusted key had signed.
    """

    generations: dict[int, str] = Field(default_factory=dict)
    record_tag: str = ""
    signed: bool = False

    @property
    def newest(self) -> int:
        """The highest number, 0 where there is none."""
        return max(self.generations, default=0)


class ImportedRecord(Record):
    """DATA/imported.json."""

    targets: dict[str, TargetImports] = Field(default_factory=dict)


class Imports:
    """The imports of a data directory."""

    def __init__(self, root: Path, generations: Generations) -> None:
        """Work with the record below the data directory `root`; `generations` are those that are here."""
        self._root = root
        self._path = root / "imported.json"
        self._generations = generations

    def of(self, target: str) -> TargetImports:
        """Return what `target` has imported from this data directory."""
        return self._read().targets.get(target, TargetImports())

    def targets(self) -> list[str]:
        """Return the targets that have imported anything from this data directory."""
        return list(self._read().targets)

    def imported_by_all(self) -> int | None:
        """Return the highest number that every target has imported; None where there is no target."""
        return min((imports.newest for imports in self._read().targets.values()), default=None)

    def signed_targets(self) -> list[str]:
        """Return the targets that have imported signed generations from this data directory."""
        return [target for target, imports in self._read().targets.items() if imports.signed]

    def record(
        self,
        target: str,
        generations: Iterable[Generation],
        *,
        record_tag: str = "",
        signed: bool = False,
    ) -> None:
        """Record that `target` has imported `generations`, and under which tag the target says so.

        `signed`: a trusted key had signed them, or the target says so of others; it stays.
        """
        record = self._read()
        before = record.targets.get(target, TargetImports())
        added = {generation.sequence: generation.identity for generation in generations}
        after = {
            "generations": {**before.generations, **added},
            "record_tag": record_tag or before.record_tag,
            "signed": signed or before.signed,
        }
        self._write(record, target, before.model_copy(update=after))

    def forget(self, target: str, numbers: Iterable[int]) -> None:
        """Remove these generations from what `target` has imported, since it has lost them."""
        record, lost = self._read(), set(numbers)
        before = record.targets.get(target, TargetImports())
        left = {number: identity for number, identity in before.generations.items() if number not in lost}
        self._write(record, target, before.model_copy(update={"generations": left}))

    def pending(self, target: str) -> list[Generation]:
        """Return the generations to import into `target`, oldest first, each after what it continues.

        One that comes late, after a newer one was imported, is among them unless it is superseded (see
        `_late`). The newest one of its mirror name then follows it again, since the late one sets tags,
        catalogs and cluster resources back.

        Reads records and indexes of content only, no archives. Raises NotFoundError if there are no
        generations, InvalidInputError with the numbers that are missing, ConflictError if a number is known
        with another identity.
        """
        here, imported = self._generations.present(), self.of(target)
        if not here and not imported.generations:
            bare = next(iter(sorted(self._root.glob(ARCHIVES))), None)
            loose = f" (bare archives lie there: {bare.name})" if bare else ""
            raise NotFoundError(
                f"no generations under {self._generations.folder}{loose}",
                "copy the folder generations/ of the connected side there, whole",
            )
        _check_same(here, imported)
        waiting = [generation for number, generation in here.items() if number > imported.newest]
        late = self._late(here, imported, waiting)
        repeated = _to_repeat(here, imported, late, waiting)
        waiting = [*late, *sorted([*repeated, *waiting], key=lambda generation: generation.sequence)]
        _check_chain(waiting, imported)
        return waiting

    def waiting(self, target: str) -> list[Generation]:
        """Return the generations to import into `target`; none where there are none or they cannot be.

        Raises what `pending` raises for records that contradict each other.
        """
        if not self._generations.present():
            return []
        return self.pending(target)

    def newest_here(self, target: str) -> list[Generation]:
        """Return the newest generation of each mirror name that `target` has imported and that is here."""
        imported = self.of(target).generations
        here = {number: one for number, one in self._generations.present().items() if number in imported}
        newest = {generation.mirror_name: generation for generation in here.values()}
        return sorted(newest.values(), key=lambda generation: generation.sequence)

    def _late(
        self, here: Mapping[int, Generation], imported: TargetImports, waiting: list[Generation]
    ) -> list[Generation]:
        """Return the generations that were not imported although newer ones were; log those superseded.

        A generation is superseded where one newer generation of its mirror name, imported or waiting, stands
        for all its images with the same digests, and nothing that waits continues it.
        """
        missed = {
            number: generation
            for number, generation in here.items()
            if number < imported.newest and number not in imported.generations
        }
        known = imported.generations.keys() | {generation.sequence for generation in waiting}
        newer = {number: self._images(here[number]) for number in known if missed and number in here}
        continued = _continued(waiting, here)
        late = []
        for number, generation in missed.items():
            images = self._images(generation)
            by = next(
                (
                    other
                    for other, held in newer.items()
                    if other > number and images <= held and _same_mirror(here[other], generation)
                ),
                None,
            )
            if not images or by is None or number in continued:
                late.append(generation)
            else:
                log.info("generation %d is superseded: generation %d holds all its images", number, by)
        # What a late generation continues has to come before it, superseded or not.
        needed = _continued(late, here) & missed.keys()
        return [missed[number] for number in sorted(needed | {generation.sequence for generation in late})]

    def _images(self, generation: Generation) -> set[tuple[str, str]]:
        """Return the images that a generation stands for, with digests; empty where that is not known."""
        try:
            index = self._generations.content_index(generation)
        except InvalidInputError:  # damaged: the check of its files says so
            return set()
        if index is None or not index.complete:
            return set()
        return {(image.source, image.digest) for image in index.images}

    def _read(self) -> ImportedRecord:
        try:
            return records.read(ImportedRecord, self._path, what="the record of imports", hint=_HINT)
        except FileNotFoundError:
            return _read_format_1(self._root / "intake")

    def _write(self, record: ImportedRecord, target: str, imports: TargetImports) -> None:
        written = record.changed(format=records.FORMAT, targets={**record.targets, target: imports})
        write_atomically(self._path, written.as_json())
        shutil.rmtree(self._root / "intake", ignore_errors=True)  # its content is in the new record


def _read_format_1(folder: Path) -> ImportedRecord:
    """Read the two files of version 0.1: taken.json (identities by target) and receipts.json (tags)."""
    taken, tags = _read_file(folder / "taken.json"), _read_file(folder / "receipts.json")
    try:
        generations = TypeAdapter(dict[str, dict[int, str]]).validate_python(taken)
        record_tags = TypeAdapter(dict[str, str]).validate_python(tags)
    except ValidationError as error:
        raise InvalidInputError(f"{folder / 'taken.json'} is not readable: {error}", _HINT) from error
    targets = {
        target: TargetImports(generations=generations.get(target, {}), record_tag=record_tags.get(target, ""))
        for target in {**generations, **record_tags}
    }
    return ImportedRecord(format=UNNUMBERED, targets=targets)


def _read_file(path: Path) -> object:
    try:
        return json_file(path)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidInputError(f"{path} is not readable: {error}", _HINT) from error


def _continued(generations: Iterable[Generation], here: Mapping[int, Generation]) -> set[int]:
    """Return the numbers that `generations` continue, directly or through others that are here."""
    found: set[int] = set()
    for generation in generations:
        before = generation.predecessor
        while before is not None and before.sequence not in found:
            found.add(before.sequence)
            before = here[before.sequence].predecessor if before.sequence in here else None
    return found


def _same_mirror(one: Generation, other: Generation) -> bool:
    """Return whether two generations are states of one ImageSet; without a name that is taken as given."""
    return one.mirror_name == other.mirror_name or "" in {one.mirror_name, other.mirror_name}


def _to_repeat(
    here: Mapping[int, Generation],
    imported: TargetImports,
    late: list[Generation],
    waiting: list[Generation],
) -> list[Generation]:
    """Return the newest imported generation of each mirror name, to be imported again after `late` ones.

    None where one that waits follows anyway. Raises InvalidInputError if the newest one is not here.
    """
    found = {}
    for generation in late:
        if any(_same_mirror(one, generation) for one in waiting):
            continue
        if imported.newest not in here:
            raise _lacks_newest(imported, late)
        newer = [
            here[number]
            for number in sorted(imported.generations.keys() & here.keys())
            if number > generation.sequence and _same_mirror(here[number], generation)
        ]
        if newer:
            found[newer[-1].sequence] = newer[-1]
    return list(found.values())


def _lacks_newest(imported: TargetImports, late: list[Generation]) -> InvalidInputError:
    numbers = ", ".join(str(generation.sequence) for generation in late)
    return InvalidInputError(
        f"generation {numbers} comes late: generation {imported.newest} was imported before it and is not"
        " here any more, so its tags and catalogs could not be restored",
        f"bring generation {imported.newest} again; or remove the late folders if nobody needs their images",
    )


def _check_same(here: Mapping[int, Generation], imported: TargetImports) -> None:
    for number, generation in here.items():
        if imported.generations.get(number, generation.identity) != generation.identity:
            raise ConflictError(
                f"generation {number} is not the generation {number} that was imported before",
                "archives of another data directory are imported with an empty --data of their own",
            )


def _check_chain(waiting: list[Generation], imported: TargetImports) -> None:
    """Check that everything a waiting generation continues is there: an archive holds only new blobs."""
    known = dict(imported.generations)
    for generation in waiting:
        before = generation.predecessor
        if before is not None and before.sequence not in known:
            first = max((number for number in known if number < before.sequence), default=0) + 1
            missing = str(first) if first == before.sequence else f"{first} to {before.sequence}"
            raise InvalidInputError(
                f"generation {generation.sequence} continues generation {before.sequence},"
                f" which is neither here nor imported; missing: {missing}",
                "bring the missing generations too, or make a full archive (incremental-mode false)",
            )
        if before is not None and known[before.sequence] != before.identity:
            raise ConflictError(
                f"generation {generation.sequence} continues another generation {before.sequence} than the"
                " one on this side",
                "archives of two data directories are mixed: give each its own --data",
            )
        known[generation.sequence] = generation.identity
