"""Receipts of imports: what a registry on the other side of a gap has, small enough for a picture of a code.

    DATA/receipts/NNNN.json    written by workflow-from-disk, NNNN is a running number; the newest are kept

A receipt with a signature is a DSSE envelope around the JSON that one without a signature is. `Sealed.code`
is either as a text of few kinds of characters, for a QR code or to be typed: PREFIX, then BASE32 (RFC 4648,
without padding) of the zlib-compressed JSON, with a line for each signature after it.

Who reads a receipt takes it for hostile: it is bounded, and its numbers are looked up one by one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.packing import Sha256
from steps.mirroring.store.records import Record
from steps.trust.dsse import Envelope, EnvelopeError, decode, seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys

PAYLOAD_TYPE: Final = "application/vnd.oc-mirror-pipeline.receipt+json"
PREFIX: Final = "OC-MIRROR-RECEIPT:"
LARGEST: Final = 3000
"""Bytes of the file that we write."""
LARGEST_READ: Final = 64 << 10
"""Bytes of a file that is read: a text that was typed or scanned has blanks and line ends."""
KEPT: Final = 10
"""Receipts of a data directory, besides the newest one of each target."""
NEWEST: Final = 3
"""Generations whose identities a receipt has in full; those of the others are in `digest`."""
MOST: Final = 100_000
"""Generations that a receipt can name."""
_LONGEST_CODE: Final = 4296
"""Characters of the largest QR code with the least correction (ISO/IEC 18004, version 40-L)."""
_PAYLOAD: Final = 2000
"""Bytes of the JSON: an envelope makes four of three, and adds type, key and signature."""
_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"<svg", b"<?xml", b"%PDF")

Numbers = Annotated[
    str, StringConstraints(pattern=r"^([0-9]{1,9}(-[0-9]{1,9})?(,|$))*$", max_length=_PAYLOAD)
]
"""Numbers of generations, as in `1-480,482`; empty for none."""


class ReceiptError(ValueError):
    """The bytes are no receipt; the text says why."""


class Receipt(Record):
    """What the registry `target` has, by the data directory `side`, of which it imported all `generations`.

    `newest` has the identities of the newest of these, `digest` is that of all (`digest_of`). `missing` are
    numbers in between that are neither in the target nor in the data directory. `written` is RFC 3339 in UTC;
    `number` counts the receipts of the data directory; `version` is ours over there.
    """

    kind: Literal["receipt"] = "receipt"
    number: int = Field(ge=1, lt=10**9)
    side: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
    target: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,1000}$")]
    written: str = Field(max_length=40)
    generations: Numbers
    newest: dict[int, Sha256] = Field(max_length=100)
    digest: Sha256
    missing: Numbers = ""
    mirror_names: tuple[Annotated[str, StringConstraints(pattern=r"^[!-~]{0,253}$")], ...] = Field(
        default=(), max_length=100
    )
    version: Annotated[str, StringConstraints(pattern=r"^[!-~]{0,64}$")] = ""

    @field_validator("written")
    @classmethod
    def _is_time(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("it has no time zone")
        return value

    @field_validator("generations", "missing")
    @classmethod
    def _are_few(cls, value: str) -> str:
        if sum(last - first + 1 for first, last in _ranges_in(value)) > MOST:
            raise ValueError(f"more than {MOST:,} generations")
        return value

    @model_validator(mode="after")
    def _newest_are_among_all(self) -> Self:
        if not self.generations or not set(self.newest) <= set(numbers_in(self.generations)):
            raise ValueError("it names no generations, or others twice")
        return self

    def says_the_same(self, other: Receipt) -> bool:
        """Return whether another receipt says the same of the same target; number and time do not matter."""
        same = ("side", "target", "generations", "digest", "missing", "mirror_names")
        return all(getattr(self, name) == getattr(other, name) for name in same)

    def packed(self) -> bytes:
        """Return it as one line of JSON, which is what is signed."""
        return json.dumps(self.document(), separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A receipt as it was read, with its signatures, if any: `payload` is what they are of.

    Nothing in it is verified.
    """

    receipt: Receipt
    payload: bytes
    signatures: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a receipt: an envelope, its JSON, or the text of its code. Raises ReceiptError."""
        if len(content) > LARGEST_READ:
            raise ReceiptError(f"it has more than {LARGEST_READ:,} bytes, a receipt has {LARGEST:,} at most")
        if content.lstrip().startswith(_PICTURES):
            raise ReceiptError("it is a picture: give the text of the code in it, as a telephone shows it")
        try:
            text = content.decode(json.detect_encoding(content)).strip().removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise ReceiptError("it is no text") from None
        if text[: len(PREFIX)].upper() == PREFIX:
            return cls._of_code("".join(text[len(PREFIX) :].split()).upper())
        try:
            envelope = Envelope.parse(text.encode())
        except EnvelopeError:
            return cls(_receipt(text.encode()), text.encode())
        if envelope.payload_type != PAYLOAD_TYPE:
            raise ReceiptError("it is an envelope around something else")
        return cls(_receipt(envelope.payload), envelope.payload, envelope.signatures)

    @classmethod
    def _of_code(cls, letters: str) -> Self:
        try:
            packed = base64.b32decode(letters + "=" * (-len(letters) % 8))
            unpacking = zlib.decompressobj()
            content = unpacking.decompress(packed, LARGEST)
        except (binascii.Error, ValueError, zlib.error):
            raise ReceiptError("the text of its code is not whole: a letter is wrong or missing") from None
        if not unpacking.eof:
            raise ReceiptError("the text of its code is not whole, or holds more than any receipt")
        payload, *signatures = content.split(b"\n")
        try:
            found = tuple(decode(line.decode("ascii", "replace")) for line in signatures)
        except EnvelopeError as error:
            raise ReceiptError(str(error)) from None
        return cls(_receipt(payload), payload, found)

    @property
    def code(self) -> str:
        """The receipt as a text for a QR code."""
        payload = self.payload if b"\n" not in self.payload else self.receipt.packed()
        lines = [payload, *map(base64.b64encode, self.signatures)]
        return PREFIX + base64.b32encode(zlib.compress(b"\n".join(lines), 9)).decode().rstrip("=")

    def is_by(self, key: PublicKey | None) -> bool:
        """Return whether `key` has signed this; without one, whether nobody has."""
        if key is None:
            return not self.signatures
        signed = Envelope(PAYLOAD_TYPE, self.payload, ()).signed
        return any(key.verifies(signature, signed) for signature in self.signatures)

    def signer(self, keys: TrustedKeys, now: datetime) -> PublicKey:
        """Return the trusted key that signed this. Raises UntrustedSignatureError."""
        return Envelope(PAYLOAD_TYPE, self.payload, self.signatures).signer(keys, now)


def _receipt(content: bytes) -> Receipt:
    if len(content) > LARGEST_READ:
        raise ReceiptError("it has more bytes than any receipt")
    try:
        found = records.parse(Receipt, content)
    except records.UnreadableRecordError as error:
        raise ReceiptError(str(error)) from None
    if "kind" not in found.model_fields_set:
        raise ReceiptError("it does not say that it is a receipt")
    return found


def compose(
    imported: Mapping[int, str],
    *,
    number: int,
    side: str,
    target: str,
    written: str,
    missing: Iterable[int] = (),
    mirror_names: Iterable[str] = (),
    version: str = "",
) -> Receipt:
    """Make a receipt for all that a target has imported: identities by number, at least one.

    Where that is too much, mirror names go first, then what is missing, then the oldest generations, which
    are not confirmed then.
    """
    known, gone = sorted(imported), sorted(missing)
    names = [name for name in sorted(set(mirror_names)) if name]
    while True:
        receipt = Receipt(
            number=number,
            side=side,
            target=target,
            written=written,
            generations=numbers_as_text(known),
            newest={one: imported[one] for one in known[-NEWEST:]},
            digest=digest_of({one: imported[one] for one in known}),
            missing=numbers_as_text(gone),
            mirror_names=tuple(names),
            version=version,
        )
        if len(receipt.packed()) <= _PAYLOAD or (len(known) == 1 and not gone):
            return receipt
        if names:
            names = names[: len(names) // 2]
        elif gone:
            gone = gone[(len(gone) + 1) // 2 :]
        else:
            known = known[len(known) // 2 :]


def digest_of(identities: Mapping[int, str]) -> str:
    """Return the hash of generations in a receipt: of a line `NUMBER IDENTITY` for each, in order."""
    lines = (f"{number} {identities[number]}\n" for number in sorted(identities))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def numbers_as_text(numbers: Iterable[int]) -> str:
    """Return numbers as in `1-480,482`."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def numbers_in(text: str) -> list[int]:
    """Return the numbers of a text that `numbers_as_text` made, in order."""
    return sorted({number for first, last in _ranges_in(text) for number in range(first, last + 1)})


def _ranges_in(text: str) -> Iterator[tuple[int, int]]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield int(first), max(int(first), int(last or first))


class ReceiptFolder:
    """DATA/receipts. Lost without harm: the next import writes a receipt of all that there is."""

    def __init__(self, root: Path) -> None:
        """Work with the folder in the data directory `root`."""
        self.folder = root / "receipts"

    def paths(self) -> list[Path]:
        """Return the files, oldest first."""
        found = (path for path in self.folder.glob("*.json") if path.stem.isdecimal() and path.is_file())
        return sorted(found, key=lambda path: int(path.stem))

    def newest(self, target: str | None = None) -> tuple[Path, Sealed] | None:
        """Return the newest receipt, of `target` if given, that can be read; None where there is none."""
        for path in reversed(self.paths()):
            if (found := _read(path)) and target in {None, found.receipt.target}:
                return path, found
        return None

    def next_number(self) -> int:
        """Return the number of the next receipt."""
        return int(self.paths()[-1].stem) + 1 if self.paths() else 1

    def write(self, receipt: Receipt, key: PrivateKey | None) -> Path:
        """Write a receipt, signed with `key` if given, and remove old ones; return its path."""
        path = self.folder / f"{receipt.number:04d}.json"
        signed = seal(receipt.packed(), key, payload_type=PAYLOAD_TYPE) if key else None
        write_atomically(path, signed or receipt.as_json())
        self._remove_old()
        return path

    def _remove_old(self) -> None:
        old = self.paths()[:-KEPT]
        newest = {found.receipt.target: path for path in self.paths() if (found := _read(path))}
        for path in old:
            if path not in newest.values():
                path.unlink()


def _read(path: Path) -> Sealed | None:
    try:
        with path.open("rb") as stream:
            found = Sealed.parse(stream.read(LARGEST_READ + 1))
            return found if len(found.code) <= _LONGEST_CODE else None
    except (OSError, ReceiptError):
        return None
