"""Statements: who made a generation, from what, and the sha256 of each of its files; signed by the maker.

    generations/NNNNNN/generation.intoto.jsonl    an in-toto statement in a DSSE envelope, one line

Its subjects are the generation's record and every file that the record names, so that one signature stands
for all bytes. `verify` reads the small files only, and parses none before its sha256 is the signed one.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from steps import units
from steps.errors import UntrustedError
from steps.mirroring.store import contents, generations
from steps.mirroring.store.generations import IMAGESET, RECORD, STATEMENT, Predecessor
from steps.mirroring.store.records import Part
from steps.trust import dsse
from steps.trust.dsse import IN_TOTO, Envelope, EnvelopeError
from steps.trust.refusals import KeyEndedError, UntrustedSignatureError
from steps.trust.statement import Statement, StatementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.store.generations import Generation
    from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys

    Read = Callable[[str], bytes | None]
    """Returns the content of a small file of a generation by its name, of a large one only the beginning;
    None where it is missing."""

LARGEST: Final = 4 << 20
"""Bytes of a statement, enough for 20,000 archives: each key that is tried hashes all of them."""
_NAMED: Final = 5
_LONGEST_NAME: Final = 200
PREDICATE_TYPE: Final = "https://github.com/auto-shift/oc-mirror-pipeline/generation/v1"
AGAIN: Final = (
    "bring it again from where it was made, by mirror --export and --import; if it is the same there, find"
    " out who changed it"
)
"""What to do with a generation that is not what was signed."""


_ANEW: Final = (
    "let the connected side make a full archive (incremental-mode false) with the key that has taken its"
    " place; or correct NAME.until, if that key has not ended"
)


class _Predicate(Part):
    """A part of a predicate; the names of its fields in JSON are in camel case, as in-toto's are."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="allow")


class Builder(_Predicate):
    """What made it; `image` is by digest, `key` the SHA-256 of the public key in DER. Empty: not known."""

    name: str = "oc-mirror-pipeline"
    version: str = ""
    image: str = ""
    key: str = ""


class ValuesOrigin(_Predicate):
    """Where the values of the ImageSet come from; both empty for an ImageSet of a user's own."""

    repository: str = ""
    commit: str = ""


class CatalogDigest(_Predicate):
    """A catalog as the ImageSet names it, and the digest that it had."""

    name: str
    digest: str


class RunTimes(_Predicate):
    """The run that made it; times are RFC 3339 in UTC."""

    started: str
    finished: str
    host: str = ""


class Predicate(_Predicate):
    """What is said of a generation besides its files (docs/reference/generation-statement.md)."""

    sequence: int
    predecessor: Predecessor | None
    mirror_name: str = ""
    workflow: str = ""
    builder: Builder = Field(default_factory=Builder)
    oc_mirror: str = ""
    values: ValuesOrigin = Field(default_factory=ValuesOrigin)
    catalogs: tuple[CatalogDigest, ...] = ()
    run: RunTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a generation was made by and from, as far as its record does not say it."""

    workflow: str
    image: str = ""
    repository: str = ""
    commit: str = ""
    catalogs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A generation whose statement was verified: its record, and the key that signed it."""

    generation: Generation
    key: PublicKey
    subjects: Mapping[str, str]


def sign(generation: Generation, origin: Origin, key: PrivateKey) -> bytes:
    """Return the signed statement about a generation, of which the record is not written yet."""
    record = hashlib.sha256(generation.as_json().encode()).hexdigest()
    predicate = Predicate(
        sequence=generation.sequence,
        predecessor=generation.predecessor,
        mirror_name=generation.mirror_name,
        workflow=origin.workflow,
        builder=Builder(version=_own_version(), image=origin.image, key=key.public.fingerprint),
        oc_mirror=generation.oc_mirror,
        values=ValuesOrigin(repository=origin.repository, commit=origin.commit),
        catalogs=tuple(CatalogDigest(name=name, digest=digest) for name, digest in origin.catalogs),
        run=RunTimes(started=generation.started, finished=generation.finished, host=generation.host),
    )
    statement = Statement(
        subjects={RECORD: record, **generation.sha256s},
        predicate_type=PREDICATE_TYPE,
        predicate=predicate.model_dump(mode="json", by_alias=True),
    )
    return dsse.seal(statement.as_bytes(), key)


def verify(sequence: int, folder: Path, read: Read, keys: TrustedKeys, now: datetime) -> Vouched:
    """Verify the generation of a number, of which `folder` is only named, without reading its archives.

    Raises UnsignedError without a statement, UntrustedError for one that no trusted key has signed, and for
    files, a number or a predecessor other than it says.
    """
    envelope = read(STATEMENT)
    if envelope is None:
        raise UnsignedError(sequence, folder)
    refuse = _Refusal(sequence, folder)
    if len(envelope) > LARGEST:
        raise refuse(f"it has more than {LARGEST:,} bytes, more than any of ours")
    try:
        sealed = Envelope.parse(envelope)
        if sealed.payload_type != IN_TOTO:
            raise EnvelopeError(f"its payload is of the type {sealed.payload_type[:80]!r}, not {IN_TOTO!r}")
        key = sealed.signer(keys, now)
        statement = Statement.parse(sealed.payload)
        if statement.predicate_type != PREDICATE_TYPE:
            raise StatementError(f"it is about something else: {statement.predicate_type[:200]!r}")
        predicate = Predicate.model_validate(statement.predicate)
    except KeyEndedError as error:
        raise refuse(str(error), _ANEW) from None
    except UntrustedSignatureError as error:
        raise refuse(str(error), f"{AGAIN}; or put the signer's public key into trusted-keys") from None
    except ValidationError as error:
        raise refuse(f"its predicate cannot be read: {error.error_count()} mistakes") from None
    except ValueError as error:
        raise refuse(str(error)) from None
    return Vouched(
        generation=_compared(refuse, statement.subjects, predicate, read),
        key=key,
        subjects=statement.subjects,
    )


def _compared(refuse: _Refusal, subjects: Mapping[str, str], predicate: Predicate, read: Read) -> Generation:
    """Return the record, after comparing it and the other small files with what was signed."""
    for name in (RECORD, IMAGESET, contents.INDEX):
        if name in subjects:
            content = read(name)
            found = None if content is None else hashlib.sha256(content).hexdigest()
            if found != subjects[name]:
                differs = "is missing" if found is None else f"was changed: its sha256 is {found}"
                raise refuse.file(name, f"{differs}, signed was {subjects[name]}")
    content = read(RECORD) if RECORD in subjects else None
    if content is None:
        raise refuse(f"it does not speak of {RECORD}")
    record = generations.decode(content, refuse.folder / RECORD)
    named = {RECORD: hashlib.sha256(content).hexdigest(), **record.sha256s}
    if differing := sorted({name for name, _sha256 in named.items() ^ subjects.items()}):
        raise refuse(f"it and {RECORD} do not name the same files: {_some(differing)}")
    if {refuse.sequence, record.sequence} != {predicate.sequence}:
        raise refuse(f"it is about generation {predicate.sequence}")
    if record.predecessor != predicate.predecessor:
        said, there = _words(predicate.predecessor), _words(record.predecessor)
        raise refuse(f"it says that the generation {said}, and {RECORD} that it {there}")
    return record


def check_chain(vouched: Vouched, folder: Path, known: Mapping[int, str]) -> None:
    """Check that what a generation continues is the one that is `known` by that number, if one is.

    Raises UntrustedError.
    """
    before = vouched.generation.predecessor
    if before is None or known.get(before.sequence, before.identity) == before.identity:
        return
    found = known[before.sequence]
    raise _Refusal(vouched.generation.sequence, folder)(
        f"the generation continues generation {before.sequence} of identity {before.identity},"
        f" and here is another {before.sequence}, of identity {found}",
        f"somebody has put another generation {before.sequence} in its place: bring both again from where"
        " they were made",
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """What a statement says of itself, verified by nobody."""

    key: str = ""
    finished: str = ""


def claim(content: bytes | None) -> Claim | None:
    """Return what an unverified statement claims, for people; None without one that can be read."""
    try:
        payload = Envelope.parse(content or b"").payload
        predicate = Predicate.model_validate(Statement.parse(payload).predicate)
    except ValueError:
        return None
    key = predicate.builder.key
    finished = re.match(r"[0-9TZ:.-]{0,40}", predicate.run.finished)
    return Claim(key if re.fullmatch(r"[0-9a-f]{64}", key) else "", finished[0] if finished else "")


class UnsignedError(UntrustedError):
    """A generation has no statement."""

    def __init__(self, sequence: int, folder: Path) -> None:
        """Name the generation and its folder."""
        super().__init__(
            f"generation {sequence} is not signed: {folder} has no {STATEMENT}",
            "bring that file too; if it was made without signing-key, make a full archive with it"
            " (incremental-mode false), or give require-signature=false to take unsigned generations",
        )


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Makes the error about a generation."""

    sequence: int
    folder: Path

    def __call__(self, why: str, hint: str = AGAIN) -> UntrustedError:
        return self.file(STATEMENT, f"cannot be trusted: {why}", hint)

    def file(self, name: str, why: str, hint: str = AGAIN) -> UntrustedError:
        return UntrustedError(f"generation {self.sequence}: {self.folder / name} {why}", hint)


def _some(names: list[str]) -> str:
    """Return the first of some names, which may be long, and how many more there are."""
    return units.few([name[:_LONGEST_NAME] for name in names], _NAMED)


def _words(predecessor: Predecessor | None) -> str:
    return "is full" if predecessor is None else f"continues {predecessor.sequence} ({predecessor.identity})"


def _own_version() -> str:
    try:
        return importlib.metadata.version("oc-mirror-pipeline")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        return ""
