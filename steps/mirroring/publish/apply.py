"""Applying the cluster resources, by request: to the pod's own cluster, or the kubeconfig's.

These kinds change every node of a cluster, so the account has the right only where somebody gave it:
examples/apply-cluster-resources.yaml. In a cluster a pod of its own does it (steps.apply_cluster_resources).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.cluster.kinds import RESOURCES
from steps.errors import ForbiddenError
from steps.mirroring.publish import resources
from steps.mirroring.publish.permitted import Permitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.cluster import Cluster

log = logging.getLogger(__name__)

OPTIONAL = frozenset({"ClusterCatalog", "UpdateService"})
"""Kinds that not every OpenShift has: one is young, the other an operator's."""


def permitted(files: Mapping[str, str], target: str) -> list[resources.Resource]:
    """Return what of published files, given by name, may be applied to clusters of `target`.

    The rest is left out with a warning. Raises MirrorError for a resource that leads clusters elsewhere.
    """
    rule = Permitted(target=target, sources=None, templates=True)
    named = [(name, one) for name in files for one in resources.load({name: files[name]})]
    checked = [found for name, one in named if (found := rule.of(one, name)) is not None]
    return resources.load(resources.in_files(checked))


def apply(manifests: Iterable[resources.Resource], cluster: Cluster | None = None) -> None:
    """Apply published resources; what is as it should be stays untouched.

    Raises ForbiddenError where the right is missing, ClusterError and its kinds for what else is wrong.
    """
    if cluster is None:
        from steps.cluster import Cluster

        cluster = Cluster.connect()
    for manifest in manifests:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind not in RESOURCES:
            log.warning("%s %s is not applied: its kind is unknown to this version", kind, name)
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
            "give it by examples/apply-cluster-resources.yaml, or apply the files yourself; in a cluster run"
            " the deployment pipeline again, which deploys a pod with that right",
        ) from error
