"""CPU seconds of each entrypoint, the interpreter's start and its own work included."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.testbed.client import Cluster

AIM = 0.5
ROUNDS = 5


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """User and system seconds of one run, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def result_of(command: list[str], name: str, environment: dict[str, str]) -> str:
    """Run an entrypoint for one of its results, as the next Task gets it."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, name)
        subprocess.run(
            [*command, f"--result-{name}={result}"], env=environment, check=True, capture_output=True
        )
        return result.read_text()


def measure_entrypoints(cluster: Cluster, url: str, image: str) -> None:
    """Print the median of each entrypoint against the cluster's API server."""
    scripts = ROOT / ".venv" / "bin"
    environment = {**cluster.env, "PATH": f"{scripts}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as workspace:
        values = [f"--values-git-url={url}", "--values-file-path=.", f"--workspace={workspace}"]
        commit = result_of([str(scripts / "fetch-values"), *values], "commit", environment)
        fetched = [*values, f"--values-git-revision={commit}"]
        generate = [str(scripts / "generate-or-use-imageset"), *fetched]
        sha256 = result_of(generate, "imageset-sha256", environment)
        digest = "sha256:" + "0" * 64
        commands = {
            "fetch-values": values,
            "get-current-image": ["--pipeline-namespace=oc-mirror-pipeline"],
            "generate-or-use-imageset": fetched,
            "create-deployment-configmaps": [*fetched, f"--imageset-sha256={sha256}"],
            "update-image-configmap": [
                "--image-configmap=oc-mirror-bench",
                "--image-name=bench",
                "--image-url=quay.io/me/bench:v1",
                f"--image-digest={digest}",
                "--git-revision=main",
                "--namespace=oc-mirror-pipeline",
            ],
            # Without waiting for the pod, which is not its own work.
            "deploy-workload": [
                f"--image={image}",
                "--run-name=bench",
                "--deploy-mode=deployment",
                "--schedule=@daily",
                "--storage-size=1Gi",
                "--start-timeout=0s",
            ],
        }
        for name, arguments in commands.items():
            command = [str(Path(scripts, name)), *arguments]
            median = statistics.median(cpu_seconds(command, environment) for _ in range(ROUNDS))
            print(f"{name:30} {median:.2f} s of CPU (aim: {AIM})")
