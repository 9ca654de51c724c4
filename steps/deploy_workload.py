"""Deploy the workload that mirrors, as a Job, a CronJob or a Deployment, and watch it start.

All parameters are checked before the cluster is touched, and the image before anything is written: where
there is a ConfigMap of trust, it must be signed by a key in it. The claim and the account are created only
where they are missing; a workload that was deployed in another mode makes way, its claim stays.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.errors import NotFoundError, UsageError
from steps.image_trust import gate
from steps.oci.access import Access
from steps.parameters import arguments, shared_settings
from steps.parameters.places import DEPLOY
from steps.parameters.table import deployment as table
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE
from steps.parameters.table.target import APPLY_CLUSTER_RESOURCES
from steps.parameters.table.workflow import WORKFLOW
from steps.workload import names, user_files
from steps.workload.configmaps import texts_of
from steps.workload.rollout import roll_out
from steps.workload.settings import make_settings, proxies, pushes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.workload.settings import Settings

log = logging.getLogger("steps.deploy_workload")

RESULTS = ("workload-kind", "workload-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `start_timeout` in seconds."""

    settings: Settings
    image_trust: str
    pipeline_namespace: str
    access: Access
    start_timeout: int
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    proxy_variables, problems = proxies(os.environ)
    given = arguments.parse(DEPLOY, argv, __doc__, results=RESULTS, problems=problems)
    return Inputs(
        settings=make_settings(
            given, image=given[table.IMAGE], run_name=given[table.RUN_NAME], environment=proxy_variables
        ),
        image_trust=given[table.IMAGE_TRUST],
        pipeline_namespace=given[table.PIPELINE_NAMESPACE],
        access=Access(authfile=given[AUTHFILE], ca_bundle=given[CA_BUNDLE]),
        start_timeout=given[table.START_TIMEOUT],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Roll the workload out and return the results.

    Raises UsageError for what is wrong in a ConfigMap, NotFoundError for one that is missing, UntrustedError
    for the image, RegistryError, ConflictError, StartError, ClusterError.
    """
    cluster = Cluster.connect()
    trusted = gate.policy(cluster, given.image_trust, given.pipeline_namespace)
    gate.check(given.settings.image, trusted, given.access)
    settings = _with_configmaps(given.settings, cluster)
    workload = roll_out(cluster, settings, start_timeout=given.start_timeout)
    return {"workload-kind": workload["kind"], "workload-name": workload["metadata"]["name"]}


def _with_configmaps(settings: Settings, cluster: Cluster) -> Settings:
    """Check the ConfigMaps that the pod mounts, and take in the digest of those that decide how it mirrors.

    Raises UsageError with all that is wrong in them, NotFoundError for one that is named and not there.
    """
    shared = cluster.get("ConfigMap", shared_settings.CONFIGMAP, settings.namespace)
    configured, problems = shared_settings.check(texts_of(shared)) if shared else ({}, [])
    named = user_files.configmaps(settings)
    own = {parameter: _own(cluster, settings, parameter, name) for parameter, name in named.items()}
    problems += user_files.problems(settings, own)
    if (claim := settings.local_files_claim) and not cluster.get(
        "PersistentVolumeClaim", claim, settings.namespace
    ):
        raise NotFoundError(
            f"local-files-claim: there is no claim '{claim}' in namespace '{settings.namespace}'",
            f"'oc get pvc -n {settings.namespace}' lists them",
        )
    if problems:
        raise UsageError("; ".join(problems), arguments.HINT)
    _log_shared(settings, configured)
    if not shared and not own:
        return settings
    decisive = [configured, own] if own else configured
    return replace(
        settings,
        shared_sha256=names.digest(json.dumps(decisive, sort_keys=True)),
        applies=settings.applies or _applies(settings, configured),
    )


def _applies(settings: Settings, configured: Mapping[str, str]) -> bool:
    """Return whether ConfigMap oc-mirror-settings has the resources applied, and no parameter says no."""
    name = APPLY_CLUSTER_RESOURCES.name
    asked = name not in settings.mirror and bool(APPLY_CLUSTER_RESOURCES.parse(configured.get(name, "")))
    return asked and pushes(settings.mirror[WORKFLOW.name])


def _own(cluster: Cluster, settings: Settings, parameter: str, name: str) -> dict[str, str]:
    found = cluster.get("ConfigMap", name, settings.namespace)
    if not found:
        raise NotFoundError(
            f"{parameter}: there is no ConfigMap '{name}' in namespace '{settings.namespace}'",
            f"create it there: oc create configmap {name} -n {settings.namespace} --from-file=FOLDER",
        )
    return dict(found.get("data") or {}) | dict(found.get("binaryData") or {})


def _log_shared(settings: Settings, configured: Mapping[str, str]) -> None:
    for name, value in configured.items():
        won = f"; the parameter says {settings.mirror[name]}, and wins" if name in settings.mirror else ""
        log.info("ConfigMap %s: %s is %s%s", shared_settings.CONFIGMAP, name, value, won)


main = cli.task_entrypoint(parse, run)
