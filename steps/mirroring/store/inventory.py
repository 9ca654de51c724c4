"""The inventory: what each run has brought where. Nothing is deleted that is not in it.

    DATA/inventory/TARGET/TIME-HASH.json      one for each run that succeeded, TARGET a hash of its name

oc-mirror keeps no such record. Asked later (`delete --generate`) it resolves channels and catalogs anew, so
it would never name what a catalog no longer lists. So the images are recorded when they are copied.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring.ocmirror.placement import CACHE, Nesting, Rules, is_release
from steps.mirroring.store import records
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.ocmirror.output import Reading

log = logging.getLogger(__name__)

ARCHIVES = "archives"
"""Stands for the target where there is none: what a to-disk run archived, by the places in the cache."""
_SECOND = timedelta(seconds=1)


class InventoryImage(Part):
    """An image: its source's name, its kind, and where it may be found in the cache.

    The kind is `release`, `additional` or `operator or chart`; a place is REPOSITORY:TAG or
    REPOSITORY@DIGEST. `room` is that of `placement.Nesting`.
    """

    origin: str
    kind: str
    places: tuple[str, ...]
    room: int = 0

    @property
    def in_target(self) -> tuple[str, ...]:
        """Where it may be found below the target."""
        return tuple(map(Nesting(self.room).join, self.places))


class InventoryEntry(Record):
    """A run; `finished` is RFC 3339 in UTC, `imageset` its ImageSet's meaning (`ImageSet.meaning`).

    `images` are what that ImageSet names, `earlier` what the same run copied for earlier generations only.
    `mirror_name` is empty in records of version 0.1. `complete` is false where oc-mirror did not name all
    that it copied.
    """

    target: str
    imageset: str
    mirror_name: str = ""
    finished: str
    images: tuple[InventoryImage, ...]
    earlier: tuple[InventoryImage, ...] = ()
    generations: tuple[int, ...] = ()
    complete: bool = True

    @property
    def time(self) -> datetime:
        """When the run ended."""
        return datetime.fromisoformat(self.finished).astimezone(UTC)

    @property
    def places(self) -> set[str]:
        """Where the images that the ImageSet names may be found in the cache."""
        return {place for image in self.images for place in image.places}

    @property
    def earlier_places(self) -> set[str]:
        """Where the images for earlier generations only may be found in the cache."""
        return {place for image in self.earlier for place in image.places}

    @property
    def identity(self) -> str:
        """The hash of its values, by which a plan of deletion knows the records it was made from."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()


class Inventory:
    """The inventory of a data directory, in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Work with the entries in `folder`, which need not exist yet."""
        self._folder = folder

    def of(self, target: str) -> list[InventoryEntry]:
        """Return the entries of a target, oldest first. Raises InvalidInputError for a damaged one."""
        return list(_read(self.folder(target)).values())

    def all(self) -> dict[str, list[InventoryEntry]]:
        """Return the entries of every target, and of the archives. Raises InvalidInputError as `of` does."""
        found: dict[str, list[InventoryEntry]] = {}
        for folder in sorted(self._folder.glob("*/")):
            for entry in _read(folder).values():
                found.setdefault(entry.target, []).append(entry)
        return found

    def targets(self) -> list[str]:
        """Return the targets of all entries, without the archives. Raises InvalidInputError as `of` does."""
        return [target for target in self.all() if target != ARCHIVES]

    def folder(self, target: str) -> Path:
        """Return where the entries of a target lie."""
        return self._folder / hashlib.sha256(target.encode()).hexdigest()[:16]

    def add(
        self,
        reading: Reading,
        *,
        target: str,
        imageset: ImageSet,
        mirror_name: str = "",
        newest: ImageSet | None = None,
        generations: Iterable[int] = (),
        nesting: Nesting | None = None,
    ) -> None:
        """Record what a run copied by `imageset`.

        `newest` is the ImageSet of its last generation where `imageset` joins those of several; `nesting` is
        that of the target (None: of any depth).
        """
        current = imageset if newest is None else newest
        rules, joined = Rules.of(current.mirror), Rules.of(imageset.mirror, nesting or Nesting())
        images = {
            origin: _image(joined, origin, reading.copied[origin], target)
            for origin in sorted(reading.copied)
        }
        folder = self.folder(target)
        before = _read(folder)
        dropped = set(joined.own_places) - set(rules.own_places)
        entry = InventoryEntry(
            target=target,
            imageset=current.meaning,
            mirror_name=mirror_name,
            finished=_time_after(before.values()),
            images=tuple(image for origin, image in images.items() if image.places and origin not in dropped),
            earlier=tuple(image for origin, image in images.items() if image.places and origin in dropped),
            generations=tuple(generations),
            complete=reading.names_all,
        )
        _write(folder / f"{entry.finished.replace(':', '')}-{entry.identity[:12]}.json", entry)
        for path, older in before.items():
            if older.imageset == entry.imageset:
                _shorten(path, older, {*entry.images, *entry.earlier})


def _read(folder: Path) -> dict[Path, InventoryEntry]:
    found = {
        path: records.read(
            InventoryEntry,
            path,
            what="a record of a run",
            hint="move this file away: images that only this file names are then never deleted",
        )
        for path in folder.glob("*.json")
    }
    return dict(sorted(found.items(), key=lambda item: (item[1].time, item[1].generations)))


def _time_after(entries: Iterable[InventoryEntry]) -> str:
    """Return now, or a second after the newest entry: a clock that was set back must not change the order."""
    now = datetime.now(UTC).replace(microsecond=0)
    newest = max((entry.time for entry in entries), default=now - _SECOND)
    return max(now, newest + _SECOND).isoformat().replace("+00:00", "Z")


def _shorten(path: Path, entry: InventoryEntry, images: set[InventoryImage]) -> None:
    """Remove from an entry what a newer one of that ImageSet has: nightly runs must not fill the disk."""
    left = entry.changed(
        images=tuple(image for image in entry.images if image not in images),
        earlier=tuple(image for image in entry.earlier if image not in images),
    )
    if left.images or left.earlier:
        _write(path, left)
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, entry: InventoryEntry) -> None:
    write_atomically(path, entry.as_json(indent=1))


def images_of(
    reading: Reading, *, target: str, imageset: ImageSet, nesting: Nesting | None = None
) -> tuple[InventoryImage, ...]:
    """Return what a run copied, as it is recorded."""
    rules = Rules.of(imageset.mirror, nesting or Nesting())
    return tuple(_image(rules, origin, where, target) for origin, where in sorted(reading.copied.items()))


def _image(rules: Rules, origin: str, where: str, target: str) -> InventoryImage:
    namespace = CACHE if where == CACHE else where.strip("/").removeprefix(target).strip("/")
    places = rules.places(origin, namespace)
    kind = "release" if is_release(places) else "operator or chart"
    return InventoryImage(
        origin=origin,
        kind="additional" if origin in rules.own_places else kind,
        places=tuple(places),
        room=rules.nesting.room,
    )
