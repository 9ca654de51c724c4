"""Tell which image to deploy: the one that the build pipeline recorded last, by its digest.

Where there is a ConfigMap of trust, the image must be signed by a key in it; so must the image of the Tasks,
where that is given by digest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.image_trust import gate
from steps.oci.access import Access
from steps.oci.reference import Reference
from steps.parameters import arguments
from steps.parameters.places import CURRENT_IMAGE
from steps.parameters.table import deployment as table
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE
from steps.workload.built_image import KEYS, read_image

if TYPE_CHECKING:
    from pathlib import Path

    from steps.image_trust.policy import Policy

log = logging.getLogger("steps.get_current_image")

RESULTS = ("image", *KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    image_configmap: str
    image_trust: str
    task_image: str
    access: Access
    namespace: str
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(CURRENT_IMAGE, argv, __doc__, results=RESULTS)
    return Inputs(
        image_configmap=given[table.IMAGE_CONFIGMAP],
        image_trust=given[table.IMAGE_TRUST],
        task_image=given[table.TASK_IMAGE],
        access=Access(authfile=given[AUTHFILE], ca_bundle=given[CA_BUNDLE]),
        namespace=given[table.PIPELINE_NAMESPACE],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Read the ConfigMap, verify the image and return the results.

    Raises NotFoundError, InvalidInputError, ClusterError, RegistryError, UntrustedError.
    """
    cluster = Cluster.connect()
    configmap = cluster.get("ConfigMap", given.image_configmap, given.namespace)
    image = read_image(configmap, name=given.image_configmap, namespace=given.namespace)
    log.info("%s, built %s from %s", image.reference, image.build_timestamp, image.git_revision)
    trusted = gate.policy(cluster, given.image_trust, given.namespace)
    gate.check(image.reference, trusted, given.access, revision=image.git_revision)
    if trusted and given.task_image != image.reference:
        _check_task_image(given, trusted)
    return {"image": image.reference, **image.data()}


def _check_task_image(given: Inputs, trusted: Policy) -> None:
    """Verify the image that this runs in: an image that means harm would not, so this finds mistakes only."""
    reference = Reference.find(given.task_image)
    if reference and reference.digest and reference.registry:
        gate.check(f"{reference.name}@{reference.digest}", trusted, given.access)
    else:
        log.info("task-image %s is not given by digest, so its signature is not looked at", given.task_image)


main = cli.task_entrypoint(parse, run)
