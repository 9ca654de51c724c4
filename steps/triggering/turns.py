"""Whose turn it is: of the runs of one name one is under way at most, and only the newest commit has a turn.

A run goes on only for the commit that its branch ends in at that moment, so of fifty pushes forty-nine are
superseded, in whatever order their events arrive. The check and the start are one critical section (a Lease):
a run for an older commit can never begin after, or beside, one for a newer.
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
"""After which a holder counts as dead: its critical section takes a few seconds."""


def finished(run: KubernetesObject) -> bool:
    """Whether a PipelineRun has ended, however."""
    return outcome(run) in {"True", "False"}


def outcome(run: KubernetesObject) -> str:
    """`True` (succeeded), `False` (failed or cancelled), `Unknown` (under way)."""
    conditions = (run.get("status") or {}).get("conditions") or []
    return next((c["status"] for c in conditions if c["type"] == "Succeeded"), "Unknown")


def runs_of(cluster: Cluster, run: str, namespace: str) -> list[KubernetesObject]:
    """All PipelineRuns that events have started for `run`, ended or not."""
    return cluster.list("PipelineRun", namespace, labels=f"{LABEL}={run}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to start a run of one name, held by one process at a time."""

    cluster: Cluster
    run: str
    namespace: str
    holder: str

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Try to take the Lease; give whether it is ours until the end of the block."""
        ours = self._take()
        try:
            yield ours
        finally:
            if ours:
                self._release()

    def _take(self) -> bool:
        lease = self.cluster.get("Lease", self._name, self.namespace)
        if lease is None:
            return self.cluster.create_if_missing(self._lease(self.holder))
        if lease["spec"].get("holderIdentity") not in {None, "", self.holder} and not _expired(lease):
            return False
        wanted = self._lease(self.holder)
        # Only if nobody else was faster.
        wanted["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
        try:
            self.cluster.apply(wanted)
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
