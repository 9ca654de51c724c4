"""The three workflows from the pipeline: to disk, from the same disk, and direct, with real images."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.cluster.mirrors import REAL, imageset, push_source, records, volume
from tests.cluster.product import WORKLOADS, Product, install
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

PLAIN_HTTP = {"source-tls-verify": "false", "destination-tls-verify": "false"}


@pytest.fixture(scope="module")
def source(registry: Registry) -> str:
    return push_source(registry)


def digest(registry: Registry, repository: str, tag: str) -> str:
    """The digest of an image in a registry; empty if it is not there."""
    answer = requests.head(
        f"{registry.url}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
        timeout=10,
    )
    return answer.headers.get("Docker-Content-Digest", "") if answer.ok else ""


@pytest.fixture(scope="module")
def product(
    cluster: Cluster, image: str, make_repository: Callable[[str, Path], Repository]
) -> Iterator[Product]:
    """The product, installed afresh; it needs no values here, but a URL that could be fetched."""
    values = make_repository("values-of-examples", ROOT / "examples" / "values")
    installed = install(cluster, values.url, image)
    installed.defaults |= {"imageset-configmap": "small", "deploy-mode": "job", **PLAIN_HTTP}
    yield installed
    installed.clean()


def use(product: Product, text: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "small", "namespace": WORKLOADS},
        "data": {"imageset.yaml": text},
    }
    product.cluster.apply(json.dumps(body))


def mirrored(product: Product, **parameters: str) -> str:
    """Run the pipeline and the Job it makes to their ends; return the Job's log."""
    run = product.succeed({name.replace("_", "-"): value for name, value in parameters.items()})
    job = f"job/{run.results['workload-name']}"
    done = product.cluster.kubectl(
        "wait", "--for=condition=Complete", job, "-n", WORKLOADS, "--timeout=240s", check=False
    )
    log = product.cluster.kubectl("logs", job, "-n", WORKLOADS).stdout
    assert done.returncode == 0, log
    return log


def test_to_disk_then_from_disk_by_the_same_volume_then_direct(
    product: Product, registry: Registry, source: str
) -> None:
    prefix = source.partition("/")[2]
    apart = f"air-gap-{uuid.uuid4().hex[:8]}"

    use(product, imageset(source, "team/app:v1", "team/db:v1"))
    assert "generation 1 (full" in mirrored(product, workflow="workflow-to-disk")
    use(product, imageset(source, "team/app:v2", "team/db:v1"))
    assert "generation 2 (continues 1" in mirrored(product, workflow="workflow-to-disk")
    folder = volume(product.cluster, WORKLOADS)
    for made in records(folder, "generations"):
        for file in made["files"]:
            archive = folder / "generations" / f"{made['sequence']:06d}" / file["name"]
            assert archive.stat().st_size == file["size"] > 0

    disk = f"{registry.host}/{apart}/disk"
    log = mirrored(product, workflow="workflow-from-disk", target_registry=disk)
    assert f"{disk} has taken in generation 1, 2" in log
    expect_images(registry, f"{apart}/disk/{prefix}", prefix, ["team/app:v1", "team/app:v2", "team/db:v1"])
    assert "has everything" in mirrored(product, workflow="workflow-from-disk", target_registry=disk)

    direct = f"{registry.host}/{apart}/direct"
    log = mirrored(product, workflow="workflow-direct", target_registry=direct)
    assert f"{direct} has all images" in log
    expect_images(registry, f"{apart}/direct/{prefix}", prefix, ["team/app:v2", "team/db:v1"])
    assert not registry.tags(f"{apart}/direct/{prefix}/team/other")
    assert [run["state"] for run in records(folder, "runs")] == ["succeeded"] * 5
    assert list((folder / "cluster-resources").glob("itms*.yaml"))


def expect_images(registry: Registry, target: str, source: str, images: list[str]) -> None:
    """Each image is in the target, by the source's digest; the stand-in makes up what it mirrors."""
    for image in images:
        repository, _, tag = image.partition(":")
        found = digest(registry, f"{target}/{repository}", tag)
        assert found, f"{target}/{image} is missing"
        if REAL:
            assert found == digest(registry, f"{source}/{repository}", tag)
