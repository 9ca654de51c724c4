"""Applying the cluster resources from here, by request: to the pod's own cluster, or the kubeconfig's.

These kinds change every node of a cluster, so the account has the right only where somebody gave it:
examples/apply-cluster-resources.yaml.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.cluster.kinds import RESOURCES
from steps.errors import ForbiddenError
from steps.mirroring.publish import resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.cluster import Cluster

log = logging.getLogger(__name__)

OPTIONAL = frozenset({"ClusterCatalog", "UpdateService"})
"""Kinds that not every OpenShift has: one is young, the other an operator's."""


def apply(files: Mapping[str, str]) -> None:
    """Apply the published files, given by name; what is as it should be stays untouched.

    Raises ForbiddenError where the right is missing, ClusterError and its kinds for what else is wrong.
    """
    from steps.cluster import Cluster

    cluster = Cluster.connect()
    for manifest in resources.load(files):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind not in RESOURCES:
            log.warning("%s %s is not applied: of a kind that is not known here", kind, name)
        elif kind in OPTIONAL and not cluster.serves(RESOURCES[kind].group):
            log.warning("%s %s is not applied: this cluster has no such kind", kind, name)
        else:
            _apply(cluster, manifest)


def _apply(cluster: Cluster, manifest: resources.Resource) -> None:
    try:
        cluster.apply(manifest)
    except ForbiddenError as error:
        raise ForbiddenError(
            f"apply-cluster-resources: {error.reason}",
            "give it by examples/apply-cluster-resources.yaml, or apply the files yourself",
        ) from error
