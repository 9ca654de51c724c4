"""Values that name no OpenShift version: the hub's ClusterVersion counts, read with one narrow right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.lab import granted, make_account, serve_kinds
from tests.conftest import ROOT, GitRepository
from tests.testbed.client import Cluster

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "clusterversions.config.openshift.io"},
    "spec": {
        "group": "config.openshift.io",
        "scope": "Cluster",
        "names": {"kind": "ClusterVersion", "plural": "clusterversions", "singular": "clusterversion"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
RBAC = ROOT / "tekton" / "11-rbac-openshift-version.yaml"


@pytest.fixture
def kubeconfig(namespace: str, cluster: Cluster, tmp_path: Path) -> Path:
    """Of an account without any right."""
    return make_account(cluster, namespace, tmp_path, rules=[])


@pytest.fixture
def openshift(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """A factory that makes the API server serve a ClusterVersion, until the end of the test."""

    def make(version: str, channel: str) -> None:
        serve_kinds(cluster, CRD)
        cluster.apply(
            json.dumps(
                {
                    "apiVersion": "config.openshift.io/v1",
                    "kind": "ClusterVersion",
                    "metadata": {"name": "version"},
                    "spec": {"channel": channel},
                    "status": {"desired": {"version": version}},
                }
            )
        )

    yield make
    cluster.kubectl("delete", "crd", "clusterversions.config.openshift.io", "--ignore-not-found")


@pytest.fixture
def allowed(cluster: Cluster, namespace: str) -> Iterator[None]:
    """The account has the rights of tekton/11-rbac-openshift-version.yaml."""
    with granted(cluster, namespace, RBAC):
        yield


def generate(repository: GitRepository, kubeconfig: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    repository.commit({"hub.yaml": "hubClusterSets: {hub: {labels: {gitops: 'true'}}}\n"})
    clean = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("generate-or-use-imageset")),
            f"--values-git-url=file://{repository.path}",
            "--values-file-path=hub.yaml",
            f"--workspace={folder}",
            f"--output-imageset={folder / 'imageset.yaml'}",
        ],
        env={**clean, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.usefixtures("allowed")
def test_the_hubs_version_counts_where_nobody_names_one(
    git_repository: GitRepository, kubeconfig: Path, openshift: Callable[..., None], tmp_path: Path
) -> None:
    openshift("4.20.12", "eus-4.20")
    done = generate(git_repository, kubeconfig, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "OpenShift 4.20.12, from the hub's ClusterVersion" in done.stderr
    text = (tmp_path / "imageset.yaml").read_text()
    assert "# OpenShift version 4.20.12 from the hub's ClusterVersion" in text
    (channel,) = yaml.safe_load(text)["mirror"]["platform"]["channels"]
    assert (channel["name"], channel["minVersion"]) == ("eus-4.20", "4.20.12")


@pytest.mark.usefixtures("allowed")
def test_a_hub_of_a_nightly_build_cannot_be_mirrored(
    git_repository: GitRepository, kubeconfig: Path, openshift: Callable[..., None], tmp_path: Path
) -> None:
    openshift("4.20.0-0.nightly-2026-01-01-000000", "")
    done = generate(git_repository, kubeconfig, tmp_path)
    assert done.returncode == 3
    assert "ERROR: the hub's ClusterVersion: '4.20.0-0.nightly" in done.stderr
    assert "hint: give the parameter openshift-version" in done.stderr


def test_without_the_right_both_ways_out_are_named(
    git_repository: GitRepository, kubeconfig: Path, openshift: Callable[..., None], tmp_path: Path
) -> None:
    openshift("4.20.12", "stable-4.20")
    done = generate(git_repository, kubeconfig, tmp_path)
    assert done.returncode == 10
    assert "clusterversions.config.openshift.io" in done.stderr
    assert "hint: give the parameter openshift-version, or grant" in done.stderr


def test_elsewhere_than_on_openshift_the_parameter_is_asked_for(
    git_repository: GitRepository, kubeconfig: Path, tmp_path: Path
) -> None:
    done = generate(git_repository, kubeconfig, tmp_path)
    assert done.returncode == 3
    assert "no label openshift-version" in done.stderr
    assert "hint: give the parameter openshift-version" in done.stderr
