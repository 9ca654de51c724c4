"""Generations: finished archives, numbered, each with a record of what it is and what it continues.

An archive of oc-mirror holds only the blobs that its history lacks, and says nothing of that; one without its
predecessors fails at the target after minutes with `blob unknown to registry`. So each generation records its
predecessor by number and by the hash of that record, which makes the chain checkable on the other side.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from steps import units
from steps.errors import InvalidInputError
from steps.files import write_atomically
from steps.imageset.imageset import ImageSet
from steps.mirroring.data import archives
from steps.mirroring.data.archives import Archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.mirroring.data.contents import Contents
    from steps.mirroring.data.layout import Layout

RECORD = "generation.json"
IMAGESET = "imageset.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The generation that another continues: its number, and the identity of its record."""

    sequence: int
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What `generation.json` says. Times are RFC 3339 in UTC; `predecessor` is None for a full archive.

    `contents` is what `contents.describe` found.
    """

    sequence: int
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
    contents: Contents = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Hash of the whole record; with it a successor names its predecessor beyond doubt."""
        record = asdict(self)
        if not self.contents:  # a record older than this field keeps the name that its successor knows
            del record["contents"]
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def summary(self) -> str:
        """A few words for people."""
        before = self.predecessor
        nature = "full" if before is None else f"continues {before.sequence}"
        return f"generation {self.sequence} ({nature}, {units.size(self.size)})"

    def as_json(self) -> str:
        """The record as written."""
        return json.dumps(asdict(self), indent=2) + "\n"


def load(record: Path) -> Generation:
    """Read a record.

    Raises InvalidInputError if it is missing, cut short or not one.
    """
    try:
        return _parse(json.loads(record.read_bytes()))
    except FileNotFoundError:
        raise InvalidInputError(
            f"{record.parent} has no {record.name}: it was not copied completely",
            "copy the generation's whole folder again",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{record} is not the record of a generation: {error}", "copy the generation's whole folder again"
        ) from error


def ledger(layout: Layout) -> dict[int, Generation]:
    """Every generation ever made in this data directory, by number, also those carried away."""
    records = {}
    for path in [*layout.ledger.glob("[0-9]*.json"), *layout.generations.glob(f"[0-9]*/{RECORD}")]:
        generation = load(path)
        records[generation.sequence] = generation
    return dict(sorted(records.items()))


def present(layout: Layout) -> dict[int, Generation]:
    """The generations whose folders lie under DATA/generations, by number."""
    found = {}
    for folder in sorted(layout.generations.glob("[0-9]*/")):
        generation = load(folder / RECORD)
        if folder.name != f"{generation.sequence:06d}":
            raise InvalidInputError(
                f"{folder} holds generation {generation.sequence}",
                f"rename the folder to {generation.sequence:06d}",
            )
        found[generation.sequence] = generation
    return found


def imageset_of(folder: Path, generation: Generation) -> ImageSet:
    """The ImageSet that a generation was made from.

    Raises InvalidInputError if it is missing, another one, or unreadable.
    """
    path = folder / IMAGESET
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != generation.imageset_sha256:
        found = "is damaged" if path.is_file() else "is missing"
        raise InvalidInputError(f"generation {generation.sequence}: {IMAGESET} {found}", _copy_again(folder))
    name = f"the ImageSet of generation {generation.sequence}"
    return ImageSet.recorded(content, name, hint=_copy_again(folder))


def verify(found: Mapping[Path, Generation]) -> None:
    """See that the files of generations, by folder, are what their records say.

    Raises InvalidInputError with the file that is missing or damaged. Sizes are compared first, of all: they
    tell a copy that was cut short without reading it.
    """
    expected = [(folder / file.name, file, one) for folder, one in found.items() for file in one.files]
    for path, file, generation in expected:
        size = path.stat().st_size if path.is_file() else None
        if size != file.size:
            words = "is missing" if size is None else f"has {size} bytes instead of {file.size}"
            raise InvalidInputError(
                f"generation {generation.sequence}: {file.name} {words}", _copy_again(path.parent)
            )
    hashes = archives.hashed([path for path, _file, _generation in expected])
    for (path, file, generation), digest in zip(expected, hashes, strict=True):
        if digest != file.sha256:
            raise InvalidInputError(
                f"generation {generation.sequence}: {file.name} is damaged (its sha256 is {digest})",
                _copy_again(path.parent),
            )


def seal(layout: Layout, draft: dict[str, Any]) -> Generation:
    """Make the archives of a completed run a generation; `draft` is its record.

    Can be interrupted anywhere and called again: archives move into a hidden folder, which gets its real name
    only when everything is in it and on the disk. Raises InvalidInputError if an archive is gone.
    """
    sequence = draft["sequence"]
    folder, incoming = layout.generation(sequence), layout.incoming(sequence)
    if not folder.exists():
        generation = _parse(draft)
        incoming.mkdir(parents=True, exist_ok=True)
        for archive in layout.archives():
            _move(archive, incoming / archive.name)
        for file in generation.files:
            path = incoming / file.name
            if not path.is_file() or path.stat().st_size != file.size:
                raise InvalidInputError(
                    f"{file.name} of the run that just ended is gone, or is no longer what it was",
                    f"move {layout.journal} away: the next run then makes a full archive",
                )
            archives.sync(path)
        write_atomically(incoming / IMAGESET, layout.imageset.read_bytes())
        write_atomically(incoming / RECORD, generation.as_json())
        incoming.rename(folder)
        archives.sync(layout.generations)
    generation = load(folder / RECORD)
    write_atomically(layout.ledger / f"{sequence:06d}.json", generation.as_json())
    return generation


def _move(source: Path, destination: Path) -> None:
    """Rename, or copy to another volume; a copy that was cut short is made again from its source."""
    shutil.move(source, destination)


def _copy_again(folder: Path) -> str:
    return f"copy {folder.name} again from where it was made; its record is right, its files are not"


def _parse(document: dict[str, Any]) -> Generation:
    before = document["predecessor"]
    for file in document["files"]:
        if not re.fullmatch(r"mirror_\d{6}\.tar", file["name"]):
            raise ValueError(f"'{file['name']}' is no archive's name")
    return Generation(
        **document
        | {
            "predecessor": Predecessor(**before) if before else None,
            "files": tuple(Archive(**file) for file in document["files"]),
            "history_written": tuple(document["history_written"]),
            "sequence": int(document["sequence"]),
        }
    )
