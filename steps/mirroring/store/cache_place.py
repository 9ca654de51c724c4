"""Where the cache of a data directory lies: inside it, or apart, on a volume of its own.

    DATA/cache-dir      the folder of a cache apart, as the last run used it

A disconnected side needs its cache: a differential archive continues what lies there. So a run with another
folder than the last one is refused while the earlier cache is there and the other is empty.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from steps.errors import ConflictError
from steps.files import write_atomically
from steps.mirroring.request import CACHE, SITES

if TYPE_CHECKING:
    from steps.mirroring.store.cache import Cache

log = logging.getLogger(__name__)


def inside(root: Path) -> Path:
    """Return the folder of the cache where no other is asked for."""
    return root / CACHE


def settle(root: Path, cache: Cache, before: Cache) -> None:
    """Record which folder this run uses. Raises ConflictError if the cache of earlier runs is elsewhere."""
    now, earlier = cache.folder, before.folder
    if earlier != now and before.holds_images and not cache.holds_images:
        raise ConflictError(
            f"the cache of {root} is in {earlier}, and {now}, which cache-dir says now, is empty",
            f"move it: 'mkdir -p {now} && mv {earlier}/.oc-mirror {now}/', or give the former cache-dir",
        )
    if _record(root).exists() and not cache.holds_images:
        log.warning("the cache in %s is empty, earlier runs used %s: is its volume mounted?", now, earlier)
    if cache.folder == inside(root):
        _record(root).unlink(missing_ok=True)
    elif before.folder != cache.folder:
        write_atomically(_record(root), f"{cache.folder}\n")


def last(root: Path) -> Path:
    """Return the folder that the last run used."""
    try:
        return Path(_record(root).read_text().strip())
    except FileNotFoundError:
        return inside(root)


def shared(root: Path) -> Path:
    """Return the cache of a data directory, which may be that of a site: then, that of all its sites."""
    return inside(root.absolute().parents[1]) if root.absolute().parent.name == SITES else last(root)


def _record(root: Path) -> Path:
    return root / "cache-dir"
