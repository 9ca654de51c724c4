"""After a run: was something mirrored for everything that the ImageSet asks for?

oc-mirror leaves out a package or channel that its catalog does not have, and a channel without a version in
the range, as long as anything else is left (catalog-filter, mirror-filter.go). A typo among good names then
ends with exit code 0. What is blocked, and what the ImageSet leaves open, is nothing that is asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from steps import units
from steps.catalog.dependencies import describe_lack
from steps.errors import NotMirroredError
from steps.mirroring.store import catalogs, contents
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steps.catalog import packages as published
    from steps.imageset.model import Channel, Mirror, Package, ReleaseChannel
    from steps.mirroring.ocmirror.output import Reading

CAUSE: Final = "not mirrored"
_SHOWN: Final = 5
_MINOR: Final = re.compile(r".*-(\d+\.\d+)")


def check(reading: Reading, mirror: Mirror, working_dir: Path) -> None:
    """Check that each package, channel, version and image of the ImageSet led to something.

    Raises NotMirroredError that names what did not, where it was looked for, and names near it.
    """
    found = [
        *_operators(reading, mirror, working_dir),
        *_images(reading, mirror),
        *_charts(mirror, working_dir),
        *_releases(reading, mirror, working_dir),
    ]
    if found:
        parts = units.few(found, _SHOWN, joint="; ")
        raise NotMirroredError(
            f"nothing was mirrored for a part of the ImageSet: {parts}",
            "correct these names and versions in the ImageSet, or remove them; what was fetched is kept",
            cause=CAUSE,
        )


def _operators(reading: Reading, mirror: Mirror, working_dir: Path) -> Iterator[str]:
    for entry in mirror.operators:
        names = [package.name for package in entry.packages]
        catalog = catalogs.read(working_dir, entry.catalog, names, reading.copied) if names else None
        if catalog is None:
            continue
        for package in entry.packages:
            if lack := describe_lack(catalog, package.name, [channel.name for channel in package.channels]):
                yield lack
            if there := catalog.package(package.name):
                yield from _versions(entry.catalog, package, there)


def _versions(catalog: str, package: Package, there: published.Package) -> Iterator[str]:
    """Say which ranges hold no version, of each channel, or of the package where it names none."""
    every = [bundle.version for bundle in there.bundles.values()]
    if not package.channels and not _some(every, package.min_version, package.max_version):
        yield f"{package.name} of {catalog} has no version {_range(package)}{_shown(every)}"
    for channel in package.channels:
        if channel.name not in there.channels:
            continue
        bundles = [there.bundles.get(name) for name in there.channels[channel.name]]
        entries = [bundle.version for bundle in bundles if bundle]
        limits = channel if channel.min_version or channel.max_version else package
        if not _some(entries, limits.min_version, limits.max_version):
            where = f"{package.name} of {catalog} has no version {_range(limits)}"
            yield f"{where} in channel {channel.name}{_shown(entries)}"


def _some(versions: list[str], minimum: str, maximum: str) -> bool:
    """Return whether a version is in the range, as Masterminds/semver has it."""
    if not (minimum or maximum):
        return True
    known = [version for version in versions if version]
    return not known or any(_holds(version, minimum, maximum) for version in known)


def _holds(version: str, minimum: str, maximum: str) -> bool:
    """Return whether a version is in the range; one before a release only if the limits are such, too."""
    for limit in filter(None, (minimum, maximum)):
        if "-" in version.partition("+")[0] and "-" not in limit.partition("+")[0]:
            return False
    return (not minimum or precedence(minimum) <= precedence(version)) and (
        not maximum or precedence(version) <= precedence(maximum)
    )


def _range(limits: Package | Channel) -> str:
    if limits.min_version == limits.max_version:
        return limits.min_version
    words = (("from", limits.min_version), ("to", limits.max_version))
    return " ".join(f"{word} {version}" for word, version in words if version)


def _shown(versions: list[str]) -> str:
    newest = sorted(set(versions), key=precedence, reverse=True)
    return f" (it has {units.few(newest, _SHOWN)})"


def _images(reading: Reading, mirror: Mirror) -> Iterator[str]:
    if not reading.names_all:
        return
    copied = {origin.removeprefix("docker://") for origin in reading.copied}
    for image in mirror.additional_images:
        if image.name.removeprefix("docker://") not in copied and not _is_blocked(image.name, mirror):
            yield f"the additional image {image.name}"


def _is_blocked(image: str, mirror: Mirror) -> bool:
    """Return whether an image is left out on purpose; where Go's pattern is none of Python's, it may be."""
    try:
        return any(re.search(blocked.name, image) for blocked in mirror.blocked_images)
    except re.error:
        return True


def _charts(mirror: Mirror, working_dir: Path) -> Iterator[str]:
    fetched = [path.name for path in (working_dir / "helm/charts").glob("*.tgz")]
    for repository in mirror.helm.repositories:
        for chart in repository.charts:
            if not any(name.startswith(f"{chart.name}-") for name in fetched):
                yield f"the chart {chart.name} of {repository.url}"


def _releases(reading: Reading, mirror: Mirror, working_dir: Path) -> Iterator[str]:
    channels = mirror.platform.channels
    if not channels or not reading.names_all:
        return
    versions = contents.describe(reading, mirror, working_dir)["releases"]
    for channel in channels:
        if not reading.counts.get("release", (0, 0))[1]:
            yield f"the channel {channel.name}: no release at all was mirrored"
        elif versions and not any(_of_channel(version, channel) for version in versions):
            yield f"the channel {channel.name}{_shown(versions)}"


def _of_channel(version: str, channel: ReleaseChannel) -> bool:
    """Return whether a release may be of a channel: in its range, else of the minor in its name."""
    if channel.min_version or channel.max_version:
        return _holds(version.partition("-")[0], channel.min_version, channel.max_version)
    minor = _MINOR.fullmatch(channel.name)
    return minor is None or version.startswith(f"{minor[1]}.")
