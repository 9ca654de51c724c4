"""Keys for signatures: ECDSA P-256 and Ed25519 to sign with; RSA and other curves to verify others, too.

What is signed is hashed with SHA-256, as cosign and the nodes of OpenShift do (sigstore, signature/options);
RSA signatures are those of PKCS #1 version 1.5. Ed25519 signs the content itself.

Import this late: the library takes 0.1 s to load, and there is none for s390x (see `folder`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from steps.trust.refusals import KeyEndedError, KeyFormatError, PassphraseError, UntrustedSignatureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

LARGEST: Final = 64 << 10
"""Bytes of a key's file."""
_SMALLEST_RSA: Final = 2048
_CURVES: Final = frozenset({"secp224r1", "secp256r1", "secp384r1", "secp521r1"})
"""P-224 to P-521: those that the programs of clusters read (Go, crypto/x509)."""
_SHOWN: Final = 12
_PRIVATE: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")

_Public: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_Private: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies. `name` is what people call it; `until` (UTC) ends it, None for never."""

    name: str
    key: _Public
    until: datetime | None = None

    @classmethod
    def parse(cls, name: str, content: bytes, *, until: datetime | None = None) -> PublicKey:
        """Read a key in PEM (SubjectPublicKeyInfo). Raises KeyFormatError."""
        if len(content) > LARGEST:
            raise KeyFormatError(f"it has {len(content):,} bytes, more than any key")
        if b"PRIVATE KEY" in content:
            raise KeyFormatError("it is a private key; give the public one")
        if (blocks := content.count(b"-----BEGIN ")) > 1:
            raise KeyFormatError(f"it holds {blocks} keys; write each into a file of its own")
        try:
            key = serialization.load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            raise KeyFormatError("it is no public key in PEM") from None
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST_RSA:
            raise KeyFormatError(f"it is an RSA key of {key.key_size} bits; {_SMALLEST_RSA} are the least")
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
            name = key.curve.name
            raise KeyFormatError(f"it is an ECDSA key of the curve {name}, which clusters do not read")
        if not isinstance(key, _Public):
            raise KeyFormatError("it is neither an ECDSA, nor an Ed25519, nor an RSA key")
        return cls(name, key, until)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the key in DER, in hexadecimal."""
        der = self.key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(der).hexdigest()

    def pem(self) -> bytes:
        """Return the key in PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Return whether this key made the signature of the content; its end is not looked at."""
        try:
            if isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
            elif isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
            else:
                self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def ended(self, now: datetime) -> bool:
        """Return whether the key has ended at a time (UTC)."""
        return self.until is not None and now >= self.until


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs."""

    key: _Private

    @classmethod
    def parse(cls, content: bytes, passphrase: bytes | None = None) -> PrivateKey:
        """Read a key in PEM, with its passphrase where it has one. Raises KeyFormatError."""
        if len(content) > LARGEST:
            raise KeyFormatError(f"it has {len(content):,} bytes, more than any key")
        if b"ENCRYPTED SIGSTORE PRIVATE KEY" in content or b"ENCRYPTED COSIGN PRIVATE KEY" in content:
            raise KeyFormatError(
                "it is in cosign's own format; make one with openssl, and import that into cosign"
            )
        if (blocks := len(_PRIVATE.findall(content))) > 1:
            raise KeyFormatError(f"it holds {blocks} keys; write the one that signs into a file of its own")
        try:
            key = serialization.load_pem_private_key(content, passphrase or None)
        except TypeError:
            words = "it has no passphrase, and one is given" if passphrase else "it needs a passphrase"
            raise PassphraseError(words) from None
        except (ValueError, UnsupportedAlgorithm):
            if passphrase:
                raise PassphraseError("it is no private key in PEM, or the passphrase is another") from None
            raise KeyFormatError("it is no private key in PEM") from None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(key)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return cls(key)
        raise KeyFormatError("it is neither ECDSA P-256 nor Ed25519")

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey("", self.key.public_key())

    def sign(self, content: bytes) -> bytes:
        """Return the signature of the content."""
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(content, ec.ECDSA(hashes.SHA256()))
        return self.key.sign(content)


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys that are trusted; several at once while one takes the place of another."""

    keys: tuple[PublicKey, ...]

    def __iter__(self) -> Iterator[PublicKey]:
        """Go through the keys."""
        return iter(self.keys)

    @property
    def names(self) -> str:
        """Name and beginning of the fingerprint of each, for people."""
        return ", ".join(f"{key.name} ({key.fingerprint[:_SHOWN]})" for key in self.keys)

    def signer(self, signatures: Iterable[bytes], content: bytes, now: datetime) -> PublicKey:
        """Return the key that made one of the signatures and has not ended.

        Raises UntrustedSignatureError: made by none of the keys, or by one that has ended.
        """
        ended: PublicKey | None = None
        for signature in signatures:
            for key in self.keys:
                if key.verifies(signature, content):
                    if not key.ended(now):
                        return key
                    ended = key
        if ended is not None and ended.until is not None:
            raise KeyEndedError(
                f"it is signed by the key {ended.name}, which ended at {ended.until:%Y-%m-%dT%H:%M:%SZ}"
            )
        raise UntrustedSignatureError(f"no trusted key has signed it; trusted: {self.names}")
