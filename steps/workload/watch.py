"""Look at a workload until it runs, cannot, or the time is up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from steps.workload.pod import TEMPLATE_LABEL
from steps.workload.verdict import Failed, Observation, Started, Waiting, judge

if TYPE_CHECKING:
    from steps.cluster import Cluster, KubernetesObject
    from steps.workload.settings import Settings

log = logging.getLogger("steps.workload")

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


def watch_start(
    cluster: Cluster, workload: KubernetesObject, settings: Settings, *, timeout: float, to_end: bool = False
) -> Started | Waiting:
    """Wait until the workload's first container runs, or with `to_end` until it has ended well.

    Returns what it still waits for when `timeout` seconds are over and nothing speaks against success.
    Raises StartError if it cannot succeed, or is still stuck at the end of that time.
    """
    deadline = time.monotonic() + timeout
    pause, told = SHORTEST_PAUSE, ""
    while True:
        verdict = judge(observe(cluster, workload, settings), settings)
        if isinstance(verdict, Started):
            if verdict.finished or not to_end:
                return verdict
            verdict = Waiting("its container to end")
        if isinstance(verdict, Failed):
            raise verdict.error
        if time.monotonic() >= deadline:
            if verdict.error is not None:
                raise verdict.error
            return verdict
        if verdict.what != told:
            told = verdict.what
            log.info("waiting for %s", told)
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.3, LONGEST_PAUSE)


def wait_until_gone(cluster: Cluster, gone: KubernetesObject, *, timeout: float) -> bool:
    """Wait until a deleted object, and with it all its pods, is gone; False if the time was too short."""
    deadline = time.monotonic() + timeout
    while cluster.get(gone["kind"], gone["metadata"]["name"], gone["metadata"]["namespace"]) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.5)
    return True


def observe(cluster: Cluster, workload: KubernetesObject, settings: Settings) -> Observation:
    """Read what `judge` needs: events only while no container has started, the claim if unscheduled."""
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
    """The pod of this Job, or of this very template of the Deployment; not one that is on its way out."""
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
