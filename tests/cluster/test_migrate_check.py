"""migrate-check on the real API server: what it prints can be done as it stands, and then nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.lab import make_account
from tests.testbed.client import Cluster
from tests.unit.migration.samples import INFRASTRUCTURE, PIPELINES, TRIGGER, WORKLOADS

BINDING = "oc-mirror-test-migration-admin"


@pytest.fixture
def old(cluster: Cluster, make_namespace: Callable[..., str]) -> Iterator[tuple[str, str]]:
    """An old installation in two namespaces of the test's own: of the pipelines, of the workloads."""
    spaces = {name: make_namespace(prefix=f"old-{name}") for name in ("oc-mirror-pipeline", "oc-mirror")}
    texts = (INFRASTRUCTURE, PIPELINES, TRIGGER, WORKLOADS)
    documents = [document for text in texts for document in yaml.safe_load_all(text)]
    moved = [moved_to(spaces, document) for document in documents if document["kind"] != "Namespace"]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": moved}))
    yield spaces["oc-mirror-pipeline"], spaces["oc-mirror"]
    cluster.kubectl("delete", "clusterrolebinding", BINDING, "--ignore-not-found")


def moved_to(spaces: dict[str, str], document: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(document["metadata"])
    if document["kind"] == "ClusterRoleBinding":
        metadata["name"] = BINDING
        subjects = [{**one, "namespace": spaces[one["namespace"]]} for one in document["subjects"]]
        return {**document, "metadata": metadata, "subjects": subjects}
    return {**document, "metadata": {**metadata, "namespace": spaces[metadata["namespace"]]}}


def check(kubeconfig: Path, old: tuple[str, str], output: Path) -> dict[str, Any]:
    """Run migrate-check as a user; return what it wrote."""
    arguments = [f"--pipeline-namespace={old[0]}", f"--namespace={old[1]}", f"--output={output}"]
    done = subprocess.run(
        [Path(sys.executable).with_name("migrate-check"), "--cluster=true", *arguments],
        env={"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    written: dict[str, Any] = yaml.safe_load(output.read_text())
    assert all(one["command"] in done.stdout for one in written["findings"])
    return written


def test_the_commands_do_what_they_say_and_then_nothing_is_left(
    cluster: Cluster, old: tuple[str, str], oc: dict[str, str], tmp_path: Path
) -> None:
    report = check(cluster.kubeconfig, old, tmp_path / "report.yaml")
    assert not report["not-read"]
    judged = {(one["kind"], one["name"]): one["action"] for one in report["findings"]}
    assert judged["ClusterRoleBinding", BINDING] == "remove"
    assert judged["EventListener", "oc-mirror-event-listener"] == "remove"
    (cron,) = [
        one for one in report["parameters"] if one["origins"] == [f"CronJob {old[1]}/oc-mirror-cronjob"]
    ]
    assert {"name": "storage-size", "value": "150Gi"} in cron["params"]

    for one in report["findings"]:
        if one["command"]:
            # As a user would paste it; a Secret copied by an old Task may not be there.
            done = subprocess.run(
                ["bash", "-c", one["command"]],
                cwd=tmp_path,
                env=oc,
                capture_output=True,
                text=True,
                check=False,
            )
            assert not done.returncode or one["kind"] == "Secret", f"{one['command']}\n{done.stderr}"
    assert "kind: ImageSetConfiguration" in (tmp_path / "old-oc-mirror-config-imageset.yaml").read_text()

    after = check(cluster.kubeconfig, old, tmp_path / "after.yaml")
    # What has the name of something new is replaced by it, when tekton/ is applied.
    assert {(one["kind"], one["action"]) for one in after["findings"]} == {
        ("ConfigMap", "save"),
        ("PersistentVolumeClaim", "keep"),
        ("Pipeline", "save"),
        ("ServiceAccount", "keep"),
        ("Task", "save"),
    }
    assert not after["parameters"]


def test_what_a_user_may_not_read_is_told(cluster: Cluster, old: tuple[str, str], tmp_path: Path) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    kubeconfig = make_account(cluster, old[1], tmp_path, rules=rules)
    report = check(kubeconfig, old, tmp_path / "report.yaml")
    assert [one["name"] for one in report["findings"]] == ["oc-mirror-config"]
    assert any("list clusterrolebindings.rbac.authorization.k8s.io" in line for line in report["not-read"])
