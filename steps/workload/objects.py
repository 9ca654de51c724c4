"""Job, CronJob, Deployment, claim and account as data; equal settings make equal objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steps.workload import names
from steps.workload.pod import pod_template

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject
    from steps.workload.settings import Settings

DAY = 24 * 60 * 60
LONGEST_RUN = 3 * DAY
"""A first mirror of several releases over a slow line takes more than a day; what takes longer hangs."""
LONGEST_CHECK = 10 * 60

CHECK_PREFIX = "oc-mirror-check-"

# Exit codes of `mirror` that another attempt with the same objects cannot change (steps.errors): usage,
# invalid input, not found. All else, a registry that is down above all, is worth the next attempt.
_HOPELESS = [2, 3, 4]


def workload_object(settings: Settings) -> KubernetesObject:
    """The Job, CronJob or Deployment of `settings.mode`."""
    return {"job": job, "cronjob": cron_job, "deployment": deployment}[settings.mode](settings)


def job(settings: Settings) -> KubernetesObject:
    """One run, named after the pipeline's run, so that a retried run finds it again."""
    name = names.run_object_name(settings.run_name)
    template = pod_template(settings, component="job", restart="Never")
    spec = _job_spec(template) | {"ttlSecondsAfterFinished": 7 * DAY}
    return _object("batch/v1", "Job", name, settings, spec, run=settings.run_name)


def check_job(settings: Settings) -> KubernetesObject:
    """A Job that starts the same pod and mirrors nothing; left behind, it goes by itself."""
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
    """A run on every tick of the schedule; a tick that comes while one runs is left out."""
    template = pod_template(settings, component="cronjob", restart="Never")
    spec = {
        "schedule": settings.schedule,
        "timeZone": settings.time_zone,
        "concurrencyPolicy": "Forbid",
        # A tick missed while the controller was down is made up for within the hour.
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"metadata": {"labels": names.labels("cronjob")}, "spec": _job_spec(template)},
    }
    return _object("batch/v1", "CronJob", names.WORKLOAD, settings, spec)


def deployment(settings: Settings) -> KubernetesObject:
    """A service that mirrors on schedule: one pod, and never two at once on the same volume."""
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
    """The claim for archives, working directory and cache; without a class the cluster's default is taken."""
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": settings.storage_size}},
    }
    if settings.storage_class is not None:
        spec["storageClassName"] = settings.storage_class
    claim = _object("v1", "PersistentVolumeClaim", settings.claim_name, settings, spec, component="storage")
    claim["metadata"].pop("annotations")
    return claim


def service_account(settings: Settings) -> KubernetesObject:
    """An account whose only rights are those of Role oc-mirror-status; its pull secret pulls its image too.

    The secret is named here and not in the pod, since OpenShift adds the one for its own registry only here.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": names.SERVICE_ACCOUNT,
            "namespace": settings.namespace,
            "labels": names.labels("account"),
        },
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": settings.pull_secret}],
    }


def _job_spec(template: KubernetesObject) -> dict[str, Any]:
    return {
        "backoffLimit": 3,
        "activeDeadlineSeconds": LONGEST_RUN,
        "podFailurePolicy": {
            "rules": [
                # A drained node is no fault of the run.
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": _HOPELESS}},
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
