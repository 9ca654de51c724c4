"""Record the image that was just built, for the deployment pipeline to find.

The same image of the same revision, recorded again, changes nothing: its first timestamp stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Change, Cluster
from steps.results import result_paths
from steps.workload import names
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
    """Parse and check the arguments. Raises `UsageError`."""
    parser = cli.Parser("update-image-configmap", __doc__)
    parser.add_argument("--image-name", required=True, help="a short name, such as oc-mirror-autoshift")
    parser.add_argument("--image-url", required=True, help="where it was pushed: HOST[:PORT]/PATH[:TAG]")
    parser.add_argument("--image-digest", required=True, help="its digest, sha256:…")
    parser.add_argument("--git-revision", required=True, help="what it was built from")
    parser.add_argument(
        "--image-configmap",
        type=cli.kubernetes_name,
        default=names.IMAGES,
        help="the ConfigMap to write (default: %(default)s)",
    )
    parser.add_argument(
        "--namespace",
        type=cli.kubernetes_name,
        default=names.PIPELINE_NAMESPACE,
        help="its namespace (default: %(default)s)",
    )
    cli.add_results(parser, RESULTS)
    arguments = parser.parse_args(argv)
    # buildah and the registries end some of these with a newline when they pass through files.
    image = new_image(
        name=arguments.image_name.strip(),
        url=arguments.image_url.strip(),
        digest=arguments.image_digest.strip(),
        git_revision=arguments.git_revision.strip(),
    )
    return Inputs(
        image=image,
        image_configmap=arguments.image_configmap,
        namespace=arguments.namespace,
        results=result_paths(arguments, RESULTS),
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
