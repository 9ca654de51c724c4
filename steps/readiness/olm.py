"""Which versions of an operator OLM would install from a catalog, and on which way (pure).

As operator-lifecycle-manager resolves a Subscription (pkg/controller/registry/resolver: resolver.go and
cache/predicates.go): without an installed version it takes the head of the channel, or the startingCSV. From
an installed version it goes to a bundle of the channel that replaces it, skips it, or whose skipRange has its
version, and of these to the one that is nearest to the head. It repeats this until nothing follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.versions import precedence, satisfies

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from steps.catalog.packages import Bundle, Entry, Package

_VERSION: Final = re.compile(r"\.v?(\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]+)?)$")
"""The version in the name of a ClusterServiceVersion: `quay-operator.v3.18.1`."""


@dataclass(frozen=True, slots=True)
class Way:
    """The bundles that OLM installs one after the other, the last one to stay; or `obstacle`, why it does
    not.

    Without bundles and without an obstacle the installed version is the last one already.
    """

    steps: tuple[Bundle, ...] = ()
    obstacle: str = ""


def way(package: Package, channel: str, *, installed: str = "", pins: Collection[str] = ()) -> Way:
    """Return what OLM installs in a channel.

    `installed` is the name of the ClusterServiceVersion that is there, empty if none is, or if that is not
    known; `pins` are the names of those that alone may be installed, if there are any.
    """
    entries = {entry.name: entry for entry in package.entries.get(channel, ())}
    if not entries:
        there = ", ".join(sorted(package.channels)) or "none"
        return Way(obstacle=f"{package.name} has no channel {channel} there (it has {there})")
    ranks = _ranks(package, entries)
    if ranks is None:
        return Way(obstacle=f"channel {channel} of {package.name} has no head, or more than one")
    if not installed:
        return _fresh(package, channel, ranks, pins)
    return _Channel(package, channel, entries, ranks).onward(installed, frozenset(pins))


def version_of(package: Package, installed: str) -> str:
    """Return the version of a ClusterServiceVersion: by its bundle, else its name; empty if neither tells."""
    bundle = package.bundles.get(installed)
    if bundle and bundle.version:
        return bundle.version
    found = _VERSION.search(installed)
    return found[1] if found else ""


def _fresh(package: Package, channel: str, ranks: Mapping[str, int], pins: Collection[str]) -> Way:
    there = [name for name in ranks if name in package.bundles and (not pins or name in pins)]
    if pins and not there:
        return Way(obstacle=f"channel {channel} of {package.name} does not have {', '.join(sorted(pins))}")
    chosen = min(there, key=ranks.__getitem__, default="")
    if not chosen or (not pins and ranks[chosen]):
        return Way(obstacle=f"the head of channel {channel} of {package.name} is not in the catalog")
    return Way((package.bundles[chosen],))


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel: its entries by name, and how far each is from the head."""

    package: Package
    name: str
    entries: Mapping[str, Entry]
    ranks: Mapping[str, int]

    def onward(self, installed: str, pins: frozenset[str]) -> Way:
        """Return what follows an installed version, one after the other."""
        steps: list[Bundle] = []
        here, seen = installed, {installed}
        while chosen := self._next(here, seen):
            if pins and chosen not in pins:
                if here in pins:
                    break
                what = f"which the pin to {_few(pins)} does not allow"
                return Way(tuple(steps), f"after {here} OLM proposes {chosen}, {what}")
            if chosen not in self.package.bundles:
                return Way(tuple(steps), f"after {here} OLM goes to {chosen}, which is not in the catalog")
            seen.add(chosen)
            steps.append(self.package.bundles[chosen])
            here = chosen
        return Way(tuple(steps), self._short_of(here, pins))

    def _next(self, here: str, seen: Collection[str]) -> str:
        version = version_of(self.package, here)
        following = [
            name
            for name, entry in self.entries.items()
            if name not in seen and _follows(entry, here, version)
        ]
        return min(following, key=self.ranks.__getitem__, default="")

    def _short_of(self, here: str, pins: frozenset[str]) -> str:
        """Say that nothing leads on from a version which is not to stay; empty if it is."""
        if here in pins or (not pins and self.ranks.get(here) == 0):
            return ""
        head = _few(pins) if pins else f"its head {min(self.ranks, key=self.ranks.__getitem__)}"
        return f"no update of channel {self.name} leads from {here} to {head}"


def _follows(entry: Entry, installed: str, version: str) -> bool:
    if entry.name == installed:
        return False
    if installed in {entry.replaces, *entry.skips}:
        return True
    return bool(entry.skip_range and version and satisfies(version, entry.skip_range))


def _ranks(package: Package, entries: Mapping[str, Entry]) -> dict[str, int] | None:
    """Return how far each bundle is from the head, which has 0; None where the channel has not just one head.

    What no chain from the head reaches comes last, the newest first.
    """
    left = {
        name for entry in entries.values() for name in (entry.replaces, *entry.skips) if name != entry.name
    }
    heads = [name for name in entries if name not in left]
    if len(heads) != 1:
        return None
    ranks: dict[str, int] = {}
    here = heads[0]
    while here in entries and here not in ranks:
        ranks[here] = len(ranks)
        here = entries[here].replaces
    rest = sorted(
        (name for name in entries if name not in ranks),
        key=lambda name: precedence(version_of(package, name)),
        reverse=True,
    )
    return ranks | {name: len(ranks) + place for place, name in enumerate(rest)}


def _few(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3])
