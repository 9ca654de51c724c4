"""What each run has brought where: the ground on which anything is ever deleted.

    DATA/inventory/TARGET/TIME-HASH.json      one for each run that succeeded, TARGET a hash of its name

oc-mirror keeps no such record, and asked later (`delete --generate`) it resolves channels and catalogs anew:
what a catalog no longer lists it would never name. So the images are written down when they are copied.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from steps.errors import InvalidInputError
from steps.files import write_atomically
from steps.mirroring.ocmirror.placement import CACHE, Rules, is_release

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.ocmirror.outcome import Reading

log = logging.getLogger(__name__)

ARCHIVES = "archives"
"""Stands for the target where there is none: what a to-disk run archived, by the places in the cache."""


_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image: its source's name, `release`, `additional` or `operator or chart`, where it may be found."""

    origin: str
    kind: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One run; `finished` is RFC 3339 in UTC, `imageset` its ImageSet's meaning (`ImageSet.meaning`).

    `images` are what that ImageSet names, `earlier` what the same run copied for earlier generations only.
    `complete` is false where oc-mirror did not name all that it copied.
    """

    target: str
    imageset: str
    finished: str
    images: tuple[Image, ...]
    earlier: tuple[Image, ...] = ()
    generations: tuple[int, ...] = ()
    complete: bool = True

    @property
    def time(self) -> datetime:
        """When the run ended."""
        return datetime.fromisoformat(self.finished).astimezone(UTC)

    @property
    def places(self) -> set[str]:
        """Where the images that the ImageSet names may be found."""
        return {place for image in self.images for place in image.places}

    @property
    def earlier_places(self) -> set[str]:
        """The same of those for earlier generations only."""
        return {place for image in self.earlier for place in image.places}

    @property
    def identity(self) -> str:
        """Hash of the whole entry."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def note(
    layout: Layout,
    reading: Reading,
    *,
    target: str,
    imageset: ImageSet,
    newest: ImageSet | None = None,
    generations: Iterable[int] = (),
) -> None:
    """Write down what a run copied by `imageset`.

    `newest` is the ImageSet of its last generation where `imageset` joins those of several.
    """
    current = imageset if newest is None else newest
    rules, joined = Rules.of(current.mirror), Rules.of(imageset.mirror)
    images = {
        origin: _image(joined, origin, reading.copied[origin], target) for origin in sorted(reading.copied)
    }
    earlier = _read(folder(layout, target))
    dropped = set(joined.own_places) - set(rules.own_places)
    entry = Entry(
        target=target,
        imageset=current.meaning,
        finished=_after(earlier.values()),
        images=tuple(image for origin, image in images.items() if image.places and origin not in dropped),
        earlier=tuple(image for origin, image in images.items() if image.places and origin in dropped),
        generations=tuple(generations),
        complete=reading.names_all,
    )
    _write(folder(layout, target) / f"{entry.finished.replace(':', '')}-{entry.identity[:12]}.json", entry)
    for path, older in earlier.items():
        if older.imageset == entry.imageset:
            _shorten(path, older, {*entry.images, *entry.earlier})


def read(layout: Layout, target: str) -> list[Entry]:
    """The entries of a target, oldest first. Raises InvalidInputError for a file that is none."""
    return list(_read(folder(layout, target)).values())


def read_all(layout: Layout) -> dict[str, list[Entry]]:
    """The entries of every target, and of the archives. Raises InvalidInputError for a file that is none."""
    found: dict[str, list[Entry]] = {}
    for one in sorted(layout.inventory.glob("*/")):
        for entry in _read(one).values():
            found.setdefault(entry.target, []).append(entry)
    return found


def folder(layout: Layout, target: str) -> Path:
    """Where the entries of a target lie."""
    return layout.inventory / hashlib.sha256(target.encode()).hexdigest()[:16]


def _read(directory: Path) -> dict[Path, Entry]:
    found = {path: _load(path) for path in directory.glob("*.json")}
    return dict(sorted(found.items(), key=lambda item: (item[1].time, item[1].generations)))


def _after(entries: Iterable[Entry]) -> str:
    """Now, or a second after the newest entry: the order must not suffer from a clock that was set back."""
    now = datetime.now(UTC).replace(microsecond=0)
    newest = max((entry.time for entry in entries), default=now - _SECOND)
    return max(now, newest + _SECOND).isoformat().replace("+00:00", "Z")


def _shorten(path: Path, entry: Entry, images: set[Image]) -> None:
    """Leave out of an entry what a newer one of that ImageSet has: nightly runs must not fill the disk."""
    left = replace(
        entry,
        images=tuple(image for image in entry.images if image not in images),
        earlier=tuple(image for image in entry.earlier if image not in images),
    )
    if left.images or left.earlier:
        _write(path, left)
    else:
        path.unlink(missing_ok=True)


def _write(path: Path, entry: Entry) -> None:
    write_atomically(path, json.dumps(asdict(entry), indent=1) + "\n")


def _image(rules: Rules, origin: str, where: str, target: str) -> Image:
    namespace = CACHE if where == CACHE else where.strip("/").removeprefix(target).strip("/")
    places = rules.places(origin, namespace)
    kind = "release" if is_release(places) else "operator or chart"
    return Image(
        origin=origin, kind="additional" if origin in rules.own_places else kind, places=tuple(places)
    )


def _load(path: Path) -> Entry:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        document |= {
            name: tuple(Image(**one | {"places": tuple(one["places"])}) for one in document[name])
            for name in ("images", "earlier")
        }
        entry = Entry(**document | {"generations": tuple(document["generations"])})
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is not a record of a run: {error}",
            "move this file away: what only it names is then never deleted",
        ) from error
    return entry
