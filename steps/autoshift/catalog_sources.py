"""The catalogs of OpenShift, by the name of their CatalogSource in a cluster."""

from __future__ import annotations

import difflib
import re
from typing import Final

# Name of the CatalogSource on every OpenShift (operator-framework/operator-marketplace defaults) -> index
# image.
INDEXES: Final = {
    "redhat-operators": "registry.redhat.io/redhat/redhat-operator-index",
    "certified-operators": "registry.redhat.io/redhat/certified-operator-index",
    "community-operators": "registry.redhat.io/redhat/community-operator-index",
    "redhat-marketplace": "registry.redhat.io/redhat/redhat-marketplace-index",
}
# oc-mirror names the CatalogSource of a mirrored index `cs-INDEX-vX-Y` (internal/pkg/clusterresources).
_OC_MIRROR_NAME = re.compile(r"cs-([a-z-]+-index)(?:-v?[\d-]+)?")
_SOURCE_OF_INDEX = {index.rpartition("/")[2]: source for source, index in INDEXES.items()}


def catalog_reference(source: str, minor: str) -> str:
    """Return the reference of a catalog's index image for an OpenShift minor."""
    return f"{INDEXES[source]}:v{minor}"


def openshift_source(source: str, suffix: str) -> str | None:
    """Return the OpenShift catalog that a source is, or is a mirror of; None if it is neither.

    With `disconnected-mirror` AutoShift itself appends `-SUFFIX` (label mirror-catalog-suffix, default
    `mirror`) to the source; people also write the name of the mirror into the label.
    """
    for end in ("", f"-{suffix}", "-mirror"):
        stem = source.removesuffix(end)
        if stem in INDEXES:
            return stem
    if found := _OC_MIRROR_NAME.fullmatch(source):
        return _SOURCE_OF_INDEX.get(found[1])
    return None


def misspelled_source(source: str) -> str | None:
    """Return the OpenShift catalog whose name `source` misspells; None if it looks like another catalog."""
    return next(iter(difflib.get_close_matches(source, INDEXES, n=1, cutoff=0.9)), None)
