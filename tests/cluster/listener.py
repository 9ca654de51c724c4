"""tekton/triggers/ as a user sets it up, and what became of the events that it got."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from tests.cluster.product import PIPELINES, TASK_IMAGE, Product, permit, security_context
from tests.conftest import ROOT
from tests.testbed import images
from tests.testbed.repositories import Repository
from tests.testbed.waiting import eventually

TRIGGERS = ROOT / "tekton" / "triggers"
_PUSHES = [f"{server}-{path}" for server in ("github", "gitlab", "gitea") for path in ("values", "source")]
KEYS = {name: f"{name}-{uuid.uuid4().hex}" for name in (*_PUSHES, "schedule")}


@dataclass(frozen=True)
class Listener:
    """tekton/triggers/ as a user sets it up."""

    product: Product
    url: str

    def started(self, kind: str, selector: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.product.cluster.get(kind, "-n", PIPELINES, "-l", selector)["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def starts(self, trigger: str) -> list[str]:
        """The TaskRuns that a trigger has made."""
        return [
            t["metadata"]["name"]
            for t in self.started("taskruns", f"triggers.tekton.dev/trigger=oc-mirror-{trigger}")
        ]

    def all_starts(self) -> set[str]:
        return {
            t["metadata"]["name"]
            for t in self.started("taskruns", "triggers.tekton.dev/eventlistener=oc-mirror")
        }

    def runs(self, run: str = "deployment") -> list[dict[str, Any]]:
        return self.started("pipelineruns", f"oc-mirror-pipeline/run={run}")

    def run_of(self, commit: str, run: str = "deployment", seconds: float = 600) -> str:
        """Wait for the run of a commit; return its name."""
        return str(
            eventually(
                f"the run of {commit}",
                lambda: next(
                    (
                        r["metadata"]["name"]
                        for r in self.runs(run)
                        if r["metadata"]["annotations"]["oc-mirror-pipeline/commit"] == commit
                    ),
                    "",
                ),
                timeout=seconds,
            )
        )

    def state(self, start: str, seconds: float = 600) -> str:
        """Wait for a start to end; what became of it, `failed` where it failed."""

        def ended() -> str:
            run = self.product.cluster.get("taskrun", start, "-n", PIPELINES)
            condition = (run.get("status", {}).get("conditions") or [{}])[0]
            if condition.get("status") == "False":
                return "failed"
            return next(
                (r["value"] for r in run.get("status", {}).get("results", []) if r["name"] == "state"), ""
            )

        return str(eventually(f"the end of {start}", ended, timeout=seconds))


def templates(given: Mapping[str, Mapping[str, Any]], accounts: Mapping[str, str]) -> str:
    """20-runs.yaml as a user edits it: parameters, accounts of Tasks, what plain Kubernetes needs."""
    configmap = yaml.safe_load((TRIGGERS / "20-runs.yaml").read_text())
    for run, parameters in given.items():
        document = yaml.safe_load(configmap["data"][f"{run}.yaml"])
        own = {p["name"]: p["value"] for p in document["spec"]["params"]}
        own |= parameters
        document["spec"]["params"] = [{"name": name, "value": value} for name, value in own.items()]
        document["spec"]["taskRunTemplate"]["podTemplate"] = {"securityContext": security_context()}
        document["spec"].setdefault("taskRunSpecs", []).extend(
            {"pipelineTaskName": task, "serviceAccountName": account} for task, account in accounts.items()
        )
        configmap["data"][f"{run}.yaml"] = yaml.safe_dump(document)
    return json.dumps(configmap)


def deployment(values: Repository, **changes: str) -> dict[str, str]:
    """The parameters of a deployment of `examples/values`."""
    usual = {
        "values-git-url": values.url,
        "values-file-path": ".",
        "storage-size": "1Gi",
        "catalog-check": "off",
    }
    return usual | {name.replace("_", "-"): value for name, value in changes.items()}


@contextmanager
def listening(
    product: Product, runs: Mapping[str, Mapping[str, Any]], accounts: Mapping[str, str] | None = None
) -> Iterator[Listener]:
    """Set tekton/triggers/ up, with its keys; `accounts` are those of Tasks of these runs."""
    cluster = product.cluster
    literals = [f"--from-literal={name}={key}" for name, key in KEYS.items()]
    cluster.kubectl("create", "secret", "generic", "oc-mirror-webhook-keys", *literals, "-n", PIPELINES)
    cluster.kubectl("apply", "-f", str(TRIGGERS))
    # As docs/how-to/triggers.md says: the images of the build come from another registry here.
    repositories = [one.rpartition(":")[0] for one in (TASK_IMAGE, images.BASE, images.BUILDER)]
    permit(cluster, PIPELINES, "task-images", *repositories)
    try:
        cluster.apply(templates(runs, accounts or {}), "--force-conflicts")
        ready = ("wait", "--for=condition=Ready", "eventlistener/oc-mirror", "-n", PIPELINES)
        cluster.kubectl(*ready, "--timeout=240s")
        address = product.get("service", "el-oc-mirror", PIPELINES)["spec"]["clusterIP"]
        found = Listener(product, f"http://{address}:8080")
        eventually("the EventListener", lambda: answers(f"{found.url}/live"), timeout=240)
        yield found
    finally:
        cluster.kubectl("delete", "-f", str(TRIGGERS), "--ignore-not-found", "--wait=false")


def answers(url: str) -> bool:
    """Whether the listener lives."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
