"""Archives hashed, and brought to the disk, while oc-mirror still writes them.

oc-mirror writes its tar files from start to end, one at a time, on one core (archive/permissive_adder.go
creates, writes and closes, and never seeks). So the sha256 of what is written needs no second reading from
the disk afterwards, and no waiting for the disk either: both go on beside it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps.mirroring.data.archives import Archive
from steps.mirroring.data.layout import ARCHIVES

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

INTERVAL = 0.05
"""Seconds between two looks; what is written meanwhile is still in memory."""
_CHUNK = 1 << 20
_FLUSH = 64 << 20
"""Bytes after which the disk is told to write them."""


@dataclass(slots=True)
class _Read:
    """How far a file has been read."""

    inode: int
    offset: int = 0
    flushed: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


class Follower:
    """Follows the archives in a directory for the time of a `with`."""

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
        """Size and sha256 of each archive, by name; to be called when nobody writes any more.

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
                except OSError:  # gone meanwhile, or unreadable: `files` will tell
                    self._read.pop(path, None)

    def _follow(self, path: Path, stop: threading.Event | None = None) -> _Read:
        """Read a file on to its present end, or until `stop`; from its start if it is another, or shorter."""
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

    Measured against fdatasync (which waits, and holds the hashing up) and against nothing (then the fsync at
    the end waits for everything): this costs least. Nobody reads the range again, so it need not be cached.
    """
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
