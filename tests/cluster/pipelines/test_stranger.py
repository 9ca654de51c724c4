"""A stranger's path: from an empty cluster to a workload, by the commands of the README alone.

The tests have no public network. So the stranger's checkout names the test's own servers where ours names
public ones. The commands are those of the README, as they are written.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.cluster.builds import Workshop, write_downloads, write_source
from tests.cluster.product import PIPELINES, WORKLOADS, Product, tekton_defaults_kept
from tests.cluster.walkthrough import Shell, blocks
from tests.conftest import ROOT
from tests.testbed import files
from tests.testbed.client import Cluster
from tests.testbed.layout import CACHE
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

CHAPTER = "On a cluster"
IMAGE = "registry.example.com/team/oc-mirror:v1"
VALUES = "https://github.com/auto-shift/autoshiftv2.git"


@pytest.fixture
def checkout(
    cluster: Cluster,
    registry: Registry,
    oc: dict[str, str],
    make_repository: Callable[[str, Path], Repository],
    shared_data: Path,
    tmp_path: Path,
) -> Iterator[Shell]:
    """A stranger's shell in a checkout, before a cluster with Tekton and nothing of ours."""
    cluster.kubectl(
        "delete", "namespace", PIPELINES, WORKLOADS, "--ignore-not-found", "--wait", "--timeout=240s"
    )
    (tmp_path / "source").mkdir()
    write_source(tmp_path / "source")
    source = make_repository("stranger-source", tmp_path / "source")
    values = make_repository("stranger-values", shared_data / "autoshift" / "split-2026-08")
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "tekton", folder / "tekton")
    login = base64.b64encode(b"user:password").decode()
    auths = {host: {"auth": login} for host in ("registry.redhat.io", registry.host)}
    (folder / "pull-secret.json").write_text(json.dumps({"auths": auths}))
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".downloads-") as downloads:
        write_downloads(Path(downloads))
        with files.serving(Path(downloads)) as url, tekton_defaults_kept(cluster):
            image_url = f"{registry.host}/stranger/{uuid.uuid4().hex[:8]}:v1"
            workshop = Workshop.open(Product(cluster, "", {}), registry, source, image_url, url)
            _give_defaults(folder / "tekton/build-pipeline.yaml", workshop.parameters())
            _give_defaults(folder / "tekton/deployment-pipeline.yaml", {"values-git-url": values.url})
            yield Shell(folder, {**oc, "HOME": str(folder), "IMAGE_OF_THE_TEST": image_url})


def _give_defaults(path: Path, defaults: dict[str, object]) -> None:
    """Give parameters of a Pipeline other defaults, which lead to the servers of the test."""
    pipeline = yaml.safe_load(path.read_text())
    for parameter in pipeline["spec"]["params"]:
        if parameter["name"] in defaults:
            parameter["default"] = defaults[parameter["name"]]
    path.write_text(yaml.safe_dump(pipeline))


def test_the_readme_leads_from_an_empty_cluster_to_a_workload(cluster: Cluster, checkout: Shell) -> None:
    group, *_ = blocks(ROOT / "docs/how-to/install-on-kubernetes.md")  # this is no OpenShift
    followed = [group, *blocks(ROOT / "README.md", chapter=CHAPTER)]
    assert len(followed) > 3
    image_url = checkout.env["IMAGE_OF_THE_TEST"]
    for block in followed:
        checkout.run(replace(block, commands=block.commands.replace(IMAGE, image_url)), seconds=600)
    record = cluster.get("configmap", "oc-mirror-images", "-n", PIPELINES)["data"]
    assert record["image-url"] == image_url
    [job] = cluster.get("jobs", "-n", WORKLOADS, "-l", "app.kubernetes.io/part-of=oc-mirror-pipeline")[
        "items"
    ]
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{image_url.rpartition(':')[0]}@{record['image-digest']}"
