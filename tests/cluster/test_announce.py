"""What the real API server stores of runs, with the rights of the workload's Role and no others.

Takes about 40 s beside the making of the image.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.cluster import Cluster as OurCluster
from steps.errors import ForbiddenError
from steps.mirroring import notify
from tests.cluster.lab import NEVER, RESTRICTED, Lab, make_account, make_lab, serve_kinds
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.waiting import eventually

STANDIN = ROOT / "tests" / "standin" / "oc_mirror.py"
IMAGESET = """\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  additionalImages:
  - name: quay.io/team/app:v1
  - name: quay.io/team/db:v1
"""


def rules() -> list[dict[str, Any]]:
    """What Role oc-mirror-status of tekton/ allows."""
    documents = yaml.safe_load_all((ROOT / "tekton" / "10-rbac.yaml").read_text())
    role = next(
        one for one in documents if one["kind"] == "Role" and one["metadata"]["name"] == "oc-mirror-status"
    )
    found: list[dict[str, Any]] = role["rules"]
    return found


class Laptop:
    """`mirror` with the kubeconfig of an account, telling a namespace."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path, *, allowed: bool = True) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder
        self.kubeconfig = make_account(cluster, namespace, folder, rules=rules() if allowed else [])
        (folder / "imageset.yaml").write_text(IMAGESET)

    def command(self, *more: str) -> list[str]:
        script = str(Path(sys.executable).with_name("mirror"))
        given = {
            "data": self.folder / "data",
            "imageset": self.folder / "imageset.yaml",
            "oc-mirror": STANDIN,
            "namespace": self.namespace,
            "destination-tls-verify": "false",
        }
        return [script, *(f"--{name}={value}" for name, value in given.items()), *more]

    def environment(self, **settings: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**clean, "KUBECONFIG": str(self.kubeconfig), **settings}

    def mirror(self, *more: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*more),
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def status(self) -> dict[str, Any]:
        found = self.cluster.get("configmap", "oc-mirror-status", "-n", self.namespace)
        record: dict[str, Any] = json.loads(found["data"]["status.json"])
        return record


@pytest.fixture
def laptop(cluster: Cluster, namespace: str, tmp_path: Path) -> Laptop:
    return Laptop(cluster, namespace, tmp_path)


def test_status_and_resources_are_stored_with_the_rights_of_the_role(
    laptop: Laptop, registry: Registry, cluster: Cluster
) -> None:
    arguments = (
        "--workflow=workflow-direct",
        f"--target-registry={registry.host}/announce/{laptop.namespace}",
    )
    done = laptop.mirror(*arguments, "--resource-prefix=blue")
    assert done.returncode == 0, done.stderr
    assert "not told" not in done.stderr
    record = laptop.status()
    assert (record["state"], record["images"]) == ("succeeded", {"additional": 2})
    found = cluster.get("configmap", "oc-mirror-cluster-resources", "-n", laptop.namespace)
    assert set(found["data"]) == {"itms.yaml", "autoshift-disconnected.yaml"}
    assert yaml.safe_load(found["data"]["itms.yaml"])["metadata"]["name"] == "blue-itms-generic-0"
    assert found["metadata"]["annotations"]["oc-mirror-pipeline/target"] in arguments[1]
    told = cluster.get("configmap", "oc-mirror-inventory", "-n", laptop.namespace)["data"]
    [target] = json.loads(told["inventory.json"])["targets"]
    assert (target["target"], target["resources"]) == (
        found["metadata"]["annotations"]["oc-mirror-pipeline/target"],
        {"itms.yaml": found["data"]["itms.yaml"]},
    )
    assert len(target["brought"]) == 2
    again = laptop.mirror(*arguments, "--resource-prefix=blue")
    assert again.returncode == 0, again.stderr
    after = cluster.get("configmap", "oc-mirror-cluster-resources", "-n", laptop.namespace)
    assert after["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_a_second_target_gets_a_config_map_of_its_own_by_a_right_of_its_own(
    laptop: Laptop, registry: Registry, cluster: Cluster
) -> None:
    targets = [f"{registry.host}/announce/{laptop.namespace}/{name}" for name in ("one", "two")]
    first = ("--workflow=workflow-direct", f"--target-registry={targets[0]}")
    second = ("--workflow=workflow-direct", f"--target-registry={targets[1]}")
    assert laptop.mirror(*first).returncode == 0
    done = laptop.mirror(*second)
    assert done.returncode == 0, done.stderr
    [hint] = [line for line in done.stderr.splitlines() if "the cluster is not told" in line]
    for command in re.findall(r"'oc (create [^']*)'", hint):
        arguments = command.replace(":oc-mirror", ":runner").split()
        cluster.kubectl(*arguments)
    done = laptop.mirror(*second)
    assert "not told" not in done.stderr
    label = "app.kubernetes.io/part-of=oc-mirror-pipeline"
    found = cluster.get("configmaps", "-n", laptop.namespace, "-l", label)["items"]
    told = {
        one["metadata"]["annotations"]["oc-mirror-pipeline/target"]: one["metadata"]["name"]
        for one in found
        if "itms.yaml" in one["data"]
    }
    assert list(told) == targets or list(told) == targets[::-1]
    assert told[targets[0]] == "oc-mirror-cluster-resources"
    for target, name in told.items():
        assert target in cluster.get("configmap", name, "-n", laptop.namespace)["data"]["itms.yaml"]


def test_a_failure_is_an_event_and_a_stop_is_told(laptop: Laptop, cluster: Cluster) -> None:
    done = laptop.mirror("--workflow=workflow-to-disk", STANDIN_FAIL="additional")
    assert done.returncode == 8
    assert laptop.status()["error"] == "no such tag"
    [event] = cluster.get("events", "-n", laptop.namespace, "--field-selector=reason=MirrorFailed")["items"]
    assert event["type"] == "Warning"
    assert "team/db:v1 (no such tag)" in event["message"]
    assert event["involvedObject"]["name"] == "oc-mirror-status"
    process = subprocess.Popen(
        laptop.command("--workflow=workflow-to-disk"),
        env=laptop.environment(STANDIN_SLOW="20"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while laptop.status()["state"] != "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert laptop.status()["state"] == "stopped"


def test_the_role_allows_nothing_else(laptop: Laptop, cluster: Cluster) -> None:
    def may(*what: str) -> bool:
        asked = ("auth", "can-i", *what, "-n", laptop.namespace)
        account = f"--as=system:serviceaccount:{laptop.namespace}:runner"
        return cluster.kubectl(*asked, account, check=False).stdout.strip() == "yes"

    assert may("patch", "configmaps/oc-mirror-status")
    assert may("create", "events")
    assert not may("patch", "configmaps/oc-mirror-config")
    assert not may("get", "configmaps/oc-mirror-config")
    assert not may("list", "configmaps")
    assert not may("get", "secrets")
    assert not may("list", "events")
    assert not may("create", "pods")


def test_without_the_role_the_run_succeeds_and_warns_once(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    laptop = Laptop(cluster, namespace, tmp_path, allowed=False)
    done = laptop.mirror("--workflow=workflow-to-disk")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the cluster is not told") == 1


@pytest.fixture
def mirror_sets(cluster: Cluster) -> Iterator[None]:
    """OpenShift's kinds for mirrors, as far as they matter here: any content, of the whole cluster."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    kinds = {"ImageDigestMirrorSet": "imagedigestmirrorsets", "ImageTagMirrorSet": "imagetagmirrorsets"}
    items = [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.config.openshift.io"},
            "spec": {
                "group": "config.openshift.io",
                "scope": "Cluster",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }
        for kind, plural in kinds.items()
    ]
    names = serve_kinds(cluster, *items)
    yield
    cluster.kubectl("delete", "crd", *names, "--wait", "--timeout=240s")


def test_resources_are_applied_by_request_and_with_the_right_only(
    laptop: Laptop, registry: Registry, cluster: Cluster, mirror_sets: None
) -> None:
    target = f"{registry.host}/announce/{laptop.namespace}"
    arguments = (
        "--workflow=workflow-direct",
        f"--target-registry={target}",
        "--apply-cluster-resources=true",
    )
    done = laptop.mirror(*arguments)
    assert done.returncode == 10, done.stderr
    assert "apply-cluster-resources: " in done.stderr
    assert "examples/apply-cluster-resources.yaml" in done.stderr
    assert laptop.status()["error"] == "forbidden"
    path = ROOT / "examples" / "apply-cluster-resources.yaml"
    given = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"].startswith("ClusterRole")]
    given[1]["subjects"] = [{"kind": "ServiceAccount", "name": "runner", "namespace": laptop.namespace}]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": given}))
    try:
        done = laptop.mirror(*arguments)
        assert done.returncode == 0, done.stderr
        found = cluster.get("imagetagmirrorset", "itms-generic-0")
        again = laptop.mirror(*arguments)
        assert again.returncode == 0, again.stderr
        after = cluster.get("imagetagmirrorset", "itms-generic-0")
        assert after["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    finally:
        for one in given:
            cluster.kubectl("delete", one["kind"], one["metadata"]["name"])


def applying_account(laptop: Laptop, folder: Path) -> Path:
    """An account with the rights of the example, in the test's namespace, and its kubeconfig."""
    folder.mkdir()
    documents = list(yaml.safe_load_all((ROOT / "examples" / "apply-cluster-resources.yaml").read_text()))
    [role] = [
        one for one in documents if one["kind"] == "Role" and one["metadata"]["name"] == "oc-mirror-apply"
    ]
    return make_account(laptop.cluster, laptop.namespace, folder, rules=role["rules"])


def test_before_the_first_run_there_is_nothing_to_apply(
    laptop: Laptop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Role of the example names one ConfigMap: that others may not be read is no failure then."""
    kubeconfig = applying_account(laptop, tmp_path / "applier")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    cluster = OurCluster.connect()
    assert notify.resources_of("registry.example.com/ocp", cluster, laptop.namespace) is None
    other = notify.config_map(notify.RESOURCES, laptop.namespace, {}, target="other.example.com")
    laptop.cluster.apply(json.dumps(other))
    with pytest.raises(ForbiddenError, match=r"is of another target than registry\.example\.com/ocp"):
        notify.resources_of("registry.example.com/ocp", cluster, laptop.namespace)


def test_a_pod_of_its_own_applies_what_leads_to_the_target_and_nothing_else(
    laptop: Laptop, registry: Registry, cluster: Cluster, mirror_sets: None, tmp_path: Path
) -> None:
    target = f"{registry.host}/announce/{laptop.namespace}"
    mirrored = laptop.mirror("--workflow=workflow-direct", f"--target-registry={target}")
    assert mirrored.returncode == 0, mirrored.stderr
    kubeconfig = applying_account(laptop, tmp_path / "applier")
    path = ROOT / "examples" / "apply-cluster-resources.yaml"
    given = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"].startswith("ClusterRole")]
    given[1]["subjects"] = [{"kind": "ServiceAccount", "name": "runner", "namespace": laptop.namespace}]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": given}))
    script = str(Path(sys.executable).with_name("apply-cluster-resources"))
    command = [script, f"--target-registry={target}", f"--namespace={laptop.namespace}"]
    environment = laptop.environment(KUBECONFIG=str(kubeconfig))
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        done = eventually(
            "what was mirrored", lambda: found(cluster, "imagetagmirrorset", "itms-generic-0"), timeout=240
        )
        assert target in json.dumps(done["spec"])
        running.terminate()
        assert running.wait(60) == 143
        hostile = yaml.safe_dump(
            {
                "apiVersion": "config.openshift.io/v1",
                "kind": "ImageDigestMirrorSet",
                "metadata": {"name": "idms-release-0"},
                "spec": {
                    "imageDigestMirrors": [
                        {"source": "quay.io/openshift-release-dev", "mirrors": ["evil.example.com/x"]}
                    ]
                },
            }
        )
        binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\n"
        patch = json.dumps({"data": {"idms.yaml": hostile, "more.yaml": binding}})
        name = ("configmap", "oc-mirror-cluster-resources", "-n", laptop.namespace)
        cluster.kubectl("patch", *name, "--type=merge", "-p", patch)
        refused = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert refused.returncode == 8, refused.stderr
        assert "leads clusters to evil.example.com/x" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not found(cluster, "imagedigestmirrorset", "idms-release-0")
        assert not found(cluster, "clusterrolebinding", "x")
    finally:
        running.kill()
        for one in given:
            cluster.kubectl("delete", one["kind"], one["metadata"]["name"])


def found(cluster: Cluster, kind: str, name: str) -> Any:
    asked = cluster.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
    return json.loads(asked.stdout) if asked.stdout else None


def test_the_pod_that_applies_comes_with_the_parameter_and_goes_without_it(
    cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path
) -> None:
    lab = make_lab(cluster, make_namespace(prefix="announce", labels=RESTRICTED), image, tmp_path)
    lab.add_configuration(IMAGESET)
    lab.add_pull_secret()
    direct = {"workflow": "workflow-direct", "target_registry": f"{cluster.registry}/announce/applied"}
    lab.deploy("applies", **direct, deploy_mode="deployment", apply_cluster_resources="true")
    lab.kubectl("rollout", "status", "deployment/oc-mirror-apply", "--timeout=120s")
    words, log = "waiting for what is mirrored to", ("logs", "deployment/oc-mirror-apply")
    eventually("its first words", lambda: words in lab.kubectl(*log), timeout=60)  # it has no probe
    lab.deploy("keeps", workflow="workflow-to-disk", deploy_mode="cronjob", schedule=NEVER)
    assert "Deployment/oc-mirror-apply" in lab.names("deployments")
    lab.deploy("stops", **direct, deploy_mode="deployment")
    assert "Deployment/oc-mirror-apply" not in lab.names("deployments")


def test_the_deployed_pod_tells_its_namespace_by_itself(
    cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path
) -> None:
    namespace = make_namespace(prefix="announce", labels=RESTRICTED)
    lab = make_lab(cluster, namespace, image, tmp_path)
    lab.add_configuration(IMAGESET)
    lab.add_pull_secret()
    allow_workload(lab)
    lab.deploy("tells")
    deadline = time.monotonic() + 240
    record: dict[str, Any] = {}
    while record.get("state") != "succeeded" and time.monotonic() < deadline:
        time.sleep(1)
        asked = cluster.kubectl("get", "cm", "oc-mirror-status", "-n", namespace, "-o", "json", check=False)
        record = json.loads(json.loads(asked.stdout)["data"]["status.json"]) if asked.returncode == 0 else {}
        assert record.get("state") != "failed", record
    assert record["generations"] == [1]
    [pod] = lab.get("pods")["items"]
    ended = pod["status"]["containerStatuses"][0]["state"].get("terminated")
    while not ended and time.monotonic() < deadline:
        time.sleep(1)
        [pod] = lab.get("pods")["items"]
        ended = pod["status"]["containerStatuses"][0]["state"].get("terminated")
    assert json.loads(ended["message"])["generations"] == [1]


def test_a_deployed_pod_that_fails_is_an_event_of_the_pod(
    cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path
) -> None:
    lab = make_lab(cluster, make_namespace(prefix="announce", labels=RESTRICTED), image, tmp_path)
    lab.add_configuration(IMAGESET.replace("team/db:v1", "no tag"))
    lab.add_pull_secret()
    allow_workload(lab)
    lab.run(lab.deploy_command("fails"))  # which may see it run, or already fail and take it away
    deadline = time.monotonic() + 240
    events: list[dict[str, Any]] = []
    while not events and time.monotonic() < deadline:
        time.sleep(1)
        events = lab.get("events", "--field-selector=reason=MirrorFailed")["items"]
    assert events
    assert "tag" in events[0]["message"]
    assert events[0]["involvedObject"]["kind"] == "Pod"
    assert events[0]["involvedObject"]["name"].startswith("oc-mirror-fails-")


def allow_workload(lab: Lab) -> None:
    """Give the workload's account its Role, as examples/rolebinding-other-namespace.yaml does."""
    path = ROOT / "examples" / "rolebinding-other-namespace.yaml"
    documents = [
        one for one in yaml.safe_load_all(path.read_text()) if one["metadata"]["name"] == "oc-mirror-status"
    ]
    lab.apply(*json.loads(json.dumps(documents).replace("my-mirror", lab.namespace)))
