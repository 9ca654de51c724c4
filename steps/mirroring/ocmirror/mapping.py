"""What must be in a target after a run: oc-mirror's own list, read from a dry run (pure).

`dry-run/mapping.txt` has a line `SOURCE=DESTINATION` for each image, both with their transport. From disk the
sources are oc-mirror's cache, whose files name the digest of each tag (distribution/distribution,
registry/storage/paths.go); direct they are registries, most by digest. Its own cache as destination, as for
a catalog before it is filtered, is none of the target's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CACHE = re.compile(r"docker://localhost:\d+/")
_BY_DIGEST = re.compile(r"sha256-([0-9a-f]{64})")
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """An image in a target: its repository (without host), tag, and digest; either of these may be empty."""

    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        """REPOSITORY:TAG, or REPOSITORY@DIGEST without one."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"


def expected(
    lines: Iterable[str], target: str, cached: Callable[[str, str], str] = lambda _repository, _tag: ""
) -> list[Expected]:
    """The images that `lines` of a mapping bring to `target`, sorted.

    `cached` gives the digest of a repository's tag in oc-mirror's cache, empty where there is none.
    """
    start = f"docker://{target}/"
    host = target.partition("/")[0]
    found = set()
    for line in lines:
        source, _, destination = line.strip().rpartition("=docker://")
        destination = f"docker://{destination}"
        if source and destination.startswith(start):
            found.add(_one(source, destination.removeprefix(f"docker://{host}/"), cached))
    return sorted(found)


def _one(source: str, destination: str, cached: Callable[[str, str], str]) -> Expected:
    place, _, digest = destination.partition("@")
    repository, tag = _split(place)
    if found := _DIGEST.search(source):
        digest = found[1]
    elif inside := _CACHE.match(source):
        digest = cached(*_split(source[inside.end() :])) or digest
    if not digest and (found := _BY_DIGEST.fullmatch(tag)):
        digest = f"sha256:{found[1]}"
    return Expected(repository, tag, digest)


def _split(place: str) -> tuple[str, str]:
    repository, colon, tag = place.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (place, "")
