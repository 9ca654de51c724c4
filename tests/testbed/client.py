"""What a test holds in its hands: a cluster with Tekton, the testbed's own or one it was pointed to."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.testbed import control
from tests.testbed.layout import BIN, KUBECONFIG, NODE_ADDRESS, REGISTRY, TestbedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Completed = subprocess.CompletedProcess[str]
_NOT_AT_HAND = "unable to retrieve container logs"
"""What the node answers in a log's place for a moment, while a container that has ended is put away."""


@dataclass(frozen=True)
class Cluster:
    """How to speak to a cluster. `registry` and `node_address` are empty where it is not the testbed."""

    kubeconfig: Path
    registry: str = ""
    node_address: str = ""

    @staticmethod
    def testbed() -> Cluster:
        """The cluster that `tests.testbed` starts."""
        return Cluster(KUBECONFIG, REGISTRY, NODE_ADDRESS)

    @property
    def env(self) -> dict[str, str]:
        """The environment for programs that are to reach this cluster."""
        path = f"{BIN}:{os.environ['PATH']}" if self.registry else os.environ["PATH"]
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        check: bool = True,
        timeout: float = 300,
    ) -> Completed:
        """Run kubectl; a failure tells what kubectl said. A log that is not at hand is asked for again."""
        deadline = time.monotonic() + 10
        while True:
            done = self._run(["kubectl", *args], input, check, timeout)
            if "logs" not in args or _NOT_AT_HAND not in done.stdout or time.monotonic() > deadline:
                return done
            time.sleep(0.5)

    def tkn(self, *args: str, check: bool = True, timeout: float = 300) -> Completed:
        """Run Tekton's command line."""
        return self._run(["tkn", *args], None, check, timeout)

    def get(self, *args: str) -> Any:
        """The parsed answer of `kubectl get … -o json`."""
        return json.loads(self.kubectl("get", *args, "-o", "json").stdout)

    def apply(self, manifest: str, *args: str, patience: float = 60) -> Completed:
        """Apply server-side, again for a while if a webhook that is rolling out cannot be reached."""
        deadline = time.monotonic() + patience
        while True:
            done = self.kubectl("apply", "--server-side", "-f", "-", *args, input=manifest, check=False)
            unreachable = "connection refused" in done.stderr or "failed calling webhook" in done.stderr
            if not done.returncode or not unreachable or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        if done.returncode:
            raise TestbedError(f"kubectl apply: {done.stderr.strip()}")
        return done

    def create_namespace(
        self, name: str = "", *, prefix: str = "test", labels: Mapping[str, str] | None = None
    ) -> str:
        """A new namespace, with a name of its own unless one is asked for; its default account exists.

        One of that name which is still there is deleted first, with everything in it.
        """
        name = name or f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait", "--timeout=120s")
        metadata = {"name": name, "labels": dict(labels or {})}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self.kubectl("create", "-f", "-", input=json.dumps(body))
        created = "--for=create", "serviceaccount/default", "-n", name
        self.kubectl("wait", *created, "--timeout=30s")
        return name

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace in the background."""
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")

    def restart_apiserver(self, outage: float = 0) -> None:
        """Kill the API server and start it again `outage` seconds later; only the testbed's own."""
        if not self.registry:
            raise TestbedError("only the testbed's API server can be restarted")
        control.restart_apiserver(outage)

    def _run(self, argv: list[str], stdin: str | None, check: bool, timeout: float) -> Completed:
        done = subprocess.run(
            argv, input=stdin, env=self.env, capture_output=True, text=True, check=False, timeout=timeout
        )
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()[-4000:]
            raise TestbedError(f"{' '.join(argv)}: exit code {done.returncode}\n{said}")
        return done
