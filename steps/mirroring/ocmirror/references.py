"""The images that an ImageSet names itself: what can be asked for before a run (pure).

What a catalog or a release refers to is found by oc-mirror only; but those change only with the digest of the
catalog, or with the release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASES: Final = Reference("quay.io", "openshift-release-dev/ocp-release")
"""Where channels lead (release/cincinnati.go; the release graph names it by digest)."""


def catalogs(document: dict[str, Any]) -> Iterator[str]:
    """The catalogs, as they are written."""
    yield from (str(one["catalog"]) for one in document["mirror"].get("operators") or [])


def additional(document: dict[str, Any]) -> Iterator[str]:
    """The additional images, as they are written."""
    yield from (str(one["name"]) for one in document["mirror"].get("additionalImages") or [])


def first_place(content: bytes) -> str | None:
    """A repository, below the target, that a run by this ImageSet writes to; None where none can be told."""
    document: dict[str, Any] = yaml.safe_load(content)
    if (document["mirror"].get("platform") or {}).get("channels"):
        return "openshift/release-images"
    for one, name, own in (
        *((one, "catalog", "targetCatalog") for one in document["mirror"].get("operators") or []),
        *((one, "name", "targetRepo") for one in document["mirror"].get("additionalImages") or []),
    ):
        reference = Reference.find(str(one[name]))
        if place := one.get(own) or (reference and reference.registry and reference.repository):
            return str(place)
    return None


def named(content: bytes) -> list[Reference]:
    """Those of a valid ImageSet, each once: catalogs, additional images, a release, where releases lie."""
    document: dict[str, Any] = yaml.safe_load(content)
    platform = document["mirror"].get("platform") or {}
    texts = [*catalogs(document), *additional(document)]
    if platform.get("release"):
        texts.append(str(platform["release"]))
    found = [reference for text in texts if (reference := Reference.find(text)) and reference.registry]
    if platform.get("channels"):
        found.append(RELEASES)
    return list(dict.fromkeys(found))
