"""Places of a target that two ImageSets fill differently: the last run decides what is there (pure).

oc-mirror pushes a filtered catalog under the catalog's own name. If two ImageSets filter the same catalog in
two ways, each run takes the other's packages away from the clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.mirroring.ocmirror.placement import Rules, path_of
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steps.imageset.imageset import ImageSet
    from steps.imageset.model import Catalog, Mirror


def clashes(mirror_name: str, imageset: ImageSet, others: Mapping[str, ImageSet]) -> list[str]:
    """Return a sentence for each place that `imageset` and one of `others` fill differently.

    `others` are given by mirror name.
    """
    return [
        f"{mirror_name!r} and {name!r} {words}"
        for name, other in sorted(others.items())
        for words in (
            *_of_catalogs(imageset.mirror, other.mirror),
            *_of_images(imageset.mirror, other.mirror),
        )
    ]


def _of_catalogs(own: Mirror, other: Mirror) -> Iterator[str]:
    known = _catalogs(other)
    for place, catalog in _catalogs(own).items():
        before = known.get(place, catalog)
        if _content(before) != _content(catalog):
            lost = sorted({one.name for one in before.packages} - {one.name for one in catalog.packages})
            without = f", now without {', '.join(lost)}" if lost and catalog.packages else ""
            yield (
                f"filter the catalog {catalog.catalog} differently, and a target has one image {place}:"
                f" that of the last run{without}; let both name the same packages, give one a targetTag,"
                f" or give both one mirror-name if one replaces the other"
            )


def _of_images(own: Mirror, other: Mirror) -> Iterator[str]:
    known = {place: image for image, place in Rules.of(other).own_places.items()}
    for image, place in Rules.of(own).own_places.items():
        if known.get(place, image) != image:
            yield (
                f"put {image} and {known[place]} to the same place {place}, where the last run counts;"
                f" give one another targetRepo or targetTag"
            )


def _catalogs(mirror: Mirror) -> dict[str, Catalog]:
    """Return the catalogs by their place below a target, REPOSITORY:TAG."""
    return {_place(catalog): catalog for catalog in mirror.operators}


def _place(catalog: Catalog) -> str:
    reference = Reference.find(catalog.catalog)
    tag = catalog.target_tag or (reference.tag or reference.digest if reference else "")
    return f"{catalog.target_catalog or path_of(catalog.catalog)}:{tag}"


def _content(catalog: Catalog) -> tuple[object, ...]:
    packages = sorted(catalog.packages, key=lambda package: package.name)
    return catalog.catalog, packages, bool(catalog.full)
