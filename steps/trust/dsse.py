"""DSSE envelopes (secure-systems-lab/dsse, protocol.md and envelope.md) around in-toto statements.

A signature covers the type and the bytes of the payload, so that nothing is parsed before it is verified.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of

if TYPE_CHECKING:
    from datetime import datetime

    from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys

IN_TOTO: Final = "application/vnd.in-toto+json"
LARGEST: Final = 32 << 20
"""Bytes of an envelope."""
_MOST_SIGNATURES: Final = 16


class EnvelopeError(ValueError):
    """The bytes are no envelope; the text says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope as it was read: nothing in it is verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]
    key_ids: tuple[str, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Envelope:
        """Read an envelope in JSON. Raises EnvelopeError, also for a field that stands there twice."""
        try:
            return cls.of(json_of(content, limit=LARGEST, each_once=True))
        except ValueError as error:
            raise EnvelopeError(str(error)) from None

    @classmethod
    def of(cls, document: Any) -> Envelope:
        """Read an envelope that was parsed as JSON. Raises EnvelopeError."""
        try:
            signatures = document["signatures"]
            if not isinstance(signatures, list) or len(signatures) > _MOST_SIGNATURES:
                raise EnvelopeError(f"an envelope has at most {_MOST_SIGNATURES} signatures")
            return cls(
                payload_type=_text(document["payloadType"]),
                payload=decode(document["payload"]),
                signatures=tuple(decode(one["sig"]) for one in signatures),
                key_ids=tuple(_text(one.get("keyid") or "") for one in signatures),
            )
        except (KeyError, TypeError, AttributeError):
            raise EnvelopeError("it is no DSSE envelope") from None

    @property
    def signed(self) -> bytes:
        """What the signatures are of: the pre-authentication encoding of type and payload."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

    def signer(self, keys: TrustedKeys, now: datetime) -> PublicKey:
        """Return the trusted key that signed this. Raises UntrustedSignatureError (see `keys`)."""
        return keys.signer(self.signatures, self.signed, now)


def seal(payload: bytes, key: PrivateKey, *, payload_type: str = IN_TOTO) -> bytes:
    """Sign a payload and return the envelope, one line of JSON.

    It names no key, as those of cosign do: in a bundle cosign accepts an envelope only where the name is
    missing or is the one that it gives a key itself.
    """
    signature = key.sign(Envelope(payload_type, payload, ()).signed)
    document = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(document).encode() + b"\n"


def decode(text: Any) -> bytes:
    """Decode base64, of either alphabet. Raises EnvelopeError."""
    if not isinstance(text, str):
        raise EnvelopeError("what is to be base64 is no text")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("what is to be base64 is not") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise EnvelopeError("a field of it is no text")
    return value
