"""The plan of what to delete from a target: made from what runs recorded, for a person to read and approve.

DATA/removal/plan.json              the plan; its sha256 is what gets approved
DATA/removal/executed-HASH.json     a plan that was carried out, and
DATA/removal/report-HASH.json       what came of it
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

    from steps.mirroring.data.inventory import Entry, Image
    from steps.mirroring.data.layout import Layout

PLAN = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """An image that no current ImageSet needs, and when one last did (RFC 3339)."""

    origin: str
    kind: str
    last_needed: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A manifest to delete, in the order of deletion: below the target, by digest, with the tags that go."""

    repository: str
    digest: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A manifest of a doomed image that stays, and why."""

    repository: str
    digest: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to delete from `target`. `imagesets` are the meanings of those that it is safe for.

    `inventory` identifies the records it was made from: a plan is outdated by the next run.
    """

    target: str
    made: str
    older_than: str
    imagesets: tuple[str, ...]
    inventory: str
    counts: Mapping[str, int]
    images: tuple[Doomed, ...]
    manifests: tuple[Victim, ...]
    kept: tuple[Kept, ...]

    def as_json(self) -> str:
        """The plan as written, and as hashed."""
        return json.dumps({"kind": "RemovalPlan", **asdict(self)}, indent=1) + "\n"

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
    """The hash by which a plan is approved: that of its file, as `sha256sum` tells it."""
    return hashlib.sha256(content).hexdigest()


def load(layout: Layout, approved: str) -> Plan:
    """The plan that was approved.

    Raises NotFoundError without a plan, ConflictError for another than the approved one, InvalidInputError
    for a file that is none.
    """
    path = layout.removal / PLAN
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no plan at {path}", "make one with workflow-delete-generate, and read it"
        ) from None
    if sha256(content) != approved:
        raise ConflictError(
            f"{path} has the hash {sha256(content)}, approved is {approved}",
            "read the plan that lies there now; if it is right, approve its hash",
        )
    return _parse(path, content)


def doomed(
    entries: Iterable[Entry], needed: Iterable[Image], *, older_than: timedelta | None, now: datetime
) -> list[Doomed]:
    """The images of all runs that are not needed, and were not within `older_than`, by origin."""
    kept = {place for image in needed for place in image.places}
    last: dict[str, tuple[Entry, Image]] = {}
    for entry in sorted(entries, key=lambda one: one.time):
        for image in (*entry.images, *entry.earlier):
            last[image.origin] = (entry, image)
    return [
        Doomed(origin=origin, kind=image.kind, last_needed=entry.finished, places=image.places)
        for origin, (entry, image) in sorted(last.items())
        if not kept.intersection(image.places) and (older_than is None or now - entry.time > older_than)
    ]


def counted(images: Iterable[Doomed], victims: Iterable[Victim], kept: Iterable[Kept]) -> dict[str, int]:
    """The counts of a plan: totals, and images by kind."""
    images, victims = list(images), list(victims)
    return {
        "images": len(images),
        "manifests": len(victims),
        "tags": sum(len(one.tags) for one in victims),
        "repositories": len({one.repository for one in victims}),
        "kept": len(list(kept)),
        **dict(sorted(Counter(one.kind for one in images).items())),
    }


def _parse(path: Path, content: bytes) -> Plan:
    try:
        document: dict[str, Any] = json.loads(content)
        if document.pop("kind") != "RemovalPlan":
            raise ValueError("its kind is another")  # noqa: TRY301 - said in one place below
        return Plan(
            **document
            | {
                "imagesets": tuple(document["imagesets"]),
                "images": tuple(
                    Doomed(**one | {"places": tuple(one["places"])}) for one in document["images"]
                ),
                "manifests": tuple(
                    Victim(**one | {"tags": tuple(one["tags"])}) for one in document["manifests"]
                ),
                "kept": tuple(Kept(**one) for one in document["kept"]),
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is not a plan of ours: {error}", "make one with workflow-delete-generate"
        ) from error
