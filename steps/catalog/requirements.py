"""What packages of a catalog need besides themselves, and what a catalog lacks.

OLM resolves `olm.package.required` and `olm.gvk.required` when it installs (olm.operatorframework.io,
"Dependency resolution"); oc-mirror does not, so a mirror has to list them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.catalog.semver import key, satisfies
from steps.catalog.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from steps.catalog.facts import Bundle, Catalog, Package

_SHOWN = 12  # channels in a message


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that a bundle needs: from a channel; `doubt` says what is not certain, where anything is."""

    package: str
    channel: str
    doubt: str = ""


def missing(catalog: Catalog, asked: Iterable[str]) -> Wanted:
    """Say what has to be looked up before everything that the asked packages can need is known."""
    asked = frozenset(asked)
    packages, apis, seen, queue = set(), set(), set(), list(asked)
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
            for api in _foreign(bundle):
                if api not in catalog.providers:
                    apis.add(api)
                queue += filter(None, [_provider(catalog, api, asked)])
    return Wanted(frozenset(packages), frozenset(apis))


def requirements(
    catalog: Catalog, bundles: Iterable[Bundle], channel: str, asked: Mapping[str, Collection[str]]
) -> Iterator[Requirement]:
    """Yield what bundles of a channel need.

    `asked` are packages that are mirrored anyway, with their channels: these are preferred.
    """
    for bundle in bundles:
        for name, wanted in bundle.requires:
            near = [*sorted(asked.get(name, ())), channel]
            yield _requirement(catalog, name, near, wanted, bundle)
        for api in _foreign(bundle):
            provider = _provider(catalog, api, asked)
            if provider is None:
                yield Requirement("", "", f"{bundle.name} needs the API {api}, which nothing there provides")
            elif provider not in asked:
                yield _requirement(catalog, provider, [channel], "", bundle)


def mirrored(package: Package, channel: str, minimum: str, maximum: str) -> list[Bundle]:
    """Return the bundles that oc-mirror takes of a channel: its head, or those from minimum to maximum."""
    if not minimum:
        head = package.head(channel)
        return [head] if head else []
    found = [package.bundles[name] for name in package.channels.get(channel, ()) if name in package.bundles]
    return [
        b for b in found if key(minimum) <= key(b.version) and (not maximum or key(b.version) <= key(maximum))
    ]


def lack(catalog: Catalog, name: str, channels: Iterable[str]) -> str:
    """Say what of a package a catalog does not have, with the nearest names; nothing where it has all.

    Nothing too of a package that nobody looked for.
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
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return (
        f"{name} of {catalog.reference} has no channel {', '.join(absent)}"
        f"{_nearest(absent[0], there)} (it has {', '.join(there[:_SHOWN])}{more})"
    )


def _requirement(catalog: Catalog, name: str, near: list[str], wanted: str, bundle: Bundle) -> Requirement:
    """Choose a channel: the nearest whose newest bundle will do, else the default, else any."""
    package = catalog.package(name)
    if package is None:
        return Requirement(
            "", "", f"{bundle.name} requires package {name}, which {catalog.reference} does not have"
        )
    names = dict.fromkeys([*near, package.default_channel, *sorted(package.channels)])
    there = [candidate for candidate in names if candidate in package.channels]
    for candidate in there:
        head = package.head(candidate)
        if head and (not wanted or satisfies(head.version, wanted)):
            return Requirement(name, candidate)
    return Requirement(
        name,
        there[0] if there else package.default_channel,
        f"{bundle.name} requires {name} {wanted}, which is the newest of no channel; check its version",
    )


def _foreign(bundle: Bundle) -> list[str]:
    return [api for api in bundle.needs if api not in bundle.provides]


def _provider(catalog: Catalog, api: str, asked: Collection[str]) -> str | None:
    providers = catalog.providers.get(api, ())
    return next((name for name in providers if name in asked), providers[0] if providers else None)


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.75)
    return f"; the nearest: {', '.join(close)}" if close else ""
