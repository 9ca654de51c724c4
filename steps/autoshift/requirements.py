"""Requirements of operators: resolve a request to channel and versions, and find what it requires besides.

oc-mirror resolves no dependencies, so the plan lists them. Catalogs that were read decide; for the others the
built-in facts do, each with its source:
* ACM installs the multicluster engine by a Subscription of its own. Its channel follows ACM's: 2.5 below it
  up to ACM 2.16 (stable-2.9 for 2.14 … stable-2.11 for 2.16), the same from 2.17 on; seen in the catalogs of
  4.16 to 4.19, whose defaults move together.
* ODF's bundle lists its packages in bundle/**/metadata/dependencies.yaml of red-hat-storage/odf-operator,
  branches release-4.9 … release-4.22; downstream noobaa-operator is mcg-operator and csi-addons is
  odf-csi-addons-operator. Rook is ocs-operator's own requirement in 4.16.
* What `_REQUIRED` says is in bundle/metadata/dependencies.yaml of
  rh-api-management/rhcl-operator-product-build and of red-hat-storage/odf-multicluster-orchestrator
  (downstream ramen-hub-operator is odr-hub-operator), in metadata/dependencies.yaml of
  redhat-developer/web-terminal-operator, and for Dev Spaces in "DevWorkspace operator" of the documentation
  of Eclipse Che. The channels are the default ones of the catalogs, the same from 4.16 to 4.22.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalog_sources import INDEXES, catalog_reference
from steps.autoshift.listing import few
from steps.autoshift.operators import CATALOG_DEFAULTS
from steps.autoshift.release_channels import minor_of
from steps.autoshift.subscriptions import OperatorRequest
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.catalog.packages import Catalog, Package

ACM_PACKAGE: Final = "advanced-cluster-management"
ODF_PACKAGE: Final = "odf-operator"

# What a package requires in whatever channel it is itself.
_REQUIRED: Final = {
    "devspaces": ("devworkspace-operator",),
    "odf-multicluster-orchestrator": ("odr-hub-operator",),
    "rhcl-operator": ("authorino-operator", "dns-operator", "limitador-operator"),
    "web-terminal": ("devworkspace-operator",),
}
# What usually comes with a package that does not require it: the documentation of OpenShift AI ("Installing
# and managing", requirements) and of the NVIDIA GPU Operator ("Installing the Node Feature Discovery
# Operator").
COMPANIONS: Final = {
    "gpu-operator-certified": ("nfd",),
    "rhods-operator": ("authorino-operator", "serverless-operator", "servicemeshoperator"),
}
_ODF_SINCE: Final = {
    "mcg-operator": (4, 9),
    "ocs-client-operator": (4, 16),
    "ocs-operator": (4, 9),
    "odf-csi-addons-operator": (4, 10),
    "odf-prometheus-operator": (4, 16),
    "recipe": (4, 16),
    "rook-ceph-operator": (4, 16),
    "cephcsi-operator": (4, 17),
    "odf-dependencies": (4, 18),
    "odf-external-snapshotter-operator": (4, 20),
    "ocs-tls-profiles": (4, 22),
}
_NEWEST_ACM: Final = 17  # the newest ACM 2.x whose engine is known from a catalog
# The name of a CSV that ends in a semantic version, as that of `trident-operator.v25.06.0` does not (`06`).
_CSV = re.compile(r"[a-z0-9][a-z0-9.-]*?\.v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})")


def required_packages(package: str, channel: str | None, minor: str) -> list[tuple[str, str | None]]:
    """Return the built-in requirements of a package: pairs of package and channel in the catalog of `minor`.

    A channel of None is the catalog's default channel, if the name of `channel` does not tell a version.
    """
    if package == ACM_PACKAGE:
        found = re.fullmatch(r"release-2\.(\d+)", channel or "")
        if not found:
            return [("multicluster-engine", None)]
        # stable-2.9 for ACM 2.14, and the same number from 2.17 on.
        release = int(found[1])
        return [("multicluster-engine", f"stable-2.{release if release >= _NEWEST_ACM else release - 5}")]
    if package == ODF_PACKAGE:
        found = re.fullmatch(r"stable-(\d+)\.(\d+)", channel or "")
        version = (int(found[1]), int(found[2])) if found else tuple(int(part) for part in minor.split("."))
        return [
            (name, f"stable-{version[0]}.{version[1]}")
            for name, since in sorted(_ODF_SINCE.items())
            if version >= since
        ]
    return [(name, None) for name in _REQUIRED.get(package, ())]


def _uncertainty(package: str, channel: str | None) -> str | None:
    """Return what is not certain about the built-in requirements of a package; None if nothing."""
    if package != ACM_PACKAGE:
        return None
    found = re.fullmatch(r"release-2\.(\d+)", channel or "")
    if found and int(found[1]) <= _NEWEST_ACM:
        return None
    return (
        f"which multicluster-engine channel goes with {package} {channel or 'of the default channel'} is not "
        "known; check the one chosen"
    )


def packages_wanted(asked: Iterable[tuple[str, OperatorRequest]]) -> dict[str, frozenset[str]]:
    """Return the packages to look up, by the reference of their catalog.

    `asked` are pairs of OpenShift minor and request.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for minor, request in asked:
        packages = wanted[catalog_reference(request.source, minor)]
        packages.add(request.package)
        packages.update(name for name, _ in required_packages(request.package, request.channel, minor))
    return {reference: frozenset(packages) for reference, packages in wanted.items()}


class Resolver:
    """Resolves operator requests in the catalogs of their minors, and collects warnings in `warnings`."""

    def __init__(
        self,
        catalogs: Mapping[str, Catalog],
        asked: Iterable[tuple[str, OperatorRequest]],
        warnings: list[str],
    ) -> None:
        """Prepare to resolve in `catalogs`, by reference.

        `asked` are all requests with their minors: what others require comes from their channels, if
        possible.
        """
        self._catalogs = catalogs
        self._warnings = warnings
        self._assumed: dict[str, set[str]] = defaultdict(set)  # what is assumed, and for whom
        # By the reference of the catalog and by package: the channels that are mirrored anyway.
        self._asked_channels: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for minor, request in asked:
            channels = self._asked_channels[catalog_reference(request.source, minor)]
            channels[request.package].add(self._channel(minor, request) or "")

    def assumptions(self) -> list[str]:
        """Return a warning for each channel that was assumed, with the clusters that it is assumed for."""
        return [f"{few(who)}: {text}" for text, who in self._assumed.items()]

    def resolve(self, minor: str, request: OperatorRequest, who: Iterable[str]) -> Iterator[OperatorRequest]:
        """Yield the request with its channel, once for each version that it is pinned to.

        A version of None is the head of the channel. `who` are the names of those who make the request.
        """
        channel = self._channel(minor, request)
        origin = request.origin
        if request.assumed and channel:
            self._assumed[_assumption(minor, request, channel)].update(who)
            origin = f"assumed, {_assumed_from(minor, request, channel)}"
        resolved = replace(request, channel=channel, origin=origin, pinned_csvs=())
        for version in self._pinned_versions(minor, request, channel, who) or [None]:
            yield replace(resolved, pinned_version=version)

    def requirements(
        self, minor: str, request: OperatorRequest, who: Iterable[str]
    ) -> Iterator[OperatorRequest]:
        """Yield requests for the packages that a resolved request requires."""
        parent = " ".join(filter(None, (request.package, request.channel)))
        for package, channel in self._required(minor, request, who):
            yield OperatorRequest(
                request.label, package, request.source, channel, f"required by {parent}", required_by=parent
            )

    def _required(
        self, minor: str, request: OperatorRequest, who: Iterable[str]
    ) -> Iterator[tuple[str, str | None]]:
        """Yield the required packages with their channels: the built-in facts first, then the catalog's."""
        catalog, package = self._look_up(minor, request)
        for name, channel in required_packages(request.package, request.channel, minor):
            # ACM itself makes the Subscription of its engine; of other packages the catalog decides, if read.
            found = catalog.package(name) if catalog else None
            if catalog is None or request.package == ACM_PACKAGE or (found and channel in found.channels):
                yield name, channel
        if text := _uncertainty(request.package, request.channel):
            self._warnings.append(text)
        if catalog is None or package is None or request.channel is None:
            return
        from steps.catalog.dependencies import dependencies, mirrored_bundles  # late, as in union

        version = request.pinned_version or ""
        bundles = mirrored_bundles(package, request.channel, version, version)
        asked = self._asked_channels[catalog.reference]
        for dependency in dependencies(catalog, bundles, request.channel, asked):
            if dependency.package:
                yield dependency.package, dependency.channel
            if dependency.doubt:
                self._warnings.append(f"{few(who)}: {dependency.doubt}")

    def _look_up(self, minor: str, request: OperatorRequest) -> tuple[Catalog | None, Package | None]:
        catalog = self._catalogs.get(catalog_reference(request.source, minor))
        return catalog, catalog.package(request.package) if catalog else None

    def _channel(self, minor: str, request: OperatorRequest) -> str | None:
        """Return the channel of a request, or the default channel; None if that is not known.

        An assumed channel that OpenShift `minor` does not have gives way to the default channel: AutoShift's
        default of ODF is the same on every minor, and the catalogs have it from that minor on.
        """
        _, package = self._look_up(minor, request)
        known = CATALOG_DEFAULTS.get(request.package, "") if request.source in INDEXES else ""
        usual = package.default_channel if package else known.replace("{minor}", minor)
        channel = request.channel or usual
        if request.assumed and usual and not _may_have(package, request.package, channel, minor):
            channel = usual
        return channel or None

    def _pinned_versions(
        self, minor: str, request: OperatorRequest, channel: str | None, who: Iterable[str]
    ) -> list[str | None]:
        """Return the versions of the pinned CSVs; None for one that the channel cannot have."""
        catalog, package = self._look_up(minor, request)
        if catalog and package and channel in package.channels and request.pinned_csvs:
            return self._versions_in_catalog(package, channel or "", request, who)
        found = [_CSV.fullmatch(name) for name in request.pinned_csvs]
        versions = [match[1] for match in found if match]
        if len(versions) < len(found):
            self._warnings.append(
                f"{few(who)}: the pin of {request.label} ({', '.join(request.pinned_csvs)}) does not tell "
                f"its version of {request.package} for certain: the newest of the channel is mirrored; check "
                "that it is the one"
            )
            return []
        for version in versions:
            if channel and _is_later(version, channel):
                self._warn_of_pin(request, version, channel, who)
        return [None if channel and _is_later(version, channel) else version for version in versions]

    def _versions_in_catalog(
        self, package: Package, channel: str, request: OperatorRequest, who: Iterable[str]
    ) -> list[str | None]:
        """Return the versions of the pinned CSVs from the catalog, which has the bundles by name."""
        versions: list[str | None] = []
        for name in request.pinned_csvs:
            bundle = package.bundles.get(name) if name in package.channels[channel] else None
            if bundle is None:
                self._warn_of_pin(request, name, channel, who)
            versions.append(bundle.version or None if bundle else None)
        return versions

    def _warn_of_pin(self, request: OperatorRequest, pin: str, channel: str, who: Iterable[str]) -> None:
        self._warnings.append(
            f"{few(who)}: {request.package} is pinned to {pin}, which channel {channel} cannot have; the "
            f"newest of the channel is mirrored: correct {request.label}-channel or {request.label}-version"
        )


def _may_have(package: Package | None, name: str, channel: str, minor: str) -> bool:
    """Tell whether the catalog of OpenShift `minor` has a channel, or may have it if it was not read."""
    if package:
        return channel in package.channels
    return CATALOG_DEFAULTS.get(name) != "stable-{minor}" or natural(channel) <= natural(f"stable-{minor}")


def _assumption(minor: str, request: OperatorRequest, channel: str) -> str:
    """Return what is assumed of the channel of a request, from where, and which label settles it."""
    return (
        f"no label says the channel of {request.label}: {request.package} {channel} is assumed, "
        f"{_assumed_from(minor, request, channel)}; set {request.label}-channel"
    )


def _assumed_from(minor: str, request: OperatorRequest, channel: str) -> str:
    if not request.channel:
        return "the default channel of its catalog"
    if channel == request.channel:
        return f"the {request.origin}"
    return f"as OpenShift {minor} has no {request.channel}, the {request.origin}"


def _is_later(version: str, channel: str) -> bool:
    """Tell whether a version (2.12.5) is later than the release in a channel's name (`release-v2.10`)."""
    release = re.search(r"(\d+)\.(\d+)$", channel)
    return release is not None and natural(minor_of(version)) > natural(release[0])
