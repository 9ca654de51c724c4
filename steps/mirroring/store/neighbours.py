"""The data directories that share a cache: nothing that one of them needs may go at the word of another.

    CACHE/used-by      one path a line: relative to CACHE for DATA and its sites, if CACHE is DATA/cache

DATA and all folders in DATA/sites count in any case: a data directory of an earlier version has not written
itself there, nor has a site that was renamed. A site has gone for good when its folder is gone. Of any other
data directory, and of a site whose folder is empty or a link to nowhere, it is not known: its volume may only
be missing now.
"""

from __future__ import annotations

import os
from pathlib import Path

from steps.files import write_atomically
from steps.mirroring.request import CACHE, SITES
from steps.mirroring.store import cache_place
from steps.mirroring.store.cache import Cache


def join(root: Path, cache: Path) -> None:
    """Record that the data directory `root` uses the cache; to be called with the cache's lock held."""
    known = _read(cache)
    wanted = [name for name in known if not _has_gone(cache, name)]
    if (own := _name(root, cache)) not in wanted:
        wanted.append(own)
    if wanted != known:
        write_atomically(record(cache), "".join(f"{name}\n" for name in wanted))


def others(root: Path, cache: Path) -> tuple[list[Path], list[Path]]:
    """Return the other data directories that use the cache, and those of which it is not known."""
    own = _name(root, cache)
    names = [name for name in _read(cache) if not _has_gone(cache, name)]
    names = [name for name in dict.fromkeys([*names, *_around(cache)]) if name != own]
    uses = {_folder(cache, name): _uses(cache, name) for name in names}
    return [one for one, known in uses.items() if known], [
        one for one, known in uses.items() if known is None
    ]


def record(cache: Path) -> Path:
    """Return where it is written who uses the cache."""
    return cache / "used-by"


def _read(cache: Path) -> list[str]:
    try:
        text = record(cache).read_text(errors="replace").replace("\0", "\ufffd")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def _around(cache: Path) -> list[str]:
    """Return the names of DATA and of its sites, where the cache lies in DATA and there are sites."""
    sites = cache.parent / SITES
    if cache.name != CACHE or not sites.is_dir():
        return []
    return ["..", *(f"../{SITES}/{path.name}" for path in sorted(sites.iterdir()) if _is_filled(path))]


def _name(root: Path, cache: Path) -> str:
    """Return a name that lasts: DATA may be moved with its sites, or be mounted elsewhere."""
    if root == cache.parent:
        return ".."
    return f"../{SITES}/{root.name}" if root.parent == cache.parent / SITES else str(root)


def _folder(cache: Path, name: str) -> Path:
    """Return the folder of a name; what a link at the place of the cache leads to does not count."""
    return Path(os.path.normpath(cache / name))


def _has_gone(cache: Path, name: str) -> bool:
    return name.startswith(f"../{SITES}/") and not os.path.lexists(_folder(cache, name))


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _uses(cache: Path, name: str) -> bool | None:
    """Return whether a data directory still uses the cache; None where that is not known."""
    folder = _folder(cache, name)
    if name.startswith(".."):
        return True if _is_filled(folder) else None
    last = cache_place.last(folder)
    if last == cache:
        return True
    return False if Cache(last).holds_images else None
