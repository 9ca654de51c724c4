"""Watch a workload until it has started, cannot start, or the time is up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from steps.workload.pod import TEMPLATE_LABEL
from steps.workload.startup import Failed, Observation, Started, Waiting, start_state

if TYPE_CHECKING:
    from steps.cluster import Cluster, KubernetesObject
    from steps.workload.settings import Settings

log = logging.getLogger("steps.workload")

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 2.0  # seconds between two observations


def watch_start(
    cluster: Cluster, workload: KubernetesObject, settings: Settings, *, timeout: float, to_end: bool = False
) -> Started | Waiting:
    """Wait until the workload's first container runs or, with `to_end`, has ended with exit code 0.

    Returns `Waiting` if `timeout` seconds are over and the workload may still start. Raises StartError if it
    cannot start, or if an obstacle is still there when the time is up.
    """
    deadline = time.monotonic() + timeout
    pause, logged = SHORTEST_PAUSE, ""
    while True:
        state = start_state(observe(cluster, workload, settings), settings)
        if isinstance(state, Started):
            if state.held:
                log.warning("%s", state.held)
            if state.finished or not to_end:
                return state
            state = Waiting("its container to end")
        if isinstance(state, Failed):
            raise state.error
        if time.monotonic() >= deadline:
            if state.error is not None:
                raise state.error
            return state
        if state.what != logged:
            logged = state.what
            log.info("waiting for %s", logged)
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.3, LONGEST_PAUSE)


def wait_until_gone(cluster: Cluster, gone: KubernetesObject, *, timeout: float) -> bool:
    """Wait until a deleted object and all its pods are gone; return False after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while cluster.get(gone["kind"], gone["metadata"]["name"], gone["metadata"]["namespace"]) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def observe(cluster: Cluster, workload: KubernetesObject, settings: Settings) -> Observation:
    """Read what `start_state` needs: events if no container has started, the claim if no node has the pod."""
    kind, name, namespace = workload["kind"], workload["metadata"]["name"], settings.namespace
    current = cluster.get(kind, name, namespace)
    if current is None:
        return Observation(workload=None)
    pod = _newest_pod(cluster, workload, settings)
    if pod is None:
        return Observation(workload=current, events=_events(cluster, current, namespace))
    if _has_begun(pod):
        return Observation(workload=current, pod=pod)
    events = _events(cluster, pod, namespace)
    claim = None
    if not pod["spec"].get("nodeName"):
        claim = cluster.get("PersistentVolumeClaim", settings.claim_name, namespace)
        if claim is not None:
            events += _events(cluster, claim, namespace)
    return Observation(workload=current, pod=pod, claim=claim, events=events)


def _newest_pod(cluster: Cluster, workload: KubernetesObject, settings: Settings) -> KubernetesObject | None:
    """Return the newest pod of this Job, or of this template of the Deployment, that is not being deleted."""
    if workload["kind"] == "Job":
        selector = f"job-name={workload['metadata']['name']}"
    else:
        template = workload["spec"]["template"]["metadata"]["labels"][TEMPLATE_LABEL]
        selector = f"{TEMPLATE_LABEL}={template}"
    pods = cluster.list("Pod", settings.namespace, labels=selector)
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return max(staying, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def _has_begun(pod: KubernetesObject) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    state = statuses[0].get("state") or {}
    return "running" in state or "terminated" in state


def _events(cluster: Cluster, about: KubernetesObject, namespace: str) -> list[KubernetesObject]:
    return cluster.list("Event", namespace, fields=f"involvedObject.uid={about['metadata']['uid']}")
