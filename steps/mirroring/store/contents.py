"""What a generation holds: the versions in its record, and the index of every image with its blobs.

`describe` is put together from what oc-mirror names while it copies and what it leaves in its working
directory: `operator-catalogs/NAME/DIGEST/filtered-catalogs/FILTER/catalog-config`, what it took of a catalog,
and `hold-release/NAME/TAG/release-manifests/image-references`, whose name is the release's version.

    generations/NNNNNN/contents.json.gz     its sha256 is `contents_sha256` in generation.json

It is made from what oc-mirror names while it copies, from the manifests in its cache, and from its history.
So it costs no reading of the archives and no request to a registry.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import re
import zlib
from typing import TYPE_CHECKING, Any

from steps.bounded import json_file
from steps.errors import InvalidInputError
from steps.mirroring.ocmirror.placement import CACHE, Rules, is_release, path_of
from steps.mirroring.ocmirror.platforms import Platforms
from steps.mirroring.store import records
from steps.mirroring.store.archives import COPY_WHOLE
from steps.mirroring.store.records import Part, Record
from steps.mirroring.store.working_dir import CATALOGS, release_folder
from steps.oci.reference import Reference
from steps.yaml.documents import documents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.store.cache import Cache
    from steps.mirroring.store.working_dir import Used

log = logging.getLogger(__name__)

Contents = dict[str, list[Any]]
INDEX = "contents.json.gz"
_PORT = re.compile(r"(?<=localhost):\d+(?=/openshift/graph-image)")
"""In the name of the release graph, which oc-mirror makes in its cache: another port in every run."""


def describe(
    reading: Reading, mirror: Mirror, working_dir: Path, *, catalogs: Collection[str] = ()
) -> Contents:
    """`releases` (versions), `operators` (package, channel, version, bundle), `additional`, `charts`, sorted.

    `catalogs` are those that the run has read, as `Used` has them. What oc-mirror did not name is not in it.
    """
    rules = Rules.of(mirror)
    origins = set(reading.copied)
    releases = [origin for origin in origins if is_release(_payload(rules, origin, reading.copied[origin]))]
    operators = [
        {"package": package, "channel": channel, "version": version, "bundle": name}
        for package, channel, version, name in sorted(_bundles(origins, rules, working_dir, catalogs))
    ]
    return {
        "releases": sorted(filter(None, (_version(origin, working_dir) for origin in releases))),
        "operators": operators,
        "additional": sorted(origins & set(rules.own_places)),
        "charts": sorted(path.stem for path in (working_dir / "helm/charts").glob("*.tgz")),
    }


def _payload(rules: Rules, origin: str, where: str) -> tuple[str, ...]:
    return rules.places(origin, CACHE if where == CACHE else "openshift")


def _version(origin: str, working_dir: Path) -> str:
    """Return the version of a release; empty for an image of its content, which has none of its own."""
    try:
        references = (
            working_dir / "hold-release" / release_folder(origin) / "release-manifests/image-references"
        )
        return str(json_file(references)["metadata"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        reference = Reference.find(origin)
        return reference.tag.rpartition("-")[0] if reference else ""


def _bundles(
    origins: set[str], rules: Rules, working_dir: Path, used: Collection[str]
) -> set[tuple[str, str, str, str]]:
    """Return what is mirrored of the catalogs that were read.

    Beside them lie those of the run before, and of other mirrors: the same bundle is in other channels there.
    """
    mirrored = {origin.removeprefix("docker://") for origin in origins}
    catalogs = [Reference.find(origin) for origin in origins if path_of(origin) in rules.catalogs]
    read = {catalog.digest.removeprefix("sha256:") if catalog else "" for catalog in catalogs}
    if len(used) >= len(catalogs) and all((working_dir / CATALOGS / folder).is_dir() for folder in used):
        read = {folder.rpartition("/")[2] for folder in used}
    found: set[tuple[str, str, str, str]] = set()
    for catalog in (working_dir / CATALOGS).glob("*/*/"):
        filters = sorted(catalog.glob("filtered-catalogs/*/"), key=lambda path: path.stat().st_mtime)
        if filters and (catalog.name in read or "" in read):
            found.update(_of_catalog(filters[-1] / "catalog-config", mirrored))
    return found


def _of_catalog(folder: Path, mirrored: set[str]) -> Iterator[tuple[str, str, str, str]]:
    channels: dict[tuple[str, str], list[str]] = {}
    bundles: dict[tuple[str, str], str] = {}
    for path in sorted(folder.rglob("*.*")):
        try:
            for blob in documents(path.read_bytes()):
                if blob["schema"] == "olm.channel":
                    for entry in blob["entries"]:
                        channels.setdefault((blob["package"], entry["name"]), []).append(blob["name"])
                elif blob["schema"] == "olm.bundle" and blob["image"] in mirrored:
                    bundles[blob["package"], blob["name"]] = _bundle_version(blob)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read completely, bundles may be missing in the record: %s", path, error)
    for (package, name), version in bundles.items():
        for channel in channels.get((package, name), [""]):
            yield package, channel, version, name


def _bundle_version(bundle: dict[str, Any]) -> str:
    versions = [part["value"]["version"] for part in bundle["properties"] if part["type"] == "olm.package"]
    return str(versions[0]) if versions else ""


def lasting(source: str) -> str:
    """Return the name of an image's source as it is the same in every run."""
    return _PORT.sub("", source)


class IndexedImage(Part):
    """An image: its source as oc-mirror names it, its digest, and the digests of what it consists of.

    `manifests` are the manifests of an index, or the image's only one; `blobs` are configurations and layers.
    A catalog is the one of its source, from which oc-mirror makes what clusters get.
    """

    source: str
    digest: str
    manifests: tuple[str, ...]
    blobs: tuple[str, ...]


class IndexedBlob(Part):
    """A blob; `size` in bytes. It is in this generation's archives if `archived`, else in earlier ones."""

    size: int
    archived: bool


class ContentIndex(Record):
    """What a generation stands for: all its images, those that only earlier archives hold included.

    `blobs` has every manifest, configuration and layer by digest. `complete` is false where oc-mirror did not
    name all images, or its cache lacks a manifest.
    """

    images: tuple[IndexedImage, ...]
    blobs: dict[str, IndexedBlob]
    complete: bool

    def packed(self) -> bytes:
        """Return the file's content; the same index gives the same bytes."""
        return gzip.compress(self.as_json(indent=None).encode(), mtime=0)


def unpack(content: bytes, path: Path) -> ContentIndex:
    """Read the content of an index's file at `path`. Raises InvalidInputError if it cannot be understood."""
    hint = COPY_WHOLE
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            text = stream.read(records.LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"{path} cannot be unpacked: {error}", hint) from error
    return records.decode(ContentIndex, text, where=path, what="an index of content", hint=hint)


def index(reading: Reading, mirror: Mirror, cache: Cache, *, archived: Iterable[str]) -> ContentIndex:
    """Make the index of what a run copied; `archived` are the digests that its archives hold.

    Where platforms are asked for, of an index only the manifests that were copied are in it.
    """
    rules = Rules.of(mirror)
    here, sparse = frozenset(archived), bool(Platforms.of(mirror))
    sizes: dict[str, int] = {}
    images, complete = [], reading.names_all
    for source in sorted(reading.copied):
        digest = cache.find(rules.cached(source))
        found = list(_manifests(digest, cache)) if digest else []
        if sparse and any(manifest for _digest, manifest in found[1:]):
            found = [part for part in found if part[1]]
        complete = complete and bool(found) and all(manifest for _digest, manifest in found)
        if not found:
            continue
        parts = {part["digest"]: part["size"] for _name, manifest in found for part in _parts(manifest)}
        sizes |= parts | {name: cache.blob(name).stat().st_size for name, manifest in found if manifest}
        leaves = [name for name, manifest in found if not manifest.get("manifests")]
        images.append(
            IndexedImage(
                source=lasting(source),
                digest=digest,
                manifests=tuple(leaves),
                blobs=tuple(sorted(parts)),
            )
        )
    blobs = {
        digest: IndexedBlob(size=size, archived=digest in here) for digest, size in sorted(sizes.items())
    }
    return ContentIndex(images=tuple(images), blobs=blobs, complete=complete)


def meaning(imageset: str, index: ContentIndex, described: Contents, used: Used) -> str:
    """Return a hash of what a generation stands for, whatever its archives hold; empty where it is not known.

    Two generations of the same meaning bring a target to the same state: the meaning of their ImageSets
    (`imageset`), every image with its digest, catalogs and charts are the same.
    """
    if not index.complete:
        return ""
    images = [(image.source, image.digest) for image in index.images]
    document = [imageset, images, described, used.catalogs]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _manifests(digest: str, cache: Cache) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the manifest of an image, and those that an index lists; one that the cache lacks is empty."""
    ahead, seen = [digest], set[str]()
    while ahead:
        digest = ahead.pop()
        if digest not in seen:
            seen.add(digest)
            manifest = cache.manifest(digest)
            yield digest, manifest
            ahead += [child["digest"] for child in reversed(manifest.get("manifests") or [])]


def _parts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in (manifest.get("config"), *(manifest.get("layers") or [])) if part]
