"""Deploy the workload that mirrors, as a Job, a CronJob or a Deployment, and watch it start.

All parameters are checked before the cluster is touched. The claim and the account are created only where
they are missing; a workload that was deployed in another mode makes way, its claim stays.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.errors import UsageError
from steps.parameters import arguments, shared_settings
from steps.parameters.places import DEPLOY
from steps.parameters.table import deployment as table
from steps.workload import names
from steps.workload.configmaps import texts_of
from steps.workload.rollout import roll_out
from steps.workload.settings import make_settings, proxies

if TYPE_CHECKING:
    from pathlib import Path

    from steps.workload.settings import Settings

log = logging.getLogger("steps.deploy_workload")

RESULTS = ("workload-kind", "workload-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `start_timeout` in seconds."""

    settings: Settings
    start_timeout: int
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    environment, problems = proxies(os.environ)
    given = arguments.parse(DEPLOY, argv, __doc__, results=RESULTS, problems=problems)
    return Inputs(
        settings=make_settings(
            given, image=given[table.IMAGE], run_name=given[table.RUN_NAME], environment=environment
        ),
        start_timeout=given[table.START_TIMEOUT],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Roll the workload out and return the results.

    Raises UsageError for a wrong setting in the ConfigMap, ConflictError, StartError, ClusterError.
    """
    cluster = Cluster.connect()
    settings = _with_shared_settings(given.settings, cluster)
    workload = roll_out(cluster, settings, start_timeout=given.start_timeout)
    return {"workload-kind": workload["kind"], "workload-name": workload["metadata"]["name"]}


def _with_shared_settings(settings: Settings, cluster: Cluster) -> Settings:
    """Check the ConfigMap oc-mirror-settings, log what it sets, and take in its digest."""
    found = cluster.get("ConfigMap", shared_settings.CONFIGMAP, settings.namespace)
    if not found:
        return settings
    configured, problems = shared_settings.check(texts_of(found))
    if problems:
        raise UsageError("; ".join(problems), arguments.HINT)
    for name, value in configured.items():
        won = f"; the parameter says {settings.mirror[name]}, and wins" if name in settings.mirror else ""
        log.info("ConfigMap %s: %s is %s%s", shared_settings.CONFIGMAP, name, value, won)
    return replace(settings, shared_sha256=names.digest(json.dumps(configured, sort_keys=True)))


main = cli.task_entrypoint(parse, run)
