"""What packages weigh: a record by which a plan can estimate what its rows will take.

    DATA/sizes.json     for each catalog of an ImageSet, by its reference there, bytes by package

A package has the bytes of its bundles and of the images that these name, as far as a run has mirrored them,
each blob once. Packages that share a blob both have it. What a later run does not mirror stays in the record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.ocmirror.placement import Rules, path_of
from steps.mirroring.store import records
from steps.mirroring.store.records import Record
from steps.mirroring.store.working_dir import CATALOGS
from steps.yaml.documents import documents

if TYPE_CHECKING:
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.store.cache import Cache
    from steps.mirroring.store.contents import ContentIndex

log = logging.getLogger(__name__)

Sizes = dict[str, dict[str, int]]
"""Bytes by catalog and package."""


class SizesRecord(Record):
    """sizes.json."""

    catalogs: dict[str, dict[str, int]] = Field(default_factory=dict)


def measure(mirror: Mirror, index: ContentIndex, working_dir: Path, cache: Cache) -> Sizes:
    """Return what the packages of a run's catalogs weigh, from its index and the catalogs it unpacked."""
    rules, found = Rules.of(mirror), Sizes()
    images = {
        image.source.removeprefix("docker://"): {image.digest, *image.manifests, *image.blobs}
        for image in index.images
    }
    for catalog in mirror.operators:
        digest = cache.find(rules.cached(catalog.catalog)).removeprefix("sha256:")
        folder = _filtered(working_dir / CATALOGS / path_of(catalog.catalog).rpartition("/")[2], digest)
        if folder:
            blobs = _blobs(folder / "catalog-config", images)
            found[catalog.catalog] = {
                package: sum(index.blobs[blob].size for blob in of_package if blob in index.blobs)
                for package, of_package in sorted(blobs.items())
            }
    return found


def add(path: Path, sizes: Sizes) -> None:
    """Add sizes to the record at `path`; a record that cannot be read is begun anew."""
    try:
        before = records.parse(SizesRecord, path.read_bytes()).catalogs
    except FileNotFoundError:
        before = {}
    except (OSError, ValueError) as error:
        log.warning("%s is started again: %s", path, error)
        before = {}
    merged = {name: {**before.get(name, {}), **sizes.get(name, {})} for name in {*before, *sizes}}
    write_atomically(path, SizesRecord(catalogs=dict(sorted(merged.items()))).as_json(indent=1))


def _filtered(unpacked: Path, digest: str) -> Path | None:
    """Return what was last taken of a catalog: of the one with `digest`, or of the only one there is."""
    folders = list(unpacked.glob("*/"))
    of_digest = [folder for folder in folders if folder.name == digest] or folders
    if len(of_digest) != 1:
        return None
    filters = of_digest[0].glob("filtered-catalogs/*/")
    return max(filters, key=lambda path: path.stat().st_mtime, default=None)


def _blobs(folder: Path, images: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the digests of the mirrored images of each package in a filtered catalog."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.*")):
        try:
            for blob in documents(path.read_bytes()):
                if blob["schema"] == "olm.bundle":
                    named = [
                        blob["image"],
                        *(related["image"] for related in blob.get("relatedImages") or []),
                    ]
                    digests = [images[image] for image in named if image in images]
                    found.setdefault(blob["package"], set()).update(*digests)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read completely, sizes of packages may be missing: %s", path, error)
    return {package: digests for package, digests in found.items() if digests}
