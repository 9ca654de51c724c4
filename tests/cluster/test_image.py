"""The image as built from the Containerfile: any UID, read-only root, restricted Pod Security."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cluster.product import RANDOM_UID
from tests.contract.tekton_files import PROJECT
from tests.testbed.client import Cluster

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def pod(image: str, commands: dict[str, list[str]]) -> dict[str, Any]:
    """A Pod that runs each command to its end, one after the other."""
    container = {
        "image": image,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    containers = [{"name": name, "command": command, **container} for name, command in commands.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "try"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsUser": RANDOM_UID,
                "runAsGroup": 0,
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": containers[:-1],
            "containers": containers[-1:],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def test_every_command_runs_with_any_uid_and_a_read_only_root(
    cluster: Cluster, image: str, make_namespace: Callable[..., str]
) -> None:
    namespace = make_namespace(labels=RESTRICTED)
    commands = {name: [name, "--help"] for name in PROJECT["scripts"]}
    commands["git"] = ["git", "--version"]
    commands["home-is-writable-by-group"] = [
        "sh",
        "-c",
        'test -w "$HOME" || test "$(stat -c %a "$HOME")" = 775',
    ]
    commands["no-compiler-no-caches"] = [
        "sh",
        "-c",
        "! command -v gcc && ! command -v cc && ! test -e /root/.cache/pip && ! command -v pip-compile",
    ]
    commands["oc-mirror"] = ["oc-mirror", "version", "--output", "json"]
    cluster.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(pod(image, commands)))
    cluster.kubectl(
        "wait", "pod/try", "-n", namespace, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=240s"
    )
    for name in PROJECT["scripts"]:
        told = cluster.kubectl("logs", "try", "-n", namespace, "-c", name).stdout
        assert told.startswith(f"usage: {name}"), told
    assert "gitVersion" in cluster.kubectl("logs", "try", "-n", namespace, "-c", "oc-mirror").stdout
