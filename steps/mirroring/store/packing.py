"""Packing lists: which part of which file of which generation lies on which volume of a medium.

    VOLUME/packing-list.json                        what lies on this volume, and on the others
    VOLUME/packing-list.txt                         the same for people; `sha256sum --check` reads it
    VOLUME/generations/NNNNNN/FILE                  a whole file, or
    VOLUME/generations/NNNNNN/FILE.part-NNN         a part of it

A volume is a folder `volume-NNN` that fits on a medium, or the exported folder itself (volume 0) where
nothing is divided. A list that comes from a medium is hostile: names cannot lead out of the volume's folder,
and no number is larger than what we write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from steps import units
from steps.errors import UsageError
from steps.mirroring.store.records import Part, Record

LIST, TEXT = "packing-list.json", "packing-list.txt"
LARGEST_PART: Final = 2**32 - 1
"""Bytes of the largest file that FAT32 takes."""
MOST_VOLUMES: Final = 999
MOST_PARTS: Final = 10_000
"""Parts of a file: on each volume one, and some more after it was carried in part."""
Range = tuple[int, int]
"""Bytes of a file: the offset of the first, and of the first after them."""
Arrived = Mapping[int, Mapping[str, Iterable[Range]]]
"""Ranges that are on the other side already, by number of a generation and name of a file."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_COMPONENT = r"[A-Za-z0-9_][A-Za-z0-9._+@=~-]{0,199}"
FILE_NAME: Final = rf"{_COMPONENT}(/{_COMPONENT}){{0,15}}"
"""A path below the folder of a generation, that each file system takes."""
FileName = Annotated[str, StringConstraints(pattern=f"^{FILE_NAME}$")]


class FilePart(Part):
    """`size` bytes of a file from `offset` on, in `volume`; `number` is 0 for a whole file."""

    volume: int = Field(ge=0, le=MOST_VOLUMES)
    number: int = Field(ge=0, le=MOST_VOLUMES**2)
    offset: int = Field(ge=0)
    size: int = Field(ge=0)
    sha256: Sha256


class PackedFile(Part):
    """A file of a generation, with its parts in the order of their offsets."""

    name: FileName
    size: int = Field(ge=0, lt=2**63)
    sha256: Sha256
    parts: tuple[FilePart, ...] = Field(max_length=MOST_PARTS)

    @model_validator(mode="after")
    def _within_the_file(self) -> Self:
        if any(part.offset + part.size > self.size for part in self.parts):
            raise ValueError(f"a part of {self.name} lies beyond its end")
        return self


class PackedGeneration(Part):
    """A generation with the files of its folder; `identity` is that of its record."""

    sequence: int = Field(ge=1, le=999_999)
    identity: Sha256
    files: tuple[PackedFile, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One file on a medium: a part of a generation's file, or the whole."""

    generation: PackedGeneration
    file: PackedFile
    part: FilePart

    @property
    def path(self) -> str:
        """Where it lies below the folder of its volume."""
        number = f".part-{self.part.number:03d}" if self.part.number else ""
        return f"generations/{self.generation.sequence:06d}/{self.file.name}{number}"

    @property
    def line(self) -> str:
        """A line of the list for people."""
        size = f"{self.part.size} bytes ({units.size(self.part.size)})"
        return f"{self.where}  {size}  sha256:{self.part.sha256}"

    @property
    def where(self) -> str:
        """The volume, if there are several, and the path in it."""
        return f"{volume_name(self.part.volume)}/{self.path}".lstrip("/")


class PackingList(Record):
    """What lies on the volumes of an export; `volume` is the one that the list lies on, 0 the undivided."""

    volume: int = Field(ge=0, le=MOST_VOLUMES)
    generations: tuple[PackedGeneration, ...]

    def items(self) -> Iterator[Item]:
        """Give everything on all volumes."""
        for generation in self.generations:
            for file in generation.files:
                for part in file.parts:
                    yield Item(generation, file, part)

    def here(self) -> list[Item]:
        """Return what lies on the list's own volume."""
        return [item for item in self.items() if item.part.volume == self.volume]

    @property
    def volumes(self) -> list[int]:
        """The numbers of the volumes that anything lies on."""
        return sorted({item.part.volume for item in self.items()})

    def text(self) -> str:
        """Return the list for people: comments for all volumes, then lines for sha256sum."""
        head = "All files of this export. Check those beside this list: sha256sum --check packing-list.txt"
        lines = [f"# {head}", *(f"# {item.line}" for item in self.items())]
        lines += [f"{item.part.sha256}  {item.path}" for item in self.here()]
        return "".join(f"{line}\n" for line in lines)

    @property
    def room(self) -> int:
        """The bytes that both forms of the list take at most, on whichever volume."""
        sums = sum(len(f"{item.part.sha256}  {item.path}\n") for item in self.items())
        return len(self.as_json(indent=None)) + len(self.changed(volume=MOST_VOLUMES + 1).text()) + sums + 8


def volume_name(volume: int) -> str:
    """Return the name of a volume's folder; empty for the undivided one."""
    return f"volume-{volume:03d}" if volume else ""


def divide(
    generations: Sequence[PackedGeneration], volume_size: int | None, arrived: Arrived | None = None
) -> PackingList:
    """Divide the files of generations, in their order, into as few volumes of `volume_size` bytes as can be.

    The parts that the files have are replaced, without the bytes that have arrived; the new ones have the
    sha256 of their file. Raises UsageError where the volumes are too small.
    """
    arrived = arrived or {}
    if volume_size is None:
        return _fill(generations, None, arrived)
    reserved = 0
    while reserved < volume_size:
        filled = _fill(generations, volume_size - reserved, arrived)
        if max(filled.volumes, default=0) > MOST_VOLUMES:
            break
        needed = filled.room
        if needed <= reserved:
            return filled
        reserved = needed + 256
    raise UsageError(
        f"volume-size {volume_size} is too small: the export would take more than {MOST_VOLUMES} volumes, or"
        " the packing list alone fills one",
        "give the size of the medium, such as --volume-size=25G",
    )


def _fill(generations: Iterable[PackedGeneration], room: int | None, arrived: Arrived) -> PackingList:
    filling = _Filling(room)
    packed = []
    for generation in generations:
        known = arrived.get(generation.sequence, {})
        files = tuple(filling.add(file, known.get(file.name, ())) for file in generation.files)
        packed.append(generation.model_copy(update={"files": files}))
    return PackingList(volume=0, generations=tuple(packed))


class _Filling:
    """Fills one volume after the other; None for `room`: there is one volume, without end."""

    def __init__(self, room: int | None) -> None:
        self._room = room
        self._volume = 0 if room is None else 1
        self._left = room

    def add(self, file: PackedFile, arrived: Iterable[Range]) -> PackedFile:
        """Put what has not arrived of a file where the last one ended, in as many parts as it takes."""
        parts: list[FilePart] = []
        waiting = gaps(file.size, arrived)
        while waiting and self._volume <= MOST_VOLUMES:
            offset, end = waiting.pop(0)
            size = self._take(end - offset)
            number = 0 if size == file.size else len(parts) + 1
            part = FilePart.model_construct(
                volume=self._volume, number=number, offset=offset, size=size, sha256=file.sha256
            )
            parts.append(part)
            if offset + size < end:
                waiting.insert(0, (offset + size, end))
        return file.model_copy(update={"parts": tuple(parts)})

    def _take(self, wanted: int) -> int:
        if self._left is None:
            return min(wanted, LARGEST_PART)
        if self._left == 0:
            self._volume, self._left = self._volume + 1, self._room or 0
        size = min(wanted, LARGEST_PART, self._left)
        self._left -= size
        return size


def ranges(parts: Iterable[Range]) -> list[Range]:
    """Join ranges that touch or overlap; sorted."""
    joined: list[Range] = []
    for start, end in sorted(parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def gaps(size: int, parts: Iterable[Range]) -> list[Range]:
    """Return the ranges of a file of `size` bytes that no part covers. An empty file has one empty range."""
    joined = ranges(parts)
    if size == 0:
        return [] if joined else [(0, 0)]
    found, start = [], 0
    for first, last in joined:
        if first > start:
            found.append((start, min(first, size)))
        start = max(start, last)
    return [*found, (start, size)] if start < size else found
