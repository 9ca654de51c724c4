"""Apply what is mirrored to this cluster: what the pod oc-mirror-apply runs, as an account of its own.

It stays, and reads ConfigMap oc-mirror-cluster-resources, which a run writes once all its images are verified
in the target. Of what stands there only what leads clusters to TARGET-REGISTRY is applied, in the kinds and
fields that oc-mirror makes. So whoever changes an archive, and with it perhaps the process that reads it,
gets no right on the cluster.

Exit codes: 8 a resource leads clusters elsewhere (nothing is applied), 9 the API server refused or did not
answer, 10 a right is missing (examples/apply-cluster-resources.yaml), 143 ended by SIGTERM.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import NoReturn

from steps import cli
from steps.cluster import Cluster
from steps.mirroring import notify
from steps.mirroring.publish import apply
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.parameters import arguments
from steps.parameters.places import APPLY
from steps.parameters.table.content import NAMESPACE
from steps.parameters.table.target import TARGET_REGISTRY
from steps.workload.configmaps import texts_of

log = logging.getLogger("steps.apply_cluster_resources")

PAUSE = 30.0
"""Seconds between two looks at the ConfigMap."""
AGAIN = 3600.0
"""Seconds after which everything is applied again, in case somebody changed it in the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    target: str
    namespace: str


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(APPLY, argv, __doc__)
    return Inputs(target=given[TARGET_REGISTRY] or "", namespace=given[NAMESPACE])


def run(given: Inputs) -> NoReturn:
    """Apply what each run leaves, for ever; a failure ends the process, and Kubernetes starts it again.

    Raises MirrorError for a resource that leads clusters elsewhere, InvalidInputError for a ConfigMap that
    cannot be read, ForbiddenError, ClusterError.
    """
    cluster = Cluster.connect()
    applied, since = "", 0.0
    log.info("waiting for what is mirrored to %s, in namespace %s", given.target, given.namespace)
    while True:
        found = notify.resources_of(given.target, cluster, given.namespace)
        version = found["metadata"]["resourceVersion"] if found else ""
        if found and (version != applied or time.monotonic() - since > AGAIN):
            files = {name: text for name, text in texts_of(found).items() if name != AUTOSHIFT_VALUES}
            apply.apply(apply.permitted(files, given.target), cluster)
            log.info("ConfigMap %s is applied", found["metadata"]["name"])
            applied, since = version, time.monotonic()
        time.sleep(PAUSE)


main = cli.entrypoint(parse, run, dated_in_a_pod=True)
