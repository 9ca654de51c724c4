"""Signatures by GPG as OpenShift's cluster-version operator verifies them (openshift/library-go, pkg/verify).

A signature is a message with its own content: one signature, binary, at most compressed once. The operator's
library (golang.org/x/crypto/openpgp) reads less than ours does, so what it would not read is refused first.
Ours (pysequoia) is imported where it is called: not every command needs it.
"""

from __future__ import annotations

import bz2
import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.trust.refusals import KeyFormatError, UntrustedSignatureError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST: Final = 1 << 20
"""Bytes of a message, compressed or not; those of releases have about a thousand."""
LARGEST_KEYS: Final = 1 << 20
"""Bytes of a file with keys."""
_SIGNATURE, _ONE_PASS, _SECRET, _COMPRESSED, _LITERAL = 2, 4, 5, 8, 11
"""Tags of packets (RFC 9580, 5)."""
_PARTIAL: Final = 224
_BINARY: Final = 0
_ALGORITHMS: Final = frozenset({1, 3, 17, 19})
"""RSA, DSA and ECDSA (RFC 9580, 9.1): what the operator's library verifies."""
_HASHES: Final = {8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
"""SHA-2 (RFC 9580, 9.5)."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The certificates of one file. One of them must have signed; `name` is what people call the file."""

    name: str
    certificates: tuple[Any, ...]

    @classmethod
    def parse(cls, name: str, content: bytes) -> Keyring:
        """Read certificates, armored or not. Raises KeyFormatError."""
        import pysequoia

        if len(content) > LARGEST_KEYS:
            raise KeyFormatError(f"it has {len(content):,} bytes, more than any keys")
        if b"PRIVATE KEY BLOCK" in content or _begins_secret(content):
            raise KeyFormatError("it is a private key; give the public one")
        try:
            found = pysequoia.Cert.split_bytes(content)
        except Exception:
            raise KeyFormatError("it is no public key of GPG") from None
        if not found:
            raise KeyFormatError("it holds no public key of GPG")
        return cls(name, tuple(found))

    def __str__(self) -> str:
        """Name and the end of each fingerprint, as gpg shows keys."""
        return f"{self.name} ({', '.join(one.fingerprint[-16:] for one in self.certificates)})"


def signed_by(message: bytes, keyring: Keyring) -> bytes:
    """Return the content of a message that a key of `keyring` has signed, and that is valid now.

    Raises UntrustedSignatureError with why it is not.
    """
    import pysequoia

    packets, key_id = _checked(message)
    try:
        found = pysequoia.verify(packets, store=lambda _ids: list(keyring.certificates))
    except Exception:
        found = None
    signers = [one.signing_key for one in found.valid_sigs] if found else []
    if found is None or found.bytes is None or not any(one.endswith(key_id) for one in signers):
        raise UntrustedSignatureError(f"no key of {keyring} has made a signature that is valid now")
    return bytes(found.bytes)


def _checked(message: bytes) -> tuple[bytes, str]:
    """Return the packets of a message, uncompressed, and the ID of the key that it names before its content.

    Raises UntrustedSignatureError for any other form.
    """
    if len(message) > LARGEST:
        raise UntrustedSignatureError(f"it has {len(message):,} bytes, more than any signature")
    try:
        found = list(_packets(message))
        if [tag for tag, _body in found] == [_COMPRESSED]:
            message = _uncompressed(found[0][1])
            found = list(_packets(message))
    except (IndexError, ValueError, zlib.error, OSError, EOFError):
        raise UntrustedSignatureError("it is no signature of GPG, or not all of it is there") from None
    if [tag for tag, _body in found] != [_ONE_PASS, _LITERAL, _SIGNATURE]:
        raise UntrustedSignatureError("it is no message of GPG with exactly one signature")
    version, kind, algorithm, digest = _kinds(found[2][1])
    if version not in {3, 4} or kind != _BINARY:
        raise UntrustedSignatureError("its signature is of a kind that clusters do not take")
    if algorithm not in _ALGORITHMS or digest not in _HASHES:
        raise UntrustedSignatureError("its signature is by an algorithm that clusters do not know")
    ahead = found[0][1]
    if ahead[:4] != bytes((3, kind, digest, algorithm)) or len(ahead) != 13 or ahead[12] != 1:
        raise UntrustedSignatureError("its signature is not the one that it names before its content")
    if not _begins_right(found[1][1], found[2][1], _HASHES[digest]):
        raise UntrustedSignatureError("its signature is damaged")
    return message, ahead[4:12].hex()


def _begins_right(literal: bytes, body: bytes, name: str) -> bool:
    """Return whether a signature repeats the first two bytes of the hash; clusters' library insists on it."""
    content = literal[6 + literal[1] :] if len(literal) > 1 else b""
    if body[0] == 3:
        hashed, at = body[2:7], 17
    else:
        size = 6 + int.from_bytes(body[4:6], "big")
        hashed = body[:size] + b"\x04\xff" + size.to_bytes(4, "big")
        at = size + 2 + int.from_bytes(body[size : size + 2], "big")
    return hashlib.new(name, content + hashed).digest()[:2] == body[at : at + 2]


def _kinds(body: bytes) -> tuple[int, ...]:
    """Return version, type, algorithm and hash of a signature (RFC 9580, 5.2.2 and 5.2.3); zeros if cut."""
    if len(body) < 17:
        return 0, 0, 0, 0
    return (body[0], body[2], body[15], body[16]) if body[0] == 3 else tuple(body[:4])


def _begins_secret(content: bytes) -> bool:
    """Return whether the first packet, of either form, is a private key."""
    head = content[0] if content else 0
    return bool(head & 0x80) and (head & 0x3F if head & 0x40 else head >> 2 & 0x0F) == _SECRET


def _packets(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and body of each packet (RFC 9580, 4.2). Raises ValueError or IndexError for what is cut."""
    at = 0
    while at < len(content):
        head = content[at]
        if not head & 0x80:
            raise ValueError("no packet")
        if head & 0x40:
            tag, body, at = head & 0x3F, *_new_body(content, at + 1)
        else:
            tag, body, at = head >> 2 & 0x0F, *_old_body(content, at + 1, head & 3)
        yield tag, body


def _old_body(content: bytes, at: int, kind: int) -> tuple[bytes, int]:
    if kind == 3:  # until the end
        return content[at:], len(content)
    octets = 1 << kind
    return _part(content, at + octets, int.from_bytes(content[at : at + octets], "big"))


def _new_body(content: bytes, at: int) -> tuple[bytes, int]:
    found = b""
    while True:
        first = content[at]
        if first < 192:
            size, at = first, at + 1
        elif first < _PARTIAL:
            size, at = ((first - 192) << 8) + content[at + 1] + 192, at + 2
        elif first < 255:
            size, at = 1 << (first & 0x1F), at + 1
        else:
            size, at = int.from_bytes(content[at + 1 : at + 5], "big"), at + 5
        part, at = _part(content, at, size)
        found += part
        if not _PARTIAL <= first < 255:
            return found, at


def _part(content: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(content):
        raise ValueError("it is cut")
    return content[at : at + size], at + size


def _uncompressed(body: bytes) -> bytes:
    """Return what a compressed packet holds. Raises ValueError where it is more than LARGEST bytes."""
    kind, packed = body[0], body[1:]
    if kind in {1, 2}:  # ZIP without a header, and ZLIB
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS if kind == 1 else zlib.MAX_WBITS)
        found, ended = unpacker.decompress(packed, LARGEST), unpacker.eof
    elif kind == 3:
        other = bz2.BZ2Decompressor()
        found, ended = other.decompress(packed, LARGEST), other.eof
    else:
        raise ValueError("an unknown compression")
    if not ended:
        raise ValueError("it is cut, or too large")
    return found
