"""A volume on a medium: the one place that reads and writes there.

A medium comes from elsewhere. No link below the volume's folder is followed, nothing but plain files is read,
records are read within bounds, and nothing is changed that is not ours. A file appears under its name only
when it has been written, read back from the medium and compared.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from steps import files, units
from steps.errors import InvalidInputError
from steps.mirroring.store import records
from steps.mirroring.store.packing import LIST, TEXT, PackingList, volume_name
from steps.mirroring.store.received import RECEIVED
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.mirroring.store.packing import Item

CHUNK: Final = 1 << 20
_UNREAD: Final = "is the medium whole, and readable for this user? If it is not, export to another one"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
AnyRecord = TypeVar("AnyRecord", bound=Record)


class Volume:
    """A folder on a medium."""

    def __init__(self, folder: Path) -> None:
        """Work below `folder`, which need not exist yet."""
        self.folder = folder

    @classmethod
    def of(cls, medium: Path, number: int) -> Volume:
        """Return a volume by its number; 0 is the medium itself."""
        return cls(medium / volume_name(number))

    @classmethod
    def found_on(cls, medium: Path) -> list[Volume]:
        """Return the medium itself and the volumes in it."""
        folders = (path for path in sorted(medium.glob("volume-[0-9][0-9][0-9]")) if not path.is_symlink())
        return [cls(medium), *(cls(path) for path in folders if path.is_dir())]

    def packing_list(self) -> PackingList | None:
        """Return the list on this volume; None without one. Raises InvalidInputError for a damaged one."""
        return self.read(PackingList, LIST, what="a packing list")

    def read(self, kind: type[AnyRecord], name: str, *, what: str) -> AnyRecord | None:
        """Read a record; None if there is none. Raises InvalidInputError if it cannot be understood."""
        try:
            with self.open(name) as stream:
                content = stream.read(records.LARGEST + 1)
        except FileNotFoundError:
            return None
        hint = "export again to this medium, or remove this file"
        return records.decode(kind, content, where=self.folder / name, what=what, hint=hint)

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """Open a plain file below the folder, not by way of a link. Raises OSError, InvalidInputError."""
        try:
            descriptor = files.open_plain(self._location(path), os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _not_plain(self.folder / path) from error
            raise
        if descriptor is None:
            raise _not_plain(self.folder / path)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            _leave_cache(descriptor)
            yield stream

    def content(self, path: str) -> bytes | None:
        """Return the content of a small file, of one that is larger than any of ours only the beginning.

        None if it is missing. Raises InvalidInputError for what cannot be read, as of a bad sector.
        """
        try:
            with self.open(path) as stream:
                return stream.read(records.LARGEST + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(path, error) from None

    def _unreadable(self, path: str, error: OSError) -> InvalidInputError:
        return InvalidInputError(f"{self.folder / path} cannot be read: {error.strerror}", _UNREAD)

    def size(self, path: str) -> int | None:
        """Return the size of a plain file; None where there is none. Raises InvalidInputError, unreadable."""
        try:
            state = self._location(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(path, error) from None
        return state.st_size if stat.S_ISREG(state.st_mode) else None

    def has(self, item: Item) -> bool:
        """Return whether an item is there, read from the medium and compared."""
        return self.size(item.path) == item.part.size and self._sha256(item.path) == item.part.sha256

    def free(self) -> int:
        """Return the free bytes of the file system that the folder is on, or will be on."""
        folder = self.folder
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def write(self, item: Item, source: Path) -> None:
        """Write an item from `source`, a generation's file; it may be killed anywhere and called again.

        Raises InvalidInputError if the medium is full, cannot be written, or gives other bytes back, and if
        the source is not what its record says.
        """
        with _explained(self.folder / item.path):
            partial = self._begin(item.path)
            try:
                self._write_partial(item, source, partial)
                self._end(partial, item.path)
            except BaseException:
                with suppress(OSError):
                    partial.unlink()
                raise

    def _write_partial(self, item: Item, source: Path, partial: Path) -> None:
        with source.open("rb", buffering=0) as stream:
            stream.seek(item.part.offset)
            found = _write(partial, stream, item.part.size)
        if found != item.part.sha256:
            raise InvalidInputError(
                f"generation {item.generation.sequence}: {source} is damaged",
                "make a full archive (incremental-mode false), and export that",
            )
        if self._sha256(str(partial.relative_to(self.folder))) != item.part.sha256:
            raise InvalidInputError(
                f"{item.where}: the medium at {self.folder} gave back other bytes than were written",
                "the medium is faulty: use another one",
            )

    def write_text(self, name: str, content: str) -> None:
        """Write a small file of ours whole or not at all. Raises InvalidInputError as `write` does."""
        with _explained(self.folder / name):
            partial = self._begin(name)
            try:
                with partial.open("xb") as stream:
                    stream.write(content.encode())
                self._end(partial, name)
            except BaseException:
                with suppress(OSError):
                    partial.unlink()
                raise

    def write_list(self, listed: PackingList) -> None:
        """Write a packing list in both forms."""
        self.write_text(TEXT, listed.text())
        self.write_text(LIST, listed.as_json(indent=None))

    def remove(self, path: str) -> None:
        """Remove a file of ours, what is left of writing it, and the folders that are then empty."""
        location = self._location(path)
        for file in (location, _partial(location)):
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                file.unlink()
        for folder in location.parents:
            if folder == self.folder:
                return
            try:
                folder.rmdir()
            except OSError:  # not empty: something else lies there
                return

    def remove_unfinished(self) -> None:
        """Remove what killed exports and imports have left of writing, as far as that can be done.

        Links are not followed.
        """
        with suppress(OSError, InvalidInputError):
            for name in (LIST, TEXT, RECEIVED):
                _partial(self._location(name)).unlink(missing_ok=True)
            for folder in self._location("generations/_").parent.glob(_NUMBER):
                for found, _folders, names in os.walk(self._location(f"generations/{folder.name}/_").parent):
                    for name in filter(_PARTIAL.fullmatch, names):
                        Path(found, name).unlink()
        self.leave()

    def leave(self) -> None:
        """Remove the folder of a volume that nothing lies in any more."""
        if self.folder.name.startswith("volume-"):
            with suppress(OSError):
                self.folder.rmdir()

    def _begin(self, path: str) -> Path:
        location = self._location(path)
        files.make_folder(location.parent)
        self._location(path)
        partial = _partial(location)
        partial.unlink(missing_ok=True)
        return partial

    def _end(self, partial: Path, path: str) -> None:
        files.rename(partial, self._location(path))

    def _location(self, path: str) -> Path:
        """Return where a path lies. Raises InvalidInputError if it leads out of the folder or over a link."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise InvalidInputError(f"{path} leads out of {self.folder}", "this medium is not one of ours")
        location = self.folder
        for part in pure.parts[:-1]:
            location /= part
            if location.is_symlink():
                raise _not_plain(location)
        return location / pure.name

    def _sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with self.open(path) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def _partial(location: Path) -> Path:
    return location.with_name(f".{location.name}.partial")


_PARTIAL: Final = re.compile(r"\..+\.partial")
_NUMBER: Final = "[0-9]" * 6


def _write(path: Path, source: BinaryIO, size: int) -> str:
    """Write `size` bytes of `source` to a new file, bring them to the medium, and return their sha256."""
    digest = hashlib.sha256()
    with path.open("xb") as stream:
        while size and (chunk := source.read(min(size, CHUNK))):
            stream.write(chunk)
            digest.update(chunk)
            size -= len(chunk)
        stream.flush()
        os.fsync(stream.fileno())
        _leave_cache(stream.fileno())
    return digest.hexdigest()


def _leave_cache(descriptor: int) -> None:
    """Let what is read next come from the medium, not from memory."""
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _not_plain(path: Path) -> InvalidInputError:
    return InvalidInputError(f"{path} is a link or not a plain file", "remove it: an export never writes one")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into words."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            free = Volume(path.parent).free()
            raise InvalidInputError(
                f"the medium is full: {path} cannot be written, {units.size(free)} are free",
                "make room, or divide the export with --volume-size; then run again, it goes on from here",
            ) from error
        if error.errno == errno.EFBIG:
            raise InvalidInputError(
                f"{path}: the medium cannot hold a file of this size",
                "divide the export into smaller volumes with --volume-size",
            ) from error
        raise InvalidInputError(
            f"{error.filename or path}: {error.strerror or error}",
            "is the medium in place, and writable for this user? Then run again, it goes on from here",
        ) from error
