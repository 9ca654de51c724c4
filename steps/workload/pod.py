"""The pod that mirrors: the same for Job, CronJob, Deployment and the check before a CronJob.

It passes Pod Security `restricted` and OpenShift's restricted-v2 with any user ID: nothing but /data and /tmp
is written (kubernetes.io/docs/concepts/security/pod-security-standards). The account that is mounted may
write the ConfigMaps and Events that report on runs and hold a Lease, and nothing else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from steps.mirroring import notify
from steps.parameters.shared_settings import CONFIGMAP
from steps.parameters.table import TABLE
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE
from steps.parameters.table.content import IMAGESET_SHA256
from steps.parameters.table.generation_signatures import RUNNING_IMAGE
from steps.parameters.table.service import FLEET, LEASE
from steps.parameters.table.target import APPLY_CLUSTER_RESOURCES
from steps.parameters.table.tuning import SETTINGS
from steps.parameters.table.workflow import DATA, IMAGESET, MIRROR_NAME
from steps.workload import names, user_files
from steps.workload.settings import FS_GROUP

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject
    from steps.parameters.parameter import Parameter
    from steps.workload.settings import Settings

PORT = 8080
CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""The security context of every container of ours."""
TEMPLATE_LABEL = f"{names.ANNOTATION}template"
"""Digest of the pod template: it distinguishes the pods of this rollout from those of earlier rollouts."""


def pod_template(
    settings: Settings, *, component: str, restart: str, check: bool = False, service: bool = False
) -> KubernetesObject:
    """Make the pod template; with `check` it only checks whether a run could begin, with `service` it serves.

    Pull secret and ConfigMap are required volumes, so that an event names what is missing before a run
    begins.
    """
    arguments = _arguments(settings)
    if check:
        arguments.append("--check=true")
    if service:
        arguments.append(f"--listen-port={PORT}")
    security: dict[str, Any] = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        # Otherwise every start would change the group of each file, of which a volume may have a million.
        "fsGroupChangePolicy": "OnRootMismatch",
    }
    if settings.fs_group is not None:
        security["fsGroup"] = FS_GROUP if settings.fs_group == "auto" else settings.fs_group
    template: KubernetesObject = {
        "metadata": {
            "labels": names.labels(component),
            "annotations": names.annotate(
                config_sha256=settings.config_sha256, settings_sha256=settings.shared_sha256
            ),
        },
        "spec": {
            "serviceAccountName": names.SERVICE_ACCOUNT,
            # To write ConfigMaps and Events that report on runs, and hold a Lease (Role oc-mirror-status).
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "restartPolicy": restart,
            # As process 1, `mirror` would lose a SIGTERM that comes before its handler is set, and the pod
            # would end only after its grace period. So the pause container is process 1, and reaps orphans.
            "shareProcessNamespace": True,
            # Time for oc-mirror to end its writes; `mirror` passes SIGTERM on and waits for less than this.
            "terminationGracePeriodSeconds": 120,
            "securityContext": security,
            "containers": [_container(settings, arguments, service=service)],
            "volumes": _volumes(settings),
        },
    }
    template["metadata"]["labels"][TEMPLATE_LABEL] = names.digest(json.dumps(template, sort_keys=True))[:16]
    return template


def _arguments(settings: Settings) -> list[str]:
    """Return the arguments of `mirror`.

    The files that are mounted, the given parameters, and the schedule.
    """
    mounted = {parameter.name: parameter.pod_argument for parameter in TABLE if parameter.pod_argument}
    also = [f"--also-imageset=/config-also/{name}/imageset.yaml" for name in settings.also_imagesets]
    own = {mount.parameter: mount.path for mount in user_files.mounts(settings) if mount.parameter}
    name = {MIRROR_NAME.name: settings.mirror_name, LEASE.name: names.lease(settings.claim_name)}
    if settings.signing_key:
        own[RUNNING_IMAGE.name] = settings.image
    if settings.mode == "job" and settings.config_sha256:  # a later run may write ConfigMap oc-mirror-config
        own[IMAGESET_SHA256.name] = settings.config_sha256
    given = mounted | own | name | dict(settings.mirror) | _repetition(settings)
    if settings.applies:  # a pod of its own does (applier.py)
        given[APPLY_CLUSTER_RESOURCES.name] = "false"
    return also + [f"--{name}={value}" for name, value in given.items()]


def _repetition(settings: Settings) -> dict[str, str]:
    """Return the schedule for `mirror`, which a service keeps itself and a CronJob keeps for it (`once`)."""
    if settings.mode == "job":
        return {}
    kept_by_another = {"once": "true"} if settings.mode == "cronjob" else {}
    return {"schedule": settings.schedule or "", "time-zone": settings.time_zone, **kept_by_another}


def _folder(parameter: Parameter[Any]) -> str:
    """Return the folder to mount for the file that a parameter of `mirror` names."""
    return parameter.pod_argument.rpartition("/")[0]


def _file(parameter: Parameter[Any]) -> str:
    return parameter.pod_argument.rpartition("/")[2]


def variables(settings: Settings) -> list[dict[str, str]]:
    """Return the variables of every container: the folder that can be written, and the proxies."""
    given = {"HOME": "/tmp", "TMPDIR": "/tmp", **settings.environment}  # noqa: S108
    return [{"name": name, "value": value} for name, value in given.items()]


def _container(settings: Settings, arguments: list[str], *, service: bool) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "mirror",
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["mirror"],
        "args": arguments,
        "env": variables(settings)
        # The object that the Event of a failure is about.
        + [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in {"POD_NAME": "metadata.name", "POD_UID": "metadata.uid"}.items()
        ],
        # No CPU limit: it would only slow the mirror down. Memory is for catalogs of thousands of bundles.
        "resources": {
            "requests": {"cpu": "250m", "memory": settings.memory},
            "limits": {"memory": settings.memory},
        },
        "securityContext": CONFINED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "config", "mountPath": _folder(IMAGESET), "readOnly": True},
            {"name": "pull-secret", "mountPath": _folder(AUTHFILE), "readOnly": True},
            {"name": "trusted-ca", "mountPath": _folder(CA_BUNDLE), "readOnly": True},
            {"name": "settings", "mountPath": SETTINGS.pod_argument, "readOnly": True},
            {"name": "fleet", "mountPath": FLEET.pod_argument, "readOnly": True},
            {"name": "data", "mountPath": DATA.pod_argument},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            *(mount.volume_mount for mount in user_files.mounts(settings)),
        ],
    }
    if service:
        container["ports"] = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
        container["startupProbe"] = _probe("/healthz", period=2, failures=30)
        container["livenessProbe"] = _probe("/healthz", period=20, failures=3)
        container["readinessProbe"] = _probe("/readyz", period=10, failures=3)
    return container


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _volumes(settings: Settings) -> list[dict[str, Any]]:
    return [
        {"name": "config", "configMap": {"name": names.CONFIG}},
        {
            "name": "pull-secret",
            "secret": {
                "secretName": settings.pull_secret,
                "items": [{"key": _file(AUTHFILE), "path": _file(AUTHFILE)}],
            },
        },
        {
            "name": "trusted-ca",
            "configMap": {
                "name": settings.trusted_ca,
                "items": [{"key": _file(CA_BUNDLE), "path": _file(CA_BUNDLE)}],
                "optional": True,
            },
        },
        {"name": "settings", "configMap": {"name": CONFIGMAP, "optional": True}},
        {"name": "fleet", "configMap": {"name": notify.FLEET, "optional": True}},
        {"name": "data", "persistentVolumeClaim": {"claimName": settings.claim_name}},
        {"name": "tmp", "emptyDir": {}},
        *(mount.volume for mount in user_files.mounts(settings)),
    ]
