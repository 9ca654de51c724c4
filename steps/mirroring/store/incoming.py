"""A generation that arrives in parts, from several media, in any order, over several runs.

    DATA/generations/.importing-NNNNNN/files/           its files, as far as they have come
    DATA/generations/.importing-NNNNNN/progress.json    which bytes of them have been compared

The folder `files` becomes the generation's when all is in it and is what its record says. Of a generation
that is here and damaged only the damaged files are taken in; each replaces its predecessor when it is whole.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from typing import TYPE_CHECKING

from pydantic import Field

from steps import files
from steps.errors import ConflictError, InvalidInputError
from steps.files import write_atomically
from steps.mirroring.store import archives, generations, records
from steps.mirroring.store.medium import CHUNK
from steps.mirroring.store.packing import Item, PackedFile, PackedGeneration, Range, Sha256, gaps, ranges
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from steps.mirroring.store.generations import Generation, Generations

log = logging.getLogger(__name__)


class Progress(Record):
    """How far a generation has come: the ranges (start, end) of its files that are here, by name."""

    identity: Sha256
    done: dict[str, list[Range]] = Field(default_factory=dict)


class Incoming:
    """One generation on its way in."""

    def __init__(self, known: Generations, packed: PackedGeneration) -> None:
        """Go on with what earlier runs took in of `packed`, as one or several lists describe it.

        Raises ConflictError if another generation of this number is here, or half of one.
        """
        self.packed = packed
        self.sequence = packed.sequence
        self._home, self._folder = folders(known, packed.sequence)
        self._work = self._folder.parent
        self._path = self._work / "progress.json"
        self._progress = self._read()
        self._wanted = {file.name: file for file in self._not_here()}

    @property
    def whole(self) -> bool:
        """Whether its folder is here and all its files are what they should be."""
        return not self._wanted

    @property
    def arrived(self) -> dict[str, list[Range]]:
        """The ranges of its files that are here."""
        return {
            file.name: self._progress.done.get(file.name, [])
            if file.name in self._wanted
            else [(0, file.size)]
            for file in self.packed.files
        }

    def lacks(self, item: Item) -> bool:
        """Return whether the bytes of an item are still to come."""
        if item.file.name not in self._wanted:
            return False
        done = self._progress.done.get(item.file.name, [])
        start, end = item.part.offset, item.part.offset + item.part.size
        return not any(first <= start and end <= last for first, last in done)

    def take(self, item: Item, stream: BinaryIO) -> bool:
        """Take in the bytes of an item; return whether they were what the list says. Raises OSError."""
        path = self._folder / item.file.name
        files.make_folder(path.parent)
        digest, left = hashlib.sha256(), item.part.size
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644), "wb") as file:
            file.seek(item.part.offset)
            while left and (chunk := _read_from(stream, min(left, CHUNK))):
                file.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if left or digest.hexdigest() != item.part.sha256:
            return False
        name = item.file.name
        arrived = (item.part.offset, item.part.offset + item.part.size)
        self._record(name, ranges([*self._progress.done.get(name, []), arrived]))
        return True

    def missing(self) -> list[str]:
        """Return what is still to come, by volume and path; bytes that no list names, by file."""
        found = []
        for file in self._wanted.values():
            items = [Item(self.packed, file, part) for part in file.parts]
            found += [item.where for item in items if self.lacks(item)]
            listed = [(part.offset, part.offset + part.size) for part in file.parts]
            for start, end in gaps(file.size, [*listed, *self._progress.done.get(file.name, [])]):
                found.append(f"bytes {start} to {end} of {file.name}, which an earlier medium carried")
        return found

    def complete(self) -> str:
        """Give the generation its real name if all has come; return what of it is not as its record says.

        Empty where nothing is wrong. Can be interrupted anywhere and called again.
        """
        if not self._wanted:
            self.discard()
        if self.missing() or not self._wanted:
            return ""
        if wrong := self._compare():
            for name in wrong:
                self._record(name, [])
                (self._folder / name).unlink(missing_ok=True)
            return ", ".join(wrong)
        if not self._home.exists():
            files.rename(self._folder, self._home)
        else:
            # The record comes first: the files are compared with it.
            for name in sorted(self._wanted, key=lambda name: name != generations.RECORD):
                target = self._home / name
                files.make_folder(target.parent)
                files.rename(self._folder / name, target)
        self.discard()
        self._wanted = {}
        return ""

    def discard(self) -> None:
        """Remove what was taken in and is not needed any more."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _compare(self) -> list[str]:
        """Return the names of files that are not what record and list say; all that are wanted have come."""
        record = self._load(self._folder if generations.RECORD in self._wanted else self._home)
        if record is None or record.identity != self.packed.identity:
            return [generations.RECORD]
        lost = record.sha256s.keys() - {file.name for file in self.packed.files}
        expected = {name: record.sha256s.get(name, file.sha256) for name, file in self._wanted.items()}
        here = [name for name in expected if (self._folder / name).is_file()]
        found = archives.sha256_of([self._folder / name for name in here])
        right = {name for name, sha256 in zip(here, found, strict=True) if sha256 == expected[name]}
        return sorted(lost | (expected.keys() - right))

    def _not_here(self) -> Iterable[PackedFile]:
        if not self._home.is_dir():
            return self.packed.files
        record = self._load(self._home)
        if record is not None and record.identity != self.packed.identity:
            raise _other(self.sequence, "is here")
        files = [file for file in self.packed.files if (self._home / file.name).is_file()]
        files = [file for file in files if (self._home / file.name).stat().st_size == file.size]
        found = archives.sha256_of([self._home / file.name for file in files])
        whole = {file.name for file, sha256 in zip(files, found, strict=True) if sha256 == file.sha256}
        return [file for file in self.packed.files if file.name not in whole]

    def _load(self, folder: Path) -> Generation | None:
        try:
            return generations.load(folder / generations.RECORD)
        except InvalidInputError:
            return None

    def _read(self) -> Progress:
        empty = Progress(identity=self.packed.identity)
        try:
            progress = records.parse(Progress, self._path.read_bytes())
        except (FileNotFoundError, records.UnreadableRecordError):
            return empty
        if progress.identity != self.packed.identity:
            raise _other(self.sequence, f"is partly imported ({self._work})")
        return progress if self._folder.is_dir() else empty

    def _record(self, name: str, done: list[Range]) -> None:
        self._progress = self._progress.changed(done={**self._progress.done, name: done})
        write_atomically(self._path, self._progress.as_json(indent=None))


def folders(known: Generations, sequence: int) -> tuple[Path, Path]:
    """Return where a generation is when it is whole, and where its files are until then."""
    home = known.path(sequence)
    return home, home.with_name(f".importing-{home.name}") / "files"


def _read_from(medium: BinaryIO, size: int) -> bytes:
    """Read from a medium; what it cannot read ends the file, whose sha256 is then wrong."""
    try:
        return medium.read(size)
    except OSError:
        return b""


def _other(sequence: int, where: str) -> ConflictError:
    return ConflictError(
        f"generation {sequence} on this medium is not the generation {sequence} that {where}",
        "media of two data directories are mixed: give each a --data of its own",
    )
