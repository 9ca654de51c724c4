"""What oc-mirror lists in a dry run: what would be mirrored, and so what must be in a target after a run.

`dry-run/mapping.txt` has a line `SOURCE=DESTINATION` for each image, both with their transport. From disk the
sources are oc-mirror's cache, whose files name the digest of each tag (distribution/distribution,
registry/storage/paths.go); direct they are registries, most by digest. Its own cache as destination, as for
a catalog before it is filtered, is none of the target's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steps.errors import MirrorError
from steps.oci.reference import InvalidReferenceError, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MAPPING, MISSING = "mapping.txt", "missing.txt"
"""oc-mirror's lists: what would be mirrored, and what of it the cache lacks (by to-disk only)."""

Lists = dict[str, list[str]]
"""The lines of these lists, by file."""

CACHE = re.compile(r"localhost:\d+")
"""The registry that oc-mirror's cache is."""
_BY_DIGEST = re.compile(r"sha256-([0-9a-f]{64})")


def read(working_dir: Path) -> Lists:
    """Return what a dry run in `working_dir` listed."""
    folder = working_dir / "dry-run"
    return {
        name: [line for line in (folder / name).read_text().splitlines() if line.strip()]
        if (folder / name).exists()
        else []
        for name in (MAPPING, MISSING)
    }


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """An image of the target, with its digest where it is known, and where oc-mirror reads it from."""

    image: Reference
    source: str = ""


def expected(
    lines: Iterable[str], target: str, cached: Callable[[str, str], str] = lambda _repository, _tag: ""
) -> list[Expected]:
    """Return what `lines` of a mapping bring to `target`, sorted.

    `cached` gives the digest of a repository's tag in oc-mirror's cache, empty where there is none. Raises
    MirrorError for a line that names no image of a registry.
    """
    found = set()
    for line in lines:
        source, destination = _split(line)
        if source and destination.startswith(f"{target}/"):
            try:
                found.add(Expected(_expected(source, Reference.parse(destination), cached), source))
            except InvalidReferenceError as error:
                raise MirrorError(
                    f"oc-mirror lists an image that cannot be looked up in {target}: {error.reason}",
                    f"report it with this line of its list: {line.strip()}",
                ) from error
    return sorted(found)


def sources(lines: Iterable[str]) -> list[str]:
    """Return the sources of a mapping's lines as they are written, each once, in their order."""
    return list(dict.fromkeys(_split(line)[0] for line in lines))


def _split(line: str) -> tuple[str, str]:
    """Split a line into source, with its transport, and destination, without."""
    source, _, destination = line.strip().rpartition("=docker://")
    return source, destination


def _expected(source: str, image: Reference, cached: Callable[[str, str], str]) -> Reference:
    origin = Reference.find(source)
    digest = origin.digest if origin else ""
    if origin and not digest and CACHE.fullmatch(origin.registry):
        digest = cached(origin.repository, origin.tag)
    digest = digest or image.digest
    if not digest and (found := _BY_DIGEST.fullmatch(image.tag)):
        digest = f"sha256:{found[1]}"
    return replace(image, digest=digest)
