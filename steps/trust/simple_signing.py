"""Simple signing: the claim that an image of a name has a digest (containers/image, containers-signature(5)).

cosign writes it as a layer of the image `sha256-HEX.sig`, with the signature of its bytes in an annotation.
The signatures of OpenShift's releases by GPG hold the same claim.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from steps.bounded import json_of

MEDIA_TYPE: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
"""The annotation with the signature of the layer, in base64."""
LARGEST: Final = 1 << 20
TYPES: Final = ("cosign container image signature", "atomic container signature")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class ClaimError(ValueError):
    """The bytes are no such claim; the text says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`reference` is the image's name as the signer gave it, `digest` that of its manifest."""

    reference: str
    digest: str

    @classmethod
    def parse(cls, content: bytes) -> Claim:
        """Read a claim. Raises ClaimError."""
        try:
            document = json_of(content, limit=LARGEST)
        except ValueError as error:
            raise ClaimError(str(error)) from None
        critical = _object(document, "critical")
        if critical.get("type") not in TYPES:
            raise ClaimError("it is no claim about an image")
        digest = _object(critical, "image").get("docker-manifest-digest")
        reference = _object(critical, "identity").get("docker-reference")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or not isinstance(reference, str):
            raise ClaimError("it lacks the image's name or digest")
        return cls(reference, digest)

    def as_bytes(self) -> bytes:
        """Return the claim as cosign writes it."""
        critical = {
            "identity": {"docker-reference": self.reference},
            "image": {"docker-manifest-digest": self.digest},
            "type": TYPES[0],
        }
        return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def _object(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise ClaimError(f"it has no {name}")
    return found
