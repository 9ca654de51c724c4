"""Archives: checked to be whole, hashed, and brought to the disk, while oc-mirror still writes them.

oc-mirror writes its tar files from start to end, one at a time, on one core (archive/permissive_adder.go
creates, writes and closes, and never seeks). So hashing needs no second reading from the disk afterwards, and
no waiting for the disk either: both go on beside oc-mirror.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from steps import files
from steps.errors import InvalidInputError, MirrorError
from steps.mirroring.store.records import Part
from steps.tar_members import BoundedMember, HeaderSizeError, SparseFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

ARCHIVES = "mirror_*.tar"
"""oc-mirror's pattern for its archives (archive/const.go), also for those that it deletes before a run."""
COPY = "rsync --recursive --checksum --partial-dir=.partial"
"""Copies folders so that what is damaged over there is replaced, and needs no rights, owners or links there
(FAT32, exFAT). Without --checksum rsync compares size and time only, and a damaged file stays."""
COPY_WHOLE = f"copy the generation's whole folder again: mirror --export and --import, or {COPY}"
INTERVAL = 0.05
"""Seconds between two readings; what is written meanwhile is still in memory."""
_CHUNK = 1 << 20
_FLUSH = 64 << 20
"""Bytes after which the disk is told to write them."""
_TRAILER = 1024
"""A tar file ends with two blocks of zeros (POSIX pax); without them its writing was cut short."""


_MEMBER = re.compile(r"(?:docker|working-dir)(?:/.*)?|[\w.:+-]+\.ya?ml|isc[\w.:+-]*")
_NOT_BROUGHT = ("working-dir/cluster-resources", "working-dir/dry-run")
"""oc-mirror writes what lies there itself, on the other side."""


class Archive(Part):
    """One tar file of a generation; `size` in bytes."""

    name: Annotated[str, StringConstraints(pattern=r"^mirror_\d{6}\.tar$")]
    size: int
    sha256: str


@dataclass(slots=True)
class _Read:
    """How far a file has been read."""

    inode: int
    offset: int = 0
    flushed: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


class Follower:
    """Hashes the archives in a directory as they grow, for the time of a `with`."""

    def __init__(self, directory: Path) -> None:
        """Follow what appears in `directory` under the name of an archive."""
        self._directory = directory
        self._read: dict[Path, _Read] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def __enter__(self) -> Follower:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, at once."""
        self._stop.set()
        self._thread.join()

    def files(self) -> tuple[Archive, ...]:
        """Return the archives with size and sha256, sorted by name; call it when nobody writes any more.

        Reads what is still unread. Raises OSError if a file cannot be read.
        """
        self._stop.set()
        self._thread.join()
        found = []
        for path in sorted(self._directory.glob(ARCHIVES)):
            read = self._follow(path)
            found.append(Archive(name=path.name, size=read.offset, sha256=read.digest.hexdigest()))
        return tuple(found)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            for path in sorted(self._directory.glob(ARCHIVES)):
                try:
                    self._follow(path, self._stop)
                except OSError:  # gone meanwhile, or unreadable: `files` raises it then
                    self._read.pop(path, None)

    def _follow(self, path: Path, stop: threading.Event | None = None) -> _Read:
        """Read a file on to its present end, or until `stop`; from its start if it was replaced or cut."""
        with path.open("rb", buffering=0) as stream:
            state = os.fstat(stream.fileno())
            read = self._read.get(path)
            if read is None or read.inode != state.st_ino or state.st_size < read.offset:
                read = self._read[path] = _Read(state.st_ino)
            stream.seek(read.offset)
            buffer = memoryview(bytearray(_CHUNK))
            while not (stop and stop.is_set()) and (size := stream.readinto(buffer)):
                read.digest.update(buffer[:size])
                read.offset += size
                if stop and read.offset - read.flushed > _FLUSH:
                    _send_to_disk(stream.fileno(), read.flushed, read.offset - read.flushed)
                    read.flushed = read.offset
        return read


def _send_to_disk(descriptor: int, offset: int, length: int) -> None:
    """Let the kernel begin to write a range, without waiting for it.

    It costs less than fdatasync, which waits and holds the hashing up, and less than nothing at all, where
    the fsync at the end waits for everything (both measured). Nobody reads the range again: it leaves the
    cache.
    """
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


def check_complete(archives: Sequence[Path]) -> None:
    """Check that oc-mirror has written every archive to its end, and bring them to the disk.

    Raises MirrorError if it has not: a full disk while closing an archive is only a warning to oc-mirror.
    """
    if not archives:
        raise MirrorError(
            "oc-mirror ended with success but wrote no archive", "see its messages in the log above"
        )
    for archive in archives:
        with archive.open("rb") as stream:
            stream.seek(max(archive.stat().st_size - _TRAILER, 0))
            if stream.read() != bytes(_TRAILER):
                raise MirrorError(
                    f"{archive.name} ends in the middle",
                    "free space on the data volume, then run again",
                    cause="disk full",
                )
        files.sync(archive)


def sha256_of(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 of each file, spread over the cores; an exception or a signal ends it at once."""
    stop = threading.Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(lambda path: _sha256(path, stop), paths))
        except BaseException:
            stop.set()
            raise


def _sha256(path: Path, stop: threading.Event) -> str:
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as stream:
        while (size := stream.readinto(buffer)) and not stop.is_set():
            digest.update(buffer[:size])
    return digest.hexdigest()


def check_members(path: Path) -> None:
    """Check, without unpacking it, that an archive holds files that oc-mirror brings, and nothing else.

    A copy of an archive with another hash in its record may hold anything. Raises InvalidInputError with the
    member that is none of oc-mirror's.
    """
    try:
        with tarfile.open(path, "r:", tarinfo=BoundedMember) as tar:
            for member in tar:
                if what := _foreign(member):
                    raise _changed(path, f"{what} {member.name[:200]!r}")
    except HeaderSizeError as error:
        raise _changed(path, f"a header of {error.size:,} bytes") from error
    except SparseFileError as error:
        raise _changed(path, "something other than a file, a sparse one") from error
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise InvalidInputError(f"{path} is no archive of oc-mirror: {error}", COPY_WHOLE) from error


def _foreign(member: tarfile.TarInfo) -> str:
    """Return what is wrong with a member; empty for one that oc-mirror brings."""
    if not (member.isreg() or member.isdir()):
        return "something other than a file,"
    name = member.name.removeprefix("./")
    if not _MEMBER.fullmatch(name) or ".." in name.split("/") or "\0" in name:
        return "a file outside the folders of an archive,"
    if member.isreg() and name.startswith(tuple(f"{folder}/" for folder in _NOT_BROUGHT)):
        return "a file that oc-mirror never brings,"
    return ""


def _changed(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} holds {what}: somebody has changed it",
        f"nothing was unpacked; find out who, then {COPY_WHOLE}",
    )
