"""The plan of deletion for a target: made from the records of runs, for a person to read and approve.

DATA/removal/plan.json              the plan; its sha256 is what gets approved
DATA/removal/executed-HASH.json     a plan that was carried out, and
DATA/removal/report-HASH.json       what it did
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Literal

from steps.errors import ApprovalError, NotFoundError
from steps.mirroring.store import records
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime, timedelta
    from pathlib import Path

    from steps.mirroring.store.inventory import InventoryEntry, InventoryImage

PLAN = "plan.json"


class Candidate(Part):
    """An image that no current ImageSet needs, and when one last needed it (RFC 3339).

    `v1_tags` are those that oc-mirror v1 gave it, where they are to go as well; they count where they lead to
    the digest of its origin.
    """

    origin: str
    kind: str
    last_needed: str
    places: tuple[str, ...]
    v1_tags: tuple[str, ...] = ()


class Deletion(Part):
    """A manifest to delete, in the order of deletion: below the target, by digest, with the tags that go."""

    repository: str
    digest: str
    tags: tuple[str, ...]


class KeptManifest(Part):
    """A manifest of a candidate that stays, and why."""

    repository: str
    digest: str
    because: str


class DeletionPlan(Record):
    """What to delete from `target`. `imagesets` are the meanings of those that it is safe for.

    `inventory` identifies the records that it was made from: a plan is outdated by the next run.
    `retired_mirrors` are the mirror names whose cluster resources go with the images.
    """

    kind: Literal["RemovalPlan"] = "RemovalPlan"
    target: str
    made: str
    older_than: str
    imagesets: tuple[str, ...]
    inventory: str
    counts: dict[str, int]
    images: tuple[Candidate, ...]
    manifests: tuple[Deletion, ...]
    kept: tuple[KeptManifest, ...]
    retired_mirrors: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Its counts in one line."""
        kinds = {name: number for name, number in self.counts.items() if name not in _TOTALS}
        of_these = f" ({', '.join(f'{number} {kind}' for kind, number in kinds.items())})" if kinds else ""
        return (
            f"{self.counts['images']} images{of_these}, {self.counts['manifests']} manifests"
            f" and {self.counts['tags']} tags in {self.counts['repositories']} repositories of {self.target}"
        )


_TOTALS = ("images", "manifests", "tags", "repositories", "kept")


def sha256(content: bytes) -> str:
    """Return the hash by which a plan is approved: that of its file, as `sha256sum` prints it."""
    return hashlib.sha256(content).hexdigest()


def load(path: Path, approved: str) -> DeletionPlan:
    """Read the plan that was approved.

    Raises NotFoundError without a plan, ApprovalError for another than the approved one, InvalidInputError
    for a file that is none.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no plan at {path}", "make one with workflow-delete-generate, and read it"
        ) from None
    if sha256(content) != approved:
        raise ApprovalError(
            f"{path} has the hash {sha256(content)}, approved is {approved}",
            "read the plan that lies there now; if it is right, approve its hash",
        )
    return records.decode(
        DeletionPlan,
        content,
        where=path,
        what="a plan of ours",
        hint="make one with workflow-delete-generate",
    )


def candidates(
    entries: Iterable[InventoryEntry],
    needed: Iterable[InventoryImage],
    *,
    older_than: timedelta | None,
    now: datetime,
) -> list[Candidate]:
    """Return the images of all runs that are not needed, and were not within `older_than`, by origin."""
    kept = {place for image in needed for place in image.in_target}
    last: dict[str, tuple[InventoryEntry, InventoryImage]] = {}
    for entry in sorted(entries, key=lambda entry: entry.time):
        for image in (*entry.images, *entry.earlier):
            last[image.origin] = (entry, image)
    return [
        Candidate(origin=origin, kind=image.kind, last_needed=entry.finished, places=image.in_target)
        for origin, (entry, image) in sorted(last.items())
        if not kept.intersection(image.in_target) and (older_than is None or now - entry.time > older_than)
    ]


def retired_mirrors(
    entries: Iterable[InventoryEntry], needed: Container[str], *, older_than: timedelta | None, now: datetime
) -> tuple[str, ...]:
    """Return the mirror names of which no ImageSet is needed, nor was mirrored within `older_than`.

    `needed` are the meanings of the ImageSets that are needed.
    """
    ordered = sorted(entries, key=lambda entry: entry.time)
    needed_names = {entry.mirror_name for entry in ordered if entry.imageset in needed}
    newest = {entry.mirror_name: entry for entry in ordered if entry.mirror_name}
    return tuple(
        name
        for name, entry in sorted(newest.items())
        if name not in needed_names and (older_than is None or now - entry.time > older_than)
    )


def counted(
    images: Iterable[Candidate], deletions: Iterable[Deletion], kept: Iterable[KeptManifest]
) -> dict[str, int]:
    """Return the counts of a plan: totals, and images by kind."""
    images, deletions = list(images), list(deletions)
    return {
        "images": len(images),
        "manifests": len(deletions),
        "tags": sum(len(deletion.tags) for deletion in deletions),
        "repositories": len({deletion.repository for deletion in deletions}),
        "kept": len(list(kept)),
        **dict(sorted(Counter(image.kind for image in images).items())),
    }
