"""start-run on the real API server, with the rights of tekton/triggers, and real Git: whose turn it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.lab import make_account
from tests.conftest import ROOT
from tests.testbed import images
from tests.testbed.client import Cluster
from tests.testbed.repositories import Repository

PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: pipeline}
spec:
  params: [{name: git-url}, {name: git-revision}, {name: code}, {name: seconds}]
  tasks:
    - name: task
      params: [{name: code, value: $(params.code)}, {name: seconds, value: $(params.seconds)}]
      taskSpec:
        params: [{name: code}, {name: seconds}]
        steps:
          - {name: end, image: %s, command: [sh, -c], args: ["sleep $(params.seconds); exit $(params.code)"]}
"""


@dataclass
class Yard:
    """A namespace with one Pipeline, which takes some seconds, and one template for it."""

    cluster: Cluster
    namespace: str
    repository: Repository
    kubeconfig: Path
    results: Path

    def describe(self, code: int = 0, seconds: int = 3) -> None:
        """Write the template; the Pipeline's Task ends with `code` after so many seconds."""
        params = {
            "git-url": self.repository.url,
            "git-revision": "main",
            "code": str(code),
            "seconds": str(seconds),
        }
        spec = {
            "pipelineRef": {"name": "pipeline"},
            "params": [{"name": name, "value": value} for name, value in params.items()],
        }
        data = {"work.yaml": yaml.safe_dump({"kind": "PipelineRun", "spec": spec})}
        self.cluster.apply(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "oc-mirror-triggered-runs", "namespace": self.namespace},
                    "data": data,
                }
            )
        )

    def start(self, commit: str, *, holder: str = "me", timeout: str = "150s") -> tuple[int, str, str]:
        """Run start-run; its exit code, the result `state`, and its log."""
        state = self.results / f"state-{holder}"
        state.unlink(missing_ok=True)
        arguments = [
            "--run=work",
            f"--commit={commit}",
            f"--pipeline-namespace={self.namespace}",
            f"--holder={holder}",
            f"--turn-timeout={timeout}",
            f"--result-state={state}",
        ]
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("start-run")), *arguments],
            env={**environment, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        return done.returncode, state.read_text() if state.is_file() else "", done.stderr

    def runs(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.cluster.get("pipelineruns", "-n", self.namespace)["items"]
        return items

    def lease(self, holder: str, age: int) -> None:
        """Have somebody hold the Lease since `age` seconds."""
        renewed = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "oc-mirror-run-work", "namespace": self.namespace},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 120, "renewTime": renewed},
        }
        self.cluster.apply(json.dumps(lease), "--force-conflicts")


@pytest.fixture
def yard(
    cluster: Cluster,
    namespace: str,
    make_repository: Callable[[str, Path], Repository],
    tmp_path: Path,
) -> Yard:
    rules = next(
        document["rules"]
        for document in yaml.safe_load_all((ROOT / "tekton" / "triggers" / "10-rbac.yaml").read_text())
        if document["kind"] == "Role" and document["metadata"]["name"] == "oc-mirror-starter"
    )
    kubeconfig = make_account(cluster, namespace, tmp_path, rules=rules)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file").write_text("one")
    repository = make_repository("start-run", tmp_path / "files")
    cluster.apply(PIPELINE % images.SHELL, "-n", namespace)
    made = Yard(cluster, namespace, repository, kubeconfig, tmp_path)
    made.describe()
    return made


def test_of_eight_starts_at_once_one_starts_and_the_others_find_its_run(yard: Yard) -> None:
    commit = yard.repository.head()
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(lambda number: yard.start(commit, holder=f"start-{number}"), range(8)))
    assert [code for code, _, _ in answers] == [0] * 8, answers
    assert sorted(state for _, state, _ in answers) == ["existing"] * 7 + ["started"]
    assert len(yard.runs()) == 1


def test_a_newer_commit_waits_for_the_run_before_and_an_older_one_has_no_turn(yard: Yard) -> None:
    old = yard.repository.head()
    yard.describe(seconds=10)  # it still runs when the second start looks
    assert yard.start(old)[1] == "started"
    new = yard.repository.push({"file": "two"})
    code, state, log = yard.start(new)
    assert (code, state) == (0, "started"), log
    assert "Waiting for oc-mirror-work-" in log
    first, second = sorted(yard.runs(), key=lambda run: str(run["metadata"]["creationTimestamp"]))
    assert first["status"]["completionTime"] <= second["metadata"]["creationTimestamp"]
    assert yard.start(old)[1] == "superseded"


def test_a_branch_that_is_set_back_gets_its_old_state_again(yard: Yard) -> None:
    """The run of that commit is there, but another came after it."""
    first = yard.repository.head()
    assert yard.start(first)[1] == "started"
    second = yard.repository.push({"file": "two"})
    assert yard.start(second)[1] == "started"
    subprocess.run(["git", "update-ref", "refs/heads/main", first], cwd=yard.repository.bare, check=True)
    code, state, log = yard.start(first)
    assert (code, state) == (0, "started"), log
    assert len(yard.runs()) == 3


def test_a_run_that_failed_makes_way_for_another(yard: Yard) -> None:
    yard.describe(code=1)
    commit = yard.repository.head()
    assert yard.start(commit)[1] == "started"
    (run,) = yard.runs()
    name = run["metadata"]["name"]
    failed = ("wait", "--for=condition=Succeeded=false", f"pipelinerun/{name}", "-n", yard.namespace)
    yard.cluster.kubectl(*failed, "--timeout=240s")
    assert yard.start(commit)[1] == "started"
    assert {run["metadata"]["name"] for run in yard.runs()} == {name, f"{name}-2"}


def test_a_turn_is_waited_for_while_its_holder_lives_and_taken_from_the_dead(yard: Yard) -> None:
    yard.lease("somebody", age=1)
    code, _, log = yard.start(yard.repository.head(), timeout="2s")
    assert code == 5, log
    assert "has not come within 2 s: another start of 'work' is under way" in log
    assert not yard.runs()
    yard.lease("somebody", age=600)
    assert yard.start(yard.repository.head())[1] == "started"
    lease = yard.cluster.get("lease", "oc-mirror-run-work", "-n", yard.namespace)
    assert not lease["spec"].get("holderIdentity")


def test_what_is_not_described_is_not_started(yard: Yard) -> None:
    yard.cluster.kubectl("delete", "configmap", "oc-mirror-triggered-runs", "-n", yard.namespace)
    code, _, log = yard.start(yard.repository.head())
    assert code in {4, 10}
    assert "hint: " in log
    assert "Traceback" not in log
