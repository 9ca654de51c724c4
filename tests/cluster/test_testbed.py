"""The testbed itself: what every other cluster test takes for granted."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import requests

from tests.testbed import gitserver, images
from tests.testbed import registry as registries
from tests.testbed.repositories import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.testbed.client import Cluster
    from tests.testbed.gitserver import GitServer
    from tests.testbed.registry import Registry

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}

TASK_RUN = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: nothing}
spec:
  podTemplate: {securityContext: {runAsUser: 1000770000, fsGroup: 1000770000}}
  workspaces: [{name: data, persistentVolumeClaim: {claimName: data}}]
  taskSpec:
    workspaces: [{name: data}]
    results: [{name: answer, description: whether the volume could be written}]
    steps:
      - name: write
        image: %s
        command: [sh, -c]
        args: ["touch $(workspaces.data.path)/x && printf yes > $(results.answer.path)"]
        securityContext:
          runAsNonRoot: true
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          seccompProfile: {type: RuntimeDefault}
"""


def test_node_and_tekton_are_ready(cluster: Cluster) -> None:
    nodes = cluster.get("nodes")["items"]
    ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready
    assert set(ready) == {"True"}
    version = cluster.tkn("version").stdout
    assert "Pipeline version" in version
    assert "Triggers version" in version


@pytest.mark.usefixtures("registry")
def test_task_run_writes_to_a_volume_as_any_user(
    cluster: Cluster, make_namespace: Callable[..., str]
) -> None:
    namespace = make_namespace(labels=RESTRICTED)
    cluster.apply(TASK_RUN % images.SHELL, "-n", namespace)
    cluster.kubectl("wait", "--for=condition=Succeeded", "taskrun/nothing", "-n", namespace, "--timeout=240s")
    run = cluster.get("taskrun", "nothing", "-n", namespace)
    assert run["status"]["results"] == [{"name": "answer", "type": "string", "value": "yes"}]


def test_pod_security_is_enforced(cluster: Cluster, make_namespace: Callable[..., str]) -> None:
    namespace = make_namespace(labels=RESTRICTED)
    refused = cluster.kubectl("run", "root", "--image=none", "-n", namespace, check=False)
    assert "violates PodSecurity" in refused.stderr


def test_image_is_pulled_by_digest(cluster: Cluster, registry: Registry, namespace: str) -> None:
    archive = next(path for path in images.ensure() if path.name == "shell.tar")
    reference = registries.push_archive(archive, "smoke/shell:1", registry.host)
    assert registry.tags("smoke/shell") == ["1"]
    assert _run_pod(cluster, namespace, reference, "echo pulled") == "pulled\n"


def test_pod_clones_over_http(
    cluster: Cluster, make_repository: Callable[[str, Path], Repository], namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text("a: 1\n")
    repository = make_repository("smoke", tmp_path)
    commit = repository.push({"values.yaml": "a: 2\n"})
    script = f"git clone -q {repository.url} /tmp/x && cat /tmp/x/values.yaml && git -C /tmp/x rev-parse HEAD"
    assert _run_pod(cluster, namespace, images.BASE, script) == f"a: 2\n{commit}\n"


@pytest.mark.restarts_apiserver
def test_api_server_survives_a_restart(cluster: Cluster, registry: Registry, namespace: str) -> None:
    cluster.restart_apiserver()
    assert cluster.kubectl("get", "namespace", namespace, "-o", "name").stdout == f"namespace/{namespace}\n"


def test_registry_with_credentials_refuses_strangers(cluster: Cluster) -> None:
    with registries.serving(username="user", password="secret") as private:
        assert requests.get(f"{private.url}/v2/", timeout=5).status_code == requests.codes.unauthorized
        assert private.tags("nothing") == []


def test_git_server_with_credentials_refuses_strangers(git_server: GitServer, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("a")
    with gitserver.serving(tmp_path, username="user", password="secret") as private:
        repository = Repository.create(private, "private", tmp_path / "files")
        known = repository.url.replace("://", "://user:secret@")
        assert _git("ls-remote", known).stdout.startswith(repository.head())
        assert _git("ls-remote", repository.url).returncode != 0


def _git(*args: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *args], env=env, capture_output=True, text=True, check=False)


def _run_pod(cluster: Cluster, namespace: str, image: str, script: str) -> str:
    """What a pod prints that runs a shell script to its end."""
    cluster.kubectl(
        "run", "pod", f"--image={image}", "--restart=Never", "-n", namespace, "--", "sh", "-c", script
    )
    phase = "--for=jsonpath={.status.phase}=Succeeded"
    cluster.kubectl("wait", phase, "pod/pod", "-n", namespace, "--timeout=240s")
    return cluster.kubectl("logs", "pod", "-n", namespace).stdout
