"""The data directories that share a cache: nothing that one of them needs may go at the word of another.

    CACHE/used-by      one path a line: relative to CACHE for DATA and its sites, if CACHE is DATA/cache

A site has gone for good when its folder is gone. Of any other data directory it is not known: its volume may
only be missing now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring.request import SITES
from steps.mirroring.store import cache_place
from steps.mirroring.store.cache import Cache

if TYPE_CHECKING:
    from pathlib import Path


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
    names = [name for name in _read(cache) if name != own and not _has_gone(cache, name)]
    uses = {(cache / name).resolve(): _uses(cache, name) for name in names}
    return [one for one, known in uses.items() if known], [
        one for one, known in uses.items() if known is None
    ]


def record(cache: Path) -> Path:
    """Return where it is written who uses the cache."""
    return cache / "used-by"


def _read(cache: Path) -> list[str]:
    try:
        return [line for line in record(cache).read_text().splitlines() if line.strip()]
    except FileNotFoundError:
        return []


def _name(root: Path, cache: Path) -> str:
    """Return a name that lasts: DATA may be moved with its sites, or be mounted elsewhere."""
    if root == cache.parent:
        return ".."
    return f"../{SITES}/{root.name}" if root.parent == cache.parent / SITES else str(root)


def _has_gone(cache: Path, name: str) -> bool:
    return name.startswith(f"../{SITES}/") and not (cache / name).is_dir()


def _uses(cache: Path, name: str) -> bool | None:
    """Return whether a data directory still uses the cache; None where that is not known."""
    folder = cache / name
    if name.startswith(".."):
        return True
    last = cache_place.last(folder)
    if last == cache:
        return True
    return False if Cache(last).holds_images else None
