"""Job, CronJob, Deployment, claim and service account as data; equal settings make equal objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steps.mirroring.deadline import LONGEST_RUN
from steps.workload import names
from steps.workload.pod import pod_template

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject
    from steps.workload.settings import Settings

DAY = 24 * 60 * 60
LAST_WORDS = 60 * 60
"""Seconds that a Job has beyond the deadline of its run, which then says what it did, and gets an end."""
LONGEST_CHECK = 10 * 60
"""Seconds for the check of a CronJob's pod, and until its Job is deleted."""

CHECK_PREFIX = "oc-mirror-check-"

PERMANENT = [2, 3, 4, 12, 15, 16, 18, 19]
"""Exit codes of `mirror` that another attempt with the same objects cannot change (steps.errors).

Usage, invalid input, not found, left out, not trusted, held, lost, not approved. After any other, such as for
a registry that is down, the Job tries again.
"""


def workload_object(settings: Settings) -> KubernetesObject:
    """Make the Job, CronJob or Deployment of `settings.mode`."""
    return {"job": job, "cronjob": cron_job, "deployment": deployment}[settings.mode](settings)


def job(settings: Settings) -> KubernetesObject:
    """Make the Job of a single run, named after the PipelineRun so that a retry finds it again."""
    name = names.run_object_name(settings.run_name)
    template = pod_template(settings, component="job", restart="Never")
    spec = _job_spec(settings, template) | {"ttlSecondsAfterFinished": 7 * DAY}
    return _object("batch/v1", "Job", name, settings, spec, run=settings.run_name)


def check_job(settings: Settings) -> KubernetesObject:
    """Make a Job that starts the same pod and mirrors nothing; its TTL deletes it if nobody else does."""
    name = names.run_object_name(settings.run_name, prefix=CHECK_PREFIX)
    template = pod_template(settings, component="check", restart="Never", check=True)
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": LONGEST_CHECK,
        "ttlSecondsAfterFinished": LONGEST_CHECK,
        "template": template,
    }
    return _object("batch/v1", "Job", name, settings, spec, component="check", run=settings.run_name)


def cron_job(settings: Settings) -> KubernetesObject:
    """Make a CronJob that runs on every tick of the schedule, and skips a tick while a run is in progress."""
    template = pod_template(settings, component="cronjob", restart="Never")
    spec = {
        "schedule": settings.schedule,
        "timeZone": settings.time_zone,
        "concurrencyPolicy": "Forbid",
        # Seconds: a tick missed while the controller was down is made up for within the hour.
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "metadata": {"labels": names.labels("cronjob")},
            "spec": _job_spec(settings, template),
        },
    }
    return _object("batch/v1", "CronJob", names.WORKLOAD, settings, spec)


def deployment(settings: Settings) -> KubernetesObject:
    """Make the Deployment of the service that mirrors on schedule; two pods never use the volume at once."""
    labels = names.labels("deployment")
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": labels},
        "template": pod_template(settings, component="deployment", restart="Always", service=True),
    }
    return _object("apps/v1", "Deployment", names.WORKLOAD, settings, spec)


def volume_claim(settings: Settings) -> KubernetesObject:
    """Make the claim for archives, working directory and cache, by default of the default class."""
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": settings.storage_size}},
    }
    if settings.storage_class is not None:
        spec["storageClassName"] = settings.storage_class
    claim = _object("v1", "PersistentVolumeClaim", settings.claim_name, settings, spec, component="storage")
    claim["metadata"].pop("annotations")
    return claim


def service_account(settings: Settings, name: str = names.SERVICE_ACCOUNT) -> KubernetesObject:
    """Make the account of the workload, or of the pod that applies, which other files give their rights.

    The pull secret, which also pulls the workload's image, is named here and not in the pod: OpenShift adds
    the secret for its own registry to accounts only.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": name,
            "namespace": settings.namespace,
            "labels": names.labels("account"),
        },
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": settings.pull_secret}],
    }


def _job_spec(settings: Settings, template: KubernetesObject) -> dict[str, Any]:
    return {
        "backoffLimit": 3,
        # After the deadline of the run itself, which ends with words. Kubernetes only kills.
        "activeDeadlineSeconds": max(LONGEST_RUN, settings.run_deadline) + LAST_WORDS,
        "podFailurePolicy": {
            "rules": [
                # A drained node does not count as a failed attempt.
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": PERMANENT}},
            ]
        },
        "template": template,
    }


def _object(
    api_version: str,
    kind: str,
    name: str,
    settings: Settings,
    spec: dict[str, Any],
    *,
    component: str | None = None,
    run: str | None = None,
) -> KubernetesObject:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": settings.namespace,
            "labels": names.labels(component or settings.mode),
            "annotations": names.annotate(config_sha256=settings.config_sha256, run=run),
        },
        "spec": spec,
    }
