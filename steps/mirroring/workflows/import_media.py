"""mirror --import: take generations in from media, several at once or one after the other, in any order.

A medium is a folder with a packing list, with volumes below it, or with plain copies of generations: the
folder `generations`, what lies in it, or one folder NNNNNN. It is only read, but for a receipt where that is
possible. What is damaged or still missing is named; all else is taken in.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps import units
from steps.errors import ConflictError, InvalidInputError, NotFoundError
from steps.mirroring.checks.vouching import Policy
from steps.mirroring.store import copies, generations
from steps.mirroring.store.archives import ARCHIVES
from steps.mirroring.store.incoming import Incoming
from steps.mirroring.store.medium import Volume
from steps.mirroring.store.packing import FilePart, Item, PackedFile, PackedGeneration
from steps.mirroring.store.received import RECEIVED, InPart, Received
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows.arriving import SMALL, Judge, Lying
from steps.parameters.table.carrying import IMPORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """An item that lies at `path` of a volume."""

    volume: Volume
    path: str
    item: Item

    @property
    def where(self) -> str:
        """The item and the folder that it lies in, for people."""
        return f"{self.item.where} (at {self.volume.folder / self.path})"


@dataclass(slots=True)
class Found:
    """What lies on media: generations by number, as their lists describe them, and what is there of them."""

    generations: dict[int, PackedGeneration] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    unusable: list[tuple[Offer, str]] = field(default_factory=list)
    """What cannot be taken from where it lies, and why; another medium may have it."""

    def add(self, generation: PackedGeneration) -> None:
        """Add a generation, or what another list says of its parts.

        Raises ConflictError if it is another one than that of this number, or has other files.
        """
        known = self.generations.get(generation.sequence)
        if known is None:
            self.generations[generation.sequence] = generation
            return
        if known.identity != generation.identity or not _agree(known, generation):
            raise ConflictError(
                f"these media hold different generations {generation.sequence}",
                "they come from two data directories: import each into a --data of its own",
            )
        files = {file.name: file for file in known.files}
        for file in generation.files:
            parts = dict.fromkeys((*(files[file.name].parts if file.name in files else ()), *file.parts))
            files[file.name] = file.model_copy(update={"parts": tuple(parts)})
        self.generations[generation.sequence] = known.model_copy(update={"files": tuple(files.values())})


def run(request: Request, store: Store) -> Done:
    """Take in what media hold and this side lacks; a dry run only says what would be taken in.

    Raises NotFoundError if a folder holds nothing of ours, ConflictError if generations of two data
    directories meet, InvalidInputError if the volume is too small, and in the end if anything is damaged;
    UntrustedError, before an archive is read, as `vouching` does.
    """
    folders = [folder.absolute() for folder in request.values.all(IMPORT)]
    judge = Judge(Policy.of(request, once_signed=store.imports.signed_targets()), store)
    found = Found()
    for folder in folders:
        _look(folder, found, judge)
    incoming, waiting = _judged(store, found, judge)
    wanted = [offer for offer in found.offers if _lacks(incoming, offer)]
    wanted = [
        offer
        for offer in wanted
        if (offer.item.generation.sequence not in waiting or offer.item.file.name in SMALL)
        and _is_there(offer, found)
    ]
    _check_room(store, wanted)
    if request.dry_run:
        size = units.size(sum(offer.item.part.size for offer in wanted))
        return Done(summary=f"{size} would be taken in{_missing(incoming.values())}")
    before = {number for number, one in incoming.items() if one.whole}
    for offer in wanted:
        _take(incoming[offer.item.generation.sequence], offer, found)
    for number, one in incoming.items():
        if wrong := one.complete():
            found.damaged.append(f"generation {number}: {wrong} is not what its record says")
    _acknowledge(store, incoming, folders)
    return _report(store, incoming, before, found)


def _judged(store: Store, found: Found, judge: Judge) -> tuple[dict[int, Incoming], set[int]]:
    """Return the generations that may come, by number, and the numbers of those that lack their signature.

    Raises UntrustedError, before anything was taken in.
    """
    offered = {
        number: generation
        for number, generation in sorted(found.generations.items())
        if not _imported_by_all(store, generation)
    }
    lying: dict[int, list[Lying]] = {number: [] for number in offered}
    for offer in found.offers:
        if offer.item.part.size == offer.item.file.size:
            lying.get(offer.item.generation.sequence, []).append(
                Lying(offer.item.file, offer.volume, offer.path)
            )
    judged = {number: judge.packed(generation, lying[number]) for number, generation in offered.items()}
    if judge.policy.keys is None and offered:
        numbers = ", ".join(map(str, offered))
        log.info("nobody vouches for generation %s: trusted-keys is not given", numbers)
    incoming = {
        number: Incoming(store.generations, judged[number] or generation)
        for number, generation in offered.items()
    }
    return incoming, {number for number, packed in judged.items() if packed is None}


def _report(store: Store, incoming: Mapping[int, Incoming], before: set[int], found: Found) -> Done:
    missing = _missing(incoming.values())
    damaged = list(found.damaged)
    for offer, why in found.unusable:
        if _lacks(incoming, offer):
            damaged.append(f"{offer.where} {why}")
        else:
            log.warning("%s %s: taken from another medium", offer.where, why)
    if damaged:
        raise InvalidInputError(
            f"damaged: {'; '.join(damaged)}{missing}",
            "export these to the medium again, and import it again; all else was taken in",
        )
    new = sorted(number for number, one in incoming.items() if one.whole and number not in before)
    if not new:
        return Done(summary=f"no new generation is whole{missing}", unchanged=not missing)
    numbers = ", ".join(map(str, new))
    size = sum(file.size for number in new for file in incoming[number].packed.files)
    return Done(
        summary=f"generation {numbers} is in {store.generations.folder}{missing}; next: workflow-from-disk",
        generations=tuple(new),
        size=size,
    )


def _look(folder: Path, found: Found, judge: Judge) -> None:
    """Find what lies on a medium."""
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", "give the folder where the medium is mounted")
    there = len(found.damaged) + len(found.offers) + len(found.generations)
    for volume in Volume.found_on(folder):
        listed = None
        try:
            listed = volume.packing_list()
        except InvalidInputError as error:
            found.damaged.append(error.reason)
        for generation in listed.generations if listed else ():
            found.add(generation)
        found.offers += [Offer(volume, item.path, item) for item in (listed.here() if listed else ())]
        known = {item.generation.sequence for item in listed.here()} if listed else set()
        _look_at_copies(volume, known, found, judge)
    if there == len(found.damaged) + len(found.offers) + len(found.generations):
        if found.generations:
            return
        raise NotFoundError(
            f"{folder} holds no generation: no packing-list.json, no volume-NNN, no NNNNNN/generation.json",
            "give the folder that `mirror --export` wrote, or a copy of the folder generations/",
        )


def _look_at_copies(volume: Volume, known: set[int], found: Found, judge: Judge) -> None:
    """Find the plain copies on a volume, of which the generations `known` are described by its list."""
    for path in _plain(volume.folder):
        place = volume.folder / path
        if int(place.name) in known:
            continue
        if why := copies.unlisted(place):
            found.damaged.append(why)
            continue
        judge.copy(int(place.name), volume, path)
        try:
            _describe(volume, path, found)
        except InvalidInputError as error:
            found.damaged.append(error.reason)


def _plain(folder: Path) -> Iterator[str]:
    """Give the folders of plain copies, by their path below `folder`."""
    if re.fullmatch(r"[0-9]{6}", folder.name) and (folder / generations.RECORD).is_file():
        yield "."
    for pattern in ("generations/*", "*"):
        for path in sorted(folder.glob(pattern)):
            if re.fullmatch(r"[0-9]{6}", path.name) and path.is_dir() and not path.is_symlink():
                yield str(path.relative_to(folder))


def _describe(volume: Volume, folder: str, found: Found) -> None:
    """Add a plain copy of a generation by its record."""
    prefix = "" if folder == "." else f"{folder}/"
    path = volume.folder / folder
    content = _content(volume, f"{prefix}{generations.RECORD}")
    if not content:
        if _is_ours(path):
            found.damaged.append(f"{path} has no {generations.RECORD} that can be read")
        return
    record = generations.decode(content, path / generations.RECORD)
    sizes = {file.name: file.size for file in record.files}
    signed = {} if volume.size(f"{prefix}{generations.STATEMENT}") is None else {generations.STATEMENT: ""}
    small = {generations.RECORD: "", **signed, **record.sha256s}
    sums = dict(record.sha256s)
    for name, sha256 in small.items():
        if name in sizes:
            continue
        content = _content(volume, f"{prefix}{name}")
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            found.damaged.append(f"{path / name} is {'damaged' if content else 'missing'}")
            del sums[name]
            continue
        sums[name], sizes[name] = hashlib.sha256(content).hexdigest(), len(content)
    files = []
    for name, sha256 in sums.items():
        length = sizes[name]
        part = FilePart(volume=0, number=0, offset=0, size=length, sha256=sha256)
        files.append(PackedFile(name=name, size=length, sha256=sha256, parts=(part,)))
    generation = PackedGeneration(sequence=record.sequence, identity=record.identity, files=tuple(files))
    found.add(generation)
    found.offers += [
        Offer(volume, f"{prefix}{file.name}", Item(generation, file, file.parts[0])) for file in files
    ]


def _is_ours(folder: Path) -> bool:
    """Return whether a folder NNNNNN is a generation, and not somebody's folder of such a name."""
    return any(path.name in SMALL or path.match(ARCHIVES) for path in folder.iterdir())


def _content(volume: Volume, path: str) -> bytes:
    """Return the content of a small file; empty if it is missing."""
    return volume.content(path) or b""


def _agree(one: PackedGeneration, other: PackedGeneration) -> bool:
    """Return whether two lists say the same of each file that both name."""
    known = {file.name: (file.size, file.sha256) for file in one.files}
    return all(
        known.get(file.name, (file.size, file.sha256)) == (file.size, file.sha256) for file in other.files
    )


def _imported_by_all(store: Store, generation: PackedGeneration) -> bool:
    targets = store.imports.targets()
    done = bool(targets) and all(
        store.imports.of(target).generations.get(generation.sequence) == generation.identity
        for target in targets
    )
    if done:
        log.info("generation %d is not needed: every target has imported it", generation.sequence)
    return done


def _lacks(incoming: Mapping[int, Incoming], offer: Offer) -> bool:
    one = incoming.get(offer.item.generation.sequence)
    return one is not None and one.lacks(offer.item)


def _check_room(store: Store, wanted: Sequence[Offer]) -> None:
    distinct = {
        (offer.item.generation.sequence, offer.item.path, offer.item.part.offset): offer for offer in wanted
    }
    needed = sum(offer.item.part.size for offer in distinct.values())
    free = shutil.disk_usage(store.root).free
    if needed > free:
        raise InvalidInputError(
            f"the volume of {store.root} has {units.size(free)} free, {units.size(needed)} are to come",
            "remove generations that every target has imported (workflow-cleanup), or enlarge the volume",
        )


def _take(one: Incoming, offer: Offer, found: Found) -> None:
    """Take in one item, unless another medium had it; note it if it is damaged."""
    if not one.lacks(offer.item):
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(offer.volume.open(offer.path))
        except (OSError, InvalidInputError) as error:  # of the medium; the volume's own end the run
            found.unusable.append((offer, f"cannot be read: {error}"))
            return
        right = one.take(offer.item, stream)
    if right:
        log.info("taken in: %s", offer.where)
    else:
        found.unusable.append((offer, "is damaged"))


def _is_there(offer: Offer, found: Found) -> bool:
    """Return whether an item is there with its size; note it if not."""
    try:
        size = offer.volume.size(offer.path)
    except InvalidInputError as error:
        found.unusable.append((offer, f"cannot be read: {error.reason}"))
        return False
    if size != offer.item.part.size:
        why = "is missing" if size is None else f"has {size} bytes instead of {offer.item.part.size}"
        found.unusable.append((offer, why))
        return False
    return True


def _missing(incoming: Iterable[Incoming]) -> str:
    """Return what is still to come, for people; empty where nothing is."""
    lines = [
        f"generation {one.sequence} still lacks {', '.join(names)}"
        for one in incoming
        if (names := one.missing())
    ]
    return f"; {'; '.join(lines)}" if lines else ""


def _acknowledge(store: Store, incoming: Mapping[int, Incoming], folders: Iterable[Path]) -> None:
    """Record what has arrived, here and on the media that can be written."""
    arrived = {number: one.packed.identity for number, one in incoming.items() if one.whole}
    earlier = {
        number: identity
        for number, identity in store.received.read().generations.items()
        if number not in incoming and store.generations.path(number).is_dir()
    }
    targets = [store.imports.of(target).generations for target in store.imports.targets()]
    everywhere = {
        number: identity
        for number, identity in (targets[0] if targets else {}).items()
        if all(target.get(number) == identity for target in targets)
    }
    received = Received(
        generations=dict(sorted({**everywhere, **earlier, **arrived}.items())),
        in_part={
            number: InPart(identity=one.packed.identity, files=one.arrived)
            for number, one in incoming.items()
            if not one.whole and any(one.arrived.values())
        },
    )
    if not (received.generations or received.in_part):
        return
    store.received.write(received)
    for folder in folders:
        if folder.resolve().is_relative_to(store.root.resolve()):
            continue
        try:
            Volume(folder).write_text(RECEIVED, received.as_json())
        except InvalidInputError:
            log.info("%s cannot be written: carry %s back in its place", folder, store.received.path)
