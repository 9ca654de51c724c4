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

    from steps.mirroring.data.generations import Generation
    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)

FEWEST_FILES: Final = 1000
"""Free inodes without which no run is begun: an operator's image alone takes some dozen in the cache."""


def check_files(directory: Path) -> None:
    """See that the volume can take more files. Raises InvalidInputError.

    Volumes that make inodes as they need them (btrfs, some of NFS) say that they have none at all.
    """
    volume = os.statvfs(directory)
    if volume.f_files > 0 and volume.f_favail < FEWEST_FILES:
        raise InvalidInputError(
            f"the volume of {directory} can take only {volume.f_favail} more files (inodes)",
            "remove old generations, or give the data directory a volume with more inodes",
        )


def check_intake(layout: Layout, waiting: Iterable[Generation]) -> None:
    """See that what is to be taken in can be unpacked into the cache.

    Raises InvalidInputError where it cannot even if all that is in the cache were part of it; warns where it
    can only then.
    """
    needed, free = sum(one.size for one in waiting), shutil.disk_usage(layout.root).free
    if needed <= free:
        return
    room = f"the volume of {layout.root} has {units.size(free)} free"
    text = f"the archives to take in have {units.size(needed)}, {room}"
    if needed > free + _size(layout.cached_registry):
        raise InvalidInputError(f"{text}; they are unpacked into the cache", reasons.DISK_FULL.hint)
    log.warning("%s: enough only if most of them is in the cache already", text)


def check_full_archive(layout: Layout) -> None:
    """Warn where a full archive of all that is in the cache would not fit beside it."""
    needed, free = _size(layout.cached_registry), shutil.disk_usage(layout.root).free
    if needed > free:
        log.warning(
            "the cache has %s, the volume of %s %s free: a full archive of all that would not fit",
            units.size(needed),
            layout.root,
            units.size(free),
        )


def verdict(layout: Layout, needed: int) -> str:
    """Whether `needed` bytes fit, for the report of a dry run."""
    free = shutil.disk_usage(layout.root).free
    words = "which is enough" if needed <= free else f"{units.size(needed - free)} too little"
    return f"{units.size(free)} are free, {words}"


def _size(folder: Path) -> int:
    total = 0
    for where, _folders, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(f"{where}/{name}").st_size
            except FileNotFoundError:
                continue
    return total
