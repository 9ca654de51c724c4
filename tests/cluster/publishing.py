"""What it takes to publish to Git on a cluster: a repository at Gitea, a Secret, an ImageSet."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cluster.mirrors import imageset, push_source
from tests.cluster.product import PIPELINES, WORKLOADS, Product, Run
from tests.testbed.gitea import OWNER, Gitea
from tests.testbed.registry import Registry

VALUES = "# The fleet\nmanagedClusterSets:\n  managed:\n    labels:\n      odf: 'true'  # storage\n"
MIRRORING = {
    "workflow": "workflow-direct",
    "imageset-configmap": "oc-mirror-mine",
    "source-tls-verify": "false",
    "destination-tls-verify": "false",
    "publish-to-git": "true",
}
ACCOUNTS = {"publish-to-git": "oc-mirror-publish"}


@dataclass
class Publishing:
    """A product whose runs mirror `source` and propose what they have mirrored."""

    product: Product
    server: Gitea
    url: str
    source: str
    token: str

    @classmethod
    def prepare(
        cls, product: Product, server: Gitea, url: str, registry: Registry, folder: Path
    ) -> Publishing:
        """Make the Secrets, and the ConfigMap with the ImageSet, for the repository `values` at `url`."""
        server.user("robot")
        server.api("PUT", f"repos/{OWNER}/values/collaborators/robot", {"permission": "write"})
        token = server.token("publish", "write:repository", user="robot")
        keys = {"username": "robot", "password": token, "url": url}
        literals = [f"--from-literal={key}={value}" for key, value in keys.items()]
        kubectl = product.cluster.kubectl
        kubectl("create", "secret", "generic", "oc-mirror-git-write", *literals, "-n", PIPELINES)
        kubectl("create", "secret", "generic", "values-git-auth", *literals[:2], "-n", PIPELINES)
        source = push_source(registry)
        (folder / "imageset.yaml").write_text(imageset(source, "team/app:v1", "team/db:v1"))
        mine = f"--from-file=imageset.yaml={folder / 'imageset.yaml'}"
        kubectl("create", "configmap", "oc-mirror-mine", mine, "-n", WORKLOADS)
        return cls(product, server, url, source, token)

    def target(self) -> str:
        """A new target."""
        return f"{self.product.cluster.registry}/publish-{uuid.uuid4().hex[:8]}"

    def parameters(self, target: str) -> dict[str, str]:
        """What both pipelines take."""
        return {
            "values-git-url": self.url,
            "values-file-path": "values.yaml",
            "target-registry": target,
            "publish-for": "managed",
            "publish-ca-ref": "bundle:ca.crt",
            "publish-forge": "gitea",
        }

    def mirror(self, target: str) -> Run:
        """Run the deployment pipeline, up to the request."""
        return self.product.succeed(self.parameters(target) | MIRRORING, accounts=ACCOUNTS)

    def requests(self) -> list[dict[str, Any]]:
        """The open requests, the newest first."""
        found: list[dict[str, Any]] = self.server.api("GET", f"repos/{OWNER}/values/pulls?state=open")
        return sorted(found, key=lambda one: -int(one["number"]))

    def withdraw(self, request: dict[str, Any]) -> None:
        """Close a request and delete its branch: the next run proposes it again."""
        here = f"repos/{OWNER}/values"
        self.server.api("PATCH", f"{here}/pulls/{request['number']}", {"state": "closed"})
        self.server.api("DELETE", f"{here}/branches/{request['head']['ref']}")

    def times(self, run: Run, request: dict[str, Any]) -> tuple[float, float]:
        """Seconds from the start of a run to the end of its Job, and to the request."""
        job = self.product.get("job", run.results["workload-name"])["status"]
        began = seconds(run.status["startTime"])
        return seconds(job["completionTime"]) - began, seconds(request["created_at"]) - began


def seconds(text: str) -> float:
    """A time of a server as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()
