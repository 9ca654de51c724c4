"""Generations: finished archives, numbered, each with a record of what it is and what it continues.

An archive of oc-mirror holds only the blobs that its history lacks, and does not say so. Without its
predecessors it fails at the target after minutes with `blob unknown to registry`. So each generation records
its predecessor by number and identity, which makes the chain checkable on the other side of the gap.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, StringConstraints, field_validator

from steps import files, units
from steps.bounded import json_of
from steps.errors import InvalidInputError
from steps.files import write_atomically
from steps.imageset.imageset import ImageSet
from steps.mirroring.store import archives, contents, records
from steps.mirroring.store.archives import COPY, COPY_WHOLE, Archive
from steps.mirroring.store.records import UNNUMBERED, Part, Record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.store.contents import ContentIndex

log = logging.getLogger(__name__)

LEDGER = "ledger"
"""The folder of a data directory that has the records of all generations ever made there."""
RECORD = "generation.json"
IMAGESET = "imageset.yaml"
STATEMENT = "generation.intoto.jsonl"
"""The signed statement about a generation (see `statements`); only a signed one has it."""


class Predecessor(Part):
    """The generation that another continues: its number, and the identity of its record."""

    sequence: int
    identity: str


MirrorName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""A mirror name, as `mirror-name` takes it; empty for version 0.1. It names files, and stands in receipts."""
MOST: Final = 999_999
"""The highest number of a generation, whose folder has six digits."""


class Generation(Record):
    """What `generation.json` says. Times are RFC 3339 in UTC; `predecessor` is None for a full archive.

    `history_used` and `history_written` are names of files in oc-mirror's history; `images` counts images by
    kind; `mirror_name` tells its ImageSet from others, empty for version 0.1; `contents` is what
    `contents.describe` found; `contents_sha256` is that of the index of content beside the record, empty for
    version 0.1. `meaning` is `contents.meaning`, empty where it is not known. `identity` is not part of the
    file: see `_identity`.
    """

    sequence: int = Field(ge=1, le=MOST)
    predecessor: Predecessor | None
    files: tuple[Archive, ...]
    imageset_sha256: str
    since: str | None
    history_used: str | None
    history_written: tuple[str, ...]
    images: dict[str, int]
    oc_mirror: str
    started: str
    finished: str
    host: str
    mirror_name: MirrorName = ""
    contents: dict[str, list[Any]] = Field(default_factory=dict)
    contents_sha256: str = ""
    meaning: str = ""
    identity: str = Field(default="", exclude=True)

    @field_validator("files")
    @classmethod
    def _are_named_once(cls, value: tuple[Archive, ...]) -> tuple[Archive, ...]:
        if len({file.name for file in value}) != len(value):
            raise ValueError("an archive stands there twice")
        return value

    @property
    def size(self) -> int:
        """The bytes of all its archives."""
        return sum(file.size for file in self.files)

    @property
    def sha256s(self) -> dict[str, str]:
        """The sha256 of each file beside the record, by name."""
        index = {contents.INDEX: self.contents_sha256} if self.contents_sha256 else {}
        return {IMAGESET: self.imageset_sha256, **index, **{file.name: file.sha256 for file in self.files}}

    @property
    def summary(self) -> str:
        """Its number, what it continues and its size, for people."""
        before = self.predecessor
        nature = "full" if before is None else f"continues {before.sequence}"
        return f"generation {self.sequence} ({nature}, {units.size(self.size)})"


def load(path: Path) -> Generation:
    """Read a record. Raises InvalidInputError if it is missing or cannot be understood."""
    try:
        content = _content(path)
    except FileNotFoundError:
        raise InvalidInputError(
            f"{path.parent} has no {path.name}: it was not copied completely", COPY_WHOLE
        ) from None
    return decode(content, path)


def _content(path: Path) -> bytes:
    """Return what a small file holds, no more of it than any of ours has: it may have come across a gap.

    Raises OSError, InvalidInputError for what is no file: a pipe would be waited for, a device has no end.
    """
    descriptor = files.open_plain(path)
    if descriptor is None:
        raise InvalidInputError(f"{path} is no file", _copy_again(path.parent))
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(records.LARGEST + 1)


def decode(content: bytes, path: Path) -> Generation:
    """Read a record that was read from `path`. Raises InvalidInputError if it cannot be understood."""
    record = records.decode(
        Generation, content, where=path, what="the record of a generation", hint=COPY_WHOLE
    )
    return record.changed(identity=_identity(record, content))


def _identity(record: Generation, content: bytes) -> str:
    """Return the hash by which a successor, the other side and the target know a generation.

    It is that of the file's bytes. Version 0.1 hashed the record's values instead, in one line with sorted
    keys, and left `contents` out where it was empty.
    """
    if record.format == UNNUMBERED:
        document = json_of(content, limit=records.LARGEST)
        if not record.contents:
            document.pop("contents", None)
        content = json.dumps(document, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


class Generations:
    """The generations of a data directory.

    DATA/generations/NNNNNN    the finished ones that are here
    DATA/held/NNNNNN           a finished one that is not published: nothing exports, carries or prunes it
    DATA/ledger/NNNNNN.json    a copy of the record of each that was ever made here
    """

    def __init__(self, root: Path) -> None:
        """Work with the generations below the data directory `root`."""
        self._root = root
        self.folder = root / "generations"
        self._held = root / "held"
        self._ledger = root / LEDGER

    def path(self, sequence: int) -> Path:
        """Return the folder of a finished generation."""
        return self.folder / f"{sequence:06d}"

    def is_here(self, generation: Generation) -> bool:
        """Return whether the folder of a generation is here, so that its index can be read."""
        return self._place(generation.sequence).is_dir()

    def _place(self, sequence: int) -> Path:
        """Return the folder of a generation, which may be held."""
        folder, held = self.path(sequence), self._held / f"{sequence:06d}"
        return held if held.is_dir() and not folder.is_dir() else folder

    def archives(self, generation: Generation) -> list[Path]:
        """Return the archives that the record of a generation names."""
        return [self.path(generation.sequence) / file.name for file in generation.files]

    def ledger(self) -> dict[int, Generation]:
        """Return every generation that was ever made in this data directory, by number, oldest first."""
        known = {}
        for path in [*self._ledger.glob("[0-9]*.json"), *self.folder.glob(f"[0-9]*/{RECORD}")]:
            generation = load(path)
            known[generation.sequence] = generation
        return dict(sorted(known.items()))

    def present(self) -> dict[int, Generation]:
        """Return the generations whose folders are here, by number, oldest first.

        Raises InvalidInputError for a folder whose name is not the number in its record.
        """
        found = {}
        for folder in sorted(self.folder.glob("[0-9]*/")):
            generation = load(folder / RECORD)
            if folder.name != f"{generation.sequence:06d}":
                raise InvalidInputError(
                    f"{folder} holds generation {generation.sequence}",
                    f"rename the folder to {generation.sequence:06d}",
                )
            found[generation.sequence] = generation
        return found

    def newest_imageset(self) -> ImageSet | None:
        """Return the ImageSet of the newest generation that is here; None where there is none.

        It is not compared with the record. Raises InvalidInputError if it is unreadable.
        """
        newest = max(self.folder.glob(f"[0-9]*/{IMAGESET}"), default=None)
        return ImageSet.recorded(_content(newest), str(newest)) if newest else None

    def imagesets(self) -> dict[str, ImageSet]:
        """Return the ImageSet of the newest generation of each mirror name that is here and can be read."""
        found = {}
        for sequence, generation in self.ledger().items():
            if self.path(sequence).is_dir():
                with suppress(InvalidInputError):
                    found[generation.mirror_name] = self.imageset(generation)
        return found

    def imageset(self, generation: Generation) -> ImageSet:
        """Return the ImageSet that a generation was made from.

        Raises InvalidInputError if it is missing, unreadable or not the one in the record.
        """
        content = self._read(generation, IMAGESET, generation.imageset_sha256)
        name = f"the ImageSet of generation {generation.sequence}"
        return ImageSet.recorded(content, name, hint=_copy_again(self.path(generation.sequence)))

    def content_index(self, generation: Generation) -> ContentIndex | None:
        """Return the index of a generation's content; None for one that version 0.1 made.

        Raises InvalidInputError if it is missing, or is not the one in the record.
        """
        if not generation.contents_sha256:
            return None
        content = self._read(generation, contents.INDEX, generation.contents_sha256)
        return contents.unpack(content, self._place(generation.sequence) / contents.INDEX)

    def _read(self, generation: Generation, name: str, sha256: str) -> bytes:
        path = self._place(generation.sequence) / name
        content = _content(path) if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != sha256:
            found = "is damaged" if path.is_file() else "is missing"
            raise InvalidInputError(
                f"generation {generation.sequence}: {name} {found}", _copy_again(path.parent)
            )
        return content

    def verify(self, generations: Iterable[Generation]) -> None:
        """Check that the archives and indexes of generations are what their records say.

        Raises InvalidInputError with the file that is missing or damaged. It compares the sizes of all files
        first: these show a copy that was cut short without reading it.
        """
        generations = list(generations)
        for generation in generations:
            self._warn_of_others(generation)
        expected = [
            (self.path(generation.sequence) / file.name, file, generation)
            for generation in generations
            for file in generation.files
        ]
        for path, file, generation in expected:
            size = path.stat().st_size if path.is_file() else None
            if size != file.size:
                words = "is missing" if size is None else f"has {size} bytes instead of {file.size}"
                raise InvalidInputError(
                    f"generation {generation.sequence}: {file.name} {words}", _copy_again(path.parent)
                )
        for generation in generations:
            self.content_index(generation)
        hashes = archives.sha256_of([path for path, _file, _generation in expected])
        for (path, file, generation), digest in zip(expected, hashes, strict=True):
            if digest != file.sha256:
                raise InvalidInputError(
                    f"generation {generation.sequence}: {file.name} is damaged (its sha256 is {digest})",
                    _copy_again(path.parent),
                )
            archives.check_members(path)

    def _warn_of_others(self, generation: Generation) -> None:
        named = self.archives(generation)
        for path in sorted(self.path(generation.sequence).glob("*.tar")):
            if path not in named:
                log.warning(
                    "%s is left alone: the record of generation %d does not name it",
                    path,
                    generation.sequence,
                )

    def seal(
        self, generation: Generation, *, written: Sequence[Path], run: Path, hold: bool = False
    ) -> Generation:
        """Make the archives `written` by a completed run a generation; return its record as written.

        `run` is the folder with the run's ImageSet, index of content and, if it is signed, statement. With
        `hold` it is put aside instead.

        Can be interrupted anywhere and called again: archives move into a hidden folder, which gets its real
        name only when everything is in it and on the disk. Raises InvalidInputError if an archive is gone.
        """
        folder = self.path(generation.sequence)
        named = self._held / folder.name if hold else folder
        if not named.exists():
            incoming = named.parent / f".{folder.name}"
            files.make_folder(incoming)
            for archive in written:
                files.move(archive, incoming / archive.name)
            for file in generation.files:
                path = incoming / file.name
                if not path.is_file() or path.stat().st_size != file.size:
                    raise InvalidInputError(
                        f"{file.name} of the run that just ended is gone, or is no longer what it was",
                        f"move {run} away: the next run then makes a full archive",
                    )
                files.sync(path)
            index = [contents.INDEX] if generation.contents_sha256 else []
            signed = [STATEMENT] if (run / STATEMENT).is_file() else []
            for name in (IMAGESET, *index, *signed):
                write_atomically(incoming / name, (run / name).read_bytes())
            write_atomically(incoming / RECORD, generation.as_json())
            files.remove_unfinished(incoming)
            files.rename(incoming, named)
        if hold:
            return load(named / RECORD)
        write_atomically(self._ledger / f"{folder.name}.json", (folder / RECORD).read_bytes())
        return load(folder / RECORD)

    def held(self) -> Generation | None:
        """Return the generation that is held; None where none is. Raises InvalidInputError."""
        folders = sorted(self._held.glob("[0-9]*/"))
        return load(folders[-1] / RECORD) if folders else None

    def held_folder(self, generation: Generation) -> Path:
        """Return the folder of the generation that is held."""
        return self._held / f"{generation.sequence:06d}"

    def publish_held(self, generation: Generation) -> Generation:
        """Give the generation that is held its place; may be killed anywhere and called again.

        The ledger knows it first: a folder without it would be none that was made here.
        """
        held, folder = self.held_folder(generation), self.path(generation.sequence)
        write_atomically(self._ledger / f"{folder.name}.json", (held / RECORD).read_bytes())
        files.make_folder(self.folder)
        files.rename(held, folder)
        return load(folder / RECORD)

    def remove_held(self, generation: Generation) -> None:
        """Remove the generation that is held, as `prune` removes one."""
        folder = self.held_folder(generation)
        leaving = folder.with_name(f".leaving-{folder.name}")
        shutil.rmtree(leaving, ignore_errors=True)
        files.rename(folder, leaving)
        shutil.rmtree(leaving)

    def forget_held(self, generation: Generation) -> None:
        """Take back what a publication that was killed may have written of the generation that is held."""
        (self._ledger / f"{generation.sequence:06d}.json").unlink(missing_ok=True)

    def prune(
        self,
        keep: int,
        *,
        also_from: int | None,
        confirmed: Collection[str] | None = None,
        dry_run: bool = False,
    ) -> list[int]:
        """Remove the generations that neither the newest `keep` need nor those from `also_from` on, if given.

        The newest of each mirror name count: a full archive of one ImageSet has nothing of another. Where
        identities are `confirmed`, other sides have these for good: all of them go but the newest `keep`,
        and nothing else does.

        Returns their numbers. To be called with the lock held. Their records stay in the ledger, so the chain
        can still be checked.
        """
        here = self.present()
        lacking = [number for number in here if also_from is not None and number >= also_from]
        newest = _newest_of_each(here.values(), keep)
        if confirmed is None:
            removed = superfluous(here, self.ledger(), [*newest, *lacking])
        else:
            kept = {*newest, *lacking}
            removed = [number for number in here if number not in kept and here[number].identity in confirmed]
        if dry_run:
            return removed
        for number in removed:
            # The folder gets a hidden name first: half a folder would look like an incomplete copy.
            leaving = self.folder / f".leaving-{number:06d}"
            shutil.rmtree(leaving, ignore_errors=True)
            files.rename(self.path(number), leaving)
            shutil.rmtree(leaving)
            why = (
                f"the newest {keep} do not need it"
                if confirmed is None
                else "every registry has confirmed it"
            )
            log.info("removed generation %d: %s", number, why)
        return removed

    def remove_leftovers(self) -> None:
        """Remove generations whose removal was interrupted."""
        for folder in [*self.folder.glob(".leaving-*"), *self._held.glob(".leaving-*")]:
            shutil.rmtree(folder)


def newest_of(mirror_name: str, known: Mapping[int, Generation]) -> int:
    """Return the number of the newest generation of a mirror name, or without any; 0 where there is none."""
    names = {"", mirror_name}
    return max((number for number, one in known.items() if one.mirror_name in names), default=0)


def newest_of_each(generations: Iterable[Generation]) -> list[Generation]:
    """Return the newest generation of each mirror name, oldest first; one without a name counts for all."""
    known = {one.sequence: one for one in generations}
    names = {one.mirror_name for one in known.values()} - {""} or {""}
    return [known[number] for number in sorted({newest_of(name, known) for name in names} - {0})]


def superfluous(here: Iterable[int], known: Mapping[int, Generation], kept: Iterable[int]) -> list[int]:
    """Return the numbers in `here` that are neither kept nor continued by a kept one, even indirectly.

    `known` has the records. Where a link of the chain is unknown, everything before it counts as needed.
    """
    needed: set[int] = set()
    for number in kept:
        following: int | None = number
        while following is not None and following not in needed:
            needed.add(following)
            if following not in known:
                needed.update(other for other in here if other < following)
                break
            before = known[following].predecessor
            following = None if before is None else before.sequence
    return sorted(set(here) - needed)


def old(here: Iterable[Generation], keep: int) -> list[Generation]:
    """Return the generations that are not among the newest `keep` of their mirror name."""
    known = list(here)
    newest = _newest_of_each(known, keep)
    return [one for one in known if one.sequence not in newest]


def _newest_of_each(here: Iterable[Generation], keep: int) -> list[int]:
    """Return the numbers of the newest `keep` generations of each mirror name.

    Generations of version 0.1, which have none, count for every name.
    """
    numbers = {one.sequence: one.mirror_name for one in sorted(here, key=lambda one: one.sequence)}
    kept: set[int] = set()
    for name in {*numbers.values()} - {""} or {""}:
        kept.update([number for number, its in numbers.items() if its in {"", name}][-keep:])
    return sorted(kept)


def _copy_again(folder: Path) -> str:
    return f"copy {folder.name} again from where it was made: mirror --export and --import, or {COPY}"
