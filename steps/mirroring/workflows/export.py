"""mirror --export: put the generations that the other side lacks on a medium, compared after writing.

The packing list is written first, so that a medium that was not finished says what it lacks. A run that was
killed is repeated: what is right on the medium stays. Of the files there only those are removed that an
earlier list of ours names and that are not needed there any more: the other side has received their
generation, or it is exported again in other parts.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps import units
from steps.errors import ConflictError, InvalidInputError, NotFoundError, UsageError
from steps.mirroring.store import generations, packing
from steps.mirroring.store.archives import sha256_of
from steps.mirroring.store.medium import CHUNK, Volume
from steps.mirroring.store.packing import LIST, TEXT, PackedFile, PackedGeneration, PackingList
from steps.mirroring.store.received import RECEIVED, WHAT, Received
from steps.mirroring.store.runs import Done, timestamp
from steps.parameters.table.carrying import EXPORT, VOLUME, VOLUME_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any, BinaryIO

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.packing import Item

log = logging.getLogger(__name__)


def run(request: Request, store: Store) -> Done:
    """Export what the other side has not received; a dry run only prints the packing list.

    Raises NotFoundError if there are no generations, InvalidInputError if a file of ours is damaged, or the
    medium is too small, full or faulty.
    """
    medium = _medium(request, store)
    received = _received(medium)
    store.acknowledged.add(received, timestamp(datetime.now(UTC)))
    here = store.generations.present()
    if not here:
        raise NotFoundError(f"no generations under {store.generations.folder}", "run workflow-to-disk first")
    waiting = {
        number: generation
        for number, generation in here.items()
        if received.generations.get(number) != generation.identity
    }
    if not request.dry_run:
        for volume in Volume.found_on(medium):
            volume.remove_unfinished()
    if not waiting:
        return Done(summary=f"the other side has received generation {_numbers(here)}", unchanged=True)
    _warn_of_gaps(waiting, received)
    listed = _pack(store, waiting, request.values[VOLUME_SIZE], received)
    export = _Export(medium, listed, _chosen(listed, request.values[VOLUME]), received)
    for item in listed.items():
        log.info("%s", item.line)
    if not request.dry_run:
        export.write(store)
    size = sum(item.part.size for item in export.items())
    words = "would be written" if request.dry_run else "written and compared"
    volumes = len(export.volumes)
    more = f", {volumes} of {len(listed.volumes)} volumes" if listed.volumes != [0] else ""
    return Done(
        summary=f"generation {_numbers(waiting)}: {units.size(size)} {words} in {medium}{more}",
        generations=tuple(waiting),
        size=size,
    )


@dataclass(frozen=True, slots=True)
class _Export:
    """Which file goes where on a medium: `volumes` are those that are written now."""

    medium: Path
    listed: PackingList
    volumes: Collection[int]
    received: Received

    def items(self) -> list[Item]:
        return [item for item in self.listed.items() if item.part.volume in self.volumes]

    def write(self, store: Store) -> None:
        """Write the volumes and compare what is on them."""
        self._check_same()
        lists = {number: self._list_of(number) for number in self.volumes}
        self._tidy()
        self._check_room()
        for number, listed in lists.items():
            volume = Volume.of(self.medium, number)
            volume.write_list(listed)
            for item in self.listed.items():
                if item.part.volume != number:
                    continue
                if volume.has(item):
                    log.info("%s is there already", item.where)
                else:
                    volume.write(item, store.generations.path(item.generation.sequence) / item.file.name)
                    log.info("%s is written and compared", item.where)

    def _list_of(self, number: int) -> PackingList:
        """Return the list of a volume, with what lies there of generations that are not here any more."""
        earlier = _packing_list(Volume.of(self.medium, number))
        planned = {generation.sequence for generation in self.listed.generations}
        kept = tuple(
            generation
            for generation in (earlier.generations if earlier else ())
            if generation.sequence not in planned
            and self.received.generations.get(generation.sequence) != generation.identity
        )
        return self.listed.changed(volume=number, generations=(*kept, *self.listed.generations))

    def _check_same(self) -> None:
        """Raise ConflictError if the medium has generations of another data directory under our numbers."""
        ours = {generation.sequence: generation.identity for generation in self.listed.generations}
        for volume in Volume.found_on(self.medium):
            earlier = _packing_list(volume)
            for generation in earlier.generations if earlier else ():
                if ours.get(generation.sequence, generation.identity) != generation.identity:
                    raise ConflictError(
                        f"{volume.folder} holds another generation {generation.sequence} than this side made",
                        "it comes from another data directory: export to a folder of its own",
                    )

    def _arrived(self, item: Item) -> bool:
        generation, part = item.generation, item.part
        ranges = self.received.arrived(generation.sequence, generation.identity, item.file.name)
        end = part.offset + part.size
        return ranges is None or any(first <= part.offset and end <= last for first, last in ranges)

    def _tidy(self) -> None:
        """Remove what earlier lists of ours name and nobody needs there any more."""
        planned = {generation.sequence: generation.identity for generation in self.listed.generations}
        all_of_it = set(self.listed.volumes) == set(self.volumes)
        for volume in Volume.found_on(self.medium):
            earlier = _packing_list(volume)
            if earlier is None:
                continue
            ours = volume.folder in {Volume.of(self.medium, number).folder for number in self.volumes}
            stay = {
                item.path
                for item in self.items()
                if Volume.of(self.medium, item.part.volume).folder == volume.folder
            }
            going = [
                item
                for item in earlier.here()
                if self._arrived(item)
                or (
                    (ours or all_of_it)
                    and item.path not in stay
                    and planned.get(item.generation.sequence) == item.generation.identity
                )
            ]
            for item in going:
                log.info("removed from the medium, not needed there: %s", volume.folder / item.path)
                volume.remove(item.path)
            if not ours and len(going) == len(earlier.here()):
                volume.remove(TEXT)
                volume.remove(LIST)  # last: without it the next export would not know the volume as ours
                volume.leave()

    def _check_room(self) -> None:
        needed = sum(
            item.part.size
            for item in self.items()
            if Volume.of(self.medium, item.part.volume).size(item.path) != item.part.size
        )
        needed += sum(self._list_of(number).room for number in self.volumes)
        free = Volume(self.medium).free()
        if needed > free:
            raise InvalidInputError(
                f"the medium at {self.medium} is too small: {units.size(free)} are free, {units.size(needed)}"
                " are needed",
                "make room, or divide the export: --volume-size=SIZE, and --volume=N for one medium after the"
                " other",
            )


def _medium(request: Request, store: Store) -> Path:
    given = request.values[EXPORT]
    if given is None:
        raise ValueError("an export has a folder")
    medium, data = given.absolute().resolve(), store.root.resolve()
    if medium == data or medium.is_relative_to(data / "generations"):
        raise UsageError(f"export: {given} is the data directory itself", "give a folder on the medium")
    if not medium.parent.is_dir():
        raise NotFoundError(
            f"there is no folder {medium.parent}", "give the folder where the medium is mounted"
        )
    return medium


def _received(medium: Path) -> Received:
    """Return what the other side has received, by what lies on the medium."""
    found = Received()
    for volume in Volume.found_on(medium):
        found = found.joined(volume.read(Received, RECEIVED, what=WHAT) or Received())
    return found


def _packing_list(volume: Volume) -> PackingList | None:
    """Return the list on a volume; a damaged one counts as none, since a new one replaces it."""
    try:
        return volume.packing_list()
    except InvalidInputError as error:
        log.warning("%s: it is replaced", error.reason)
        return None


def _warn_of_gaps(waiting: Mapping[int, Generation], received: Received) -> None:
    for number, generation in waiting.items():
        before = generation.predecessor
        if not before or before.sequence in waiting:
            continue
        if received.generations.get(before.sequence) != before.identity:
            log.warning(
                "generation %d continues generation %d, which is not here: the other side must have it",
                number,
                before.sequence,
            )


def _chosen(listed: PackingList, volume: int | None) -> list[int]:
    if volume is None:
        return listed.volumes
    if volume not in listed.volumes:
        raise InvalidInputError(
            f"there is no volume {volume}: the export has {len(listed.volumes)}",
            f"give --volume=1 to --volume={len(listed.volumes)}",
        )
    return [volume]


def _pack(
    store: Store, waiting: Mapping[int, Generation], volume_size: int | None, received: Received
) -> PackingList:
    """Divide generations into volumes, and give each part its sha256."""
    packed = [_describe(store, generation) for generation in waiting.values()]
    arrived = {
        generation.sequence: {
            file.name: received.arrived(generation.sequence, generation.identity, file.name) or []
            for file in generation.files
        }
        for generation in packed
    }
    listed = packing.divide(packed, volume_size, arrived)
    return listed.changed(
        generations=tuple(
            generation.model_copy(
                update={
                    "files": tuple(
                        _with_sums(store.generations.path(generation.sequence), file)
                        for file in generation.files
                    )
                }
            )
            for generation in listed.generations
        )
    )


def _describe(store: Store, generation: Generation) -> PackedGeneration:
    """Return the files of a generation. Raises InvalidInputError if one is missing or has another size."""
    folder = store.generations.path(generation.sequence)
    sizes = {file.name: file.size for file in generation.files}
    # The signature first, so that it lies on the first medium.
    signed = [generations.STATEMENT] if (folder / generations.STATEMENT).is_file() else []
    sums = {**dict.fromkeys([*signed, generations.RECORD], ""), **generation.sha256s}
    sums |= {name: "" for name in _others(folder) if name not in sums}
    files = []
    for name, sha256 in sums.items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size is None or size != sizes.get(name, size):
            words = "is missing" if size is None else f"has {size} bytes instead of {sizes[name]}"
            raise InvalidInputError(
                f"generation {generation.sequence}: {folder / name} {words}",
                "its folder is damaged: make a full archive (incremental-mode false), and export that",
            )
        checked = sha256 or sha256_of([folder / name])[0]
        files.append(PackedFile(name=name, size=size, sha256=checked, parts=()))
    return PackedGeneration(sequence=generation.sequence, identity=generation.identity, files=tuple(files))


def _others(folder: Path) -> list[str]:
    """Return the files of a folder by their paths in it, but for hidden ones and links."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    names = (str(path.relative_to(folder)) for path in found)
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    if strange := [name for name in shown if not re.fullmatch(packing.FILE_NAME, name)]:
        raise InvalidInputError(
            f"{folder / strange[0]} has a name that no medium takes for certain",
            "move it out of the generation's folder, which holds only what mirror wrote there",
        )
    return shown


def _with_sums(folder: Path, file: PackedFile) -> PackedFile:
    """Return a file whose parts have their sha256. Raises InvalidInputError if the file is damaged."""
    if not any(part.number for part in file.parts):
        return file
    whole, parts = hashlib.sha256(), []
    with (folder / file.name).open("rb") as stream:
        for part in file.parts:
            _feed(stream, part.offset, [whole])
            sha256 = hashlib.sha256()
            _feed(stream, part.offset + part.size, [whole, sha256])
            parts.append(part.model_copy(update={"sha256": sha256.hexdigest()}))
        _feed(stream, file.size, [whole])
    if whole.hexdigest() != file.sha256:
        raise InvalidInputError(
            f"generation {int(folder.name)}: {folder / file.name} is damaged",
            "nothing was exported; make a full archive (incremental-mode false), and export that",
        )
    return file.model_copy(update={"parts": tuple(parts)})


def _feed(stream: BinaryIO, end: int, digests: Sequence[Any]) -> None:
    """Feed digests with what follows in a file, up to the offset `end`."""
    while (left := end - stream.tell()) > 0 and (chunk := stream.read(min(left, CHUNK))):
        for digest in digests:
            digest.update(chunk)


def _numbers(numbers: Collection[int]) -> str:
    return ", ".join(map(str, numbers))
