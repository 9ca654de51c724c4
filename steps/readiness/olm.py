"""Which versions of an operator OLM would install from a catalog, and on which way (pure).

As operator-lifecycle-manager resolves a Subscription (pkg/controller/registry/resolver: resolver.go and
cache/predicates.go): without an installed version it takes the head of the channel, or the startingCSV. From
an installed version it goes to a bundle that replaces it, skips it, or whose skipRange has its version, and
of these to the one that is nearest to the head. It repeats this until nothing follows. Only bundles of the
chain count that `replaces` makes from the head down, without those that another bundle skips (sortChannel),
and none that has the property olm.deprecated (NewBundleVariableFromOperator).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.versions import precedence, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from steps.catalog.packages import Bundle, Entry, Package

_VERSION: Final = re.compile(r"\.v?(\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]+)?)$")
"""The version in the name of a ClusterServiceVersion: `quay-operator.v3.18.1`."""


@dataclass(frozen=True, slots=True)
class Way:
    """The bundles that OLM installs one after the other, the last one to stay; or `obstacle`, why it does
    not.

    Without bundles and without an obstacle the installed version is the last one already. `ahead` says that
    it is later than all that the channel has, so that OLM leaves it.
    """

    steps: tuple[Bundle, ...] = ()
    obstacle: str = ""
    ahead: str = ""


def way(package: Package, channel: str, *, installed: str = "", pins: Collection[str] = ()) -> Way:
    """Return what OLM installs in a channel.

    `installed` is the name of the ClusterServiceVersion that is there, empty if none is, or if that is not
    known; `pins` are the names of those that alone may be installed, if there are any.
    """
    entries = {entry.name: entry for entry in package.entries.get(channel, ())}
    if not entries:
        there = ", ".join(sorted(package.channels)) or "none"
        return Way(obstacle=f"{package.name} has no channel {channel} there (it has {there})")
    chain = _chain(entries)
    if isinstance(chain, str):
        return Way(obstacle=f"channel {channel} of {package.name} has {chain}")
    if not (allowed := _allowed(package, chain)):
        what = f"every version in channel {channel} of {package.name} is deprecated: OLM installs none"
        return Way() if installed in chain else Way(obstacle=what)
    chain = allowed
    if not installed:
        return _fresh(package, channel, chain, pins)
    return _Channel(package, channel, entries, chain).onward(installed, frozenset(pins))


def required(package: Package, wanted: Callable[[Bundle], bool]) -> Bundle | None:
    """Return the bundle that OLM chooses where another operator requires one; None where none is `wanted`.

    The default channel comes first, then the others by name; in a channel what is nearest to its head.
    """
    channels = dict.fromkeys([package.default_channel, *sorted(package.entries)])
    for channel in channels:
        chain = _chain({entry.name: entry for entry in package.entries.get(channel, ())})
        names = [] if isinstance(chain, str) else _allowed(package, chain)
        there = [package.bundles.get(name) for name in names]
        if found := next((bundle for bundle in there if bundle and wanted(bundle)), None):
            return found
    return None


def version_of(package: Package, installed: str) -> str:
    """Return the version of a ClusterServiceVersion: by its bundle, else its name; empty if neither tells."""
    bundle = package.bundles.get(installed)
    if bundle and bundle.version:
        return bundle.version
    found = _VERSION.search(installed)
    return found[1] if found else ""


def _fresh(package: Package, channel: str, chain: Sequence[str], pins: Collection[str]) -> Way:
    """Return what is installed where nothing is: the head, or of the pins the one that is nearest to it."""
    if not pins:
        head = package.bundles.get(chain[0])
        what = f"the head of channel {channel} of {package.name} is not in the catalog"
        return Way((head,)) if head else Way(obstacle=what)
    others = _allowed(package, package.channels.get(channel, ()))
    listed = dict.fromkeys((*chain, *_newest_first(package, others)))
    chosen = next((name for name in listed if name in pins and name in package.bundles), "")
    if not chosen:
        return Way(obstacle=f"channel {channel} of {package.name} does not have {', '.join(sorted(pins))}")
    return Way((package.bundles[chosen],))


def _newest_first(package: Package, names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: precedence(version_of(package, name)), reverse=True)


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel: its entries by name, and the chain of those that OLM may choose, the head first."""

    package: Package
    name: str
    entries: Mapping[str, Entry]
    chain: Sequence[str]

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
        if not steps and not pins and (ahead := self._ahead(installed)):
            return Way(ahead=ahead)
        return Way(tuple(steps), self._short_of(here, pins))

    def _next(self, here: str, seen: Collection[str]) -> str:
        version = version_of(self.package, here)
        return next(
            (name for name in self.chain if name not in seen and _follows(self.entries[name], here, version)),
            "",
        )

    def _ahead(self, installed: str) -> str:
        """Say that the installed version is later than the head; empty if it is not, or if nobody knows."""
        head, version = self.chain[0], version_of(self.package, installed)
        if not version or precedence(version) <= precedence(version_of(self.package, head)):
            return ""
        return f"{installed} is installed, which is later than {head}, the head of channel {self.name}"

    def _short_of(self, here: str, pins: frozenset[str]) -> str:
        """Say that nothing leads on from a version which is not to stay; empty if it is."""
        if here in pins or (not pins and here == self.chain[0]):
            return ""
        head = _few(pins) if pins else f"its head {self.chain[0]}"
        return f"no update of channel {self.name} leads from {here} to {head}"


def _follows(entry: Entry, installed: str, version: str) -> bool:
    if entry.name == installed:
        return False
    if installed in {entry.replaces, *entry.skips}:
        return True
    return bool(entry.skip_range and version and satisfies(version, entry.skip_range))


def _chain(entries: Mapping[str, Entry]) -> list[str] | str:
    """Return the bundles of a channel that OLM may choose, its head first; a text says why there are none.

    A bundle that another one skips is in no chain, even where it is replaced as well: OLM never updates to
    it.
    """
    skipped = {name for entry in entries.values() for name in entry.skips}
    left = skipped | {entry.replaces for entry in entries.values()}
    heads = [name for name in entries if name not in left]
    if len(heads) != 1:
        return "no head, or more than one"
    found, here = dict[str, None](), heads[0]
    while here in entries:
        if here in found:
            return f"a circle of bundles that replace each other, with {here}"
        found[here] = None
        here = entries[here].replaces
    return [name for name in found if name not in skipped]


def _allowed(package: Package, names: Iterable[str]) -> list[str]:
    """Return the bundles that OLM does not leave out as deprecated."""
    return [name for name in names if not (name in package.bundles and package.bundles[name].deprecated)]


def _few(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:3])
