"""The catalogs that a fleet's operators come from, by the name of their CatalogSource in a cluster.

A *source* is here what a CatalogSource's name stands for: the name of one of OpenShift's catalogs
(`redhat-operators`), or the reference of a catalog of one's own, in which `{minor}` is the OpenShift minor.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from steps.yaml.text import text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.yaml.text import Tree

# Name of the CatalogSource on every OpenShift (operator-framework/operator-marketplace defaults) -> index
# image.
INDEXES: Final = {
    "redhat-operators": "registry.redhat.io/redhat/redhat-operator-index",
    "certified-operators": "registry.redhat.io/redhat/certified-operator-index",
    "community-operators": "registry.redhat.io/redhat/community-operator-index",
    "redhat-marketplace": "registry.redhat.io/redhat/redhat-marketplace-index",
}
_SOURCE_OF_INDEX: Final = {index: source for source, index in INDEXES.items()}
_SOURCE_OF_NAME: Final = {index.rpartition("/")[2]: source for source, index in INDEXES.items()}
# oc-mirror names the CatalogSource of a mirrored index `cs-INDEX-vX-Y` (internal/pkg/clusterresources).
_OC_MIRROR_NAME = re.compile(r"cs-([a-z-]+-index)(?:-v?[\d-]+)?")
_TAG_OF_NAME = re.compile(r"-v?\d+(?:-\d+)*$")
_OPENSHIFT_TAG = re.compile(r"(.+):v(\d+\.\d+)")
_SOURCE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def catalog_reference(source: str, minor: str) -> str:
    """Return the reference of a catalog's index image for an OpenShift minor."""
    return f"{INDEXES[source]}:v{minor}" if source in INDEXES else source.replace("{minor}", minor)


def catalog_place(source: str, minor: str) -> tuple[str, str]:
    """Return the minor and source by which a catalog stands once in an ImageSet.

    The minor is empty for a catalog of one's own that is the same for every minor. A reference of OpenShift's
    catalog is that catalog.
    """
    if source in INDEXES:
        return minor, source
    found = _OPENSHIFT_TAG.fullmatch(catalog_reference(source, minor))
    if found and found[1] in _SOURCE_OF_INDEX:
        return found[2], _SOURCE_OF_INDEX[found[1]]
    return minor if "{minor}" in source else "", source


def order_of(source: str) -> tuple[int, str]:
    """Return the sort key of a source: OpenShift's catalogs first, in their order."""
    order = list(INDEXES)
    return (order.index(source) if source in INDEXES else len(order), source)


@dataclass(frozen=True, slots=True)
class CatalogNames:
    """The names of CatalogSources that a person or the values map to a source."""

    mapped: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, name: str, suffix: str, config: Mapping[str, Tree]) -> str | None:
        """Return the source that a CatalogSource's name stands for, or is a mirror of; None if unknown.

        With `disconnected-mirror` AutoShift itself appends `-SUFFIX` (label mirror-catalog-suffix, default
        `mirror`) to the name; people also write the name of the mirror into the label. What a person mapped
        counts before OpenShift's own names, and these before the `config` of the cluster's values.
        """
        stems = [name, *(name.removesuffix(end) for end in (f"-{suffix}", "-mirror") if name.endswith(end))]
        if name.startswith("cs-"):  # oc-mirror's names end in the catalog's tag
            stems.append(_TAG_OF_NAME.sub("", name))
        for stem in stems:
            if stem in self.mapped:
                return self.mapped[stem]
        for stem in stems:
            if stem in INDEXES:
                return stem
        if found := _OC_MIRROR_NAME.fullmatch(name):
            return _SOURCE_OF_NAME.get(found[1])
        of_values = _sources_of_values(config)
        return next((of_values[stem] for stem in stems if stem in of_values), None)


def _sources_of_values(config: Mapping[str, Tree]) -> dict[str, str]:
    """Return the catalogs of `config.disconnected.catalogs` that are mirrors of OpenShift's, by their name.

    An entry has `source`, the CatalogSource's name without the suffix, and `imagePath`, its path in the
    mirror registry, whose last part oc-mirror keeps (policies/stable/disconnected-mirror,
    manifests/catalog-sources.yaml). An entry does not say where a catalog of one's own is from.
    """
    disconnected = config.get("disconnected")
    catalogs = disconnected.get("catalogs") if isinstance(disconnected, dict) else None
    return dict(_known_catalogs(catalogs)) if isinstance(catalogs, list) else {}


def _known_catalogs(catalogs: list[Tree]) -> Iterator[tuple[str, str]]:
    for entry in catalogs:
        name, path = (
            (entry.get("source"), entry.get("imagePath")) if isinstance(entry, dict) else (None, None)
        )
        if isinstance(name, str) and isinstance(path, str):
            known = _SOURCE_OF_NAME.get(path.rstrip("/").rpartition("/")[2])
            if known:
                yield name, known


def catalogs_of_block(config: Mapping[str, Tree]) -> dict[str, str]:
    """Return where `config.disconnected` has AutoShift put the catalog of each source: HOST/PATH:TAG.

    AutoShift makes the CatalogSource SOURCE-SUFFIX of each entry (policies/stable/disconnected-mirror,
    manifests/catalog-sources.yaml). Of two entries of a source the last one counts; an entry without an
    `imagePath` is left out.
    """
    disconnected = config.get("disconnected")
    block = disconnected if isinstance(disconnected, dict) else {}
    registry, catalogs = block.get("mirrorRegistry"), block.get("catalogs")
    if not isinstance(registry, dict) or not isinstance(catalogs, list):
        return {}
    found: dict[str, str] = {}
    for entry in catalogs:
        if isinstance(entry, dict) and (path := text_at(entry, "imagePath")):
            parts = (text_at(registry, "host"), text_at(registry, "path").strip("/"), path.strip("/"))
            found[text_at(entry, "source")] = f"{'/'.join(filter(None, parts))}:{text_at(entry, 'tag')}"
    return found


def parse_catalog_names(text: str) -> CatalogNames:
    """Parse `NAME=CATALOG,…`: what the CatalogSource NAME of the clusters stands for.

    CATALOG is one of OpenShift's catalogs by its name, or the reference of an index image, where `{minor}`
    stands for the OpenShift minor; without tag and digest its tag is `v{minor}`, as OpenShift's is. Raises
    ValueError, the rest of a sentence that begins with the parameter's name.
    """
    mapped: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, catalog = (piece.strip() for piece in part.partition("="))
        if not catalog or not _SOURCE_NAME.fullmatch(name):
            raise ValueError(f"'{part}' is not of the form NAME=CATALOG, NAME a CatalogSource's name")
        source = _source(catalog)
        if mapped.setdefault(name, source) != source:
            raise ValueError(f"'{name}' stands there twice, with different catalogs")
    return CatalogNames(mapped)


def _source(catalog: str) -> str:
    """Return the source that a person names. Raises ValueError."""
    from steps.oci.reference import Reference  # late: few fleets have catalogs of their own

    if catalog in INDEXES:
        return catalog
    reference = Reference.find(catalog.replace("{minor}", "4.0"))
    if reference is None or not reference.registry:
        meant = misspelled_source(catalog)
        hint = f"did you mean '{meant}'?" if meant else f"use HOST/PATH:TAG or one of {', '.join(INDEXES)}"
        raise ValueError(f"'{catalog}' is no catalog: {hint}")
    if not reference.version:
        return _SOURCE_OF_INDEX.get(catalog, f"{catalog}:v{{minor}}")
    return _SOURCE_OF_INDEX.get(catalog.removesuffix(":v{minor}"), catalog)


def misspelled_source(source: str, mapped: Iterable[str] = ()) -> str | None:
    """Return the name of OpenShift's catalogs, or of the `mapped`, that `source` misspells; None if none."""
    return next(iter(difflib.get_close_matches(source, [*INDEXES, *mapped], n=1, cutoff=0.9)), None)
