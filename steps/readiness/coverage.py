"""Where clusters are led to for an image, by what is published for them, and where it usually lies (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalog_sources import catalog_reference
from steps.autoshift.release_channels import UpdateChannel
from steps.mirroring.ocmirror import placement
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.ocmirror.placement import CONTENT, GRAPH_IMAGE, RELEASES, Nesting, Rules
from steps.oci.reference import Reference
from steps.trust import releases
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from steps.imageset.model import Mirror, ReleaseChannel
    from steps.readiness.known import Known

_OF_MINOR: Final = re.compile(r"v\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Coverage:
    """The mirror sets, catalogs and update service that the clusters of a target are given.

    `named` are the catalogs by the name of their CatalogSource.

    `is_known` is False where nobody says what they are given: then it is assumed that they look where
    oc-mirror puts the images, which proves nothing.
    """

    target: str
    is_known: bool
    by_digest: MirrorSets
    by_tag: MirrorSets
    catalogs: frozenset[str]
    named: Mapping[str, frozenset[str]]
    service: Mapping[str, Any] | None
    nesting: Nesting
    imagesets: tuple[Mirror, ...]

    @classmethod
    def of(cls, known: Known) -> Coverage:
        """Take it from what is known of a target."""
        resources = known.resources or ()
        named = _by_name(one for one in resources if one.get("kind") == "CatalogSource")
        services = [one.get("spec") or {} for one in resources if one.get("kind") == "UpdateService"]
        return cls(
            target=known.target,
            is_known=known.resources is not None,
            by_digest=MirrorSets.of(resources),
            by_tag=MirrorSets.for_tags(resources),
            catalogs=frozenset(image for images in named.values() for image in images),
            named=named,
            service=services[0] if services else None,
            nesting=Nesting(known.room),
            imagesets=known.imagesets or (),
        )

    @property
    def releases(self) -> str:
        """The repository of the releases, HOST/REPOSITORY."""
        named = str((self.service or {}).get("releases") or "")
        return named if self.is_below(named) else self._below(RELEASES)

    @property
    def graph_image(self) -> str:
        """The reference of the graph image."""
        named = str((self.service or {}).get("graphDataImage") or "")
        return named if self.is_below(named) else f"{self._below(GRAPH_IMAGE)}:latest"

    def places(self, name: str, *, by_tag: bool = False) -> tuple[str, ...]:
        """Return where clusters look for HOST/REPOSITORY in the target; nothing if they are not led there.

        What has its origin in the target is looked for there, unless a mirror set leads elsewhere.
        """
        if not self.is_known:
            return (self.usual(name),)
        found = (self.by_tag if by_tag else self.by_digest).places(name)
        if not found and self.is_below(name):
            return (name,)
        return tuple(place for place in found if self.is_below(place))

    def usual(self, name: str) -> str:
        """Return where oc-mirror puts images of HOST/REPOSITORY; those of the target are there already."""
        if self.is_below(name):
            return name
        if name in releases.CONTENTS:
            return self._below(CONTENT)
        return self._below(RELEASES if name == releases.RELEASES else placement.path_of(name))

    def catalog(self, source: str, minor: str) -> str:
        """Return where the catalog of a source lies for an OpenShift minor, with its tag."""
        wanted = Reference.parse(catalog_reference(source, minor))
        for mirror in self.imagesets:
            for catalog in mirror.operators:
                named = Reference.find(catalog.catalog)
                if (
                    named
                    and named.name == wanted.name
                    and wanted.version in {named.version, catalog.target_tag}
                ):
                    place = catalog.target_catalog or placement.path_of(catalog.catalog)
                    return f"{self._below(place)}:{catalog.target_tag or wanted.tag}"
        return f"{self._below(placement.path_of(wanted.name))}:{wanted.tag or 'latest'}"

    def leads_to_catalog(self, place: str) -> bool:
        """Return whether a CatalogSource has the catalog at a place."""
        return not self.is_known or place in self.catalogs

    def catalogs_beside(self, place: str) -> tuple[str, ...]:
        """Return the other catalogs that clusters with the catalog at a place are given, by their places.

        Catalogs of other minors, which have a tag vX.Y that is another one, are not among them.
        """
        here = Reference.parse(place)
        found = {image for image in self.catalogs if self.is_below(image)}
        tags = {image: (Reference.find(image) or here).tag for image in found}
        return tuple(
            sorted(
                image
                for image in found - {place}
                if tags[image] == here.tag
                or not (_OF_MINOR.fullmatch(tags[image]) and _OF_MINOR.fullmatch(here.tag))
            )
        )

    def asks_for_release(self, version: str, architecture: str) -> bool:
        """Return whether an ImageSet names a range of a channel that has a release.

        Of a channel without a range the head comes, and nobody knows which release that was; so it is with
        what lies on a shortest path.
        """
        return any(
            _is_in(channel, version)
            for mirror in self.imagesets
            if architecture in (mirror.platform.architectures or ("amd64",))
            for channel in mirror.platform.channels
        )

    def own_image(self, name: str) -> bool:
        """Return whether an ImageSet names an additional image."""
        return any(name in Rules.of(mirror).own_places for mirror in self.imagesets)

    def is_below(self, place: str) -> bool:
        """Return whether a place lies in the target."""
        return place.startswith(f"{self.target}/")

    def _below(self, place: str) -> str:
        return f"{self.target}/{self.nesting.join(place)}"


def _by_name(sources: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Return the images of CatalogSources by their name; of several data directories one may have several."""
    found: dict[str, frozenset[str]] = {}
    for one in sources:
        name = str((one.get("metadata") or {}).get("name") or "")
        if image := str((one.get("spec") or {}).get("image") or ""):
            found[name] = found.get(name, frozenset()) | {image}
    return found


def _is_in(channel: ReleaseChannel, version: str) -> bool:
    low, high = channel.min_version, channel.max_version
    if not (low or high) or (channel.shortest_path and version not in {low, high}):
        return False
    try:
        is_had = UpdateChannel.parse(channel.name).may_have(version)
    except ValueError:  # a channel of another kind, such as that of OKD
        return False
    after = not low or precedence(low) <= precedence(version)
    return is_had and after and (not high or precedence(version) <= precedence(high))
