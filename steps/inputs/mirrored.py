"""What was mirrored to which target: from data directories, from files, and from ConfigMaps of a cluster."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.mirroring import summary
from steps.mirroring.store import Store
from steps.readiness import known

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.cluster import Cluster
    from steps.readiness.known import Known

log = logging.getLogger("steps.inputs")


def from_folders(folders: Iterable[Path]) -> list[Known]:
    """Return what data directories know of their targets. Raises InvalidInputError for a damaged record."""
    return [known.of_summary(one) for folder in folders for one in summary.of_store(Store(folder)).targets]


def from_cluster(cluster: Cluster, names: Iterable[str], namespace: str) -> list[Known]:
    """Return what ConfigMaps of a namespace say that runs have written.

    One that is not there tells nothing: no run has ended yet. Raises InvalidInputError for one that cannot be
    read, and the errors of `Cluster.get`.
    """
    found = []
    for name in names:
        config_map = cluster.get("ConfigMap", name, namespace)
        if config_map is None:
            log.warning("there is no ConfigMap %s/%s: no run has told of what it mirrored", namespace, name)
            continue
        said = known.of_config_map({"kind": "ConfigMap", **config_map})
        if not said:
            log.warning("ConfigMap %s/%s names no target", namespace, name)
        found += said
    return found
