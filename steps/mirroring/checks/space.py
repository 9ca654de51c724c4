"""Room on the data volume: bytes and files, looked at before a run instead of in the middle of one."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import InvalidInputError
from steps.mirroring.ocmirror import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation

log = logging.getLogger(__name__)

FEWEST_FILES: Final = 1000
"""Free inodes without which no run is begun: an operator's image alone takes some dozen in the cache."""


def check_files(directory: Path) -> None:
    """Check that the volume can take more files. Raises InvalidInputError.

    Volumes that make inodes as they need them (btrfs, some of NFS) say that they have none at all.
    """
    volume = os.statvfs(directory)
    if volume.f_files > 0 and volume.f_favail < FEWEST_FILES:
        raise InvalidInputError(
            f"the volume of {directory} can take only {volume.f_favail} more files (inodes)",
            "remove old generations, or give the data directory a volume with more inodes",
        )


def check_import(store: Store, waiting: Iterable[Generation]) -> None:
    """Check that what is to be imported can be unpacked into the cache.

    Raises InvalidInputError where it cannot even if all that is in the cache were part of it; warns where it
    can only then.
    """
    needed, volume = sum(generation.size for generation in waiting), _cache_volume(store)
    free = shutil.disk_usage(volume).free
    if needed <= free:
        return
    room = f"the volume of {volume} has {units.size(free)} free"
    text = f"the archives to import have {units.size(needed)}, {room}"
    if needed > free + store.cache.size():
        raise InvalidInputError(f"{text}; they are unpacked into the cache", reasons.DISK_FULL.hint)
    log.warning("%s: enough only if most of them is in the cache already", text)


def check_full_archive(store: Store) -> None:
    """Warn where a full archive of all that is in the cache would not fit beside it."""
    needed, free = store.cache.size(), shutil.disk_usage(store.root).free
    if needed > free:
        log.warning(
            "the cache has %s, the volume of %s %s free: a full archive of all that would not fit",
            units.size(needed),
            store.root,
            units.size(free),
        )


def summary(store: Store, *, fetched: int, packed: int) -> str:
    """Return whether what is fetched into the cache and archived fits, for the report of a dry run."""
    if not store.cache_is_apart:
        return _fits(store.root, fetched + packed)
    cached = _fits(_cache_volume(store), fetched)
    return f"for the archive {_fits(store.root, packed)}, for the cache {cached}"


def _fits(volume: Path, needed: int) -> str:
    free = shutil.disk_usage(volume).free
    words = "which is enough" if needed <= free else f"{units.size(needed - free)} too little"
    return f"{units.size(free)} are free, {words}"


def _cache_volume(store: Store) -> Path:
    """Return a folder on the volume of the cache; the cache itself need not be there yet."""
    return store.cache.folder if store.cache_is_apart else store.root
