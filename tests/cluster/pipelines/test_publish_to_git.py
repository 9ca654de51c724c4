"""From a Job's success to a pull request at the real Gitea, by the deployment pipeline.

Takes about 90 s beside the making of the image.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.mirrors import imageset, push_source
from tests.cluster.product import PIPELINES, WORKLOADS, Product, Run, install
from tests.conftest import unavailable
from tests.testbed import binaries, gitea
from tests.testbed.client import Cluster
from tests.testbed.gitea import OWNER, Gitea
from tests.testbed.registry import Registry

VALUES = "# The fleet\nmanagedClusterSets:\n  managed:\n    labels:\n      odf: 'true'  # storage\n"


@pytest.fixture(scope="module")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    """Gitea at an address that pods reach."""
    programs = binaries.built("gitea")
    if programs is None or not cluster.node_address:
        unavailable("there is no Gitea that pods reach: it comes only with the testbed")
    with gitea.serving(programs, tmp_path_factory.mktemp("gitea"), address=cluster.node_address) as found:
        found.user("robot")
        yield found


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def requests_of(server: Gitea) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.api("GET", f"repos/{OWNER}/values/pulls?state=open")
    return found


def accounts(product: Product, run: Run) -> dict[str, str]:
    """The account of each Task of a run."""
    found = product.cluster.get("taskruns", "-n", PIPELINES, "-l", f"tekton.dev/pipelineRun={run.name}")
    return {
        one["metadata"]["labels"]["tekton.dev/pipelineTask"]: one["spec"]["serviceAccountName"]
        for one in found["items"]
    }


def test_from_a_run_to_a_pull_request(
    cluster: Cluster,
    image: str,
    registry: Registry,
    server: Gitea,
    tmp_path: Path,
) -> None:
    url = server.repository("values", {"values.yaml": VALUES})
    server.api("PUT", f"repos/{OWNER}/values/collaborators/robot", {"permission": "write"})
    product = install(cluster, url, image)
    source, target = push_source(registry), f"{registry.host}/publish-{uuid.uuid4().hex[:8]}"
    (tmp_path / "imageset.yaml").write_text(imageset(source, "team/app:v1", "team/db:v1"))
    mine = f"--from-file=imageset.yaml={tmp_path / 'imageset.yaml'}"
    cluster.kubectl("create", "configmap", "oc-mirror-mine", mine, "-n", WORKLOADS)
    token = server.token("publish", "write:repository", user="robot")
    keys = {"username": "robot", "password": token, "url": url}
    literals = [f"--from-literal={key}={value}" for key, value in keys.items()]
    cluster.kubectl("create", "secret", "generic", "oc-mirror-git-write", *literals, "-n", PIPELINES)
    publishing = {
        "values-git-url": url,
        "values-file-path": "values.yaml",
        "target-registry": target,
        "publish-for": "managed",
        "publish-ca-ref": "bundle:ca.crt",
        "publish-forge": "gitea",
    }
    mirroring = {
        "workflow": "workflow-direct",
        "imageset-configmap": "oc-mirror-mine",
        "source-tls-verify": "false",
        "destination-tls-verify": "false",
        "publish-to-git": "true",
    }

    began = time.time()
    run = product.succeed(publishing | mirroring, accounts={"publish-to-git": "oc-mirror-publish"})
    assert accounts(product, run)["publish-to-git"] == "oc-mirror-publish"
    assert accounts(product, run)["deploy-workload"] == "oc-mirror-pipeline"
    assert token not in run.log()
    [request] = requests_of(server)
    assert request["base"]["ref"] == "main"
    assert source.partition("/")[2] in request["body"]
    log = run.log("publish-to-git")
    assert f"Request {request['html_url']} is opened." in log
    found = server.file("values", "values.yaml", request["head"]["ref"])
    block = yaml.safe_load(found)["managedClusterSets"]["managed"]["config"]["disconnected"]
    host, _, path = target.partition("/")
    assert (block["mirrorRegistry"]["host"], block["mirrorRegistry"]["path"]) == (host, path)
    assert block["mirrorRegistry"]["tagMirrors"]
    assert found.endswith("    labels:\n      odf: 'true'  # storage\n")

    job = product.get("job", run.results["workload-name"])["status"]
    opened = seconds(request["created_at"])
    runs = seconds(job["completionTime"]) - seconds(run.status["startTime"])
    print(f"{runs:.0f} s from the run's start to the Job's end, {opened - began:.0f} s to the request")  # -s

    again = product.succeed(publishing, pipeline="oc-mirror-publish-pipeline", workspaces={}, defaults=False)
    assert requests_of(server) == [request]
    assert again.results == {"commit": request["head"]["sha"], "request-url": request["html_url"]}
