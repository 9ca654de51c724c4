"""From what the cluster shows of a starting workload to a verdict: it runs, it cannot, or too early (pure).

What may heal by itself, such as a node that the autoscaler is about to add, becomes an error only when the
time is up; what cannot heal becomes one at once.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import StartError
from steps.workload import symptoms
from steps.workload.symptoms import diagnose, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steps.cluster import KubernetesObject
    from steps.workload.settings import Settings

_NORMAL_WAITS = {"ContainerCreating", "PodInitializing"}
_PULL_TROUBLES = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was read at one moment; `events` are those of the workload, its pod and its claim."""

    workload: KubernetesObject | None
    pod: KubernetesObject | None = None
    claim: KubernetesObject | None = None
    events: Sequence[KubernetesObject] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """The container runs, or (`finished`) has run and ended well."""

    finished: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet; `error` is what to raise if this is still so when the time is up, None if that is no fault."""

    what: str
    error: StartError | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot succeed without somebody's help."""

    error: StartError


Verdict = Started | Waiting | Failed


def judge(seen: Observation, settings: Settings) -> Verdict:
    """Judge one observation of the workload that `settings` describe."""
    if seen.workload is None:
        return Failed(
            StartError(
                "the workload was deleted while it started", "start the run again, and only one at a time"
            )
        )
    kind = str(seen.workload["kind"])
    if seen.pod is None:
        return _without_pod(seen, settings, kind)
    statuses = seen.pod.get("status", {}).get("containerStatuses") or [{}]
    state, last = statuses[0].get("state") or {}, statuses[0].get("lastState") or {}
    if "running" in state:
        return Started(finished=False)
    ended = state.get("terminated") or (last.get("terminated") if "waiting" in state else None)
    if ended:
        return _ended(ended, seen.pod, settings, kind)
    waiting = state.get("waiting") or {}
    if waiting.get("reason", "ContainerCreating") not in _NORMAL_WAITS:
        return _stuck(waiting, seen, settings, kind)
    return _unstarted(seen, settings, kind)


def _without_pod(seen: Observation, settings: Settings, kind: str) -> Verdict:
    """No pod: its controller says why, a Job's in events, a Deployment's in a condition."""
    workload = seen.workload or {}
    conditions = {
        c["type"]: c for c in workload.get("status", {}).get("conditions") or [] if c["status"] == "True"
    }
    if "Complete" in conditions:
        return Started(finished=True)
    if "Failed" in conditions:
        failed = conditions["Failed"]
        return Failed(
            StartError(
                f"the {kind} failed: {one_line(failed.get('message') or failed.get('reason', ''))}",
                f"read 'oc describe {kind.lower()} {workload['metadata']['name']} -n {settings.namespace}'",
            )
        )
    messages = _messages(seen.events, "FailedCreate")
    replicas = conditions.get("ReplicaFailure")
    if replicas and workload["status"].get("observedGeneration") == workload["metadata"].get("generation"):
        messages.append(replicas.get("message", ""))
    return _from_messages(symptoms.CREATION, messages, settings, kind) or Waiting("its pod to be created")


def _ended(ended: dict[str, Any], pod: KubernetesObject, settings: Settings, kind: str) -> Verdict:
    """The container ended; `mirror` leaves reason and hint as its last words."""
    code = ended.get("exitCode")
    if code == 0:
        return Started(finished=True)
    log = f"read 'oc logs {pod['metadata']['name']} -n {settings.namespace}'"
    if ended.get("reason") == "OOMKilled":
        reason = f"the {kind}'s container was killed: it needs more than {settings.memory} of memory"
        return Failed(StartError(reason, "give it more with the parameter memory"))
    words = ended.get("message") or ""
    if ended.get("reason") in {"StartError", "ContainerCannotRun"}:
        return _from_messages(symptoms.RUNNING, [words], settings, kind) or Waiting("its container to start")
    reason, hint = _last_words(words)
    return Failed(
        StartError(
            f"the {kind}'s container ended with exit code {code}" + (f": {reason}" if reason else ""),
            hint or log,
        )
    )


def _last_words(message: str) -> tuple[str, str | None]:
    """Reason and hint out of a termination message: of a run's record, two lines, or the end of a log."""
    with suppress(ValueError, AttributeError, TypeError):
        record = json.loads(message)
        return one_line(str(record["message"])), one_line(str(record["hint"])) or None
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith("ERROR: "):
            after = lines[index + 1] if index + 1 < len(lines) else ""
            hint = after.removeprefix("hint: ") if after.startswith("hint: ") else None
            return one_line(lines[index].removeprefix("ERROR: ")), hint
    if len(lines) == 2:
        return one_line(lines[0]), one_line(lines[1])
    return one_line(" | ".join(lines[-3:])), None


def _stuck(waiting: dict[str, Any], seen: Observation, settings: Settings, kind: str) -> Verdict:
    """The kubelet holds the container back and says why."""
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL_TROUBLES:
        # Before 1.31 the back-off does not repeat the cause; the event does.
        said = message if "desc =" in message else " ".join([message, *_messages(seen.events, "Failed")[-1:]])
        verdict = _from_messages(symptoms.PULLING, [f"{reason}: {said}"], settings, kind)
    elif reason == "CreateContainerConfigError":
        verdict = _from_messages((*symptoms.MOUNTING[:3], *symptoms.RUNNING), [message], settings, kind)
    else:
        verdict = _from_messages(symptoms.RUNNING, [f"{reason}: {message}"], settings, kind)
    return verdict or Waiting(f"{reason}: {one_line(message)}")


def _unstarted(seen: Observation, settings: Settings, kind: str) -> Verdict:
    """No container yet: the claim, the scheduler or a mount may be why; else it is only slow."""
    pod = seen.pod or {}
    conditions = {c["type"]: c for c in pod.get("status", {}).get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "True":
        troubles, table = _messages(seen.events, "FailedMount", "FailedAttachVolume"), symptoms.MOUNTING
        waiting = Waiting("its image to be pulled and its volumes to be mounted")
        return _from_messages(table, troubles, settings, kind) or waiting
    verdict: Verdict | None = None
    if seen.claim is not None and seen.claim.get("status", {}).get("phase") != "Bound":
        troubles = _messages(seen.events, "FailedBinding", "ProvisioningFailed")
        verdict = _from_messages(symptoms.CLAIM, troubles, settings, kind)
    if verdict is None and scheduled.get("reason") == "Unschedulable":
        verdict = _from_messages(symptoms.SCHEDULING, [scheduled.get("message", "")], settings, kind)
    return verdict or Waiting("its pod to be scheduled")


def _messages(events: Iterable[KubernetesObject], *reasons: str) -> list[str]:
    return [event.get("message") or "" for event in events if event.get("reason") in reasons]


def _from_messages(
    table: tuple[symptoms.Symptom, ...], messages: Sequence[str], settings: Settings, kind: str
) -> Verdict | None:
    """The worst that any message tells: Failed before Waiting; None if no symptom fits."""
    waiting: Waiting | None = None
    for message in messages:
        found = diagnose(table, message, settings, kind)
        if found is None:
            continue
        symptom, error = found
        if not symptom.heals:
            return Failed(error)
        waiting = Waiting(one_line(message) or error.reason, None if symptom.harmless else error)
    return waiting
