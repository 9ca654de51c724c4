"""What is known of one catalog: only of the packages that somebody asked about.

The format is that of file-based catalogs (operator-framework/operator-registry, alpha/declcfg and
alpha/property); only the fields that a mirror needs are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps.catalog.semver import newest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Bundle:
    """One version of an operator.

    `requires` are packages with their version ranges (olm.package.required), `needs` and `provides` APIs as
    `GROUP/VERSION/KIND` (olm.gvk.required, olm.gvk).
    """

    name: str
    version: str
    requires: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """One package: its default channel, the names of each channel's bundles, and the bundles by name."""

    name: str
    default_channel: str
    channels: Mapping[str, tuple[str, ...]]
    bundles: Mapping[str, Bundle]

    def head(self, channel: str) -> Bundle | None:
        """Return the newest bundle of a channel; None where there is no such channel."""
        found = [self.bundles[name] for name in self.channels.get(channel, ()) if name in self.bundles]
        return newest(found, version=lambda bundle: bundle.version)

    def provides(self, api: str) -> bool:
        """Whether any bundle provides the API."""
        return any(api in bundle.provides for bundle in self.bundles.values())


@dataclass(slots=True)
class Catalog:
    """What has been read of the catalog image `reference`; grows as more is asked.

    `packages` holds None for a package that was looked for and is not there, `providers` the packages that
    provide an API that was looked for. `names` are those of all packages, as far as the folders tell them.
    """

    reference: str
    digest: str
    packages: dict[str, Package | None] = field(default_factory=dict)
    providers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def package(self, name: str) -> Package | None:
        """Return a package, None where the catalog does not have it."""
        return self.packages.get(name)


def to_json(catalog: Catalog) -> dict[str, Any]:
    """Make the text that `from_json` reads back."""
    return {
        "format": FORMAT,
        "digest": catalog.digest,
        "names": catalog.names,
        "providers": catalog.providers,
        "packages": {name: package and _package(package) for name, package in catalog.packages.items()},
    }


def from_json(tree: Any, reference: str, digest: str) -> Catalog | None:
    """Read what `to_json` wrote of the image with that digest; None where it is something else."""
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


FORMAT = 1


def _package(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "default": package.default_channel,
        "channels": dict(package.channels),
        "bundles": [[b.name, b.version, b.requires, b.needs, b.provides] for b in package.bundles.values()],
    }


def _read_package(tree: Any) -> Package:
    bundles = [
        Bundle(name, version, tuple((p, r) for p, r in requires), tuple(needs), tuple(provides))
        for name, version, requires, needs, provides in tree["bundles"]
    ]
    return Package(
        name=tree["name"],
        default_channel=tree["default"],
        channels={name: tuple(entries) for name, entries in tree["channels"].items()},
        bundles={bundle.name: bundle for bundle in bundles},
    )
