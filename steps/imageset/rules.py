"""What a well-formed ImageSetConfiguration must also satisfy, and what in it is legal but rarely meant.

Each rule names what oc-mirror does with its violation, since that is how people know it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from steps.autoshift.release_channels import UpdateChannel
from steps.autoshift.releases import Span
from steps.autoshift.update_paths import lacks_way
from steps.imageset.model import Mirror
from steps.imageset.reading import Finding
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.imageset.model import (
        AdditionalImage,
        Catalog,
        Channel,
        Configuration,
        Package,
        Platform,
        ReleaseChannel,
    )

# Semantic version as blang/semver parses it: three numbers without leading zeros, pre-release, build.
_NUMBER: Final = r"(?:0|[1-9]\d*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_CHANNEL_WITH_MINOR = re.compile(r".+-\d+\.\d+")
_ARCHITECTURES: Final = ("amd64", "arm64", "ppc64le", "s390x", "multi")


def check_rules(configuration: Configuration) -> Iterator[Finding]:
    """Yield the findings of an ImageSetConfiguration whose fields are right."""
    mirror = configuration.mirror
    if mirror == Mirror():
        yield Finding("mirror", "names nothing to mirror")
    if configuration.archive_size == 0:
        yield Finding("archiveSize", "is 0, which oc-mirror takes for its default of 500 GiB: leave it out")
    yield from _platform(mirror.platform)
    catalogs = [catalog.catalog for catalog in mirror.operators]
    yield from _doubles(catalogs, "mirror.operators", "catalog")
    for index, catalog in enumerate(mirror.operators):
        yield from _catalog(catalog, f"mirror.operators[{index}]")
    for index, image in enumerate(mirror.additional_images):
        yield from _additional(image, f"mirror.additionalImages[{index}].name")


def _additional(image: AdditionalImage, path: str) -> Iterator[Finding]:
    """Check an additional image: oc-mirror looks for tag and digest by counting colons, a port's too."""
    if image.name.startswith("oci://"):
        return
    yield from _reference(image.name, path)
    reference = Reference.find(image.name)
    by_digest_alone = reference and reference.digest and not (reference.tag or image.target_tag)
    if reference and by_digest_alone and ":" in reference.registry:
        yield Finding(
            path,
            f"is '{image.name}', by digest alone from a registry with a port, which oc-mirror cannot read:"
            " add its tag before the digest (HOST:PORT/NAME:TAG@DIGEST), or a targetTag",
        )


def _platform(platform: Platform) -> Iterator[Finding]:
    path = "mirror.platform"
    if platform.platforms and platform.architectures:
        yield Finding(path, "has both platforms and architectures, which exclude each other")
    for index, name in enumerate(platform.architectures):
        if name not in _ARCHITECTURES:
            yield Finding(f"{path}.architectures[{index}]", f"is {name}, none of {', '.join(_ARCHITECTURES)}")
    channels = platform.channels
    yield from _doubles([channel.name for channel in channels], f"{path}.channels", "release channel")
    several = len([channel for channel in channels if channel.type != "okd"]) > 1
    for index, channel in enumerate(channels):
        yield from _release_channel(channel, f"{path}.channels[{index}]", several=several)
    if several and (lack := _lack_of_way(channels)):
        yield Finding(f"{path}.channels", f"{lack}: it gives up on all releases", is_warning=True)


def _lack_of_way(channels: Sequence[ReleaseChannel]) -> str:
    """Say between which release channels oc-mirror finds no way, as far as their names and versions tell."""
    spans = {}
    for channel in channels:
        versions = (channel.min_version, channel.max_version)
        begins = versions[0] or not versions[1]  # a maximum alone goes back to a release that is not known
        if channel.type == "okd" or not begins or any(one and not _SEMVER.fullmatch(one) for one in versions):
            return ""
        try:
            spans[UpdateChannel.parse(channel.name)] = Span(*versions, bool(channel.shortest_path))
        except ValueError:
            return ""
    return lacks_way(spans)


def _release_channel(channel: ReleaseChannel, path: str, *, several: bool) -> Iterator[Finding]:
    yield from _versions(channel, path, "makes oc-mirror panic")
    if several and not _CHANNEL_WITH_MINOR.fullmatch(channel.name):
        yield Finding(f"{path}.name", "must end in -X.Y where there are several release channels")
    if channel.type not in {"", "ocp", "okd"}:
        yield Finding(f"{path}.type", "is neither ocp nor okd; oc-mirror takes it as ocp", is_warning=True)
    if channel.max_version and not channel.min_version:
        yield Finding(
            f"{path}.maxVersion",
            "without minVersion mirrors every release from the beginning of the channel on",
            is_warning=True,
        )


def _catalog(catalog: Catalog, path: str) -> Iterator[Finding]:
    if not catalog.catalog.startswith("oci://"):
        yield from _reference(catalog.catalog, f"{path}.catalog")
        reference = Reference.find(catalog.catalog)
        if reference and reference.tag and reference.digest:
            yield Finding(f"{path}.catalog", "has both tag and digest, which oc-mirror refuses: leave one")
    if ":" in catalog.target_catalog.rpartition("/")[2]:
        yield Finding(f"{path}.targetCatalog", "must not contain a tag or digest")
    if not catalog.packages:
        yield Finding(
            path, "lists no packages: the heads of all channels of the whole catalog", is_warning=True
        )
    names = [package.name for package in catalog.packages]
    yield from _doubles(names, f"{path}.packages", "package")
    for index, package in enumerate(catalog.packages):
        yield from _package(package, f"{path}.packages[{index}]", full=bool(catalog.full))


def _package(package: Package, path: str, *, full: bool) -> Iterator[Finding]:
    yield from _versions(package, path, "is refused")
    names = [channel.name for channel in package.channels]
    yield from _doubles(names, f"{path}.channels", "channel")
    for index, channel in enumerate(package.channels):
        yield from _versions(channel, f"{path}.channels[{index}]", "is refused")
    by_channel = any(_has_range(channel) for channel in package.channels)
    if _has_range(package) and by_channel:
        yield Finding(path, "has minVersion or maxVersion both for itself and for a channel")
    if full and (_has_range(package) or by_channel):
        yield Finding(path, "restricts versions in a catalog with full: true, which exclude each other")
    default = package.default_channel
    if default and names and default not in names:
        yield Finding(f"{path}.defaultChannel", f"is {default}, none of its channels ({', '.join(names)})")


def _versions(entry: Channel | Package | ReleaseChannel, path: str, consequence: str) -> Iterator[Finding]:
    for field, version in (("minVersion", entry.min_version), ("maxVersion", entry.max_version)):
        if version and not _SEMVER.fullmatch(version):
            yield Finding(f"{path}.{field}", f"is {version}, not X.Y.Z, which {consequence}")


def _reference(name: str, path: str) -> Iterator[Finding]:
    reference = Reference.find(name)
    if reference is None or not reference.version:
        yield Finding(path, f"is '{name}', not an image reference with tag or digest")
    elif reference.registry.startswith("["):
        yield Finding(
            path,
            f"is '{name}', with an IPv6 literal, which oc-mirror cannot read: give that host a name, in DNS"
            " or /etc/hosts",
        )


def _doubles(names: list[str], path: str, what: str) -> Iterator[Finding]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Finding(path, f"has {what} {name} {times} times; oc-mirror refuses doubles")


def _has_range(entry: Channel | Package) -> bool:
    return bool(entry.min_version or entry.max_version)
