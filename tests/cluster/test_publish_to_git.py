"""publish-to-git on a real API server, with the rights of Role oc-mirror-publish and no others.

Takes about 20 s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.mirroring import notify
from steps.mirroring.publish import resources
from steps.mirroring.store.published import distinct_name
from tests.cluster.lab import make_account
from tests.conftest import ROOT, GitRepository
from tests.testbed.client import Cluster
from tests.testbed.waiting import wait_until
from tests.unit.publishing.samples import TARGET, catalog_source, changes, mirror_set

VALUES = "managedClusterSets:\n  managed:\n    labels: {}\n"
BRANCH = "oc-mirror/registry.example.com-5000-ocp"


def rules() -> list[dict[str, Any]]:
    """What Role oc-mirror-publish of tekton/ allows."""
    documents = yaml.safe_load_all((ROOT / "tekton" / "10-rbac.yaml").read_text())
    found: list[dict[str, Any]] = next(
        one["rules"]
        for one in documents
        if one["kind"] == "Role" and one["metadata"]["name"] == "oc-mirror-publish"
    )
    return found


class Site:
    """A namespace as runs leave it, and a repository."""

    def __init__(self, cluster: Cluster, namespace: str, bare: Path, kubeconfig: Path) -> None:
        self.cluster, self.namespace, self.bare, self.kubeconfig = cluster, namespace, bare, kubeconfig

    def tell(self, name: str, files: dict[str, str], target: str) -> None:
        self.cluster.apply(json.dumps(notify.config_map(name, self.namespace, files, target=target)))

    def tell_resources(self, target: str = TARGET, name: str = notify.RESOURCES) -> None:
        self.tell(name, resources.in_files([mirror_set(to=target), catalog_source(to=target)]), target)

    def job(self, name: str, **spec: Any) -> None:
        container = {"name": "x", "image": "registry.invalid/none:1"}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
        self.cluster.apply(json.dumps({**body, "spec": {**spec, "template": template}}), "-n", self.namespace)

    def publish(self, *more: str) -> tuple[int, str]:
        """Run the command as the account; its exit code and what it says."""
        given = {
            "values-git-url": f"file://{self.bare}",
            "values-file-path": "values.yaml",
            "namespace": self.namespace,
            "target-registry": TARGET,
            "publish-forge": "none",
            "publish-for": "managed",
            "publish-ca-ref": "bundle:ca.crt",
        }
        arguments = [f"--{name}={value}" for name, value in given.items()]
        script = str(Path(sys.executable).with_name("publish-to-git"))
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [script, *arguments, *more],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    def branch(self) -> dict[str, Any]:
        """The block on the branch."""
        command = ["git", "show", f"{BRANCH}:values.yaml"]
        text = subprocess.run(command, cwd=self.bare, check=True, capture_output=True, text=True).stdout
        sets = yaml.safe_load(text)["managedClusterSets"]
        found: dict[str, Any] = sets["managed"]["config"]["disconnected"]
        return found


@pytest.fixture
def site(cluster: Cluster, namespace: str, git_repository: GitRepository, tmp_path: Path) -> Site:
    git_repository.commit({"values.yaml": VALUES})
    git_repository.git("clone", "--quiet", "--bare", str(git_repository.path), str(tmp_path / "values.git"))
    kubeconfig = make_account(cluster, namespace, tmp_path, rules=rules())
    return Site(cluster, namespace, tmp_path / "values.git", kubeconfig)


def fails(site: Site, code: int, words: str, *more: str) -> None:
    ended, said = site.publish(*more)
    assert (ended, words in said) == (code, True), said


def test_what_a_run_told_is_proposed(site: Site) -> None:
    fails(site, 4, f"no run has published anything for {TARGET} in namespace {site.namespace}")
    site.tell_resources()
    site.tell(notify.CHANGES, {"changes.json": changes("4.20.12").canonical.decode()}, TARGET)
    assert site.publish()[0] == 0
    assert site.branch()["mirrorRegistry"]["host"] == "registry.example.com:5000"
    assert site.branch()["catalogs"][0]["tag"] == "v4.20"
    fleet = {"format": 1, "ready": True, "clusters": [{"name": "edge-1"}]}
    for made in ("2026-11-27T02:00:00Z", "2026-11-28T02:00:00Z"):
        site.tell("oc-mirror-fleet", {"fleet.json": json.dumps({"made": made, **fleet})}, "")
        code, said = site.publish()
        assert code == 0, said
        command = ["git", "show", f"{BRANCH}:oc-mirror/fleet.json"]
        shown = subprocess.run(command, cwd=site.bare, check=True, capture_output=True, text=True).stdout
        assert json.loads(shown) == fleet
    assert "was pushed before" in said


def test_a_resource_that_leads_elsewhere_ends_it(site: Site) -> None:
    site.tell(notify.RESOURCES, resources.in_files([mirror_set(to="evil.example.com/x")]), TARGET)
    fails(site, 8, "leads clusters to evil.example.com/x/openshift/release-images")


@pytest.mark.parametrize("taken", [False, True])
def test_a_second_target_needs_a_right_of_its_own(site: Site, taken: bool) -> None:
    """Where another target has the readable name, too, it is the one with a hash."""
    site.tell_resources("other.example.com")
    readable = "oc-mirror-cluster-resources-registry.example.com-5000-ocp"
    names = (readable, f"{notify.RESOURCES}-{distinct_name(TARGET)}")
    if taken:
        site.tell_resources("registry.example.com/5000/ocp", name=names[0])
    site.tell_resources(name=names[taken])
    rights = " ".join(f"--resource-name={name}" for name in names)
    command = f"oc create role {names[0]} -n {site.namespace} --verb=get --resource=configmaps {rights}"
    fails(site, 10, command)
    site.cluster.kubectl(*command.split()[1:])
    account = f"--serviceaccount={site.namespace}:runner"
    role = f"--role={names[0]}"
    site.cluster.kubectl("create", "rolebinding", names[0], "-n", site.namespace, role, account)
    wait_until("the right", lambda: site.publish()[0] == 0, timeout=60)
    assert site.branch()["mirrorRegistry"]["path"] == "ocp"


def test_only_the_success_of_the_job_lets_it_go_on(site: Site) -> None:
    site.tell_resources()
    short = ("--workload-kind=Job", "--publish-timeout=1s")
    gone, long, failed = (f"oc-mirror-{name}" for name in ("gone", "long", "failed"))
    fails(site, 11, f"there is no Job {site.namespace}/{gone} any more", *short, f"--workload-name={gone}")
    site.job(long)
    fails(site, 11, f"Job {site.namespace}/{long} still runs after 1 s", *short, f"--workload-name={long}")
    site.job(failed, activeDeadlineSeconds=1)
    patient = ("--workload-kind=Job", "--publish-timeout=2m", f"--workload-name={failed}")
    fails(site, 11, f"Job {site.namespace}/{failed} has failed", *patient)
    assert not (site.bare / "refs/heads/oc-mirror").exists()
    assert site.publish("--workload-kind=CronJob", "--workload-name=oc-mirror")[0] == 0
