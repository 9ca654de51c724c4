"""The tags that oc-mirror v1 gave to images: another scheme than v2's, for the same images at the same paths.

An image that is named by digest alone got `latest` where it was an additional image or a chart's, and a hash
of its name where an operator refers to it, or the beginning of its digest with a catalog from disk
(openshift/oc-mirror, internal/pkg: `generateV1DestTags` in operator/common.go, additional/ and helm/). Others
kept their tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.workflows.deletion_plan import Candidate

_OFFSET, _PRIME = 0x811C9DC5, 0x01000193
_FROM_DISK = 6
"""Digits of the digest."""


def of(candidate: Candidate) -> tuple[str, ...]:
    """Return the tags that v1 may have given to an image; none for one with a tag, and for releases."""
    image = Reference.find(candidate.origin)
    if image is None or not image.digest or image.tag or candidate.kind == "release":
        return ()
    if candidate.kind == "additional":
        return ("latest",)
    name = candidate.origin.rpartition("://")[2]
    return (f"{fnv32a(name.encode()):x}", image.digest.partition(":")[2][:_FROM_DISK], "latest")


def added(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with the tags that v1 may have given them."""
    return [candidate.model_copy(update={"v1_tags": of(candidate)}) for candidate in candidates]


def fnv32a(data: bytes) -> int:
    """Return the 32-bit FNV-1a hash, as Go's hash/fnv makes it."""
    found = _OFFSET
    for byte in data:
        found = (found ^ byte) * _PRIME & 0xFFFFFFFF
    return found
