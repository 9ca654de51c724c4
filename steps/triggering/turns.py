"""Turns: of the runs with the same name at most one is in progress, and it is for the newest commit.

A run starts only for the commit at the head of its branch at that moment, so of fifty pushes forty-nine are
superseded, in whatever order their events arrive. The check and the start are a critical section under a
Lease: a run for an older commit never starts after, or beside, a run for a newer commit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from steps.errors import ConflictError
from steps.triggering.templates import LABEL
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.cluster import Cluster, KubernetesObject

LEASE_SECONDS = 120
"""Seconds after which a holder of the Lease counts as dead: its critical section takes a few seconds."""


def finished(run: KubernetesObject) -> bool:
    """Tell whether a PipelineRun has ended, with success or without."""
    return outcome(run) in {"True", "False"}


def outcome(run: KubernetesObject) -> str:
    """Return the status of condition Succeeded.

    `True`, `False` (failed or cancelled), `Unknown` (in progress).
    """
    conditions = (run.get("status") or {}).get("conditions") or []
    return next((c["status"] for c in conditions if c["type"] == "Succeeded"), "Unknown")


def runs_of(cluster: Cluster, run: str, namespace: str) -> list[KubernetesObject]:
    """Return all PipelineRuns that events have started for `run`, ended or not."""
    return cluster.list("PipelineRun", namespace, labels=f"{LABEL}={run}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to start the run named `run`, which a single process (`holder`) has at a time."""

    cluster: Cluster
    run: str
    namespace: str
    holder: str

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Try to acquire the Lease until the end of the block; yield whether it was acquired."""
        acquired = self._acquire()
        try:
            yield acquired
        finally:
            if acquired:
                self._release()

    def _acquire(self) -> bool:
        lease = self.cluster.get("Lease", self._name, self.namespace)
        if lease is None:
            return self.cluster.create_if_missing(self._lease(self.holder))
        if lease["spec"].get("holderIdentity") not in {None, "", self.holder} and not _expired(lease):
            return False
        renewed = self._lease(self.holder)
        # The API server refuses this version if another process has changed the Lease since.
        renewed["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
        try:
            self.cluster.apply(renewed)
        except ConflictError:
            return False
        return True

    def _release(self) -> None:
        lease = self.cluster.get("Lease", self._name, self.namespace)
        if lease and lease["spec"].get("holderIdentity") == self.holder:
            self.cluster.apply(self._lease(""))

    @property
    def _name(self) -> str:
        return f"oc-mirror-run-{self.run}"

    def _lease(self, holder: str) -> KubernetesObject:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self.namespace, "labels": names.labels("run")},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
        }


def _expired(lease: KubernetesObject) -> bool:
    renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
    return datetime.now(UTC) - renewed > timedelta(seconds=lease["spec"]["leaseDurationSeconds"])
