"""Record the image that was just built, for the deployment pipeline to find.

The same image of the same revision, recorded again, changes nothing: its first timestamp stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Change, Cluster
from steps.parameters import arguments
from steps.parameters.places import UPDATE
from steps.parameters.table import deployment, image_build
from steps.workload.built_image import BuiltImage, image_configmap, new_image, same_build

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("steps.update_image_configmap")

RESULTS = ("changed", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    image: BuiltImage
    image_configmap: str
    namespace: str
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(UPDATE, argv, __doc__, results=RESULTS)
    # buildah and the registries end some of these with a newline when they pass through files.
    image = new_image(
        name=given[image_build.IMAGE_NAME].strip(),
        url=given[image_build.PUSHED_IMAGE_URL].strip(),
        digest=given[image_build.IMAGE_DIGEST].strip(),
        git_revision=given[image_build.GIT_REVISION].strip(),
    )
    return Inputs(
        image=image,
        image_configmap=given[deployment.IMAGE_CONFIGMAP],
        namespace=given[deployment.PIPELINE_NAMESPACE],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Write the ConfigMap unless it is right already, and return the results. Raises ClusterError."""
    cluster = Cluster.connect()
    before = cluster.get("ConfigMap", given.image_configmap, given.namespace)
    results = {"changed": "false", "image": given.image.reference}
    if same_build(before, given.image):
        log.info("%s was recorded before; nothing to change", given.image.reference)
        return results
    wanted = image_configmap(
        given.image, name=given.image_configmap, namespace=given.namespace, before=before
    )
    changed = cluster.apply(wanted) is not Change.UNCHANGED
    return {**results, "changed": str(changed).lower()}


main = cli.task_entrypoint(parse, run)
