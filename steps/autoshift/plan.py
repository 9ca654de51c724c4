"""The plan: everything that the fleet needs mirrored, and who asks for each thing.

The plan is the union over all cluster sets and clusters. A cluster is named as asking only for what its set
does not ask for already, so that ten thousand clusters of one set read as that set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.autoshift.catalogs import catalog_reference

if TYPE_CHECKING:
    from steps.autoshift.images import Image
    from steps.autoshift.versions import Wish


@dataclass(frozen=True, slots=True)
class Release:
    """One release channel. Blank versions: the head only (both), or up to the head (maximum)."""

    channel: str
    minimum: str
    maximum: str
    shortest_path: bool
    asked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a package; blank versions are not restricted. `origin` says where the name was read."""

    name: str
    asked_by: tuple[str, ...]
    origin: str
    minimum: str = ""
    maximum: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """One package in the catalog of one minor. No channels: the catalog's default channel, name not known.

    `default_channel` is set where the catalog's own default is not (or may not be) among the channels:
    without it oc-mirror refuses ("the default channel was filtered out").
    """

    minor: str
    source: str
    package: str
    channels: tuple[Channel, ...]
    default_channel: str | None
    asked_by: tuple[str, ...]
    reason: str

    @property
    def catalog(self) -> str:
        """The index image with its tag."""
        return catalog_reference(self.source, self.minor)


@dataclass(frozen=True, slots=True)
class AdditionalImage:
    """An image outside all catalogs, who asks for it, and the AutoShift file that names it."""

    image: Image
    asked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A cluster set or cluster as the plan shows it: `bases` are the sets a cluster may belong to."""

    kind: str
    name: str
    bases: tuple[str, ...]
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet needs; every tuple is sorted, so that equal input gives equal plans.

    `sources` are the paths of the values files in the order of merging, `minors` the OpenShift minors whose
    catalogs are needed, `architectures` as oc-mirror names them (amd64, arm64 …). `version_origin` says where
    the OpenShift version comes from if neither from labels nor from the parameter; `lacks` is what the
    catalogs that were read do not have.
    """

    sources: tuple[str, ...]
    members: tuple[FoundMember, ...]
    minors: tuple[str, ...]
    releases: tuple[Release, ...]
    operators: tuple[Operator, ...]
    images: tuple[AdditionalImage, ...]
    architectures: tuple[str, ...] = ("amd64",)
    warnings: tuple[str, ...] = field(default=())
    version_origin: str = ""
    lacks: tuple[str, ...] = ()

    @property
    def openshift_versions(self) -> tuple[str, ...]:
        """The versions asked for, as text: `4.18.22`, `4.18` for the newest of a minor."""
        return tuple(sorted({str(wish) for member in self.members for wish in member.wishes}))
