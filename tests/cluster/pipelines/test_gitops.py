"""tekton/ under GitOps: applied again nothing changes, and an overlay changes what it names."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.cluster.product import install
from tests.conftest import ROOT
from tests.testbed.client import Cluster

SITE = ROOT / "examples/gitops/site-a"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """A cluster to which tekton/ and its triggers were applied once."""
    install(cluster, "http://unused")
    cluster.kubectl("apply", "-f", str(ROOT / "tekton/triggers"))
    return cluster


@pytest.mark.parametrize("option", ["-f", "-k"])
@pytest.mark.parametrize("folder", ["tekton", "tekton/triggers"])
def test_what_is_applied_again_is_unchanged(installed: Cluster, folder: str, option: str) -> None:
    lines = installed.kubectl("apply", option, str(ROOT / folder)).stdout.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if not line.endswith(" unchanged")] == []


def test_the_overlay_of_a_site_has_its_image_and_values_in_one_place_and_is_accepted(
    installed: Cluster,
) -> None:
    documents: list[dict[str, Any]] = list(
        yaml.safe_load_all(installed.kubectl("kustomize", str(SITE)).stdout)
    )
    found = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    given = yaml.safe_load((SITE / "site.yaml").read_text())["data"]

    def default(pipeline: str, name: str) -> str:
        parameters = found["Pipeline", pipeline]["spec"]["params"]
        return str(next(one["default"] for one in parameters if one["name"] == name))

    for pipeline in ("deployment", "readiness", "publish"):
        assert default(f"oc-mirror-{pipeline}-pipeline", "task-image") == given["image"]
    assert default("oc-mirror-build-pipeline", "image-url") == given["image"]
    assert default("oc-mirror-deployment-pipeline", "values-git-url") == given["values-git-url"]
    assert ("ConfigMap", "oc-mirror-site") not in found
    claim = found.pop(
        ("PersistentVolumeClaim", "oc-mirror-shared-workspace")
    )  # a bound claim keeps its class
    assert claim["spec"]["storageClassName"] == "standard"
    rest = yaml.safe_dump_all(found.values())
    installed.kubectl("apply", "--dry-run=server", "-f", "-", input=rest)
