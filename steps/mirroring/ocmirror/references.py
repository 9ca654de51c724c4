"""The images that an ImageSet names itself: what can be asked for before a run (pure).

What a catalog or a release refers to is found by oc-mirror only; but those change only with the digest of the
catalog, or with the release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from steps.imageset.model import Mirror

RELEASES: Final = Reference("quay.io", "openshift-release-dev/ocp-release")
"""Where channels lead (release/cincinnati.go; the release graph names it by digest)."""


def first_place(mirror: Mirror) -> str | None:
    """A repository, below the target, that a run by this ImageSet writes to; None where none can be told."""
    if mirror.platform.channels:
        return "openshift/release-images"
    for text, own in (
        *((catalog.catalog, catalog.target_catalog) for catalog in mirror.operators),
        *((image.name, image.target_repo) for image in mirror.additional_images),
    ):
        reference = Reference.find(text)
        if place := own or (reference and reference.registry and reference.repository):
            return place
    return None


def texts(mirror: Mirror) -> list[str]:
    """The images that an ImageSet names, as they are written: catalogs, additional images, a release."""
    found = [catalog.catalog for catalog in mirror.operators]
    found += [image.name for image in mirror.additional_images]
    return [*found, mirror.platform.release] if mirror.platform.release else found


def named(mirror: Mirror) -> list[Reference]:
    """Those of them that name their registry, each once, and where the releases of channels lie."""
    found = [ref for text in texts(mirror) if (ref := Reference.find(text)) and ref.registry]
    if mirror.platform.channels:
        found.append(RELEASES)
    return list(dict.fromkeys(found))
