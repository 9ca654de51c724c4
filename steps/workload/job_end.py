"""Wait for the end of a Job."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from steps.cluster import Cluster, KubernetesObject

log = logging.getLogger("steps.workload")

PAUSE: Final = 3.0
"""Seconds between two looks."""
RUNS: Final = "Running"


def wait_for_job(cluster: Cluster, name: str, namespace: str, *, timeout: float) -> str:
    """Return how a Job ended, `Complete` or `Failed`.

    `Running` where it still does after `timeout` seconds; empty where it is gone.
    """
    deadline = time.monotonic() + timeout
    told = False
    while True:
        state = state_of(cluster.get("Job", name, namespace))
        if state != RUNS or time.monotonic() >= deadline:
            return state
        if not told:
            log.info("waiting for Job %s/%s to end", namespace, name)
            told = True
        time.sleep(max(0.0, min(PAUSE, deadline - time.monotonic())))


def state_of(job: KubernetesObject | None) -> str:
    """Return `Complete`, `Failed` or `Running`; empty for none."""
    if job is None:
        return ""
    conditions = (job.get("status") or {}).get("conditions") or []
    ended = {one["type"] for one in conditions if one.get("status") == "True"}
    return next((state for state in ("Complete", "Failed") if state in ended), RUNS)
