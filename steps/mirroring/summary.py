"""What a data directory knows of its targets, small enough for a ConfigMap: whoever has no volume reads it.

It says what runs asked for, what came of it and what is published. fleet-readiness judges by it, from the
data directory itself and from ConfigMap oc-mirror-inventory alike.
"""

from __future__ import annotations

import gzip
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pydantic import Field

from steps.errors import InvalidInputError
from steps.mirroring.ocmirror.placement import RELEASE_IMAGES, RELEASES, unjoined
from steps.mirroring.store import records
from steps.mirroring.store.inventory import ARCHIVES
from steps.mirroring.store.records import Part, Record
from steps.mirroring.store.verified import newest
from steps.mirroring.workflows.deletion_plan import DeletionPlan
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.store import Store
    from steps.mirroring.store.inventory import InventoryEntry
    from steps.mirroring.store.published import PublishedTarget

log = logging.getLogger(__name__)

KEY: Final = "inventory.json"
"""The key of the ConfigMap."""


class TargetSummary(Part):
    """What is known of a target, HOST[:PORT][/PATH].

    `resources` are the files that its clusters apply, None where nothing is published. `imagesets` are the
    texts of those that runs asked for, by mirror name, None where they are not known. `brought` are the
    places below the target that runs have filled (REPOSITORY:TAG or REPOSITORY@DIGEST), `deleted` those that
    were emptied on purpose. `expected` are the digests of images that were mirrored by tag, by their origin
    HOST/REPOSITORY:TAG, as runs have verified them or as generations tell them. `room` is that of
    `placement.Nesting`. `finished` is when the last run to the target ended, RFC 3339 in UTC; empty where
    nobody knows.
    """

    target: str
    resources: dict[str, str] | None = None
    imagesets: dict[str, str] | None = None
    brought: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    expected: dict[str, str] = Field(default_factory=dict)
    room: int = Field(default=0, ge=0)
    finished: str = ""


class Summary(Record):
    """inventory.json. `whole` is False where it had to do without `brought`: there were too many places."""

    targets: tuple[TargetSummary, ...]
    whole: bool = True


def of_store(store: Store) -> Summary:
    """Return what a data directory knows of every target. Raises InvalidInputError for a damaged record."""
    published = {one.target: one for one in store.published.all()}
    entries = {target: found for target, found in store.inventory.all().items() if target != ARCHIVES}
    targets = (
        _of_target(store, target, entries.get(target, []), published.get(target))
        for target in sorted({*published, *entries})
    )
    return Summary(targets=tuple(targets))


def _of_target(
    store: Store, target: str, entries: Sequence[InventoryEntry], published: PublishedTarget | None
) -> TargetSummary:
    images = [image for entry in entries for image in (*entry.earlier, *entry.images)]
    origins = {place: image.origin for image in images for place in image.in_target}
    return TargetSummary(
        target=target,
        resources=published.files() if published else None,
        imagesets={name: one.imageset for name, one in published.mirrors().items()} if published else None,
        brought=tuple(sorted({*origins, *filter(None, (_by_digest(*one) for one in origins.items()))})),
        deleted=tuple(sorted(_deleted(store.deletion, target))),
        expected=_expected(store, entries) | _verified(store, target, origins),
        room=max((image.room for image in images), default=0),
        finished=max((entry.finished for entry in entries), default=""),
    )


def fitting(summary: Summary, largest: int) -> str:
    """Return it as JSON that has, compressed, at most `largest` bytes; too many places are left out.

    Raises InvalidInputError where it is too large even so.
    """
    without = tuple(one.changed(brought=()) for one in summary.targets)
    for one in (summary, summary.changed(targets=without, whole=False)):
        text = one.as_json(indent=None)
        if len(gzip.compress(text.encode(), mtime=0)) <= largest:
            return text
        log.info("the inventory of %d targets exceeds %d bytes, compressed", len(one.targets), largest)
    raise InvalidInputError(
        f"the inventory of {len(summary.targets)} targets exceeds {largest} bytes, compressed",
        "fleet-readiness reads it on the volume, by --data",
    )


def _expected(store: Store, entries: Iterable[InventoryEntry]) -> dict[str, str]:
    """Return the digests of images by tag, as the newest generations that came to a target have them."""
    found: dict[str, str] = {}
    last = {entry.mirror_name: max(entry.generations) for entry in entries if entry.generations}
    for number, generation in store.generations.present().items():
        if number not in last.values():
            continue
        with suppress(InvalidInputError):  # an index that is damaged tells nothing
            index = store.generations.content_index(generation)
            for image in index.images if index else ():
                origin = Reference.find(image.source)
                if origin and origin.tag and not origin.digest:
                    found[f"{origin.name}:{origin.tag}"] = image.digest
    return found


def _verified(store: Store, target: str, origins: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of images by tag, as the last good runs have seen them in a target.

    `origins` are by place. A release counts by the tag that it has in the target: its origin has a digest.
    """
    found: dict[str, str] = {}
    for place, image in newest(store.verified.of(target)).items():
        where, origin = Reference.parse_relative(place), Reference.find(origins.get(place, ""))
        if origin and origin.tag and not origin.digest:
            found[f"{origin.name}:{origin.tag}"] = image.digest
        elif unjoined(where.repository) == RELEASES and where.tag:
            found[f"{RELEASE_IMAGES.name}:{where.tag}"] = image.digest
    return found


def _by_digest(place: str, origin: str) -> str:
    """Return the place by digest of an image whose origin tells it, beside the place by tag; else nothing."""
    reference, image = Reference.find(place), Reference.find(origin)
    if reference and image and image.digest and not reference.digest:
        return f"{reference.name}@{image.digest}"
    return ""


def _deleted(folder: Path, target: str) -> set[str]:
    """Return the places that carried-out plans of deletion have emptied."""
    found: set[str] = set()
    for path in sorted(folder.glob("executed-*.json")):
        try:
            plan = records.parse(DeletionPlan, path.read_bytes())
        except (OSError, ValueError):
            continue
        if plan.target == target:
            for deletion in plan.manifests:
                versions = [f"@{deletion.digest}", *(f":{tag}" for tag in deletion.tags)]
                found |= {f"{deletion.repository}{version}" for version in versions}
    return found
