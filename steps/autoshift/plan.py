"""The plan: everything that the fleet needs mirrored, who asks for each thing, and its text for a person.

The plan is the union over all cluster sets and clusters. A cluster is named only for what its set does not
ask for, so that ten thousand clusters of a set are named as that set.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalog_sources import catalog_reference
from steps.autoshift.listing import few, few_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.additional_images import FeatureImage
    from steps.autoshift.releases import VersionRequest

SHOWN: Final = 40  # clusters listed in the text; of a larger fleet the others are counted
_WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Release:
    """A release channel and its range.

    Both versions blank for the head, `maximum` blank for up to the head.
    """

    channel: str
    minimum: str
    maximum: str
    shortest_path: bool
    asked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """Why something is needed: the labels that ask for it, and the packages with channels that require it."""

    labels: tuple[str, ...] = ()
    required_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the labels or, if there are none, what requires it."""
        if self.labels:
            return f"label {', '.join(self.labels)}"
        return f"required by {', '.join(self.required_by)}"


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
    """A package in the catalog of an OpenShift minor.

    Without `channels` it is the catalog's default channel, whose name is not known. `default_channel` is set
    if the catalog's default channel is not, or may not be, among the channels; without it oc-mirror refuses
    ("the default channel was filtered out").
    """

    minor: str
    source: str
    package: str
    channels: tuple[Channel, ...]
    default_channel: str | None
    asked_by: tuple[str, ...]
    need: Need

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

    `sources` are the paths of the values files in the order of merging, `minors` the OpenShift minors whose
    catalogs are needed, `architectures` as oc-mirror names them (amd64, arm64 …). `version_origin` says where
    the OpenShift version comes from if neither from labels nor from the parameter. `lacks` are sentences
    about packages and channels that the catalogs do not have, as far as they were read.
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

    @property
    def openshift_versions(self) -> tuple[str, ...]:
        """The requested versions as text: `4.18.22`, or `4.18` for the newest release of a minor."""
        return tuple(
            sorted({str(request) for cluster in self.clusters for request in cluster.version_requests})
        )


def describe_plan(plan: FleetPlan) -> str:
    """Return the plan as aligned plain text, for a terminal or a pod's log."""
    parts = [
        _section(f"Values: {few_paths(plan.sources)}", []),
        _version_origin(plan),
        _section("Clusters found", _table([_cluster(cluster) for cluster in plan.clusters[:SHOWN]])),
        _section("OpenShift releases", _table([_release(release) for release in plan.releases])),
        *_operators(plan.operators),
        _section(
            "Additional images", _table([(i.image.name, f"for {few(i.asked_by)}") for i in plan.images])
        ),
        _section("Warnings", list(_bullets(plan.warnings))),
    ]
    if len(plan.clusters) > SHOWN:
        parts[2] += f"  and {len(plan.clusters) - SHOWN} more clusters\n"
    return "\n".join(part for part in parts if part)


def _version_origin(plan: FleetPlan) -> str:
    if not plan.version_origin:
        return ""
    return f"OpenShift {', '.join(plan.openshift_versions)}, from {plan.version_origin}\n"


def _section(title: str, lines: Sequence[str]) -> str:
    """Return a titled block; empty if there are no lines, except for the values, whose title says it all."""
    if not lines and not title.startswith("Values"):
        return ""
    return "\n".join([title, *(f"  {line}" for line in lines)]) + "\n"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _cluster(cluster: FoundCluster) -> tuple[str, ...]:
    versions = ", ".join(f"{request} ({request.channel})" for request in cluster.version_requests)
    sets = " or ".join(cluster.sets)
    return (
        cluster.kind,
        cluster.name,
        f"of set {sets}" if sets else "",
        f"OpenShift {versions or 'no version of its own'}",
    )


def _release(release: Release) -> tuple[str, ...]:
    if not release.minimum:
        versions = "its newest release"
    elif release.minimum == release.maximum:
        versions = release.minimum
    else:
        versions = f"{release.minimum} to {release.maximum or 'its newest release'}"
    path = ", shortest upgrade path" if release.shortest_path else ""
    return (release.channel, versions + path, f"for {few(release.asked_by)}")


def _operators(operators: Sequence[Operator]) -> Iterator[str]:
    for catalog, of_catalog in groupby(operators, key=lambda operator: operator.catalog):
        rows = [row for operator in of_catalog for row in _rows(operator)]
        count = len({row[0] for row in rows if row[0]})
        yield _section(f"Operators from {catalog} ({count})", _table(rows))


def _rows(operator: Operator) -> Iterator[tuple[str, ...]]:
    """Yield a row for each channel; only the first row has the package's name."""
    name = operator.package
    if not operator.channels:
        yield (name, "(catalog's default)", f"{operator.need}, for {few(operator.asked_by)}")
    for channel in operator.channels:
        yield (name, channel.name + _versions(channel), f"{_why(channel)}, for {few(channel.asked_by)}")
        name = ""


def _why(channel: Channel) -> str:
    if channel.origin.startswith(("label ", "required ")):
        return str(channel.need)
    return f"{channel.need} (channel: {channel.origin})"


def _versions(channel: Channel) -> str:
    if not channel.minimum:
        return ""
    if channel.minimum == channel.maximum:
        return f" {channel.minimum}"
    return f" from {channel.minimum}" + (f" to {channel.maximum}" if channel.maximum else "")


def _bullets(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"{'! ' if index == 0 else '  '}{line}" for index, line in enumerate(lines))
