"""Sigstore bundles with a DSSE envelope (protobuf-specs, sigstore_bundle.proto), which cosign 3 writes.

Only the envelope is read: certificates, time stamps and entries of a transparency log are of no use where
nobody can be asked.
"""

from __future__ import annotations

from typing import Final

from steps.bounded import json_of
from steps.trust.dsse import LARGEST, Envelope, EnvelopeError

MEDIA_TYPES: Final = (
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
)


def parse(content: bytes) -> Envelope:
    """Return the envelope of a bundle. Raises EnvelopeError for anything else."""
    try:
        document = json_of(content, limit=LARGEST, each_once=True)
    except ValueError as error:
        raise EnvelopeError(str(error)) from None
    if not isinstance(document, dict) or document.get("mediaType") not in MEDIA_TYPES:
        raise EnvelopeError("it is no sigstore bundle of version 0.3")
    return Envelope.of(document.get("dsseEnvelope"))
