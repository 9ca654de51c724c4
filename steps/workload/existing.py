"""Workloads that are in the namespace already: those to replace, and those of somebody else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.errors import ConflictError
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.cluster import Cluster, KubernetesObject
    from steps.workload.settings import Settings

log = logging.getLogger("steps.workload")


def replaced_workloads(
    cluster: Cluster, workload: KubernetesObject, settings: Settings
) -> Iterator[KubernetesObject]:
    """Yield this pipeline's workloads that `workload` replaces.

    Raises ConflictError if another Job still mirrors, or if an object of the same name is somebody
    else's.
    """
    for job in _unfinished_jobs(cluster, settings.namespace):
        name = job["metadata"]["name"]
        if settings.mode == "job" and name == workload["metadata"]["name"]:
            continue
        if settings.mode != "job" or job["metadata"].get("deletionTimestamp"):
            yield job
        else:
            raise ConflictError(
                f"Job '{name}' still mirrors in namespace '{settings.namespace}'",
                f"wait until it ends ('oc get job {name} -n {settings.namespace} -w') or delete it "
                f"('oc delete job {name} -n {settings.namespace}'), then start the run again",
            )
    own = cluster.get(workload["kind"], workload["metadata"]["name"], settings.namespace)
    if own is not None:
        check_own(own, workload)
    if settings.mode != "cronjob":
        yield from _ours(cluster.get("CronJob", names.WORKLOAD, settings.namespace))
    if settings.mode != "deployment":
        yield from _ours(cluster.get("Deployment", names.WORKLOAD, settings.namespace))


def _unfinished_jobs(cluster: Cluster, namespace: str) -> list[KubernetesObject]:
    """Return the Jobs of deploy-mode job whose pods may still write; a CronJob's are deleted with it."""
    selector = ",".join(f"{key}={value}" for key, value in names.labels("job").items())
    return [
        job
        for job in cluster.list("Job", namespace, labels=selector)
        if not any(
            condition["type"] in {"Complete", "Failed"} and condition["status"] == "True"
            for condition in job.get("status", {}).get("conditions") or []
        )
    ]


def check_own(found: KubernetesObject, workload: KubernetesObject) -> None:
    """Raise ConflictError if somebody else, or another run, made the object that has the workload's name."""
    kind, metadata = found["kind"], found["metadata"]
    delete = f"'oc delete {kind.lower()} {metadata['name']} -n {metadata['namespace']}'"
    if not is_ours(found):
        raise ConflictError(
            f"{kind} '{metadata['name']}' in namespace '{metadata['namespace']}' is not this pipeline's",
            f"delete it ({delete}) if it is no longer needed, or deploy into another namespace",
        )
    run = f"{names.ANNOTATION}run"
    if (
        kind == "Job"
        and (metadata.get("annotations") or {}).get(run) != workload["metadata"]["annotations"][run]
    ):
        raise ConflictError(
            f"Job '{metadata['name']}' in namespace '{metadata['namespace']}' belongs to another run",
            f"delete it ({delete}), or give this run another name",
        )


def _ours(found: KubernetesObject | None) -> Iterator[KubernetesObject]:
    if found is None:
        return
    if is_ours(found):
        yield found
    else:
        where = f"{found['metadata']['namespace']}/{found['metadata']['name']}"
        log.warning("%s %s was not made by this pipeline and stays", found["kind"], where)


def is_ours(found: KubernetesObject) -> bool:
    """Return whether the pipelines made an object, by its label."""
    labels = found["metadata"].get("labels") or {}
    return labels.get("app.kubernetes.io/managed-by") == "oc-mirror-pipeline"
