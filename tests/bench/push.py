"""Measure the way from a push to a running workload, by stage, against a floor: `python -m tests.bench.push`.

Ours is one TaskRun (start-run) and five Tasks, two of them side by side; then the workload's pod. The floor
is a pipeline of as many do-nothing Tasks in a row over one claim, started by hand. Quoted are medians of
alternating runs, in whole seconds as Kubernetes tells them.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.__main__ import FLOOR, floor_pipeline
from tests.cluster.listener import KEYS, Listener, deployment, listening
from tests.cluster.product import BOTH, PIPELINES, WORKLOADS, Product, build_image, install
from tests.conftest import ROOT
from tests.testbed import cluster as testbed
from tests.testbed import webhooks
from tests.testbed.client import Cluster
from tests.testbed.gitserver import GitServer
from tests.testbed.layout import GIT_ROOT, GIT_URL
from tests.testbed.repositories import Repository
from tests.testbed.waiting import eventually

ROUNDS = 3
TASKS = 6
HUB = "clustersets/hub.yaml"


def seconds(text: str) -> float:
    """A time of the API server as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def task_times(product: Product, run: str) -> dict[str, tuple[float, float]]:
    """Start and end of each Task of a run."""
    found = product.cluster.get("taskruns", "-n", PIPELINES, "-l", f"tekton.dev/pipelineRun={run}")
    return {
        item["metadata"]["labels"]["tekton.dev/pipelineTask"]: (
            seconds(item["status"]["startTime"]),
            seconds(item["status"]["completionTime"]),
        )
        for item in found["items"]
    }


def push(listener: Listener, values: Repository, number: int) -> dict[str, float]:
    """Push a change and follow it; seconds of each stage."""
    product = listener.product
    hub = (ROOT / "examples" / "values" / HUB).read_text().replace("4.20.12", f"4.20.{20 + number}")
    before = set(listener.starts("github-values"))
    began = time.time()
    commit = values.push({HUB: hub})
    run = product.wait(listener.run_of(commit))
    assert run.succeeded, run.log()
    (start,) = set(listener.starts("github-values")) - before
    starter = product.cluster.get("taskrun", start, "-n", PIPELINES)
    tasks = task_times(product, run.name)
    job = run.results["workload-name"]

    def running() -> float:
        pods = product.cluster.get("pods", "-n", WORKLOADS, "-l", f"job-name={job}")["items"]
        states: list[dict[str, Any]] = [
            status["state"] for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])
        ]
        started = [s.get("running", s.get("terminated", {})).get("startedAt") for s in states]
        return min((seconds(text) for text in started if text), default=0.0)

    workload = eventually("the workload", running, timeout=60)
    created = seconds(starter["metadata"]["creationTimestamp"])
    named = seconds(run.status["startTime"])
    return {
        "push to TaskRun": max(created - began, 0.0),
        "start-run": named - created,
        **{f"  {name}": end - start for name, (start, end) in sorted(tasks.items(), key=lambda t: t[1])},
        "pipeline": seconds(run.status["completionTime"]) - named,
        "push to workload": workload - began,
    }


def floor(product: Product) -> float:
    """Seconds of as many Tasks that do nothing."""
    run = product.wait(
        product.start(
            {"image": product.image},
            pipeline=FLOOR,
            workspaces={"shared-workspace": BOTH["shared-workspace"]},
            defaults=False,
        )
    )
    return run.seconds()


def main() -> int:
    """Measure and print."""
    testbed.up(print)
    cluster = Cluster.testbed()
    values = Repository.create(GitServer(GIT_URL, GIT_ROOT), "bench-push", ROOT / "examples" / "values")
    with tempfile.TemporaryDirectory() as folder:
        product = install(cluster, values.url, build_image(Path(folder)))
    cluster.apply(floor_pipeline(TASKS))
    runs = {"deployment": deployment(values, deploy_mode="job")}
    floors, stages = [], []
    with listening(product, runs) as listener:
        webhooks.install(values, f"{listener.url}/values", KEYS["github-values"])
        for number in range(ROUNDS + 1):
            product.clean()
            nothing, ours = floor(product), push(listener, values, number)
            if number:  # the first round warms up
                floors.append(nothing)
                stages.append(ours)
    medians = {name: statistics.median(round_[name] for round_ in stages) for name in stages[0]}
    print(json.dumps({"floor": floors, "rounds": stages}))
    for name, value in medians.items():
        print(f"{name:35} {value:6.1f} s")
    lowest = statistics.median(floors)
    print(f"{f'floor: {TASKS} Tasks that do nothing':35} {lowest:6.1f} s")
    print(f"ratio {medians['push to workload'] / lowest:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
