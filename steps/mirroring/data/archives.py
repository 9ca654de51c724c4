"""The tar files of a generation: written to their end, hashed, checked, laid into oc-mirror's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, MirrorError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TRAILER = 1024
"""A tar file ends with two blocks of zeros (POSIX pax); without them its writing was cut short."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One file of a generation; size in bytes."""

    name: str
    size: int
    sha256: str


def settle(archives: Sequence[Path]) -> None:
    """See that oc-mirror has written every archive to its end, and that they are on the disk for good.

    Raises MirrorError: a full disk while closing an archive is only a warning to oc-mirror.
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
        sync(archive)


def hashed(paths: Sequence[Path]) -> list[str]:
    """The sha256 of each file, spread over the cores; an exception, SIGTERM included, ends it at once."""
    stop = threading.Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(lambda path: _sha256(path, stop), paths))
        except BaseException:
            stop.set()
            raise


def lay_into_cache(archive: Path, cache: Path) -> int:
    """Unpack the registry's files (`docker/…`) of an archive to `cache`, as oc-mirror would; return bytes.

    Each file appears whole or not at all, since a kill must leave no half blob under a blob's name; what is
    there in full is not written again. Raises InvalidInputError if the archive is no tar file of oc-mirror's.
    """
    laid = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if member.isfile() and member.name.startswith("docker/"):
                    laid += _lay(tar, member, cache)
    except tarfile.TarError as error:
        raise InvalidInputError(
            f"{archive} cannot be unpacked: {error}", "copy the generation's whole folder again"
        ) from error
    return laid


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk for good."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lay(tar: tarfile.TarFile, member: tarfile.TarInfo, cache: Path) -> int:
    name = PurePosixPath(member.name)
    if ".." in name.parts:
        raise tarfile.TarError(f"it holds a file named {name}")
    path = cache / name
    # A blob is named by its hash, so a blob of that size is that blob; links are small, and may point anew.
    if name.name == "data" and path.is_file() and path.stat().st_size == member.size:
        return 0
    source = tar.extractfile(member)
    if source is None or "_uploads" in name.parts:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with source, unfinished.open("wb") as stream:
        shutil.copyfileobj(source, stream, _CHUNK)
    unfinished.replace(path)
    return member.size


def _sha256(path: Path, stop: threading.Event) -> str:
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as stream:
        while (size := stream.readinto(buffer)) and not stop.is_set():
            digest.update(buffer[:size])
    return digest.hexdigest()
