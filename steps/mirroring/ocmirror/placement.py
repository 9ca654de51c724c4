"""Where an image goes: the repository and tag that oc-mirror gives it, in a target as in its cache.

The rules (openshift/oc-mirror, internal/pkg): an image keeps its path without the host, its tag, or
`sha256-HEX` where it is named by digest alone (operator/common.go, additional/, helm/); `targetRepo` and
`targetTag` of an additional image count instead; a release goes to openshift/release-images, its content to
openshift/release under tags that only its metadata tell (release/local_stored_collector.go), so these are
found by digest. Of the target, catalogs and the graph image are left out: oc-mirror makes them anew for each
target, one of each, and never deletes them. Its cache has each catalog as its source has it, under
`targetCatalog` and `targetTag` where these are given (operator/common.go, prepareM2DCopyBatch).

With `--max-nested-paths` the components of a path in the target that exceed it are joined by `-`
(image/image.go, WithMaxNestedPaths); in the cache and in archives they are not (cli/executor.go).

Also the images that an ImageSet names itself, which can be asked for before a run. What a catalog or a
release refers to is found by oc-mirror only; but that changes only with the digest of the catalog, or with
the release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.imageset.model import AdditionalImage, Catalog, Mirror

RELEASES, CONTENT = "openshift/release-images", "openshift/release"
CACHE = "cache"
"""What oc-mirror calls its own cache where it says whereto it copied."""
_JOINED: Final = {place.replace("/", "-"): place for place in (RELEASES, CONTENT)}
GRAPH_IMAGE: Final = "openshift/graph-image"
_LONGEST_TAG = 127
"""Of a tag made from a digest (release/local_stored_collector.go, prepareTag)."""
RELEASE_IMAGES: Final = Reference("quay.io", "openshift-release-dev/ocp-release")
"""Where channels lead (release/cincinnati.go; the release graph names it by digest)."""


def path_of(origin: str) -> str:
    """Return the path that an image keeps in a target, without tag and digest (image/image.go, ParseRef).

    That is its name without the first part, which oc-mirror takes for the registry whatever it looks like.
    For another transport than `docker://`, such as `oci://FOLDER`, it is the whole path.
    """
    reference = Reference.find(origin)
    if reference is None:
        return origin.rpartition("://")[2].partition("@")[0].strip("/")
    if reference.registry:
        return reference.repository
    return reference.repository.partition("/")[2] or reference.repository


@dataclass(frozen=True, slots=True)
class Nesting:
    """How many components the path of an image may have below the target; `room` 0 is any number."""

    room: int = 0

    @classmethod
    def below(cls, target: str, limit: int | None) -> Nesting:
        """Take it from --max-nested-paths, which counts the target's own components as well.

        The rules of the parameters see to it that the target leaves room.
        """
        return cls(max(limit - target.count("/"), 1)) if limit else cls()

    def join(self, place: str) -> str:
        """Return where a place (REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST) is in the target."""
        parts = place.split("/")
        if not self.room or len(parts) <= self.room:
            return place
        kept = parts[: self.room - 1]
        return "/".join([*kept, "-".join(parts[self.room - 1 :])])


def unjoined(repository: str) -> str:
    """Return the name of a release repository as it is without --max-nested-paths; others as they are."""
    return _JOINED.get(repository, repository)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an ImageSet says of where its images go."""

    own_places: Mapping[str, str]
    catalogs: Mapping[str, Catalog]
    nesting: Nesting = Nesting()

    @classmethod
    def of(cls, mirror: Mirror, nesting: Nesting = Nesting()) -> Rules:
        """Take them from an ImageSet."""
        return cls(
            {image.name: _own_place(image) for image in mirror.additional_images},
            {path_of(catalog.catalog): catalog for catalog in mirror.operators},
            nesting,
        )

    def cached(self, origin: str) -> tuple[str, ...]:
        """Return where oc-mirror's cache may have `origin`: REPOSITORY:TAG or REPOSITORY@DIGEST.

        A catalog is there as its source has it, which is not what clusters get.
        """
        image, path = Reference.find(origin), path_of(origin)
        if path.endswith("graph-image"):
            return (f"{GRAPH_IMAGE}:latest",)
        if catalog := self.catalogs.get(path):
            where = catalog.target_catalog or path
            if image and image.digest:  # so oc-mirror names it from 4.22 on, whatever tag it has there
                return (f"{where}@{image.digest}",)
            return (f"{where}:{catalog.target_tag or (image.tag if image else '') or 'latest'}",)
        return self.places(origin, CACHE)

    def places(self, origin: str, namespace: str) -> tuple[str, ...]:
        """Return where `origin` may be found: REPOSITORY:TAG or REPOSITORY@DIGEST, in the cache.

        In the target they are joined as `nesting` says. `namespace` is the parent of its repository there,
        as oc-mirror logs it, without the target itself; `cache` where it is not said. Empty for catalogs and
        the graph image.
        """
        if origin in self.own_places:
            return (self.own_places[origin],)
        image, path = Reference.find(origin), path_of(origin)
        if image is None or path in self.catalogs or path.endswith("graph-image") or not image.version:
            return ()
        usual = f"{path}:{_target_tag(image)}"
        parent = self.nesting.join(path).rpartition("/")[0]
        releases = self.nesting.join(RELEASES).rpartition("/")[0]
        if namespace not in {CACHE, releases}:
            return (usual,) if namespace == parent else ()
        release = _release_places(image)
        if namespace == CACHE or (releases == parent and releases != "openshift"):
            return (usual, *(release if _may_be_release(path) else ()))
        return (usual, *release) if parent == namespace else release


def _own_place(image: AdditionalImage) -> str:
    reference = Reference.find(image.name)
    tag = image.target_tag or (_target_tag(reference) if reference else "") or "latest"
    return f"{image.target_repo or path_of(image.name)}:{tag}"


def _target_tag(image: Reference) -> str:
    """Return the tag that an image gets: its own, else one made of its digest; empty without both."""
    return image.tag or tag_of(image.digest)


def tag_of(digest: str) -> str:
    """Return the tag that oc-mirror gives to an image that is named by digest alone."""
    return digest.replace(":", "-")[:_LONGEST_TAG]


def _may_be_release(path: str) -> bool:
    return bool(re.match(r"openshift-release-dev/|openshift/|ocp[^/]*/", path))


def _release_places(image: Reference) -> tuple[str, ...]:
    if image.tag:
        return (f"{RELEASES}:{image.tag}",)
    return (f"{RELEASES}@{image.digest}", f"{CONTENT}@{image.digest}")


def is_release(places: Iterable[str]) -> bool:
    """Return whether one of these places is that of a release or of its content."""
    return any(place.startswith((f"{RELEASES}:", f"{RELEASES}@")) for place in places)


def first_place(mirror: Mirror) -> str | None:
    """Return a repository below the target that a run by this ImageSet writes to; None if none is known."""
    if mirror.platform.channels:
        return "openshift/release-images"
    for text, own in (
        *((catalog.catalog, catalog.target_catalog) for catalog in mirror.operators),
        *((image.name, image.target_repo) for image in mirror.additional_images),
    ):
        reference = Reference.find(text)
        if place := own or (reference and reference.registry and reference.repository):
            return place
    return None


def texts(mirror: Mirror) -> list[str]:
    """Return the images that an ImageSet names, as written: catalogs, additional images, a release."""
    found = [catalog.catalog for catalog in mirror.operators]
    found += [image.name for image in mirror.additional_images]
    return [*found, mirror.platform.release] if mirror.platform.release else found


def named(mirror: Mirror) -> list[Reference]:
    """Return the named images with a registry, each once, and the repository of the channels' releases."""
    found = [ref for text in texts(mirror) if (ref := Reference.find(text)) and ref.registry]
    if mirror.platform.channels:
        found.append(RELEASE_IMAGES)
    return list(dict.fromkeys(found))
