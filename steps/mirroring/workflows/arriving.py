"""Who vouches for generations on media, judged by their small files before anything else of them is read.

What was verified and what is then taken in are the same bytes, whatever a medium gives at a second reading:
the hashes of the packing list are compared with the signed ones, and each part with the list.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError, UntrustedError
from steps.mirroring.store import contents, incoming, statements
from steps.mirroring.store.generations import IMAGESET, RECORD, STATEMENT
from steps.mirroring.store.medium import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.checks.vouching import Policy
    from steps.mirroring.store import Store
    from steps.mirroring.store.packing import PackedFile, PackedGeneration
    from steps.mirroring.store.statements import Vouched

log = logging.getLogger(__name__)

SMALL: Final = (STATEMENT, RECORD, IMAGESET, contents.INDEX)


@dataclass(frozen=True, slots=True)
class Lying:
    """A whole file that lies at `path` of a volume, as a list describes it."""

    file: PackedFile
    volume: Volume
    path: str


class Judge:
    """Judges what media hold by a policy; where no keys are given it takes all."""

    def __init__(self, policy: Policy, store: Store) -> None:
        """Know the generations that are here and that were imported."""
        self.policy = policy
        self._store = store
        self._known: dict[int, str] = {}
        if policy.keys is not None:
            for target in store.imports.targets():
                self._known |= store.imports.of(target).generations
            with suppress(InvalidInputError):  # damaged, and perhaps mended by this import
                self._known |= {one.sequence: one.identity for one in store.generations.present().values()}

    def copy(self, sequence: int, volume: Volume, folder: str) -> None:
        """Judge a plain copy of a generation. Raises UntrustedError."""
        prefix = "" if folder == "." else f"{folder}/"
        self.policy.vouched(sequence, volume.folder / folder, lambda name: volume.content(prefix + name))

    def packed(self, generation: PackedGeneration, lying: Iterable[Lying]) -> PackedGeneration | None:
        """Judge a generation as a packing list describes it; return what of it may be taken in.

        None: its signature, or a small file, is not on these media; so nothing else is taken in yet. Raises
        UntrustedError.
        """
        if self.policy.keys is None:
            return generation
        found = {name: self._find(generation, name, lying) for name in SMALL}
        listed = {file.name for file in generation.files}
        if lacking := [name for name in SMALL if name in listed and found[name] is None]:
            log.warning(
                "generation %d waits for %s: only then its archives are read; give that medium first, or too",
                generation.sequence,
                ", ".join(lacking),
            )
            return None
        place = self._store.generations.path(generation.sequence)
        vouched = self.policy.vouched(generation.sequence, place, found.get)
        if vouched is None:
            return generation
        statements.check_chain(vouched, place, self._known)
        self._known[generation.sequence] = vouched.generation.identity
        log.info("generation %d is signed by %s", generation.sequence, vouched.key.name)
        return _signed(generation, vouched, found[STATEMENT] or b"")

    def _find(self, generation: PackedGeneration, name: str, lying: Iterable[Lying]) -> bytes | None:
        """Return the content of a small file: as its list describes it, else as it is on the medium, or here.

        What lies on the media counts before what is here: it is what is judged.
        """
        there = [_content(one.volume, one.path) for one in lying if one.file.name == name]
        sums = {file.name: file.sha256 for file in generation.files}
        home, work = incoming.folders(self._store.generations, generation.sequence)
        on_its_way = _content(Volume(work), name)
        candidates = [content for content in (*there, on_its_way) if content is not None]
        for content in candidates:
            if hashlib.sha256(content).hexdigest() == sums.get(name):
                return content
        given = [content for content in there if content is not None]
        return given[0] if given else _content(Volume(home), name)


def _signed(generation: PackedGeneration, vouched: Vouched, statement: bytes) -> PackedGeneration:
    """Return a generation with the files that are signed, compared with what its list says of them."""
    signed = {**vouched.subjects, STATEMENT: hashlib.sha256(statement).hexdigest()}
    sizes = {file.name: file.size for file in vouched.generation.files}
    for file in generation.files:
        if signed.get(file.name, file.sha256) != file.sha256 or sizes.get(file.name, file.size) != file.size:
            raise UntrustedError(
                f"generation {generation.sequence}: the packing list names another {file.name}"
                " than was signed",
                statements.AGAIN,
            )
    if generation.identity != vouched.generation.identity:
        raise UntrustedError(
            f"generation {generation.sequence}: the packing list names another record than was signed",
            statements.AGAIN,
        )
    if others := [file.name for file in generation.files if file.name not in signed]:
        log.warning(
            "generation %d: left out, since nobody signed it: %s", generation.sequence, ", ".join(others)
        )
    files = tuple(file for file in generation.files if file.name in signed)
    return generation.model_copy(update={"files": files})


def _content(volume: Volume, path: str) -> bytes | None:
    """Return the content of a small file; None where it cannot be read."""
    try:
        return volume.content(path)
    except (OSError, InvalidInputError):
        return None
