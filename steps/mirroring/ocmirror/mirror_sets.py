"""Where mirror sets lead a node: the places that it tries for an image by digest, or by tag (pure).

The machine config operator makes a registries.conf of them. There the longest source counts that the name
of an image lies in, and its mirrors are tried in their order (containers-registries.conf(5)). A source
`*.HOST` has the images of all subdomains of HOST; what follows the host of an image is put behind its mirror.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DIGESTS = ("ImageDigestMirrorSet", "imageDigestMirrors")
_TAGS = ("ImageTagMirrorSet", "imageTagMirrors")


@dataclass(frozen=True, slots=True)
class MirrorSets:
    """The mirrors of each source."""

    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Mapping[str, Any]]) -> MirrorSets:
        """Take them from published resources; all but ImageDigestMirrorSets is passed over."""
        return cls._of(resources, *_DIGESTS)

    @classmethod
    def for_tags(cls, resources: Iterable[Mapping[str, Any]]) -> MirrorSets:
        """Take the mirrors of images by tag; all but ImageTagMirrorSets is passed over."""
        return cls._of(resources, *_TAGS)

    @classmethod
    def _of(cls, resources: Iterable[Mapping[str, Any]], kind: str, field_name: str) -> MirrorSets:
        found: dict[str, tuple[str, ...]] = {}
        for resource in resources:
            if resource.get("kind") != kind:
                continue
            for entry in (resource.get("spec") or {}).get(field_name) or []:
                source, mirrors = str(entry.get("source")), tuple(map(str, entry.get("mirrors") or ()))
                found[source] = tuple(dict.fromkeys((*found.get(source, ()), *mirrors)))
        return cls(found)

    def places(self, name: str) -> tuple[str, ...]:
        """Return where HOST/REPOSITORY is tried, the first one first; nothing where no source has it."""
        rest = {source: _rest(name, source) for source in self.mirrors}
        source = max((one for one, found in rest.items() if found is not None), key=len, default="")
        return tuple(f"{mirror}{rest[source]}" for mirror in self.mirrors.get(source, ()))


def _rest(name: str, source: str) -> str | None:
    """Return what a name has behind a source; None where it does not lie in it."""
    if source.startswith("*."):
        host, slash, path = name.partition("/")
        return f"{slash}{path}" if host.endswith(source[1:]) else None
    return name.removeprefix(source) if name == source or name.startswith(f"{source}/") else None
