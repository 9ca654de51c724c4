"""The pod that applies what is mirrored to its own cluster, as an account with that right.

The process that mirrors reads archives from outside, so it has no such right. This one reads a ConfigMap and
mounts nothing: no pull secret, no volume of data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.parameters.table.content import NAMESPACE
from steps.parameters.table.target import TARGET_REGISTRY
from steps.workload import names, pod

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject
    from steps.workload.settings import Settings

COMPONENT = "applier"


def deployment(settings: Settings) -> KubernetesObject:
    """Make the Deployment oc-mirror-apply, of one pod."""
    labels = names.labels(COMPONENT)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.APPLIER, "namespace": settings.namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(settings)},
        },
    }


def _pod(settings: Settings) -> KubernetesObject:
    given = {TARGET_REGISTRY.name: settings.mirror[TARGET_REGISTRY.name], NAMESPACE.name: settings.namespace}
    return {
        "serviceAccountName": names.APPLIER,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "apply",
                "image": settings.image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["apply-cluster-resources"],
                "args": [f"--{name}={value}" for name, value in given.items()],
                "env": pod.variables(settings),
                "resources": {
                    "requests": {"cpu": "10m", "memory": "128Mi"},
                    "limits": {"memory": "256Mi"},
                },
                "securityContext": pod.CONFINED,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
