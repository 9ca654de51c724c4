"""What targets had when runs verified them, and what they have lost since.

    DATA/verified/TARGET/images-MIRROR_NAME.json   every image of the last run that ended well
    DATA/verified/TARGET/look.json                 what the last `workflow-verify-target` found

TARGET is a hash of the target's name, as in the inventory. The inventory says what may be deleted; this says
what must be there.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

log = logging.getLogger(__name__)


class VerifiedImage(Part):
    """An image that a target had.

    `place` is REPOSITORY:TAG or REPOSITORY@DIGEST below the target. `source` is where oc-mirror read it from,
    with its transport: a registry, or its cache as `docker://localhost:PORT/…`. Empty where it is not known.
    """

    place: str
    digest: str
    source: str = ""


class VerifiedImages(Record):
    """The images of one mirror name in a target, by the run that ended at `finished` (RFC 3339, UTC)."""

    target: str
    mirror_name: str
    workflow: str
    finished: str
    images: tuple[VerifiedImage, ...]


class Look(Record):
    """What the last look at a target found: how many images were asked for, and of how many the layers.

    `missing` says by place what is wrong: `missing`, `another: DIGEST`, or `lacks BLOB`. `repaired` are the
    places that the same run has mirrored again; they are not in `missing`.
    """

    target: str = ""
    finished: str = ""
    images: int = 0
    with_layers: int = 0
    missing: dict[str, str] = Field(default_factory=dict)
    repaired: tuple[str, ...] = ()


class Verified:
    """DATA/verified."""

    def __init__(self, root: Path) -> None:
        """Work with the folder below the data directory `root`; it need not exist yet."""
        self._root = root / "verified"

    def of(self, target: str) -> list[VerifiedImages]:
        """Return what a target must have, an entry for each mirror name, the last verified last.

        Raises InvalidInputError for a damaged record.
        """
        found = [
            records.read(
                VerifiedImages,
                path,
                what="a record of verified images",
                hint="move this file away, and mirror again: that run writes it anew",
            )
            for path in sorted(self._folder(target).glob("images-*.json"))
        ]
        return sorted(found, key=lambda record: record.finished)

    def record(self, verified: VerifiedImages) -> None:
        """Replace the entry of its mirror name by what a run has verified: that is not missing any more.

        Where the volume cannot be written, this is logged.
        """
        self.write(verified)
        self._found(verified.target, {image.place for image in verified.images})

    def write(self, verified: VerifiedImages) -> None:
        """Replace the entry of its mirror name, and leave the last look as it is.

        Where the volume cannot be written, this is logged.
        """
        folder = self._folder(verified.target)
        try:
            write_atomically(folder / f"images-{verified.mirror_name}.json", verified.as_json(indent=None))
        except OSError as error:
            log.warning("%s cannot be written: %s", folder, error.strerror)

    def _found(self, target: str, places: Collection[str]) -> None:
        """Take places out of what the last look found missing."""
        look = self.last_look(target)
        if look is None or not look.missing.keys() & set(places):
            return
        try:
            self.looked(
                look.changed(
                    missing={place: look.missing[place] for place in look.missing.keys() - set(places)}
                )
            )
        except OSError as error:
            log.warning("%s cannot be written: %s", self._folder(target), error.strerror)

    def last_look(self, target: str) -> Look | None:
        """Return what the last look at a target found; None before the first, and where it is unreadable."""
        path = self._folder(target) / "look.json"
        if not path.exists():
            return None
        found = records.read_or_new(Look, path, "%s cannot be read, the next look writes it again: %s")
        return found if found.finished else None

    def looked(self, look: Look) -> None:
        """Record what a look at a target has found."""
        write_atomically(self._folder(look.target) / "look.json", look.as_json(indent=1))

    def forget(self, target: str, deleted: Callable[[VerifiedImage], bool]) -> None:
        """Take images out that were deleted from a target on purpose; they are not missing any more."""
        for record in self.of(target):
            left = tuple(image for image in record.images if not deleted(image))
            if len(left) < len(record.images):
                self.write(record.changed(images=left))
                self._found(target, {image.place for image in record.images if deleted(image)})

    def retire(self, target: str, names: Collection[str]) -> None:
        """Forget what mirror names have brought that are given up."""
        for name in names:
            (self._folder(target) / f"images-{name}.json").unlink(missing_ok=True)

    def _folder(self, target: str) -> Path:
        return self._root / hashlib.sha256(target.encode()).hexdigest()[:16]


def newest(verified: Iterable[VerifiedImages]) -> dict[str, VerifiedImage]:
    """Return the images by place, of entries with the last verified last: of each place the last word."""
    return {image.place: image for record in verified for image in record.images}
