"""The commands of the documents on a real cluster, as written: the guided tour, looking at runs, pruning."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator

import pytest

from tests.cluster.product import PIPELINES, WORKLOADS, tekton_defaults_kept
from tests.cluster.walkthrough import Shell, blocks, unprinted
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry

DOCS = ROOT / "docs"
OTHER_SIDE = "my-mirror"
EVERYWHERE = (PIPELINES, WORKLOADS, OTHER_SIDE)


@pytest.fixture(scope="module")
def shell(
    cluster: Cluster,
    registry: Registry,
    image: str,
    oc: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shell]:
    """A reader's shell in a checkout, on a cluster without anything of ours, with the tour's settings."""
    cluster.kubectl("delete", "namespace", *EVERYWHERE, "--ignore-not-found", "--wait", "--timeout=240s")
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("tekton", "examples"):
        (folder / name).symlink_to(ROOT / name)
    auths = {"auths": {registry.host: {"auth": base64.b64encode(b"user:password").decode()}}}
    (folder / "pull-secret.json").write_text(json.dumps(auths))
    repository, digest = image.split("@")
    settings = {
        "PULL_SECRET": str(folder / "pull-secret.json"),
        "REGISTRY": f"{registry.host}/tour-{uuid.uuid4().hex[:8]}",
        "REGISTRY_TLS_VERIFY": "false",
        "IMAGE": f"{repository}:test",
        "IMAGE_DIGEST": digest,
    }
    with tekton_defaults_kept(cluster):
        yield Shell(folder, {**oc, **settings})
    cluster.delete_namespace(OTHER_SIDE)


def test_the_tour_leads_from_an_empty_cluster_across_the_gap(
    cluster: Cluster, shell: Shell, registry: Registry
) -> None:
    *tour, clean_up = blocks(DOCS / "tutorial.md")
    assert len(tour) > 12
    for block in tour:
        shell.run(block)
    prefix = shell.env["REGISTRY"].partition("/")[2]
    for name in ("ubi9/ubi-micro", "ubi9/ubi-minimal"):
        assert registry.tags(f"{prefix}/{name}"), name
    resources = (shell.folder / "build/tour/cluster-resources.yaml").read_text()
    assert "ImageTagMirrorSet" in resources
    shell.run(clean_up)
    claims = cluster.get("persistentvolumeclaims", "-n", WORKLOADS)["items"]
    assert not claims, "a later installation would inherit the tour's claim"
    assert not (shell.folder / "build/tour").exists()


def test_every_command_to_look_at_runs_works(cluster: Cluster, shell: Shell) -> None:
    """After the tour, which leaves its runs in oc-mirror-pipeline, and events in oc-mirror."""
    secret = ("create", "secret", "docker-registry", "quay-registry-auth", "-n", PIPELINES)
    cluster.kubectl(*secret, "--docker-server=quay.io", "--docker-username=u", "--docker-password=p")
    runs = cluster.get("pipelineruns", "-n", PIPELINES)["items"]
    run = max(runs, key=lambda item: item["metadata"]["creationTimestamp"])["metadata"]["name"]
    tasks = cluster.get("taskruns", "-n", PIPELINES, "-l", f"tekton.dev/pipelineRun={run}")["items"]
    # Tekton shortens a TaskRun's name where it must.
    named = {
        task["metadata"]["labels"]["tekton.dev/pipelineTask"]: task["metadata"]["name"] for task in tasks
    }
    names = {
        "pipelinerun-name": run,
        "taskrun-name": named["deploy-workload"],
        "get-values-taskrun": named["fetch-values"],
        "generate-imageset-taskrun": named["generate-or-use-imageset"],
    }
    for block in blocks(DOCS / "how-to/monitor.md"):
        printed = shell.run(block, names=names)
        assert printed.strip(), block.where
        assert "PipelineRuns found" not in printed, block.where
        assert "TaskRuns found" not in printed, block.where


def test_old_runs_are_pruned(cluster: Cluster, shell: Shell) -> None:
    for block in blocks(DOCS / "how-to/prune-runs.md"):
        shell.run(block)
    assert len(cluster.get("pipelineruns", "-n", PIPELINES)["items"]) == 3
    annotations = cluster.get("namespace", PIPELINES)["metadata"]["annotations"]
    assert annotations["operator.tekton.dev/prune.keep"] == "20"


@pytest.mark.parametrize(
    ("shown", "missing"),
    [(("a", "b 1 … x"), ""), (("b", "a"), "a"), (("b 2",), "b 2"), ((), "")],
)
def test_what_a_document_shows_is_looked_for_in_its_order(shown: tuple[str, ...], missing: str) -> None:
    assert unprinted(shown, ["a", "b 1 and x"]) == missing
