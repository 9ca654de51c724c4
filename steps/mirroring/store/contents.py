"""What a run mirrored, with versions: releases, bundles by package and channel, additional images, charts.

Put together from what oc-mirror names while it copies and what it leaves in its working directory:
`operator-catalogs/NAME/DIGEST/filtered-catalogs/FILTER/catalog-config`, what it took of a catalog,
and `hold-release/NAME/TAG/release-manifests/image-references`, whose name is the release's version.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from steps.mirroring.ocmirror.placement import CACHE, Rules, is_release, path_of
from steps.oci.reference import Reference
from steps.yaml.documents import documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.ocmirror.outcome import Reading

log = logging.getLogger(__name__)

Contents = dict[str, list[Any]]


def describe(reading: Reading, mirror: Mirror, working_dir: Path) -> Contents:
    """`releases` (versions), `operators` (package, channel, version, bundle), `additional`, `charts`, sorted.

    What oc-mirror did not name is not in it.
    """
    rules = Rules.of(mirror)
    origins = set(reading.copied)
    releases = [one for one in origins if is_release(_payload(rules, one, reading.copied[one]))]
    operators = [
        {"package": package, "channel": channel, "version": version, "bundle": name}
        for package, channel, version, name in sorted(_bundles(origins, rules, working_dir))
    ]
    return {
        "releases": sorted(filter(None, (_version(one, working_dir) for one in releases))),
        "operators": operators,
        "additional": sorted(origins & set(rules.own_places)),
        "charts": sorted(path.stem for path in (working_dir / "helm/charts").glob("*.tgz")),
    }


def _payload(rules: Rules, origin: str, where: str) -> tuple[str, ...]:
    return rules.places(origin, CACHE if where == CACHE else "openshift")


def _version(origin: str, working_dir: Path) -> str:
    """The version of a release; empty for an image of its content, which has none of its own."""
    folder = origin.rpartition("/")[2].replace(":", "/")
    try:
        references = working_dir / "hold-release" / folder / "release-manifests/image-references"
        return str(json.loads(references.read_bytes())["metadata"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        reference = Reference.find(origin)
        return reference.tag.rpartition("-")[0] if reference else ""


def _bundles(origins: set[str], rules: Rules, working_dir: Path) -> set[tuple[str, str, str, str]]:
    mirrored = {one.removeprefix("docker://") for one in origins}
    catalogs = [Reference.find(origin) for origin in origins if path_of(origin) in rules.catalogs]
    read = {catalog.digest.removeprefix("sha256:") if catalog else "" for catalog in catalogs}
    found: set[tuple[str, str, str, str]] = set()
    for catalog in (working_dir / "operator-catalogs").glob("*/*/"):
        filters = sorted(catalog.glob("filtered-catalogs/*/"), key=lambda path: path.stat().st_mtime)
        if filters and (catalog.name in read or "" in read):
            found.update(_of_catalog(filters[-1] / "catalog-config", mirrored))
    return found


def _of_catalog(folder: Path, mirrored: set[str]) -> Iterator[tuple[str, str, str, str]]:
    channels: dict[tuple[str, str], list[str]] = {}
    bundles: dict[tuple[str, str], str] = {}
    for path in sorted(folder.rglob("*.*")):
        try:
            for one in documents(path.read_bytes()):
                if one["schema"] == "olm.channel":
                    for entry in one["entries"]:
                        channels.setdefault((one["package"], entry["name"]), []).append(one["name"])
                elif one["schema"] == "olm.bundle" and one["image"] in mirrored:
                    bundles[one["package"], one["name"]] = _bundle_version(one)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is not read to its end, bundles may be missing in the record: %s", path, error)
    for (package, name), version in bundles.items():
        for channel in channels.get((package, name), [""]):
            yield package, channel, version, name


def _bundle_version(bundle: dict[str, Any]) -> str:
    versions = [one["value"]["version"] for one in bundle["properties"] if one["type"] == "olm.package"]
    return str(versions[0]) if versions else ""
