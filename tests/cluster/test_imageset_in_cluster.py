"""ImageSets that lie in the cluster: what a new one changes is said; compressed and old ones are read."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest

from tests.cluster.lab import IMAGESET, Lab, make_lab
from tests.conftest import GitRepository
from tests.testbed.client import Cluster

FLEET = "managedClusterSets: {{m: {{labels: {{openshift-version: 4.20.12, {labels}}}}}}}\n"
V1 = """\
apiVersion: mirror.openshift.io/v1alpha2
kind: ImageSetConfiguration
storageConfig: {local: {path: ./metadata}}
mirror: {additionalImages: [{name: 'quay.io/me/tool:1'}]}
"""


@pytest.fixture
def lab(cluster: Cluster, namespace: str, tmp_path: Path) -> Lab:
    """A namespace where the account has the Role's rights; no image is needed."""
    return make_lab(cluster, namespace, "", tmp_path)


def arguments(repository: GitRepository, labels: str) -> dict[str, str]:
    text = FLEET.format(labels=labels)
    values = repository.path / "v.yaml"
    if not values.exists() or values.read_text() != text:
        repository.commit({"v.yaml": text})
    return {
        "values_git_url": f"file://{repository.path}",
        "values_file_path": "v.yaml",
        "catalog_check": "off",
    }


def create(lab: Lab, repository: GitRepository, labels: str) -> str:
    """Run create-deployment-configmaps, which must succeed; return what it logged."""
    done = lab.run(lab.command("create-deployment-configmaps", **arguments(repository, labels)))
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_what_a_new_imageset_changes_is_said_before_it_is_written(
    lab: Lab, git_repository: GitRepository
) -> None:
    quay = "quay: 'true', quay-channel: stable-3.15"
    assert "Against the ImageSet" not in create(lab, git_repository, quay)
    assert "Against the ImageSet" not in create(lab, git_repository, quay)
    log = create(lab, git_repository, "quay: 'true', quay-channel: stable-3.16, nmstate: 'true'")
    said = log[log.index("Against the ImageSet in the cluster:") :]
    index = "registry.redhat.io/redhat/redhat-operator-index:v4.20"
    assert f"added: operator kubernetes-nmstate-operator from {index} (stable)" in said
    assert f"changed: operator quay-operator from {index}: stable-3.15" in said
    assert said.index("added:") < said.index("ConfigMap ")


def test_a_compressed_imageset_is_compared_and_used_alike(lab: Lab, git_repository: GitRepository) -> None:
    packed = base64.b64encode(gzip.compress(IMAGESET.encode())).decode()
    for name in ("oc-mirror-imageset", "mine"):
        lab.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name},
                "binaryData": {"imageset.yaml.gz": packed},
            }
        )
    done = lab.run(lab.command("generate-or-use-imageset", imageset_configmap="mine"))
    assert done.returncode == 0, done.stderr
    assert "ImageSet configmap" in done.stderr
    assert "removed: " in create(lab, git_repository, "quay: 'true'")


def test_what_somebody_broke_is_replaced_and_said(lab: Lab, git_repository: GitRepository) -> None:
    broken = {"imageset.yaml": "a: [b"}
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "oc-mirror-imageset"},
            "data": broken,
        }
    )
    assert "cannot be compared: " in create(lab, git_repository, "quay: 'true'")
    assert lab.get("configmap", "oc-mirror-imageset")["data"] != broken


def test_an_imageset_of_version_1_is_refused_with_its_conversion(lab: Lab) -> None:
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "old"},
            "data": {"imageset.yaml": V1},
        }
    )
    done = lab.run(lab.command("generate-or-use-imageset", imageset_configmap="old"))
    assert done.returncode == 3
    assert "apiVersion: mirror.openshift.io/v2alpha1" in done.stderr
    assert "hint: use its conversion, which stands above in this log" in done.stderr
