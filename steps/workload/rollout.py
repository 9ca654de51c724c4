"""Roll the workload out: read what exists, validate, create, delete what it replaces, watch the start.

The order makes a refusal harmless and a kill repeatable: the old workload is deleted only after the API
server has accepted the new one in a dry run, and a CronJob's pod has been tried. The claim is never changed
or deleted.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from steps.errors import ConflictError, StartError
from steps.parameters.table.workflow import WORKFLOW
from steps.parameters.value_kinds import bytes_of
from steps.workload import applier, names, objects
from steps.workload.existing import check_own, is_ours, replaced_workloads
from steps.workload.settings import FS_GROUP, pushes
from steps.workload.startup import EndedError, Waiting
from steps.workload.watch import wait_until_gone, watch_start

if TYPE_CHECKING:
    from steps.cluster import Cluster, KubernetesObject
    from steps.workload.settings import Settings

log = logging.getLogger("steps.workload")

REMOVAL_TIMEOUT = 180
"""Seconds for pods to end: their grace period, and the time that the node needs to clean up."""


def roll_out(cluster: Cluster, wanted: Settings, *, start_timeout: int) -> KubernetesObject:
    """Deploy what `wanted` describes, watch its start for `start_timeout` seconds, and return its object.

    Raises ConflictError (another run still mirrors, or somebody else's object has the name), StartError (it
    cannot start), and the refusals of the cluster. The same call again, also after a kill, ends in the same
    state.
    """
    settings = _with_fs_group(cluster, wanted)
    workload = objects.workload_object(settings)
    replaced = list(replaced_workloads(cluster, workload, settings))
    _create_or_update(cluster, workload, settings, dry_run=True)
    cluster.create_if_missing(objects.service_account(settings))
    _create_claim(cluster, settings)
    if settings.mode == "cronjob":
        _check(cluster, settings, start_timeout)
    for old in replaced:
        _remove(cluster, old)
    _roll_out_applier(cluster, settings)
    _create_or_update(cluster, workload, settings)
    if settings.mode != "cronjob":
        _watch(cluster, workload, settings, start_timeout)
    return workload


def _roll_out_applier(cluster: Cluster, settings: Settings) -> None:
    """Deploy the pod that applies what is mirrored, or delete it where nothing is to be applied any more.

    A workflow that pushes nothing, such as the planning of a deletion, leaves it as it is.
    """
    if not pushes(settings.mirror[WORKFLOW.name]):
        return
    found = cluster.get("Deployment", names.APPLIER, settings.namespace)
    if settings.applies:
        wanted = applier.deployment(settings)
        if found is not None:
            check_own(found, wanted)
        cluster.create_if_missing(objects.service_account(settings, names.APPLIER))
        cluster.apply(wanted)
    elif found is not None and is_ours(found):
        log.info("what is mirrored is no longer applied to this cluster")
        cluster.delete("Deployment", names.APPLIER, settings.namespace)


def _with_fs_group(cluster: Cluster, settings: Settings) -> Settings:
    """Replace fs-group `auto`: OpenShift's SCC sets the group itself; elsewhere the pod has to name it."""
    if settings.fs_group != "auto":
        return settings
    group = None if cluster.serves("security.openshift.io") else FS_GROUP
    return dataclasses.replace(settings, fs_group=group)


def _create_or_update(
    cluster: Cluster, workload: KubernetesObject, settings: Settings, *, dry_run: bool = False
) -> None:
    """Create or update the workload; a Job is only created, since its pods cannot be changed.

    If an object of its name is being deleted, wait until it is gone.
    """
    kind, name = workload["kind"], workload["metadata"]["name"]
    found = cluster.get(kind, name, settings.namespace)
    if found is not None and found["metadata"].get("deletionTimestamp") and not dry_run:
        _wait_until_gone(cluster, found)
    if kind != "Job":
        cluster.apply(workload, dry_run=dry_run)
    elif not cluster.create_if_missing(workload, dry_run=dry_run) and not dry_run:
        log.info("Job %s/%s is there already: this run was started before", settings.namespace, name)


def _create_claim(cluster: Cluster, settings: Settings) -> None:
    """Create the claim if it is missing; use an existing claim as it is."""
    if cluster.create_if_missing(objects.volume_claim(settings)):
        return
    claim = cluster.get("PersistentVolumeClaim", settings.claim_name, settings.namespace)
    if claim is None or claim["metadata"].get("deletionTimestamp"):
        raise ConflictError(
            f"claim '{settings.claim_name}' in namespace '{settings.namespace}' is being deleted",
            "wait until it is gone (a pod may still use it), then start the run again: it creates a new one",
        )
    size = claim["spec"]["resources"]["requests"]["storage"]
    if bytes_of(size) < bytes_of(settings.storage_size):
        log.warning(
            "claim %s/%s has %s, less than storage-size %s; it is used as it is",
            settings.namespace,
            settings.claim_name,
            size,
            settings.storage_size,
        )


def _check(cluster: Cluster, settings: Settings, timeout: int) -> None:
    """Try the CronJob's pod now, as a Job that mirrors nothing, instead of at its first scheduled run."""
    check = objects.check_job(settings)
    try:
        _create_or_update(cluster, check, settings)
        outcome = watch_start(cluster, check, settings, timeout=timeout, to_end=True)
    finally:
        cluster.delete("Job", check["metadata"]["name"], settings.namespace)
    _log_outcome(outcome, "the check of the CronJob's pod", timeout)


def _watch(cluster: Cluster, workload: KubernetesObject, settings: Settings, timeout: int) -> None:
    """Watch the start; delete a Job that cannot start, but no Deployment, which recovers by itself.

    A Job that has run and failed stays: somebody will read its log, or it tries again.
    """
    try:
        outcome = watch_start(cluster, workload, settings, timeout=timeout)
    except EndedError:
        raise
    except StartError:
        if workload["kind"] == "Job":
            cluster.delete("Job", workload["metadata"]["name"], settings.namespace)
        raise
    _log_outcome(outcome, f"{workload['kind']} {settings.namespace}/{workload['metadata']['name']}", timeout)


def _log_outcome(outcome: object, what: str, timeout: int) -> None:
    if isinstance(outcome, Waiting):
        log.info("%s is not there yet after %d s: it waits for %s", what, timeout, outcome.what)
    else:
        log.info("%s has started", what)


def _remove(cluster: Cluster, old: KubernetesObject) -> None:
    """Delete a workload and wait for its pods, so that two never write to the volume."""
    metadata = old["metadata"]
    log.info("%s %s/%s makes way for the new workload", old["kind"], metadata["namespace"], metadata["name"])
    cluster.delete(old["kind"], metadata["name"], metadata["namespace"])
    _wait_until_gone(cluster, old)


def _wait_until_gone(cluster: Cluster, old: KubernetesObject) -> None:
    if not wait_until_gone(cluster, old, timeout=REMOVAL_TIMEOUT):
        kind, name, namespace = old["kind"], old["metadata"]["name"], old["metadata"]["namespace"]
        raise ConflictError(
            f"{kind} '{name}' in namespace '{namespace}' does not go ({REMOVAL_TIMEOUT} s)",
            f"see which pod does not end ('oc get pods -n {namespace}'), then start the run again",
        )
