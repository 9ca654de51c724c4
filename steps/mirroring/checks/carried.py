"""Before an archive is made: does it carry all that the import on the other side reads?

A local chart and a template of a CatalogSource are read from their paths again on the other side (helm/,
getHelmImagesFromLocalChart; clusterresources/, generateCatalogSource), and no archive holds them. A catalog
that is taken whole is read from its registry again (operator/filtered_collector.go, filterOperator), as seen
with oc-mirror of August 2026. A catalog in a folder (`oci://`) is carried.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from steps.imageset.model import Mirror

log = logging.getLogger(__name__)


def check(mirror: Mirror) -> None:
    """Refuse an ImageSet of local files that an archive does not carry; warn of whole catalogs.

    Raises InvalidInputError that names the files.
    """
    charts = [f"chart {chart.path}" for chart in mirror.helm.local]
    templates = [
        f"targetCatalogSourceTemplate {catalog.target_catalog_source_template}"
        for catalog in mirror.operators
        if catalog.target_catalog_source_template
    ]
    if charts or templates:
        raise InvalidInputError(
            f"the archive would not carry {', '.join(charts + templates)}, which the other side reads again",
            "name the chart by a Helm repository, or its images as additionalImages; change the CatalogSource"
            " where it is applied; or mirror with workflow-direct",
        )
    for catalog in mirror.operators:
        if catalog.full and not catalog.packages:
            log.warning(
                "%s is taken whole (full: true): oc-mirror reads it from its registry again over there,"
                " which fails without a route to it; name its packages to be independent of that",
                catalog.catalog,
            )
