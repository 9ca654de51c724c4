"""Where mirror sets lead a node: the places that it tries for an image by digest, or by tag (pure).

The machine config operator makes a registries.conf of them, with one entry for each source of both kinds
(openshift/runtime-utils, pkg/registries). There the longest source counts that the name of an image lies in,
and its mirrors are tried in their order (containers-registries.conf(5)). So a longer source for tags hides a
shorter one for digests, and the other way round. A source `*.HOST` has the images of all subdomains of HOST;
what follows the host of an image is put behind its mirror.
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
    """The mirrors of each source. One for the other kind of images is there too, without any."""

    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Mapping[str, Any]]) -> MirrorSets:
        """Take those of images by digest from published resources, ImageDigestMirrorSets."""
        return cls._of(resources, _DIGESTS, _TAGS)

    @classmethod
    def for_tags(cls, resources: Iterable[Mapping[str, Any]]) -> MirrorSets:
        """Take those of images by tag, ImageTagMirrorSets."""
        return cls._of(resources, _TAGS, _DIGESTS)

    @classmethod
    def _of(
        cls, resources: Iterable[Mapping[str, Any]], own: tuple[str, str], other: tuple[str, str]
    ) -> MirrorSets:
        documents = list(resources)
        return cls({**dict.fromkeys(_sources(documents, *other), ()), **_sources(documents, *own)})

    def places(self, name: str) -> tuple[str, ...]:
        """Return where HOST/REPOSITORY is tried, the first one first; nothing where no source has it."""
        source = self._source(name)
        return tuple(f"{mirror}{_rest(name, source)}" for mirror in self.mirrors.get(source, ()))

    def hiding(self, name: str) -> str:
        """Return the source for the other kind of images that hides a shorter one; empty where none does."""
        source = self._source(name)
        if not source or self.mirrors[source]:
            return ""
        shorter = (one for one, mirrors in self.mirrors.items() if mirrors and _rest(name, one) is not None)
        return source if any(shorter) else ""

    def _source(self, name: str) -> str:
        """Return the longest source that HOST/REPOSITORY lies in; empty where none has it."""
        return max((one for one in self.mirrors if _rest(name, one) is not None), key=len, default="")


def in_resources(
    by_digest: Iterable[tuple[str, str]], by_tag: Iterable[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return an ImageDigestMirrorSet and an ImageTagMirrorSet for pairs of source and mirror."""
    return [
        {"kind": kind, "spec": {key: [{"source": source, "mirrors": [mirror]} for source, mirror in pairs]}}
        for (kind, key), pairs in ((_DIGESTS, by_digest), (_TAGS, by_tag))
    ]


def _sources(resources: Iterable[Mapping[str, Any]], kind: str, key: str) -> dict[str, tuple[str, ...]]:
    """Return the mirrors of each source. One that has none but itself counts for nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for resource in resources:
        if resource.get("kind") != kind:
            continue
        for entry in (resource.get("spec") or {}).get(key) or []:
            source, mirrors = str(entry.get("source")), tuple(map(str, entry.get("mirrors") or ()))
            if {*mirrors} - {source}:
                found[source] = tuple(dict.fromkeys((*found.get(source, ()), *mirrors)))
    return found


def _rest(name: str, source: str) -> str | None:
    """Return what a name has behind a source; None where it does not lie in it."""
    if source.startswith("*."):
        host, slash, path = name.partition("/")
        return f"{slash}{path}" if host.endswith(source[1:]) else None
    return name.removeprefix(source) if name == source or name.startswith(f"{source}/") else None
