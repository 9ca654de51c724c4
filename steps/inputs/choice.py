"""The parameters that decide how the ImageSet is obtained, the same for every entrypoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.autoshift.releases import with_bounds
from steps.inputs import catalog_check
from steps.parameters.table import content as table

if TYPE_CHECKING:
    from steps.autoshift.catalog_sources import CatalogNames
    from steps.inputs.catalog_check import CatalogCheck
    from steps.parameters.parameter import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSetChoice:
    """How to obtain the ImageSet: from the user's `configmap` if it is given, else by generating it.

    `openshift_version` includes the bounds min-version and max-version. `overlay` is a path in the
    repository. `catalogs` says how to check operators, `catalog_names` which catalogs the names of
    CatalogSources stand for, `clusters` and `cluster_sets` whose needs count (none: all). With `asks_hub`
    the version of the hub is used if nothing else names a version.
    """

    openshift_version: str | None
    operators_only: bool
    openshift_only: bool
    overlay: str | None
    configmap: str | None
    namespace: str
    catalogs: CatalogCheck
    catalog_names: CatalogNames | None = None
    clusters: tuple[str, ...] = ()
    cluster_sets: tuple[str, ...] = ()
    asks_hub: bool = True


def from_values(given: Values, *, asks_hub: bool = True) -> ImageSetChoice:
    """Collect how the ImageSet comes about."""
    version = with_bounds(given[table.OPENSHIFT_VERSION], given[table.MIN_VERSION], given[table.MAX_VERSION])
    return ImageSetChoice(
        openshift_version=version or None,
        operators_only=given[table.OPERATORS_ONLY],
        openshift_only=given[table.OPENSHIFT_ONLY],
        overlay=given[table.IMAGESET_OVERLAY],
        configmap=given[table.IMAGESET_CONFIGMAP],
        namespace=given[table.NAMESPACE],
        catalogs=catalog_check.from_values(given),
        catalog_names=given[table.CATALOG_SOURCES],
        clusters=given[table.CLUSTERS],
        cluster_sets=given[table.CLUSTER_SETS],
        asks_hub=asks_hub,
    )
