"""Turns: of the runs with the same name at most one is in progress, and it is for the newest commit.

A run starts only for the commit at the head of its branch at that moment, so of fifty pushes forty-nine are
superseded, in whatever order their events arrive. The check and the start are a critical section under a
Lease: a run for an older commit never starts after, or beside, a run for a newer commit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.cluster import Lease
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
                self._lease.release()

    def _acquire(self) -> bool:
        found = self._lease.read()
        if found and self._lease.other_holder(found) and self._lease.age(found) <= LEASE_SECONDS:
            return False
        return self._lease.take(found)

    @property
    def _lease(self) -> Lease:
        return Lease(
            cluster=self.cluster,
            name=f"oc-mirror-run-{self.run}",
            namespace=self.namespace,
            holder=self.holder,
            seconds=LEASE_SECONDS,
            labels=names.labels("run"),
        )
