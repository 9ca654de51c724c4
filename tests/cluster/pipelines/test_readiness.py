"""A wave that waits: the readiness pipeline before and after a mirror run, on the real Tekton and registry.

No oc-mirror mirrors here: it would need releases that Red Hat has signed. The images are prepared, and what a
run tells the cluster is told by its own code, with the rights of the workload's account.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.cluster import Cluster as OurCluster
from steps.mirroring import notify
from steps.mirroring.request import DIRECT
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.mirroring.store.runs import Run
from tests.cluster.product import PIPELINES, WORKLOADS, Product, install
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository
from tests.unit.mirroring.test_acceptance import MAKER
from tests.unit.readiness.site import Site, imageset

READINESS, WORKLOAD = f"{PIPELINES}:oc-mirror-readiness", f"{WORKLOADS}:oc-mirror"


def values(release: str, *clusters: str) -> str:
    """A values file: a set that shall run a release, and clusters of it."""
    members = {name: {"config": {"clusterSet": "stores"}} for name in clusters}
    labels = {"openshift-version": release}
    return yaml.safe_dump({"managedClusterSets": {"stores": {"labels": labels}}, "clusters": members})


@pytest.fixture(scope="module")
def product(
    cluster: Cluster,
    image: str,
    make_repository: Callable[[str, Path], Repository],
    tmp_path_factory: pytest.TempPathFactory,
) -> Product:
    """The values in force know edge-1 alone, so that nobody knows what runs in edge-2."""
    folder = tmp_path_factory.mktemp("values")
    (folder / "fleet.yaml").write_text(values("4.20.12", "edge-1", "edge-2"))
    repository = make_repository("readiness", folder)
    repository.push({"fleet.yaml": values("4.19.20", "edge-1")}, branch="in-force")
    found = install(cluster, repository.url, image)
    keys = {
        "openshift.pub": MAKER.sigstore.public.pem().decode(),
        "redhat.asc": str(MAKER.gpg.extract_certificate()),
    }
    literals = [f"--from-literal={name}={text}" for name, text in keys.items()]
    cluster.kubectl("create", "configmap", "oc-mirror-release-keys", *literals, "-n", PIPELINES)
    cluster.kubectl("create", "serviceaccount", "oc-mirror", "-n", WORKLOADS)
    found.defaults.pop("storage-size")
    found.defaults |= {"values-file-path": "fleet.yaml", "destination-tls-verify": "false"}
    return found


@pytest.fixture(scope="module")
def site(registry: Registry) -> Site:
    """A target with the release that runs, and not the one that the values name."""
    found = Site(f"{registry.host}/readiness-{uuid.uuid4().hex[:8]}")
    found.release("4.19.20")
    return found


def kubeconfig_of(account: str, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig of an account of the product, NAMESPACE:NAME."""
    namespace, _, name = account.partition(":")
    token = cluster.kubectl("create", "token", name, "-n", namespace).stdout.strip()
    config = yaml.safe_load(
        cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "yaml").stdout
    )
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / f"{name}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def mirror(site: Site, cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring the release that the values name, publish, and tell the cluster as the workload does."""
    site.release("4.20.12", ["4.19.20"])
    site.graph_image({"stable-4.20": ["4.19.20", "4.20.12"]})
    store = Store(site.publish(folder / "data", imageset()))
    path = kubeconfig_of(WORKLOAD, cluster, folder)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    run = Run(
        workflow=DIRECT,
        started="2026-11-27T10:00:00Z",
        finished="2026-11-27T10:10:00Z",
        state=records.SUCCEEDED,
        target=site.target,
    )
    notify.Notifier(OurCluster.connect(), WORKLOADS, store)(run)


def test_a_wave_waits_until_its_next_step_is_mirrored(
    product: Product,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And each step has only the rights that tekton/ gives it."""
    wave = {"target-registry": site.target, "clusters": "edge-1", "former-revision": "in-force"}
    how: dict[str, Any] = {
        "pipeline": "oc-mirror-readiness-pipeline",
        "account": "oc-mirror-readiness",
        "workspaces": {},
    }
    log = product.fail(wave, **how)
    assert f"there is no ConfigMap {WORKLOADS}/oc-mirror-inventory" in log
    assert f"NOT READY  edge-1  at {site.target}" in log
    said = product.get("configmap", "oc-mirror-fleet")["data"]
    assert (said["ready"], said["verdict.edge-1"], said["release.edge-1"]) == (
        "false",
        "not ready",
        "4.20.12",
    )

    mirror(site, product.cluster, tmp_path, monkeypatch)
    assert "not told" not in caplog.text
    ended = product.succeed(wave, **how)
    assert {**ended.results, "commit": ""} == {
        "commit": "",
        "verdict": "ready",
        "ready": "1",
        "ready-with-warnings": "0",
        "unknown": "0",
        "not-ready": "0",
    }
    said = product.get("configmap", "oc-mirror-fleet")["data"]
    assert said["verdict.edge-1"] == "ready"
    assert (said["verdict.edge-2"], said["ready"]) == ("unknown", "false"), "a wave is one part of the fleet"
    document = json.loads(said["fleet.json"])
    assert {one["cluster"]: one["current_from"] for one in document["clusters"]} == {
        "edge-1": "the former values",
        "edge-2": "",
    }


@pytest.mark.parametrize(
    ("account", "name", "refusal"),
    [
        (READINESS, "oc-mirror-fleet", ""),
        (READINESS, "oc-mirror-inventory", "fleet-readiness writes ConfigMap oc-mirror-fleet alone"),
        (READINESS, "trusted-ca", "fleet-readiness writes ConfigMap oc-mirror-fleet alone"),
        (WORKLOAD, "oc-mirror-fleet", "the workload writes no ConfigMap oc-mirror-fleet"),
        (f"{PIPELINES}:oc-mirror-pipeline", "oc-mirror-fleet", "the pipelines write no ConfigMap"),
    ],
)
def test_nobody_else_writes_the_verdicts_and_their_account_writes_nothing_else(
    product: Product, account: str, name: str, refusal: str
) -> None:
    labels = {"app.kubernetes.io/part-of": "oc-mirror-pipeline"}
    metadata = {"name": name, "namespace": WORKLOADS, "labels": labels}
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    product.cluster.kubectl("delete", "configmap", name, "-n", WORKLOADS, "--ignore-not-found")
    options = ("create", "--dry-run=server", f"--as=system:serviceaccount:{account}", "-f", "-")
    asked = product.cluster.kubectl(*options, input=manifest, check=False)
    assert (refusal in asked.stderr) if refusal else not asked.returncode, asked.stderr


def test_its_account_reads_no_other_object(product: Product) -> None:
    def may(verb: str, what: str, namespace: str = WORKLOADS) -> bool:
        asked = ("auth", "can-i", verb, what, "-n", namespace, f"--as=system:serviceaccount:{READINESS}")
        return product.cluster.kubectl(*asked, check=False).stdout.strip() == "yes"

    assert may("get", "configmaps/oc-mirror-inventory")
    assert may("patch", "configmaps/oc-mirror-fleet")
    assert not may("get", "configmaps/oc-mirror-config")
    assert not may("patch", "configmaps/oc-mirror-inventory")
    assert not may("get", "configmaps/oc-mirror-images", PIPELINES)
    assert not may("get", "secrets")
    assert not may("create", "pods")
