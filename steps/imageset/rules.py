"""What a well-formed ImageSetConfiguration must also satisfy, and what in it is legal but rarely meant.

Each rule names what oc-mirror does with its violation, since that is how people know it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.yaml.text import Tree

# Semantic version as blang/semver parses it: three numbers without leading zeros, pre-release, build.
_NUMBER: Final = r"(?:0|[1-9]\d*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_CHANNEL_WITH_MINOR = re.compile(r".+-\d+\.\d+")
_ARCHITECTURES: Final = ("amd64", "arm64", "ppc64le", "s390x", "multi")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (or, as a warning, odd) at a field path; `line` 0 where only the path is known."""

    path: str
    what: str
    line: int = 0
    is_warning: bool = False


def check_rules(tree: dict[str, Tree]) -> Iterator[Finding]:
    """Yield the findings of a tree that has the right shape."""
    mirror = _map(tree.get("mirror"))
    if not any(mirror.values()):
        yield Finding("mirror", "names nothing to mirror")
    size = tree.get("archiveSize")
    if size is not None and not str(size).isdigit():
        yield Finding("archiveSize", f"is {size}; it is a size in GiB above 0")
    yield from _platform(_map(mirror.get("platform")))
    catalogs = _maps(mirror.get("operators"))
    yield from _doubles([_text(c, "catalog") for c in catalogs], "mirror.operators", "catalog")
    for index, catalog in enumerate(catalogs):
        yield from _catalog(catalog, f"mirror.operators[{index}]")
    for index, image in enumerate(_maps(mirror.get("additionalImages"))):
        yield from _reference(_text(image, "name"), f"mirror.additionalImages[{index}].name")


def _platform(platform: dict[str, Tree]) -> Iterator[Finding]:
    path = "mirror.platform"
    architectures = platform.get("architectures")
    if platform.get("platforms") and architectures:
        yield Finding(path, "has both platforms and architectures, which exclude each other")
    for index, name in enumerate(architectures if isinstance(architectures, list) else []):
        if name not in _ARCHITECTURES:
            yield Finding(f"{path}.architectures[{index}]", f"is {name}, none of {', '.join(_ARCHITECTURES)}")
    channels = _maps(platform.get("channels"))
    yield from _doubles(
        [_text(channel, "name") for channel in channels], f"{path}.channels", "release channel"
    )
    several = len([channel for channel in channels if _text(channel, "type") != "okd"]) > 1
    for index, channel in enumerate(channels):
        yield from _release_channel(channel, f"{path}.channels[{index}]", several=several)


def _release_channel(channel: dict[str, Tree], path: str, *, several: bool) -> Iterator[Finding]:
    yield from _versions(channel, path, "makes oc-mirror panic")
    if several and not _CHANNEL_WITH_MINOR.fullmatch(_text(channel, "name")):
        yield Finding(f"{path}.name", "must end in -X.Y where there are several release channels")
    if _text(channel, "type") not in {"", "ocp", "okd"}:
        yield Finding(f"{path}.type", "is neither ocp nor okd; oc-mirror takes it as ocp", is_warning=True)
    if _text(channel, "maxVersion") and not _text(channel, "minVersion"):
        yield Finding(
            f"{path}.maxVersion",
            "without minVersion mirrors every release from the beginning of the channel on",
            is_warning=True,
        )


def _catalog(catalog: dict[str, Tree], path: str) -> Iterator[Finding]:
    name = _text(catalog, "catalog")
    if not name.startswith("oci://"):
        yield from _reference(name, f"{path}.catalog")
    if ":" in _text(catalog, "targetCatalog").rpartition("/")[2]:
        yield Finding(f"{path}.targetCatalog", "must not contain a tag or digest")
    packages = _maps(catalog.get("packages"))
    if not packages:
        yield Finding(
            path, "lists no packages: the heads of all channels of the whole catalog", is_warning=True
        )
    yield from _doubles([_text(package, "name") for package in packages], f"{path}.packages", "package")
    for index, package in enumerate(packages):
        full = _text(catalog, "full") == "true"
        yield from _package(package, f"{path}.packages[{index}]", full=full)


def _package(package: dict[str, Tree], path: str, *, full: bool) -> Iterator[Finding]:
    yield from _versions(package, path, "is refused")
    channels = _maps(package.get("channels"))
    names = [_text(channel, "name") for channel in channels]
    yield from _doubles(names, f"{path}.channels", "channel")
    for index, channel in enumerate(channels):
        yield from _versions(channel, f"{path}.channels[{index}]", "is refused")
    by_channel = any(_has_range(channel) for channel in channels)
    if _has_range(package) and by_channel:
        yield Finding(path, "has minVersion or maxVersion both for itself and for a channel")
    if full and (_has_range(package) or by_channel):
        yield Finding(path, "restricts versions in a catalog with full: true, which exclude each other")
    default = _text(package, "defaultChannel")
    if default and names and default not in names:
        yield Finding(f"{path}.defaultChannel", f"is {default}, none of its channels ({', '.join(names)})")


def _versions(entry: dict[str, Tree], path: str, consequence: str) -> Iterator[Finding]:
    for field in ("minVersion", "maxVersion"):
        version = _text(entry, field)
        if version and not _SEMVER.fullmatch(version):
            yield Finding(f"{path}.{field}", f"is {version}, not X.Y.Z, which {consequence}")


def _reference(name: str, path: str) -> Iterator[Finding]:
    last = name.rpartition("/")[2]
    if not re.fullmatch(r"[^\s:@]+[:@][^\s]+", last) or any(character.isspace() for character in name):
        yield Finding(path, f"is '{name}', not an image reference with tag or digest")


def _doubles(names: list[str], path: str, what: str) -> Iterator[Finding]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Finding(path, f"has {what} {name} {times} times; oc-mirror refuses doubles")


def _has_range(entry: dict[str, Tree]) -> bool:
    return bool(_text(entry, "minVersion") or _text(entry, "maxVersion"))


def _map(tree: Tree) -> dict[str, Tree]:
    return tree if isinstance(tree, dict) else {}


def _maps(tree: Tree) -> list[dict[str, Tree]]:
    return [item for item in tree if isinstance(item, dict)] if isinstance(tree, list) else []


def _text(entry: dict[str, Tree], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
