"""Tell which image to deploy: the one that the build pipeline recorded last, by its digest."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.parameters import arguments
from steps.parameters.places import CURRENT_IMAGE
from steps.parameters.table import deployment as table
from steps.workload.built_image import KEYS, read_image

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("steps.get_current_image")

RESULTS = ("image", *KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    image_configmap: str
    namespace: str
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(CURRENT_IMAGE, argv, __doc__, results=RESULTS)
    return Inputs(
        image_configmap=given[table.IMAGE_CONFIGMAP],
        namespace=given[table.PIPELINE_NAMESPACE],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Read the ConfigMap and return the results. Raises NotFoundError, InvalidInputError, ClusterError."""
    configmap = Cluster.connect().get("ConfigMap", given.image_configmap, given.namespace)
    image = read_image(configmap, name=given.image_configmap, namespace=given.namespace)
    log.info("%s, built %s from %s", image.reference, image.build_timestamp, image.git_revision)
    return {"image": image.reference, **image.data()}


main = cli.task_entrypoint(parse, run)
