"""Dependencies of bundles: which other packages they need, and which packages and channels a catalog lacks.

OLM resolves `olm.package.required` and `olm.gvk.required` when it installs (olm.operatorframework.io,
"Dependency resolution"). oc-mirror does not resolve them, so an ImageSet has to list these packages.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import units
from steps.catalog.fbc import Query
from steps.versions import precedence, satisfies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from steps.catalog.packages import Bundle, Catalog, Package

_SHOWN = 12  # channels in a message


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package that a bundle needs, and the channel to take it from.

    `doubt` says what is not certain, empty if nothing. Package and channel are empty if the catalog lacks it.
    """

    package: str
    channel: str
    doubt: str = ""


def next_query(catalog: Catalog, asked: Iterable[str], *, whole: bool = False) -> Query:
    """Return what to look up next to learn all dependencies of the asked packages; nothing if known.

    `whole` is as in Query.
    """
    asked = frozenset(asked)
    packages, apis, seen, queue = set(), set(), set(), list(asked)
    # Walk through all bundles, since which of them are mirrored depends on channels that are not known yet.
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in catalog.packages:
            packages.add(name)
        package = catalog.package(name)
        for bundle in package.bundles.values() if package else ():
            queue += [required for required, _ in bundle.requires]
            for api in foreign(bundle):
                if api not in catalog.providers:
                    apis.add(api)
                queue += filter(None, [_provider(catalog, api, asked)])
    return Query(frozenset(packages), frozenset(apis), whole)


def dependencies(
    catalog: Catalog, bundles: Iterable[Bundle], channel: str, asked: Mapping[str, Collection[str]]
) -> Iterator[Dependency]:
    """Yield the dependencies of bundles of a channel.

    `asked` are packages that are mirrored anyway, with their channels: these are preferred.
    """
    for bundle in bundles:
        for name, version_range in bundle.requires:
            preferred = [*sorted(asked.get(name, ())), channel]
            yield _dependency(catalog, name, preferred, version_range, bundle)
        for api in foreign(bundle):
            provider = _provider(catalog, api, asked)
            if provider is None:
                yield Dependency("", "", f"{bundle.name} needs the API {api}, which nothing there provides")
            elif provider not in asked:
                yield _dependency(catalog, provider, [channel], "", bundle)


def foreign(bundle: Bundle) -> list[str]:
    """Return the APIs that a bundle needs and does not provide itself."""
    return [api for api in bundle.needs if api not in bundle.provides]


def mirrored_bundles(package: Package, channel: str, minimum: str, maximum: str) -> list[Bundle]:
    """Return the bundles of a channel that oc-mirror mirrors: its head, or those from `minimum` to `maximum`.

    An empty `minimum` stands for the head, an empty `maximum` for no upper limit.
    """
    if not minimum:
        head = package.head(channel)
        return [head] if head else []
    bundles = [package.bundles[name] for name in package.channels.get(channel, ()) if name in package.bundles]
    return [
        bundle
        for bundle in bundles
        if precedence(minimum) <= precedence(bundle.version)
        and (not maximum or precedence(bundle.version) <= precedence(maximum))
    ]


def describe_lack(catalog: Catalog, name: str, channels: Iterable[str]) -> str:
    """Say that a catalog lacks the package or some of the channels, with the nearest names it has.

    Returns an empty text if it has all of them, or if nobody has looked for the package.
    """
    if name not in catalog.packages:
        return ""
    package = catalog.package(name)
    if package is None:
        return f"{catalog.reference} has no package {name}{_nearest(name, catalog.names)}"
    absent = [channel for channel in channels if channel not in package.channels]
    if not absent:
        return ""
    there = sorted(package.channels, reverse=True)
    return (
        f"{name} of {catalog.reference} has no channel {', '.join(absent)}"
        f"{_nearest(absent[0], there)} (it has {units.few(there, _SHOWN)})"
    )


def _dependency(
    catalog: Catalog, name: str, preferred: list[str], version_range: str, bundle: Bundle
) -> Dependency:
    """Choose the channel of a package: the first whose newest bundle lies in the version range.

    Preferred channels come first, then the default channel, then the others. An empty range allows any
    version.
    """
    package = catalog.package(name)
    if package is None:
        return Dependency(
            "", "", f"{bundle.name} requires package {name}, which {catalog.reference} does not have"
        )
    names = dict.fromkeys([*preferred, package.default_channel, *sorted(package.channels)])
    there = [candidate for candidate in names if candidate in package.channels]
    for candidate in there:
        head = package.head(candidate)
        if head and (not version_range or satisfies(head.version, version_range)):
            return Dependency(name, candidate)
    return Dependency(
        name,
        there[0] if there else package.default_channel,
        f"{bundle.name} requires {name} {version_range}, which is the newest of no channel; "
        "check its version",
    )


def _provider(catalog: Catalog, api: str, asked: Collection[str]) -> str | None:
    """Return a package that provides the API, if possible an asked one; None if there is none."""
    providers = catalog.providers.get(api, ())
    return next((name for name in providers if name in asked), providers[0] if providers else None)


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.75)
    return f"; the nearest: {', '.join(close)}" if close else ""
