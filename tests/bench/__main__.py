"""Measure the deployment pipeline against the floor, on one cluster in one run: `make bench`.

The floor is a pipeline of five do-nothing Tasks in a row over one claim: what Tekton itself costs for that
many Tasks. Ours has five Tasks too, two of them side by side. Quoted are medians of alternating runs, as a
ratio, since absolute times say more about the machine. Then each entrypoint's own CPU seconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

import yaml

from tests.bench.entrypoints import measure_entrypoints
from tests.cluster.product import BOTH, PIPELINES, Product, build_image
from tests.cluster.product import install as install_product
from tests.conftest import ROOT
from tests.testbed import cluster as testbed
from tests.testbed.client import Cluster
from tests.testbed.gitserver import GitServer
from tests.testbed.layout import GIT_ROOT, GIT_URL
from tests.testbed.repositories import Repository

ROUNDS = 3
FLOOR = "do-nothing"


def floor_pipeline(tasks: int = 5) -> str:
    """Tasks in a row that run `true` in our image, over the shared claim."""
    steps = [
        {
            "name": f"nothing-{number}",
            "workspaces": [{"name": "shared-workspace"}],
            "taskSpec": {
                "workspaces": [{"name": "shared-workspace"}],
                "params": [{"name": "image", "type": "string"}],
                "steps": [
                    {
                        "name": "nothing",
                        "image": "$(params.image)",
                        "command": ["true"],
                        "securityContext": restricted(),
                    }
                ],
            },
            "params": [{"name": "image", "value": "$(params.image)"}],
            **({"runAfter": [f"nothing-{number - 1}"]} if number else {}),
        }
        for number in range(tasks)
    ]
    return yaml.safe_dump(
        {
            "apiVersion": "tekton.dev/v1",
            "kind": "Pipeline",
            "metadata": {"name": FLOOR, "namespace": PIPELINES},
            "spec": {
                "params": [{"name": "image", "type": "string"}],
                "workspaces": [{"name": "shared-workspace"}],
                "tasks": steps,
            },
        }
    )


def restricted() -> dict[str, object]:
    """The security context of our own Tasks."""
    task = yaml.safe_load((ROOT / "tekton" / "task-fetch-values.yaml").read_text())
    context: dict[str, object] = task["spec"]["stepTemplate"]["securityContext"]
    return context


def measure(product: Product) -> dict[str, list[float]]:
    """Run floor and pipeline in turn; seconds of each round."""
    seconds: dict[str, list[float]] = {"floor": [], "pipeline": []}
    for number in range(ROUNDS + 1):
        product.clean()
        floor = product.wait(
            product.start(
                {"image": product.image},
                pipeline=FLOOR,
                workspaces={"shared-workspace": BOTH["shared-workspace"]},
                defaults=False,
            )
        )
        ours = product.succeed({"deploy-mode": "job"})
        if number:  # the first round warms up
            seconds["floor"].append(floor.seconds())
            seconds["pipeline"].append(ours.seconds())
    return seconds


def main() -> int:
    """Measure, print, and say whether the aims are met."""
    testbed.up(print)
    cluster = Cluster.testbed()
    server = GitServer(GIT_URL, GIT_ROOT)
    repository = Repository.create(server, "bench", ROOT / "examples" / "values")
    with tempfile.TemporaryDirectory() as folder:
        product = install_product(cluster, repository.url, build_image(Path(folder)))
    product.defaults["values-file-path"] = "."
    cluster.apply(floor_pipeline())
    seconds = measure(product)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["pipeline"] / medians["floor"]
    print(json.dumps(seconds))
    print(f"floor {medians['floor']:.1f} s, pipeline {medians['pipeline']:.1f} s: {ratio:.2f} (aim: 0.90)")
    print()
    product.clean()
    measure_entrypoints(cluster, repository.url, product.image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
