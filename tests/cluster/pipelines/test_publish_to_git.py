"""From a Job's success to a pull request at the real Gitea, by the deployment pipeline.

Takes about 90 s beside the making of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.product import PIPELINES, Product, Run, install
from tests.cluster.publishing import VALUES, Publishing
from tests.conftest import unavailable
from tests.testbed import binaries, gitea
from tests.testbed.client import Cluster
from tests.testbed.gitea import Gitea
from tests.testbed.registry import Registry


@pytest.fixture(scope="module")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    """Gitea at an address that pods reach."""
    programs = binaries.built("gitea")
    if programs is None or not cluster.node_address:
        unavailable("there is no Gitea that pods reach: it comes only with the testbed")
    with gitea.serving(programs, tmp_path_factory.mktemp("gitea"), address=cluster.node_address) as found:
        yield found


def accounts(product: Product, run: Run) -> dict[str, str]:
    """The account of each Task of a run."""
    found = product.cluster.get("taskruns", "-n", PIPELINES, "-l", f"tekton.dev/pipelineRun={run.name}")
    return {
        one["metadata"]["labels"]["tekton.dev/pipelineTask"]: one["spec"]["serviceAccountName"]
        for one in found["items"]
    }


def test_from_a_run_to_a_pull_request(
    cluster: Cluster, image: str, registry: Registry, server: Gitea, tmp_path: Path
) -> None:
    url = server.repository("values", {"values.yaml": VALUES})
    product = install(cluster, url, image)
    site = Publishing.prepare(product, server, url, registry, tmp_path)
    target = site.target()
    run = site.mirror(target)
    assert accounts(product, run)["publish-to-git"] == "oc-mirror-publish"
    assert accounts(product, run)["deploy-workload"] == "oc-mirror-pipeline"
    assert site.token not in run.log()
    [request] = site.requests()
    assert request["base"]["ref"] == "main"
    assert site.source.partition("/")[2] in request["body"]
    assert f"Request {request['html_url']} is opened." in run.log("publish-to-git")
    found = server.file("values", "values.yaml", request["head"]["ref"])
    block = yaml.safe_load(found)["managedClusterSets"]["managed"]["config"]["disconnected"]
    host, _, path = target.partition("/")
    assert (block["mirrorRegistry"]["host"], block["mirrorRegistry"]["path"]) == (host, path)
    assert block["mirrorRegistry"]["tagMirrors"]
    assert found.endswith("    labels:\n      odf: 'true'  # storage\n")

    again = product.succeed(
        site.parameters(target), pipeline="oc-mirror-publish-pipeline", workspaces={}, defaults=False
    )
    [same] = site.requests()
    assert gitea.proposed(same) == gitea.proposed(request)
    assert again.results == {"commit": request["head"]["sha"], "request-url": request["html_url"]}
