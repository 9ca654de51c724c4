"""Generations that lie somewhere, such as on media: plain copies, or in parts as packing lists say; and what
lies beside them.

Nothing is written, and what lies there is read as `medium` reads: no link is followed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError, NotFoundError
from steps.mirroring.store import records
from steps.mirroring.store.generations import LEDGER, RECORD
from steps.mirroring.store.medium import CHUNK, Volume
from steps.mirroring.store.packing import LIST, TEXT
from steps.mirroring.store.received import RECEIVED

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from steps.mirroring.store.packing import Item

FOLDER: Final = "folder"
LISTS: Final = (LIST, TEXT, RECEIVED)
"""Files of a medium itself, read as a stranger's."""
_OF_DATA: Final = (LEDGER, "runs")
"""Folders that a data directory has, on the side that makes archives or on each."""
_PART: Final = re.compile(r".+\.part-[0-9]{3,}")
LISTED: Final = 1000
"""Files that no generation names and that are told by name."""
WALKED: Final = 100_000
"""Files and folders that are looked through for them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`size` bytes from `start` on of the file at `path` of a volume, which has `whole` bytes."""

    volume: Volume
    path: str
    start: int
    size: int
    whole: int


@dataclass(frozen=True, slots=True)
class Extra:
    """What lies somewhere: a `file` of `size` bytes, a `folder`, a `link`, or something `other`."""

    path: Path
    kind: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Extras:
    """The first of the files that no generation names, by path, and of how many with how many bytes.

    `walked` is False where there is more than is looked through, or a folder that cannot be read. `data` are
    folders that look like data directories: only the generations in them were looked through.
    """

    files: tuple[Extra, ...] = ()
    count: int = 0
    size: int = 0
    walked: bool = True
    data: tuple[Path, ...] = ()


class PartLackingError(Exception):
    """Bytes of a file are on none of the media; the text says where they are."""


@dataclass(slots=True)
class Copy:
    """A generation that lies somewhere: in the folder `place`, plain, or in parts by packing lists.

    `sizes` are those of the files that lists name, `sums` size and sha256 as each list says them, `parts`
    what of them lies where; all empty for a plain copy, of which `prefix` is the path below its volume.
    """

    sequence: int
    place: Path
    volume: Volume
    prefix: str = ""
    identity: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    sums: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    parts: dict[str, list[tuple[Item, Volume]]] = field(default_factory=dict)
    elsewhere: dict[str, list[Item]] = field(default_factory=dict)

    def pieces(self, name: str) -> list[Piece]:
        """Return the pieces of a file in their order. Raises PartLackingError, FileNotFoundError."""
        if not self.identity:
            size = self.volume.size(f"{self.prefix}{name}")
            if size is None:
                raise FileNotFoundError(name)
            return [Piece(self.volume, f"{self.prefix}{name}", 0, size, size)]
        if name not in self.sizes:
            raise FileNotFoundError(name)
        found, at, end = list[Piece](), 0, self.sizes[name]
        for item, volume in sorted(self.parts.get(name, []), key=lambda one: one[0].part.offset):
            offset, size = item.part.offset, item.part.size
            if offset <= at < offset + size or not (found or end or size):
                found.append(Piece(volume, item.path, at - offset, offset + size - at, size))
                at = offset + size
        if at < end or not found:
            lacking = [item.where for item in self.elsewhere.get(name, []) if item.part.offset <= at]
            raise PartLackingError(lacking[-1] if lacking else f"{name}, from byte {at:,} on")
        return found

    def folders(self) -> set[Path]:
        """Return where its files lie."""
        if not self.identity:
            return {self.volume.folder / self.prefix}
        volumes = {volume.folder for here in self.parts.values() for _item, volume in here}
        return {folder / f"generations/{self.sequence:06d}" for folder in volumes}

    def own(self, names: Container[str]) -> set[Path]:
        """Return the paths of its files of these names: of one in parts those that are read, no others."""
        if not self.identity:
            found = self.volume.folder / self.prefix
            return {path for path in found.iterdir() if path.name in names}
        paths: set[Path] = set()
        for name, here in self.parts.items():
            if name in names:
                try:
                    paths |= {piece.volume.folder / piece.path for piece in self.pieces(name)}
                except PartLackingError:
                    paths |= {volume.folder / item.path for item, volume in here}
        return paths

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file, of one that is larger than any of ours only the beginning.

        None where it is missing.
        """
        try:
            found = bytearray()
            for piece in self.pieces(name):
                for chunk in chunks(piece):
                    found += chunk
                    if len(found) > records.LARGEST:
                        return bytes(found)
            return bytes(found)
        except (OSError, PartLackingError, InvalidInputError):
            return None


def chunks(piece: Piece) -> Iterator[bytes]:
    """Give the bytes of a piece. Raises OSError, InvalidInputError; fewer bytes than it has end it."""
    if (size := piece.volume.size(piece.path)) != piece.whole:
        words = "is missing" if size is None else f"has {size} bytes instead of {piece.whole}"
        raise InvalidInputError(f"{piece.volume.folder / piece.path} {words}", "copy it again")
    with piece.volume.open(piece.path) as stream:
        stream.seek(piece.start)
        left = piece.size
        while left and (chunk := stream.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk


def found_in(folders: Iterable[Path], unreadable: list[str]) -> list[Copy]:
    """Return the generations in folders, by number; what cannot be read is added to `unreadable`.

    Raises NotFoundError for a folder without any.
    """
    packed: dict[tuple[int, str], Copy] = {}
    plain: list[Copy] = []
    for folder in folders:
        if not folder.is_dir():
            raise NotFoundError(f"there is no folder {folder}", "give the folder where the medium is mounted")
        before = len(packed) + len(plain) + len(unreadable)
        listed = False
        for volume in Volume.found_on(folder):
            try:
                items = list(found.items()) if (found := volume.packing_list()) else []
                own = found.volume if found else 0
            except InvalidInputError as error:
                unreadable.append(error.reason)
                items, own = [], 0
            listed = listed or bool(items)
            _add(items, own, volume, packed)
            known = {item.generation.sequence for item in items if item.part.volume == own}
            for path in _folders(volume.folder):
                place = volume.folder / path
                if int(place.name) in known:
                    continue
                if why := unlisted(place):
                    unreadable.append(why)
                else:
                    plain.append(Copy(int(place.name), place, volume, _prefix(path)))
        if not listed and before == len(packed) + len(plain) + len(unreadable):
            raise NotFoundError(
                f"{folder} holds no generation: no packing-list.json, no volume-NNN, no folder NNNNNN",
                "give the folder that `mirror --export` wrote, a copy of generations/, or a data directory",
            )
    return sorted([*packed.values(), *plain], key=lambda copy: (copy.sequence, str(copy.place)))


def _add(items: Iterable[Item], own: int, volume: Volume, packed: dict[tuple[int, str], Copy]) -> None:
    """Add what a packing list on a volume, of number `own`, says."""
    for item in items:
        number, identity, name = item.generation.sequence, item.generation.identity, item.file.name
        place = volume.folder / f"generations/{number:06d}"
        copy = packed.setdefault((number, identity), Copy(number, place, volume, identity=identity))
        copy.sizes.setdefault(name, item.file.size)
        copy.sums.setdefault(name, set()).add((item.file.size, item.file.sha256))
        if item.part.volume == own:
            copy.parts.setdefault(name, []).append((item, volume))
        else:
            copy.elsewhere.setdefault(name, []).append(item)


def _folders(folder: Path) -> Iterator[str]:
    """Give the folders of plain copies, by their path below `folder`; no link is followed."""
    if re.fullmatch(r"[0-9]{6}", folder.name) and (folder / RECORD).is_file():
        yield "."
    inner = [] if (folder / "generations").is_symlink() else sorted(folder.glob("generations/*"))
    for path in [*inner, *sorted(folder.glob("*"))]:
        if re.fullmatch(r"[0-9]{6}", path.name) and path.is_dir() and not path.is_symlink():
            yield str(path.relative_to(folder))


def unlisted(folder: Path) -> str:
    """Return why a folder is no plain copy of a generation, but parts that no list names; else empty."""
    try:
        parted = any(_PART.fullmatch(path.name) for path in folder.iterdir())
    except OSError:  # who reads it says so
        return ""
    return (
        f"{folder} holds parts of files, and no packing list that can be read says of which" if parted else ""
    )


def _prefix(path: str) -> str:
    return "" if path == "." else f"{path}/"


def extras(folders: Iterable[Path], own: Container[Path], whole: Container[Path]) -> Extras:
    """Return what lies in folders besides the files `own`, the folders `whole` and a medium's own lists.

    Of a data directory only the generations are looked through, and it is named: a medium may only look like
    one. No link is followed.
    """
    folders = list(folders)
    data = tuple(folder for folder in folders if _is_data(folder))
    lists = {volume.folder / name for one in folders for volume in Volume.found_on(one) for name in LISTS}
    kept: list[Extra] = []
    unread: list[Path] = []
    count, size = 0, 0
    walk = _walk(_outermost(folders), whole, unread)
    for found in islice(walk, WALKED):
        if found.kind == FOLDER or found.path in own or found.path in lists:
            continue
        count, size = count + 1, size + (found.size or 0)
        if len(kept) < LISTED:
            kept.append(found)
    walked = not unread and next(walk, None) is None
    return Extras(tuple(kept), count, size, walked=walked, data=data)


def _is_data(folder: Path) -> bool:
    """Return whether a folder looks like a data directory, of either side."""
    return any((folder / name).is_dir() for name in _OF_DATA)


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Return the folders to look through, without those that lie in another one."""
    found = {folder / "generations" if _is_data(folder) else folder for folder in folders}
    return sorted(folder for folder in found if found.isdisjoint(folder.parents))


def _walk(folders: Iterable[Path], whole: Container[Path], unread: list[Path]) -> Iterator[Extra]:
    """Give what lies in folders, in the order of paths; of a folder in `whole` nothing.

    A folder that cannot be read is added to `unread`. Folders in folders are no recursion: a medium may have
    thousands.
    """
    left = [Extra(folder, FOLDER, None) for folder in reversed(list(folders))]
    while left:
        found = left.pop()
        if found.path in whole:
            continue
        yield found
        if found.kind == FOLDER:
            try:
                left += reversed(_entries(found.path))
            except OSError:
                unread.append(found.path)


def _entries(folder: Path) -> list[Extra]:
    with os.scandir(folder) as entries:
        found = sorted(islice(entries, WALKED + 1), key=lambda entry: entry.name)
    return [_extra(folder, entry) for entry in found]


def _extra(folder: Path, entry: os.DirEntry[str]) -> Extra:
    path = folder / entry.name
    if entry.is_dir(follow_symlinks=False):
        return Extra(path, FOLDER, None)
    if entry.is_file(follow_symlinks=False):
        return Extra(path, "file", entry.stat(follow_symlinks=False).st_size)
    return Extra(path, "link" if entry.is_symlink() else "other", None)
