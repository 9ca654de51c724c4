"""mirror --verify and workflow-verify: chain, hashes and signatures of generations, wherever they lie.

It needs no registry and no oc-mirror, and writes nothing, so a medium may be mounted read-only. What lies
there is hostile: it is read as `medium` reads, signatures first. Of a generation that nobody who is trusted
has signed no archive is read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.errors import InvalidInputError, NotFoundError, StepError, UntrustedError
from steps.mirroring.checks.vouching import Policy
from steps.mirroring.store import generations, records, statements
from steps.mirroring.store.generations import RECORD, STATEMENT
from steps.mirroring.store.medium import CHUNK, Volume
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows.arriving import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.packing import Item

log = logging.getLogger(__name__)

FORMAT: Final = 1
"""Of the answer in JSON."""


class Verdict(StrEnum):
    """What is to be said of a generation."""

    TRUSTED = "trusted"
    """Whole, and signed by a trusted key."""
    WHOLE = "whole"
    """Whole, and nobody vouches for it: there are no trusted keys, or unsigned ones are taken."""
    INCOMPLETE = "incomplete"
    """A part of it lies on another medium."""
    DAMAGED = "damaged"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Piece:
    """`size` bytes from `start` on of the file at `path` of a volume, which has `whole` bytes."""

    volume: Volume
    path: str
    start: int
    size: int
    whole: int


class PartLackingError(Exception):
    """Bytes of a file are on none of the media; the text says where they are."""


@dataclass(slots=True)
class Copy:
    """A generation that lies somewhere: in the folder `place`, plain, or in parts by packing lists.

    `sizes` are those of the files that lists name, `parts` what of them lies where; both empty for a plain
    copy, of which `prefix` is the path below its volume.
    """

    sequence: int
    place: Path
    volume: Volume
    prefix: str = ""
    identity: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    parts: dict[str, list[tuple[Item, Volume]]] = field(default_factory=dict)
    elsewhere: dict[str, list[Item]] = field(default_factory=dict)

    def pieces(self, name: str) -> list[Piece]:
        """Return the pieces of a file in their order. Raises PartLackingError, FileNotFoundError."""
        if not self.identity:
            size = self.volume.size(f"{self.prefix}{name}")
            if size is None:
                raise FileNotFoundError(name)
            return [Piece(self.volume, f"{self.prefix}{name}", 0, size, size)]
        if name not in self.sizes:
            raise FileNotFoundError(name)
        found, at, end = list[Piece](), 0, self.sizes[name]
        here = self.parts.get(name, [])
        while at < end or not (found or end):
            for item, volume in here:
                offset, size = item.part.offset, item.part.size
                if offset <= at < offset + size or (not end and not size):
                    found.append(Piece(volume, item.path, at - offset, offset + size - at, size))
                    at = offset + size
                    break
            else:
                lacking = [item.where for item in self.elsewhere.get(name, []) if item.part.offset <= at]
                raise PartLackingError(lacking[-1] if lacking else f"{name}, from byte {at:,} on")
            if not end:
                break
        return found

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None where it is missing, or larger than any of ours."""
        try:
            pieces = self.pieces(name)
            if sum(piece.size for piece in pieces) > records.LARGEST:
                return None
            return b"".join(chunk for piece in pieces for chunk in _chunks(piece))
        except (OSError, PartLackingError, InvalidInputError):
            return None


@dataclass(slots=True)
class Finding:
    """What was found of a generation; `signer` and `key` are empty where nobody trusted has signed it.

    `claimed` is the key that a statement names which nobody has verified.
    """

    copy: Copy
    record: Generation | None = None
    verdict: Verdict = Verdict.WHOLE
    problems: list[str] = field(default_factory=list)
    signer: str = ""
    key: str = ""
    claimed: str = ""
    alone: bool = False
    """What it continues is not here."""

    def fails(self, verdict: Verdict, why: str) -> None:
        """Note a problem; the worst verdict counts."""
        order = list(Verdict)
        self.verdict = max(self.verdict, verdict, key=order.index)
        self.problems.append(_plain(why))

    @property
    def what(self) -> str:
        """What it continues, for people."""
        if self.record is None:
            return "?"
        before = self.record.predecessor
        return "full" if before is None else f"continues {before.sequence}{' (not here)' * self.alone}"

    @property
    def made(self) -> str:
        """When it was made, in RFC 3339; empty where that is not known."""
        text = self.record.finished if self.record else ""
        return text if re.fullmatch(r"[0-9TZ:.+-]{10,40}", text) else ""

    def document(self) -> dict[str, Any]:
        """Return it as the answer in JSON has it."""
        record, before = self.record, self.record.predecessor if self.record else None
        return {
            "generation": self.copy.sequence,
            "folder": str(self.copy.place),
            "identity": record.identity if record else None,
            "continues": before.sequence if before else None,
            "predecessor_here": not self.alone,
            "size": record.size if record else None,
            "made": self.made or None,
            "signed_by": {"name": self.signer, "key": self.key} if self.signer else None,
            "claimed_key": self.claimed or None,
            "verdict": self.verdict,
            "problems": self.problems,
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer: what was found, generation by generation, and what cannot be read at all."""

    folders: Sequence[Path]
    findings: Sequence[Finding]
    unreadable: Sequence[str] = ()

    @property
    def exit_code(self) -> int:
        """0, or that of the error that says the same."""
        error = self.error
        return error.exit_code if error else 0

    @property
    def error(self) -> StepError | None:
        """The worst that was found; None where nothing is wrong."""
        bad = [one for one in self.findings if one.verdict is Verdict.UNTRUSTED]
        if bad:
            reason = f"{self.summary}; {bad[0].problems[0]}"
            return UntrustedError(reason, f"import none of these; {statements.AGAIN}")
        problems = [*self.unreadable, *(text for one in self.findings for text in one.problems)]
        if (
            any(one.verdict in {Verdict.DAMAGED, Verdict.INCOMPLETE} for one in self.findings)
            or self.unreadable
        ):
            hint = "copy what is damaged or missing again from where it was made: mirror --export"
            return InvalidInputError(f"{self.summary}; {problems[0]}", hint)
        return None

    @property
    def summary(self) -> str:
        """How many generations there are of each verdict, for people."""
        counts = Counter(one.verdict for one in self.findings)
        words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        return f"generations in {', '.join(map(str, self.folders))}: {words or 'none'}"

    def table(self) -> str:
        """Return the answer for people: a table, what is wrong, and a summary."""
        head = ("generation", "what", "size", "signed by", "made", "verdict")
        rows = [head, *(_row(one) for one in self.findings)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        problems = [*self.unreadable, *(text for one in self.findings for text in one.problems)]
        vouched = any(one.verdict is Verdict.WHOLE for one in self.findings)
        note = [
            "nobody vouches for those that are only whole: trusted-keys is not given, or they are unsigned"
        ]
        return "\n".join([*lines, "", *problems, *(note if vouched else []), self.summary])

    def document(self) -> dict[str, Any]:
        """Return the answer for programs (docs/reference/generation-statement.md)."""
        return {
            "format": FORMAT,
            "folders": [str(folder) for folder in self.folders],
            "exit_code": self.exit_code,
            "generations": [one.document() for one in self.findings],
            "unreadable": list(self.unreadable),
        }

    def answer(self, *, as_json: bool) -> str:
        """Return the answer in the form that is asked for."""
        return json.dumps(self.document(), indent=2) if as_json else self.table()


def run(request: Request, store: Store) -> Done:
    """Verify the generations of a data directory, and log the table.

    Raises UntrustedError, InvalidInputError with the first that is not as it should be, NotFoundError without
    any generation.
    """
    known = {number: one.identity for number, one in store.generations.ledger().items()}
    for target in store.imports.targets():
        known |= store.imports.of(target).generations
    policy = Policy.of(request, once_signed=store.imports.signed_targets())
    found = verify([store.generations.folder], policy, known)
    for line in found.table().splitlines()[:-1]:
        log.info("%s", line)
    if error := found.error:
        raise error
    return Done(summary=found.summary, size=sum(one.record.size for one in found.findings if one.record))


def of_media(request: Request, folders: Sequence[Path]) -> Audit:
    """Verify what lies in folders, together. Raises NotFoundError for one without generations."""
    return verify([folder.absolute() for folder in folders], Policy.of(request), {})


def verify(folders: Sequence[Path], policy: Policy, known: Mapping[int, str]) -> Audit:
    """Verify what lies in folders; `known` are identities of generations that need not be there."""
    unreadable: list[str] = []
    copies = _copies(folders, unreadable)
    identities, findings = dict(known), list[Finding]()
    for copy in copies:
        finding = Finding(copy)
        _look(finding, policy, identities)
        findings.append(finding)
    _hash([one for one in findings if one.verdict in {Verdict.TRUSTED, Verdict.WHOLE}])
    return Audit(folders, findings, [_plain(text) for text in unreadable])


def _look(finding: Finding, policy: Policy, identities: dict[int, str]) -> None:
    """Look at the small files of a generation, and at its place in the chain."""
    copy = finding.copy
    try:
        for name in SMALL:
            if name in copy.sizes:  # perhaps on another medium, which is not the same as missing
                copy.pieces(name)
        vouched = policy.vouched(copy.sequence, copy.place, copy.read)
        if vouched:
            finding.record, finding.verdict = vouched.generation, Verdict.TRUSTED
            finding.signer, finding.key = vouched.key.name, vouched.key.fingerprint
            statements.check_chain(vouched, copy.place, identities)
        else:
            claim = statements.claim(copy.read(STATEMENT))
            finding.claimed = claim.key if claim else ""
            finding.record = generations.decode(copy.read(RECORD) or b"", copy.place / RECORD)
        _check_place(finding, identities)
    except UntrustedError as error:
        finding.fails(Verdict.UNTRUSTED, error.reason)
    except PartLackingError as lacking:
        finding.fails(Verdict.INCOMPLETE, f"generation {copy.sequence}: not here: {lacking}")
    except FileNotFoundError:
        finding.fails(Verdict.DAMAGED, f"generation {copy.sequence}: {copy.place} has no {RECORD}")
    except InvalidInputError as error:
        finding.fails(Verdict.DAMAGED, f"generation {copy.sequence}: {error.reason}")


def _check_place(finding: Finding, identities: dict[int, str]) -> None:
    """Check number, identity and predecessor of a record, and add it to the identities."""
    record, copy = finding.record, finding.copy
    if record is None:
        return
    where = f"generation {copy.sequence}"
    wrong = Verdict.UNTRUSTED if finding.signer else Verdict.DAMAGED
    if record.sequence != copy.sequence:
        finding.fails(wrong, f"{where}: {copy.place} holds generation {record.sequence}")
    if copy.identity and copy.identity != record.identity:
        finding.fails(wrong, f"{where}: the packing list names another record")
    before = record.predecessor
    finding.alone = before is not None and before.sequence not in identities
    if before is not None and identities.get(before.sequence, before.identity) != before.identity:
        finding.fails(wrong, f"{where} continues another generation {before.sequence} than the one here")
    identities[record.sequence] = record.identity


def _hash(findings: Iterable[Finding]) -> None:
    """Compare size and sha256 of every file of generations, spread over the cores."""
    stop = threading.Event()
    tasks = [
        (finding, name, sha256)
        for finding in findings
        if finding.record
        for name, sha256 in finding.record.sha256s.items()
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            found = list(pool.map(lambda task: _compare(task, stop), tasks))
        except BaseException:
            stop.set()
            raise
    for (finding, name, _sha256), problem in zip(tasks, found, strict=True):
        if problem:
            finding.fails(problem[0], f"generation {finding.copy.sequence}: {name} {problem[1]}")


def _compare(task: tuple[Finding, str, str], stop: threading.Event) -> tuple[Verdict, str] | None:
    """Return what is wrong with a file; None where it is right."""
    finding, name, sha256 = task
    try:
        found = _sha256(finding, name, stop)
    except PartLackingError as lacking:
        return Verdict.INCOMPLETE, f"is not all here: {lacking}"
    except FileNotFoundError:
        return Verdict.DAMAGED, "is missing"
    except InvalidInputError as error:
        return Verdict.DAMAGED, f"cannot be read: {error.reason}"
    except OSError as error:
        return Verdict.DAMAGED, f"cannot be read: {error.strerror}"
    return None if found == sha256 else (Verdict.DAMAGED, f"is damaged (its sha256 is {found})")


def _sha256(finding: Finding, name: str, stop: threading.Event) -> str:
    """Return the sha256 of a file whose size is that of its record."""
    sizes = {file.name: file.size for file in finding.record.files} if finding.record else {}
    pieces = finding.copy.pieces(name)
    size = sum(piece.size for piece in pieces)
    if size != sizes.get(name, size):
        raise InvalidInputError(f"it has {size} bytes instead of {sizes[name]}", "copy it again")
    digest = hashlib.sha256()
    for piece in pieces:
        for chunk in _chunks(piece):
            digest.update(chunk)
            if stop.is_set():
                return ""
    return digest.hexdigest()


def _chunks(piece: Piece) -> Iterator[bytes]:
    """Give the bytes of a piece. Raises OSError, InvalidInputError; fewer bytes than it has end it."""
    if (size := piece.volume.size(piece.path)) != piece.whole:
        words = "is missing" if size is None else f"has {size} bytes instead of {piece.whole}"
        raise InvalidInputError(f"{piece.volume.folder / piece.path} {words}", "copy it again")
    with piece.volume.open(piece.path) as stream:
        stream.seek(piece.start)
        left = piece.size
        while left and (chunk := stream.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk


def _copies(folders: Iterable[Path], unreadable: list[str]) -> list[Copy]:
    """Return the generations in folders, by number. Raises NotFoundError for a folder without any."""
    packed: dict[tuple[int, str], Copy] = {}
    plain: list[Copy] = []
    for folder in folders:
        if not folder.is_dir():
            raise NotFoundError(f"there is no folder {folder}", "give the folder where the medium is mounted")
        before = len(packed) + len(plain) + len(unreadable)
        listed = False
        for volume in Volume.found_on(folder):
            try:
                items = list(found.items()) if (found := volume.packing_list()) else []
                own = found.volume if found else 0
            except InvalidInputError as error:
                unreadable.append(error.reason)
                items, own = [], 0
            listed = listed or bool(items)
            _add(items, own, volume, packed)
            known = {item.generation.sequence for item in items if item.part.volume == own}
            plain += [
                Copy(int((volume.folder / path).name), volume.folder / path, volume, _prefix(path))
                for path in _folders(volume.folder)
                if int((volume.folder / path).name) not in known
            ]
        if not listed and before == len(packed) + len(plain) + len(unreadable):
            raise NotFoundError(
                f"{folder} holds no generation: no packing-list.json, no volume-NNN, no folder NNNNNN",
                "give the folder that `mirror --export` wrote, a copy of generations/, or a data directory",
            )
    return sorted([*packed.values(), *plain], key=lambda copy: (copy.sequence, str(copy.place)))


def _add(items: Iterable[Item], own: int, volume: Volume, packed: dict[tuple[int, str], Copy]) -> None:
    """Add what a packing list on a volume, of number `own`, says."""
    for item in items:
        number, identity, name = item.generation.sequence, item.generation.identity, item.file.name
        place = volume.folder / f"generations/{number:06d}"
        copy = packed.setdefault((number, identity), Copy(number, place, volume, identity=identity))
        copy.sizes.setdefault(name, item.file.size)
        if item.part.volume == own:
            copy.parts.setdefault(name, []).append((item, volume))
        else:
            copy.elsewhere.setdefault(name, []).append(item)


def _folders(folder: Path) -> Iterator[str]:
    """Give the folders of plain copies, by their path below `folder`; no link is followed."""
    if re.fullmatch(r"[0-9]{6}", folder.name) and (folder / RECORD).is_file():
        yield "."
    inner = [] if (folder / "generations").is_symlink() else sorted(folder.glob("generations/*"))
    for path in [*inner, *sorted(folder.glob("*"))]:
        if re.fullmatch(r"[0-9]{6}", path.name) and path.is_dir() and not path.is_symlink():
            yield str(path.relative_to(folder))


def _prefix(path: str) -> str:
    return "" if path == "." else f"{path}/"


def _row(one: Finding) -> tuple[str, ...]:
    size = units.size(one.record.size) if one.record else "?"
    unverified = f"{one.claimed[:12]}… (not verified)" if one.claimed else "-"
    return str(one.copy.sequence), one.what, size, one.signer or unverified, one.made or "?", str(one.verdict)


def _plain(text: str) -> str:
    """Return a text that may hold names of others, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
