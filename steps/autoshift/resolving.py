"""What a demand comes to in the catalog of one minor: its channel, its pinned versions, what it requires.

Where the catalog itself was read, it decides; where not, the facts of `operators` and `requirements` do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from steps.autoshift.catalogs import catalog_reference
from steps.autoshift.names import few
from steps.autoshift.operators import CATALOG_DEFAULTS
from steps.autoshift.requirements import ACM_PACKAGE, doubt, required_packages
from steps.autoshift.subscription import Demand
from steps.autoshift.versions import minor_of
from steps.catalog.dependencies import dependencies, mirrored_bundles
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.catalog.packages import Catalog, Package

# A CSV name that ends in a plain semantic version (`trident-operator.v25.06.0` has a zero too many for one).
_CSV = re.compile(r"[a-z0-9][a-z0-9.-]*?\.v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})")


def packages_wanted(asked: Iterable[tuple[str, Demand]]) -> dict[str, frozenset[str]]:
    """Return which packages to look up in which catalog (by its reference)."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for minor, demand in asked:
        names = wanted[catalog_reference(demand.source, minor)]
        names.add(demand.package)
        names.update(name for name, _ in required_packages(demand.package, demand.channel, minor))
    return {reference: frozenset(names) for reference, names in wanted.items()}


@dataclass(frozen=True, slots=True)
class Resolver:
    """Settles demands; what is doubtful gathers in `warnings`. `asked` are all demands, with their minors."""

    catalogs: Mapping[str, Catalog]
    asked: Iterable[tuple[str, Demand]]
    warnings: list[str]
    _channels: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )

    def __post_init__(self) -> None:
        """Note which channels are asked for anyway: what others require had best come from these."""
        for minor, demand in self.asked:
            reference = catalog_reference(demand.source, minor)
            self._channels[reference][demand.package].add(self._channel(minor, demand) or "")

    def settle(self, minor: str, demand: Demand, who: Iterable[str]) -> Iterator[Demand]:
        """Yield the demand with its channel and, one by one, the versions it is pinned to (None: free)."""
        channel = self._channel(minor, demand)
        settled = replace(demand, channel=channel, pins=())
        for pin in self._versions(minor, demand, channel, who) or [None]:
            yield replace(settled, pin=pin)

    def required(self, minor: str, demand: Demand, who: Iterable[str]) -> Iterator[Demand]:
        """Yield what a settled demand needs besides."""
        origin = f"required by {demand.package}{f' {demand.channel}' if demand.channel else ''}"
        for package, channel in self._needs(minor, demand, who):
            yield Demand(demand.label, package, demand.source, channel, origin)

    def _needs(self, minor: str, demand: Demand, who: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        catalog, package = self._look_up(minor, demand)
        for name, channel in required_packages(demand.package, demand.channel, minor):
            # ACM subscribes to its engine by itself; of the rest the catalog knows better.
            found = catalog.package(name) if catalog else None
            if catalog is None or demand.package == ACM_PACKAGE or (found and channel in found.channels):
                yield name, channel
        if text := doubt(demand.package, demand.channel):
            self.warnings.append(text)
        if catalog is None or package is None or demand.channel is None:
            return
        bundles = mirrored_bundles(package, demand.channel, demand.pin or "", demand.pin or "")
        for need in dependencies(catalog, bundles, demand.channel, self._channels[catalog.reference]):
            if need.package:
                yield need.package, need.channel
            if need.doubt:
                self.warnings.append(f"{few(who)}: {need.doubt}")

    def _look_up(self, minor: str, demand: Demand) -> tuple[Catalog | None, Package | None]:
        catalog = self.catalogs.get(catalog_reference(demand.source, minor))
        return catalog, catalog.package(demand.package) if catalog else None

    def _channel(self, minor: str, demand: Demand) -> str | None:
        _, package = self._look_up(minor, demand)
        usual = package.default_channel if package else CATALOG_DEFAULTS.get(demand.package)
        channel = demand.channel or usual
        return channel.replace("{minor}", minor) if channel else None

    def _versions(
        self, minor: str, demand: Demand, channel: str | None, who: Iterable[str]
    ) -> list[str | None]:
        catalog, package = self._look_up(minor, demand)
        if catalog and package and channel in package.channels and demand.pins:
            return self._versions_there(package, channel or "", demand, who)
        found = [_CSV.fullmatch(name) for name in demand.pins]
        versions = [match[1] for match in found if match]
        if len(versions) < len(found):
            self.warnings.append(
                f"{few(who)}: the pin of {demand.label} ({', '.join(demand.pins)}) does not tell its version "
                f"of {demand.package} for certain: the newest of the channel is mirrored; check that it is "
                "the one"
            )
            return []
        for version in versions:
            if channel and _is_later(version, channel):
                self._warn_of_pin(demand, version, channel, who)
        return [None if channel and _is_later(version, channel) else version for version in versions]

    def _versions_there(
        self, package: Package, channel: str, demand: Demand, who: Iterable[str]
    ) -> list[str | None]:
        """Read the versions off the catalog, which has the bundles by name."""
        versions: list[str | None] = []
        for name in demand.pins:
            bundle = package.bundles.get(name) if name in package.channels[channel] else None
            if bundle is None:
                self._warn_of_pin(demand, name, channel, who)
            versions.append(bundle.version or None if bundle else None)
        return versions

    def _warn_of_pin(self, demand: Demand, pin: str, channel: str, who: Iterable[str]) -> None:
        self.warnings.append(
            f"{few(who)}: {demand.package} is pinned to {pin}, which channel {channel} cannot have; the "
            f"newest of the channel is mirrored: correct {demand.label}-channel or {demand.label}-version"
        )


def _is_later(version: str, channel: str) -> bool:
    """Whether a channel named after a release (`release-v2.10`) is too old for a version (2.12.5)."""
    release = re.search(r"(\d+)\.(\d+)$", channel)
    return release is not None and natural(minor_of(version)) > natural(release[0])
