"""Write the ConfigMaps that the workload and its operators read, in the workload's namespace.

oc-mirror-config (values.yaml, imageset.yaml, values-commit: what the workload mounts), oc-mirror-imageset and
oc-mirror-values. A run that uses its own ImageSet has no values: oc-mirror-values then stays as it is.
Unchanged content changes no object: `changed` is `false`. What a new ImageSet adds, changes and removes
against the one in the cluster stands in the log, in words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.errors import InvalidInputError
from steps.inputs import choice, sharing, values_source
from steps.parameters import arguments
from steps.parameters.places import CREATE
from steps.parameters.table.content import IMAGESET_SHA256
from steps.workload import names
from steps.workload.configmaps import IMAGESET_KEY, config_sha256, deployment_configmaps, texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from steps.cluster import KubernetesObject

log = logging.getLogger("steps.create_deployment_configmaps")

SHOWN = 60  # differences in the log

RESULTS = ("config-sha256", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    choice: choice.ImageSetChoice
    imageset_sha256: str | None
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(CREATE, argv, __doc__, results=RESULTS)
    return Inputs(
        source=values_source.from_values(given),
        choice=choice.from_values(given),
        imageset_sha256=given[IMAGESET_SHA256],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Write the ConfigMaps and return the results."""
    commit, file_path, document, text = _content(given)
    sharing.expect(text, given.imageset_sha256)
    configmaps = deployment_configmaps(
        values=document,
        imageset=text,
        namespace=given.choice.namespace,
        commit=commit,
        repository=given.source.url if commit else "",
        source=given.choice.configmap or f"{given.source.url} {file_path}",
    )
    from steps.cluster import Change, Cluster

    cluster = Cluster.connect()
    _tell_difference(cluster.get("ConfigMap", names.IMAGESET, given.choice.namespace), text)
    changes = [cluster.apply(configmap) for configmap in configmaps]
    changed = any(change is not Change.UNCHANGED for change in changes)
    return {"config-sha256": config_sha256(text), "changed": str(changed).lower()}


def _tell_difference(found: KubernetesObject | None, text: str) -> None:
    """Say in words what the new ImageSet mirrors that the one in the cluster did not, and the reverse."""
    before = texts_of(found).get(IMAGESET_KEY, "") if found else text
    if before == text:
        return
    from steps.imageset.diff import diff_imagesets  # late, as what else most runs can do without
    from steps.imageset.imageset import ImageSet

    try:
        earlier = ImageSet.recorded(before.encode(), "the earlier ImageSet") if before else None
        differences = diff_imagesets(earlier, ImageSet.recorded(text.encode(), "the ImageSet"))
    except InvalidInputError as error:  # somebody else's edit, which is replaced now
        log.info("The ImageSet in the cluster cannot be compared: %s", error.reason)
        return
    if differences:
        log.info("Against the ImageSet in the cluster:")
    for line in differences[:SHOWN]:
        log.info("  %s", line)
    if len(differences) > SHOWN:
        log.info("  and %d more differences", len(differences) - SHOWN)


def _content(given: Inputs) -> tuple[str, str, bytes | None, str]:
    """Return commit, path of the values, their document (None without values) and ImageSet."""
    if given.choice.configmap:
        from steps.inputs.imageset_source import obtain

        return "", "", None, obtain(given.source, given.choice).imageset.text
    from steps.autoshift.values import values_document  # late: not needed with an ImageSet of the user's own

    commit, tree = given.source.open()
    values = values_source.read_values(tree, given.source.file_path)
    text = sharing.shared(given.source.workspace, given.imageset_sha256)
    if text is None:  # no workspace: the same is generated once more
        from steps.inputs.imageset_source import generate

        text = generate(tree, values, given.choice).imageset.text
    return commit, values.path, values_document(values.files), text


main = cli.task_entrypoint(parse, run)
