"""Where an image goes: the repository and tag that oc-mirror gives it, in a target as in its cache.

The rules (openshift/oc-mirror, internal/pkg): an image keeps its path without the host, its tag, or
`sha256-HEX` where it is named by digest alone (operator/common.go, additional/, helm/); `targetRepo` and
`targetTag` of an additional image count instead; a release goes to openshift/release-images, its content to
openshift/release under tags that only its metadata tell (release/local_stored_collector.go), so these are
found by digest. Catalogs and the graph image are left out: oc-mirror makes them anew for each target, one
of each, and never deletes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RELEASES, CONTENT = "openshift/release-images", "openshift/release"
CACHE = "cache"
"""What oc-mirror calls its own cache where it says whereto it copied."""
_LONGEST_TAG = 127
"""Of a tag made from a digest (release/local_stored_collector.go, prepareTag)."""


@dataclass(frozen=True, slots=True)
class Origin:
    """An image as its source names it: path without host, tag and digest, empty where there is none."""

    path: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read HOST/PATH[:TAG][@DIGEST], with or without a transport (image/image.go, ParseRef)."""
        transport, _, rest = text.rpartition("://")
        name, _, digest = rest.partition("@")
        if transport not in {"", "docker"}:
            return cls(name.strip("/"), "", digest)
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        path = f"{head}{slash}{last}"
        return cls(path.partition("/")[2] or path, tag, digest)

    @property
    def target_tag(self) -> str:
        """The tag it gets: its own, else one made of its digest."""
        return self.tag or self.digest.replace(":", "-")[:_LONGEST_TAG]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an ImageSet says of where its images go."""

    own_places: Mapping[str, str]
    catalogs: frozenset[str]

    @classmethod
    def of(cls, imageset: bytes) -> Rules:
        """Read them from a valid ImageSet."""
        mirror: dict[str, Any] = (yaml.safe_load(imageset) or {}).get("mirror") or {}
        images = mirror.get("additionalImages") or []
        operators = mirror.get("operators") or []
        return cls(
            {str(image["name"]): _own_place(image) for image in images},
            frozenset(Origin.parse(str(operator["catalog"])).path for operator in operators),
        )

    def places(self, origin: str, namespace: str) -> tuple[str, ...]:
        """Where `origin` may be found: REPOSITORY:TAG or REPOSITORY@DIGEST, below the target.

        `namespace` is the parent of its repository there, as oc-mirror logs it, without the target itself;
        `cache` where it is not said. Empty for catalogs and the graph image.
        """
        if origin in self.own_places:
            return (self.own_places[origin],)
        image = Origin.parse(origin)
        if image.path in self.catalogs or image.path.endswith("graph-image") or not image.target_tag:
            return ()
        usual = f"{image.path}:{image.target_tag}"
        parent = image.path.rpartition("/")[0]
        if namespace not in {CACHE, "openshift"}:
            return (usual,) if namespace == parent else ()
        release = _release_places(image)
        if namespace == CACHE:
            return (usual, *(release if _may_be_release(image) else ()))
        return (usual, *release) if parent == namespace else release


def _own_place(image: Mapping[str, Any]) -> str:
    named = Origin.parse(str(image["name"]))
    return f"{image.get('targetRepo') or named.path}:{image.get('targetTag') or named.target_tag or 'latest'}"


def _may_be_release(image: Origin) -> bool:
    return bool(re.match(r"openshift-release-dev/|openshift/|ocp[^/]*/", image.path))


def _release_places(image: Origin) -> tuple[str, ...]:
    if image.tag:
        return (f"{RELEASES}:{image.tag}",)
    return (f"{RELEASES}@{image.digest}", f"{CONTENT}@{image.digest}")


def is_release(places: Iterable[str]) -> bool:
    """Whether one of these places is that of a release or of its content."""
    return any(place.startswith((f"{RELEASES}:", f"{RELEASES}@")) for place in places)
