"""From a push to the real Gitea to a pull request there, by the real Triggers and the deployment pipeline.

Takes about 2 minutes beside the making of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.listener import KEYS, listening
from tests.cluster.product import PIPELINES, Product, Run, install
from tests.cluster.publishing import ACCOUNTS, MIRRORING, VALUES, Publishing
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


def test_a_push_ends_in_a_pull_request_and_its_merge_in_nothing_more(
    cluster: Cluster, image: str, registry: Registry, server: Gitea, tmp_path: Path
) -> None:
    """The loop: the server's own webhook starts both runs, and the second finds nothing to propose."""
    url = server.repository("values", {"values.yaml": VALUES})
    product = install(cluster, url, image)
    site = Publishing.prepare(product, server, url, registry, tmp_path)
    target = site.target()
    triggered = {"deploy-mode": "job", "publish-base": "main"} | site.parameters(target) | MIRRORING
    with listening(product, {"deployment": triggered}, ACCOUNTS) as listener:
        server.webhook("values", f"{listener.url}/values", KEYS["gitea-values"])
        pushed = server.change("values", "values.yaml", VALUES.replace("# The fleet", "# Two sites"))
        run = product.wait(listener.run_of(pushed))
        assert run.succeeded, run.log()
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
        assert found.startswith("# Two sites\n")
        assert found.endswith("    labels:\n      odf: 'true'  # storage\n")

        again = product.succeed(
            site.parameters(target), pipeline="oc-mirror-publish-pipeline", workspaces={}, defaults=False
        )
        [same] = site.requests()
        assert gitea.proposed(same) == gitea.proposed(request)
        assert again.results == {"commit": request["head"]["sha"], "request-url": request["html_url"]}

        server.merge("values", request["number"], "merge")
        last = product.wait(listener.run_of(server.head("values", "main")))
        assert last.succeeded, last.log()
        assert "has all of it already: nothing to propose." in last.log("publish-to-git")
        assert site.requests() == []
        assert server.file("values", "values.yaml", "main") == found
