"""Catalogs, packages and bundles, as far as a catalog was read.

The fields are those of file-based catalogs (operator-framework/operator-registry, alpha/declcfg and
alpha/property) that a mirror needs.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

from steps.versions import newest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle installs, and where: its own image, and those that it runs (relatedImages).

    `newest_openshift` is the newest minor that it supports (olm.maxOpenShiftVersion), `oldest_kubernetes` the
    version that it needs (minKubeVersion); both empty for any.
    """

    image: str
    related: tuple[str, ...] = ()
    newest_openshift: str = ""
    oldest_kubernetes: str = ""

    @property
    def images(self) -> tuple[str, ...]:
        """All references, each once."""
        return tuple(dict.fromkeys(filter(None, (self.image, *self.related))))


@dataclass(frozen=True, slots=True)
class Entry:
    """A bundle in a channel, and which others lead to it (olm.channel, entries)."""

    name: str
    replaces: str = ""
    skips: tuple[str, ...] = ()
    skip_range: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle: one version of an operator.

    `requires` are pairs of package and version range (olm.package.required); `needs` and `provides` are APIs
    as `GROUP/VERSION/KIND` (olm.gvk.required, olm.gvk); a `package`, a `gvk`, or `all` of such in an
    olm.constraint count as well. `unclear` says what its other constraints are: `cel`, `any`, `not`.
    `content` is what it installs, if that was asked for. OLM installs no bundle that is `deprecated`
    (olm.deprecated).
    """

    name: str
    version: str
    requires: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    content: Content | None = None
    unclear: tuple[str, ...] = ()
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its default channel, the names of the bundles of each channel, and the bundles by name.

    `entries` say how the bundles of each channel lead to each other, if that was asked for.
    """

    name: str
    default_channel: str
    channels: Mapping[str, tuple[str, ...]]
    bundles: Mapping[str, Bundle]
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)

    def head(self, channel: str) -> Bundle | None:
        """Return the newest bundle of a channel; None if there is no such channel, or if it is empty."""
        bundles = [self.bundles[name] for name in self.channels.get(channel, ()) if name in self.bundles]
        return newest(bundles, version=lambda bundle: bundle.version)

    def provides(self, api: str) -> bool:
        """Tell whether any bundle provides the API."""
        return any(api in bundle.provides for bundle in self.bundles.values())


@dataclass(slots=True)
class Catalog:
    """What has been read of the catalog image `reference`; later searches add to it.

    `packages` holds, for each package that was looked for, the package, or None if the catalog lacks it.
    `providers` holds, for each API that was looked for, the packages that provide it. `names` are the names
    of all packages, as far as the catalog has a folder for each.
    """

    reference: str
    digest: str
    packages: dict[str, Package | None] = field(default_factory=dict)
    providers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def package(self, name: str) -> Package | None:
        """Return a package, None if the catalog lacks it or nobody has looked for it."""
        return self.packages.get(name)


def to_json(catalog: Catalog) -> dict[str, Any]:
    """Return the catalog as JSON values, which `from_json` reads."""
    return {
        "format": FORMAT,
        "digest": catalog.digest,
        "names": catalog.names,
        "providers": catalog.providers,
        "packages": {name: package and _package(package) for name, package in catalog.packages.items()},
    }


def from_json(tree: Any, reference: str, digest: str) -> Catalog | None:
    """Read what `to_json` returned for the image with that digest; None for anything else."""
    try:
        if tree["format"] != FORMAT or tree["digest"] != digest:
            return None
        return Catalog(
            reference=reference,
            digest=digest,
            packages={name: found and _read_package(found) for name, found in tree["packages"].items()},
            providers={name: tuple(found) for name, found in tree["providers"].items()},
            names=tuple(tree["names"]),
        )
    except (TypeError, KeyError, AttributeError, ValueError):
        return None


FORMAT = 4


def _package(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "default": package.default_channel,
        "channels": dict(package.channels),
        "bundles": [
            [
                *(b.name, b.version, b.requires, b.needs, b.provides, b.content and astuple(b.content)),
                *(b.unclear, b.deprecated),
            ]
            for b in package.bundles.values()
        ],
        "entries": {name: [astuple(one) for one in found] for name, found in package.entries.items()},
    }


def _read_package(tree: Any) -> Package:
    bundles = [
        Bundle(
            name,
            version,
            tuple((p, r) for p, r in requires),
            tuple(needs),
            tuple(provides),
            content and Content(content[0], tuple(content[1]), *content[2:]),
            tuple(unclear),
            bool(deprecated),
        )
        for name, version, requires, needs, provides, content, unclear, deprecated in tree["bundles"]
    ]
    return Package(
        name=tree["name"],
        default_channel=tree["default"],
        channels={name: tuple(entries) for name, entries in tree["channels"].items()},
        bundles={bundle.name: bundle for bundle in bundles},
        entries={
            channel: tuple(
                Entry(name, replaces, tuple(skips), ranged) for name, replaces, skips, ranged in found
            )
            for channel, found in tree["entries"].items()
        },
    )
