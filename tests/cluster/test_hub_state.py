"""What runs in a fleet, asked of the API of a hub with one narrow right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.lab import granted, make_account, serve_kinds
from tests.conftest import ROOT
from tests.testbed.client import Cluster

CRD_NAME = "managedclusters.cluster.open-cluster-management.io"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": CRD_NAME,
        "annotations": {"api-approved.kubernetes.io": "unapproved, in a test"},
    },
    "spec": {
        "group": "cluster.open-cluster-management.io",
        "scope": "Cluster",
        "names": {"kind": "ManagedCluster", "plural": "managedclusters", "singular": "managedcluster"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": SCHEMA}],
    },
}
RBAC = ROOT / "examples" / "rbac-managedclusters.yaml"


@pytest.fixture
def kubeconfig(namespace: str, cluster: Cluster, tmp_path: Path) -> Path:
    """Of an account without any right."""
    return make_account(cluster, namespace, tmp_path, rules=[])


@pytest.fixture
def hub(cluster: Cluster) -> Iterator[None]:
    """The API server serves three ManagedClusters."""
    serve_kinds(cluster, CRD)
    for name, version in (
        ("edge-1", "4.19.20"),
        ("edge-2", "4.20.0-0.nightly-2026-01-01-000000"),
        ("edge-3", ""),
    ):
        labels = {"openshiftVersion": version, "cluster.open-cluster-management.io/clusterset": "stores"}
        cluster.apply(
            json.dumps(
                {
                    "apiVersion": "cluster.open-cluster-management.io/v1",
                    "kind": "ManagedCluster",
                    "metadata": {"name": name, "labels": labels},
                }
            )
        )
    yield
    cluster.kubectl("delete", "crd", CRD_NAME, "--ignore-not-found")


@pytest.fixture
def allowed(cluster: Cluster, namespace: str) -> Iterator[None]:
    """The account has the rights of examples/rbac-managedclusters.yaml."""
    with granted(cluster, namespace, RBAC):
        yield


def look(kubeconfig: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    values = folder / "values"
    values.mkdir()
    labels = {"openshift-version": "4.20.12"}
    (values / "fleet.yaml").write_text(json.dumps({"managedClusterSets": {"stores": {"labels": labels}}}))
    clean = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    program = "import sys; from steps.fleet_readiness import main; sys.exit(main())"
    given = [f"--values-git-url={values}", "--values-file-path=fleet.yaml", "--hub", "--json"]
    return subprocess.run(
        [sys.executable, "-c", program, *given, "--target-registry=127.0.0.1:9/none"],
        env={**clean, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.usefixtures("hub", "allowed")
def test_the_hub_tells_what_runs(kubeconfig: Path, tmp_path: Path) -> None:
    done = look(kubeconfig, tmp_path)
    assert done.returncode == 17, done.stderr
    rows = {row["cluster"]: (row["current"], row["sets"]) for row in json.loads(done.stdout)["clusters"]}
    assert rows == {"edge-1": ("4.19.20", ["stores"]), "edge-2": ("", ["stores"]), "edge-3": ("", ["stores"])}


@pytest.mark.usefixtures("hub")
def test_without_the_right_both_ways_out_are_named(kubeconfig: Path, tmp_path: Path) -> None:
    done = look(kubeconfig, tmp_path)
    assert done.returncode == 10
    assert "managedclusters.cluster.open-cluster-management.io" in done.stderr
    assert "hint: apply examples/rbac-managedclusters.yaml for this account, or give hub-state" in done.stderr


def test_a_cluster_that_is_no_hub_is_told(kubeconfig: Path, tmp_path: Path) -> None:
    done = look(kubeconfig, tmp_path)
    assert done.returncode == 4
    assert "it is no hub" in done.stderr
