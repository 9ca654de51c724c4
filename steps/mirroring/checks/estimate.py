"""How large what a dry run lists would be: bytes to fetch, bytes to archive, and whether the disk has room.

From manifests, which name every blob with its size: from oc-mirror's cache where that has them, else from the
registry. What no manifest tells (a registry that does not answer, an image that oc-mirror would build) is
counted as untold, never guessed.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.bounded import json_of
from steps.errors import RegistryError
from steps.files import write_atomically
from steps.mirroring.checks import space
from steps.mirroring.ocmirror import mapping
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steps.mirroring.store import Store
    from steps.oci.access import Access

log = logging.getLogger(__name__)

PATIENCE: Final = 180.0
"""Seconds for all manifests; a release has two hundred, a large catalog a few thousand."""
AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Sizes:
    """Blobs with their size in bytes, each once; how many images nothing tells of."""

    blobs: dict[str, int] = field(default_factory=dict)
    untold: int = 0

    def without(self, known: Callable[[str], bool]) -> int:
        """Return the bytes of the blobs that are not known."""
        return sum(size for digest, size in self.blobs.items() if not known(digest))


def archive(store: Store, lines: list[str], archived: set[str], source: Access) -> str:
    """Return in words what the images of a mapping cost beyond the cache, and beyond `archived` blobs."""
    sizes = measure(store, lines, source)
    fetched = sizes.without(store.cache.has)
    packed = sizes.without(archived.__contains__)
    text = f"about {units.size(fetched)} to fetch, {units.size(packed)} to archive"
    return f"{text}{_untold(sizes)}; {space.summary(store, fetched=fetched, packed=packed)}"


def copy(store: Store, lines: list[str], source: Access) -> str:
    """Return in words the size of all images, for direct; what the target has is not copied again."""
    sizes = measure(store, lines, source)
    total = units.size(sizes.without(lambda _digest: False))
    return f"about {total} in all{_untold(sizes)}, less what the target has"


def keep_lists(store: Store, runs: Iterable[mapping.Lists], size: str) -> str:
    """Keep what one dry run, or several in a row, listed; return a summary in one line with `size`."""
    counts = {}
    runs = list(runs)
    for name in (mapping.MAPPING, mapping.MISSING):
        lines = dict.fromkeys(line for lists in runs for line in lists[name])
        write_atomically(store.planned / name, "".join(f"{line}\n" for line in lines))
        counts[name] = len(lines)
    uncached = f", {counts[mapping.MISSING]} of them to be fetched" if counts[mapping.MISSING] else ""
    return (
        f"dry run: {counts[mapping.MAPPING]} images would be mirrored{uncached}; {size};"
        f" no archive, history or registry was changed; the list is {store.planned / mapping.MAPPING}"
    )


def measure(store: Store, lines: Iterable[str], source: Access) -> Sizes:
    """Read the manifests of all images of a mapping, several at once."""
    reader = _Reader(store, source.within(PATIENCE))
    sizes: dict[str, int] = {}
    untold = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(reader.blobs, mapping.sources(lines)):
            sizes.update(found or {})
            untold += found is None
    return Sizes(sizes, untold)


class _Reader:
    """Reads manifests, of an index those of all its platforms: oc-mirror copies them all."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store, self._access = store, access

    def blobs(self, source: str) -> dict[str, int] | None:
        """Return the sizes of an image's blobs, manifests included; None where they are unknown."""
        reference = Reference.find(source)
        if reference is None or not reference.registry or not reference.version:
            return None
        try:
            return self._of(reference.name, reference.version)
        except (
            RegistryError,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            log.debug("%s: %s", source, error)
            return None

    def _of(self, repository: str, version: str) -> dict[str, int]:
        found: dict[str, int] = {}
        ahead, asked = [version], set[str]()
        while ahead:
            version = ahead.pop()
            if version in asked:
                continue
            asked.add(version)
            digest, content = self._manifest(repository, version)
            manifest: dict[str, Any] = json_of(content)
            found[digest] = len(content)
            ahead += [str(child["digest"]) for child in manifest.get("manifests") or []]
            for blob in [manifest.get("config"), *(manifest.get("layers") or [])]:
                if blob:
                    found[str(blob["digest"])] = int(blob["size"])
        return found

    def _manifest(self, repository: str, version: str) -> tuple[str, bytes]:
        if version.startswith("sha256:") and self._store.cache.has(version):
            return version, self._store.cache.blob(version).read_bytes()
        with self._access.open(repository) as opened:
            return opened.manifest(version)


def _untold(sizes: Sizes) -> str:
    return f", and what {sizes.untold} images have that no manifest told of" if sizes.untold else ""
