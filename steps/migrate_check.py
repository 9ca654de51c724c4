"""Say what of an old installation of AutoShift's oc-mirror folder to keep, to carry over and to remove.

    migrate-check --manifests=autoshiftv2/oc-mirror/pipeline
    migrate-check --cluster=true --output=report.yaml

Reads a folder of manifests, the cluster of your kubeconfig, or both; changes nothing and reads no Secret.
Printed is what to do and when, and the parameters that make the new pipelines do what the old ones did;
--output also writes it as YAML.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.errors import ForbiddenError
from steps.files import write_output
from steps.migration.findings import Namespaces
from steps.migration.old_objects import Installation, OldObject, read_folder
from steps.migration.report import CLUSTER, Report, as_text, as_yaml, make_report
from steps.parameters import arguments
from steps.parameters.places import MIGRATE
from steps.parameters.table import other_commands as table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steps.cluster import Kind

log = logging.getLogger("steps.migrate_check")

PIPELINES: tuple[Kind, ...] = (
    "ServiceAccount",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Role",
    "RoleBinding",
)
WORKLOADS: tuple[Kind, ...] = (*PIPELINES, "CronJob", "Deployment", "Job")
TEKTON: tuple[Kind, ...] = ("Pipeline", "PipelineRun", "Task")
TRIGGERS: tuple[Kind, ...] = ("EventListener", "TriggerBinding", "TriggerTemplate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    manifests: Path | None
    cluster: bool
    namespaces: Namespaces
    output: Path | None


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(MIGRATE, argv, __doc__)
    return Inputs(
        manifests=given[table.MANIFESTS],
        cluster=given[table.CLUSTER],
        namespaces=Namespaces(given[table.OLD_PIPELINE_NAMESPACE], given[table.OLD_NAMESPACE]),
        output=given[table.REPORT],
    )


def run(given: Inputs) -> str:
    """Return the report as text; write it as YAML to the file of `--output`. Raises what `check` raises."""
    report = check(given)
    if given.output:
        write_output(given.output, as_yaml(report))
        log.info("written to %s", given.output)
    return as_text(report)


def check(given: Inputs) -> Report:
    """Read the old installation and make the report.

    Raises NotFoundError if the folder has no manifests, ClusterError if the cluster does not answer.
    """
    installation = Installation()
    if given.manifests:
        installation += read_folder(given.manifests)
    if given.cluster:
        installation += read_cluster(Cluster.connect(), given.namespaces)
    return make_report(installation, given.namespaces)


def read_cluster(cluster: Cluster, namespaces: Namespaces) -> Installation:
    """Read the kinds that old installations consist of; list in `unread` what the account may not read."""
    objects: list[OldObject] = []
    unread: list[str] = []
    for kind, namespace in _to_read(cluster, namespaces):
        try:
            objects += [OldObject(body, CLUSTER) for body in cluster.list(kind, namespace)]
        except ForbiddenError as error:
            unread.append(f"{error.reason}: ask who may, or have them run this")
    return Installation(tuple(objects), tuple(unread))


def _to_read(cluster: Cluster, namespaces: Namespaces) -> Iterator[tuple[Kind, str | None]]:
    yield "ClusterRoleBinding", None
    kinds = list(PIPELINES)
    kinds += TEKTON if cluster.serves("tekton.dev") else ()
    kinds += TRIGGERS if cluster.serves("triggers.tekton.dev") else ()
    yield from ((kind, namespaces.pipelines) for kind in kinds)
    yield from ((kind, namespaces.workloads) for kind in WORKLOADS)


main = cli.entrypoint(parse, run)
