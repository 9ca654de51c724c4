"""Claims as clusters read them: what their programs do not take is refused, even where it is signed.

Nodes (containers/image, signature/internal/sigstore_payload.go) take the fields of a claim and no others,
each once. The cluster-version operator (openshift/library-go, pkg/verify/verify.go) takes no field that it
does not know. What is read here is read by both in the same way.
"""

from __future__ import annotations

import json
from typing import Any, Final

from steps.trust.simple_signing import TYPES, Claim, ClaimError

SIGSTORE, GPG = TYPES
_FIELDS: Final = {
    "critical": {"type": "", "image": {"docker-manifest-digest": ""}, "identity": {"docker-reference": ""}}
}
_LARGEST_TIME: Final = 2**63


def parse(content: bytes, kind: str) -> Claim:
    """Read a claim of the type `kind`. Raises ClaimError."""
    claim = Claim.parse(content)  # within limits of size and depth
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise ClaimError(str(error)) from None
    optional = document.pop("optional", None if kind == GPG else "")
    _compare(document, _FIELDS)
    if document["critical"]["type"] != kind:
        raise ClaimError(f"it is a claim of the type {document['critical']['type']!r}, not {kind!r}")
    _check_optional(optional, kind)
    if not claim.reference:
        raise ClaimError("it names no image")
    return claim


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ClaimError("it has a field twice")
    return found


def _compare(document: dict[str, Any], fields: dict[str, Any]) -> None:
    if document.keys() != fields.keys():
        raise ClaimError("it has other fields than clusters read")
    for name, inner in fields.items():
        if isinstance(inner, dict):
            _compare(document[name], inner)


def _check_optional(optional: Any, kind: str) -> None:
    """Check the part that says who made the claim, and when. Raises ClaimError."""
    if optional is None:
        return
    if not isinstance(optional, dict) or (kind == GPG and optional.keys() - {"creator", "timestamp"}):
        raise ClaimError("it has other fields than clusters read")
    made = optional.get("timestamp", 0)
    if (
        not isinstance(optional.get("creator", ""), str)
        or type(made) is not int
        or abs(made) >= _LARGEST_TIME
    ):
        raise ClaimError("its creator is no text, or its time stamp no number")
