"""The plan: everything that the fleet needs mirrored, and who asks for each thing.

The plan is the union over all cluster sets and clusters. A cluster is named only for what its set does not
ask for, so that ten thousand clusters of a set are named as that set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.autoshift.catalog_sources import catalog_reference

if TYPE_CHECKING:
    from steps.autoshift.additional_images import FeatureImage
    from steps.autoshift.releases import VersionRequest


@dataclass(frozen=True, slots=True)
class Release:
    """A release channel and its range.

    Both versions blank for the head, `maximum` blank for up to the head. `instead_of` are the channels that
    the labels name for some of its releases, where oc-mirror could not walk from those.
    """

    channel: str
    minimum: str
    maximum: str
    shortest_path: bool
    asked_by: tuple[str, ...]
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdatePath:
    """The releases that oc-mirror adds between the lowest release and the highest, in two channels.

    They are the shortest path from `start` to the newest release of each of `channels` but the last, and on
    to `end` in the last. A blank release is the newest of its channel.
    """

    start: str
    end: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """Why something is needed: the labels that ask for it, and the packages with channels that require it.

    `of_setup` is True if a hub is set up with it, whatever its labels say.
    """

    labels: tuple[str, ...] = ()
    required_by: tuple[str, ...] = ()
    of_setup: bool = False

    def __str__(self) -> str:
        """Return the labels or, if there are none, what else needs it."""
        if self.labels:
            return f"label {', '.join(self.labels)}"
        return ", ".join(self.asked) or f"required by {', '.join(self.required_by)}"

    @property
    def asked(self) -> tuple[str, ...]:
        """The labels, or the set-up of a hub; empty for what is only required."""
        return self.labels or (("set-up of a hub",) if self.of_setup else ())


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a package and its range (blank: no limit); `origin` says where its name is from."""

    name: str
    asked_by: tuple[str, ...]
    need: Need
    origin: str
    minimum: str = ""
    maximum: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """A package in the catalog of an OpenShift minor; the minor is empty where all minors share the catalog.

    Without `channels` its channel is not known, and oc-mirror 4.18 and later take the head of each channel
    (sherine-k/catalog-filter v0.0.5, FilterCatalog). `default_channel` is set if the catalog's default
    channel is not, or may not be, among the channels; without it oc-mirror refuses ("the default channel was
    filtered out"). `size` is in bytes, as an earlier run mirrored it; None where
    it is not known.
    """

    minor: str
    source: str
    package: str
    channels: tuple[Channel, ...]
    default_channel: str | None
    asked_by: tuple[str, ...]
    need: Need
    size: int | None = None

    @property
    def catalog(self) -> str:
        """The reference of the index image, with its tag."""
        return catalog_reference(self.source, self.minor)


@dataclass(frozen=True, slots=True)
class AdditionalImage:
    """An image outside all catalogs, and who asks for it."""

    image: FeatureImage
    asked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundCluster:
    """A cluster set or cluster as the plan shows it; `sets` are the sets that a cluster may belong to."""

    kind: str
    name: str
    sets: tuple[str, ...]
    version_requests: tuple[VersionRequest, ...]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet needs; every tuple is sorted, so that equal input gives equal plans.

    `sources` are the paths of the values files in the order of merging, `source_notes` sentences about their
    choice, `minors` the OpenShift minors whose catalogs are needed, `architectures` as oc-mirror names them
    (amd64, arm64 …). `version_origin` says where the OpenShift version comes from if neither from labels nor
    from the parameter. `lacks` are sentences about packages and channels that the catalogs do not have, as
    far as they were read; `unchecked` are the references of those that were not read. `notes` are
    sentences about what is worth knowing and no mistake. `overlay` is the path of what is merged over the
    ImageSet, `overlaid` says what it adds, changes and removes there. `update_path` is what oc-mirror adds to
    `releases`.
    """

    sources: tuple[str, ...]
    clusters: tuple[FoundCluster, ...]
    minors: tuple[str, ...]
    releases: tuple[Release, ...]
    operators: tuple[Operator, ...]
    images: tuple[AdditionalImage, ...]
    architectures: tuple[str, ...] = ("amd64",)
    warnings: tuple[str, ...] = field(default=())
    version_origin: str = ""
    lacks: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = ()
    overlay: str = ""
    overlaid: tuple[str, ...] = ()
    update_path: UpdatePath | None = None

    @property
    def openshift_versions(self) -> tuple[str, ...]:
        """The requested versions as text: `4.18.22`, or `4.18` for the newest release of a minor."""
        return tuple(
            sorted({str(request) for cluster in self.clusters for request in cluster.version_requests})
        )
