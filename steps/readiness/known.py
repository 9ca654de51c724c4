"""What was mirrored to a target, and what was published for its clusters: by a data directory, or an export.

The export is the ConfigMap `oc-mirror-cluster-resources…` of the target, in YAML or JSON, as `oc get` prints
it. It has what is published, but not what runs have brought, so that for a missing image it cannot be said
whether anybody asked for it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.mirroring import notify
from steps.mirroring.publish import resources
from steps.mirroring.store import records
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.mirroring.workflows.deletion_plan import DeletionPlan
from steps.oci.reference import Reference
from steps.yaml.values import values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.store import Store

LARGEST: Final = 16 << 20
"""Bytes of a file of an export, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a target, HOST[:PORT][/PATH].

    `resources` are those that its clusters apply, None where that is not known. `imagesets` are what runs
    asked for, None where that is not known. `brought` has the places below the target that runs have filled
    (REPOSITORY:TAG or REPOSITORY@DIGEST), with the image's origin; `deleted` those that were deleted on
    purpose. `expected` are the digests of images that were mirrored by tag, by their origin, as far as
    generations tell them. `room` is that of `placement.Nesting`.
    """

    target: str
    resources: tuple[Mapping[str, Any], ...] | None = None
    imagesets: tuple[Mirror, ...] | None = None
    brought: Mapping[str, str] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    expected: Mapping[str, str] = field(default_factory=dict)
    room: int = 0


def targets_of(store: Store) -> list[str]:
    """Return the targets that a data directory knows, by name. Raises InvalidInputError."""
    return sorted({*store.inventory.targets(), *(one.target for one in store.published.all())})


def of_store(store: Store, target: str) -> Known:
    """Return what a data directory knows of a target. Raises InvalidInputError for a damaged record."""
    published = store.published.of(target)
    images = [image for entry in store.inventory.of(target) for image in (*entry.earlier, *entry.images)]
    brought = {place: image.origin for image in images for place in image.in_target}
    brought |= {place: origin for place, origin in map(_by_digest, brought.items()) if place}
    return Known(
        target=target,
        resources=tuple(resources.load(published.files())) if published else None,
        imagesets=tuple(_imagesets(store, target)) if published else None,
        brought=brought,
        deleted=frozenset(_deleted(store.deletion, target)),
        expected=_expected(store, target),
        room=max((image.room for image in images), default=0),
    )


def of_files(paths: list[Path]) -> list[Known]:
    """Return what exported ConfigMaps say. Raises InvalidInputError for a file that is none."""
    return [known for path in paths for known in _of_file(path)]


def _of_file(path: Path) -> list[Known]:
    try:
        documents = values(path.read_bytes())
    except ValueError as error:
        raise _no_export(path, str(error)) from error
    lists = [document.get("items") if isinstance(document, dict) else None for document in documents]
    listed = [one for items in lists if isinstance(items, list) for one in items]
    found = [known for one in (*documents, *listed) if (known := _of_config_map(one))]
    if not found:
        raise _no_export(path, "no ConfigMap with a target")
    return found


def _no_export(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is no export of what is published: {why}",
        "write it by `oc get configmap oc-mirror-cluster-resources -n oc-mirror -o yaml`",
    )


def _of_config_map(document: Any) -> Known | None:
    if not isinstance(document, dict) or document.get("kind") != "ConfigMap":
        return None
    if not isinstance(document.get("metadata"), dict) or not (target := notify.target_of(document)):
        return None
    files = {str(name): str(text) for name, text in (document.get("data") or {}).items()}
    for name, packed in (document.get("binaryData") or {}).items():
        with suppress(binascii.Error, OSError, EOFError, zlib.error, ValueError, TypeError):
            files[str(name).removesuffix(".gz")] = _unpacked(packed)
    files.pop(AUTOSHIFT_VALUES, None)
    return Known(target=target, resources=tuple(resources.load(files)))


def _unpacked(text: str) -> str:
    with gzip.open(io.BytesIO(base64.b64decode(text, validate=True))) as stream:
        return stream.read(LARGEST).decode()


def _imagesets(store: Store, target: str) -> list[Mirror]:
    found = []
    published = store.published.of(target)
    for name, mirror in (published.mirrors() if published else {}).items():
        with suppress(InvalidInputError):  # empty where it is not known
            found.append(ImageSet.recorded(mirror.imageset.encode(), name).mirror)
    return found


def _expected(store: Store, target: str) -> dict[str, str]:
    """Return the digests of images by tag, as the newest generations that came to a target have them."""
    entries, found = store.inventory.of(target), dict[str, str]()
    newest = {entry.mirror_name: max(entry.generations) for entry in entries if entry.generations}
    for number, generation in store.generations.present().items():
        if number not in newest.values():
            continue
        with suppress(InvalidInputError):  # an index that is damaged tells nothing
            index = store.generations.content_index(generation)
            for image in index.images if index else ():
                origin = Reference.find(image.source)
                if origin and origin.tag and not origin.digest:
                    found[f"{origin.name}:{origin.tag}"] = image.digest
    return found


def _by_digest(item: tuple[str, str]) -> tuple[str, str]:
    """Return the place by digest of an image whose origin tells it, beside the place by tag."""
    place, origin = item
    reference, image = Reference.find(place), Reference.find(origin)
    if reference and image and image.digest and not reference.digest:
        return f"{reference.name}@{image.digest}", origin
    return "", ""


def _deleted(folder: Path, target: str) -> list[str]:
    """Return the places that carried-out plans of deletion have emptied."""
    found: list[str] = []
    for path in sorted(folder.glob("executed-*.json")):
        try:
            plan = records.parse(DeletionPlan, path.read_bytes())
        except (OSError, ValueError):
            continue
        if plan.target == target:
            for deletion in plan.manifests:
                versions = [f"@{deletion.digest}", *(f":{tag}" for tag in deletion.tags)]
                found += [f"{deletion.repository}{version}" for version in versions]
    return found
