"""Which platforms of an index are asked for: `platforms` of an ImageSet (api/v2alpha1/type_config.go).

oc-mirror then copies the index as it is, so that its digest stays, and of its manifests those of the named
platforms only. The index in the target is sparse: it names manifests that the target does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.mirroring.ocmirror.placement import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.imageset.model import Mirror, OsPlatform


@dataclass(frozen=True, slots=True)
class Platforms:
    """What an ImageSet asks for, OS/ARCHITECTURE each.

    `own` are those of additional images, by their place below the target; `others` those of releases,
    catalogs and charts together, since nothing tells which of these an image belongs to.
    """

    own: Mapping[str, frozenset[str]]
    others: frozenset[str]

    @classmethod
    def of(cls, mirror: Mirror) -> Platforms:
        """Take them from an ImageSet."""
        places = Rules.of(mirror).own_places
        own = {
            places[image.name]: _names(image.platforms)
            for image in mirror.additional_images
            if image.platforms
        }
        charts = [*mirror.helm.local, *(chart for one in mirror.helm.repositories for chart in one.charts)]
        others = [mirror.platform.platforms]
        others += [catalog.platforms for catalog in mirror.operators]
        others += [chart.platforms for chart in charts]
        return cls(own, frozenset().union(*map(_names, others)))

    def __bool__(self) -> bool:
        """Whether anything is asked for by platform."""
        return bool(self.own or self.others)

    @property
    def all(self) -> frozenset[str]:
        """All platforms that are asked for."""
        return self.others.union(*self.own.values())

    def lack(self, place: str, there: Mapping[str, bool]) -> str:
        """Say what of an index the target lacks; empty if it has what is asked for.

        `place` is that of the index below the target, `there` says of each platform that the index lists
        whether the target has its manifest. Where nothing tells which platforms are asked for, one is enough.
        """
        if place in self.own:
            lacking = sorted(self.own[place] - {platform for platform, has in there.items() if has})
            return f"without {', '.join(lacking)}" if lacking else ""
        wanted = self.others & there.keys()
        if not wanted or any(there[platform] for platform in wanted):
            return ""
        return f"without {', '.join(sorted(wanted))}"


def _names(platforms: Iterable[OsPlatform]) -> frozenset[str]:
    return frozenset(f"{one.os}/{one.architecture}" for one in platforms)
