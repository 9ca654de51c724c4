"""Decide from what the cluster shows whether a workload has started, still waits, or cannot start (pure).

A transient obstacle, such as a node that the autoscaler has yet to add, is an error only when the time is up;
a permanent one is an error at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps import log_lines
from steps.bounded import json_of
from steps.errors import HeldError, StartError
from steps.workload import objects, symptoms
from steps.workload.symptoms import diagnose, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steps.cluster import KubernetesObject
    from steps.workload.settings import Settings

_NORMAL_REASONS = {"ContainerCreating", "PodInitializing"}
_PULL_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The objects read at the same moment; `events` are those of the workload, its pod and its claim."""

    workload: KubernetesObject | None
    pod: KubernetesObject | None = None
    claim: KubernetesObject | None = None
    events: Sequence[KubernetesObject] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """The container runs or, if `finished`, has ended with exit code 0 or, as `held` says why, is held."""

    finished: bool
    held: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The workload waits for `what`.

    `error` is to be raised if it still waits when the time is up; None if that is not a fault.
    """

    what: str
    error: StartError | None = None


class EndedError(StartError):
    """The workload's container has run and failed: the workload stays, for its log and its next attempts."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The workload cannot start unless somebody removes the cause, or has failed for good."""

    error: StartError


StartState = Started | Waiting | Failed


def start_state(seen: Observation, settings: Settings) -> StartState:
    """Return the state of the workload that `settings` describe, as observed in `seen`."""
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
        return _ended(ended, seen, settings, kind)
    waiting = state.get("waiting") or {}
    if waiting.get("reason", "ContainerCreating") not in _NORMAL_REASONS:
        return _blocked(waiting, seen, settings, kind)
    return _pending(seen, settings, kind)


def _without_pod(seen: Observation, settings: Settings, kind: str) -> StartState:
    """Return the state of a workload without a pod.

    The controller of a Job gives the reason in events, that of a Deployment in a condition.
    """
    workload, conditions = seen.workload or {}, _true_conditions(seen)
    if "Complete" in conditions:
        return Started(finished=True)
    if "Failed" in conditions:
        failed = conditions["Failed"]
        return Failed(
            EndedError(
                f"the {kind} failed: {one_line(failed.get('message') or failed.get('reason', ''))}",
                f"read 'oc describe {kind.lower()} {workload['metadata']['name']} -n {settings.namespace}'",
            )
        )
    messages = _messages(seen.events, "FailedCreate")
    replicas = conditions.get("ReplicaFailure")
    if replicas and workload["status"].get("observedGeneration") == workload["metadata"].get("generation"):
        messages.append(replicas.get("message", ""))
    return _from_messages(symptoms.CREATION, messages, settings, kind) or Waiting("its pod to be created")


def _true_conditions(seen: Observation) -> dict[str, dict[str, Any]]:
    conditions = (seen.workload or {}).get("status", {}).get("conditions") or []
    return {one["type"]: one for one in conditions if one["status"] == "True"}


def _ended(ended: dict[str, Any], seen: Observation, settings: Settings, kind: str) -> StartState:
    """Return the state of a container that has ended; its termination message has reason and hint.

    A Job tries again after most failures, and then still waits.
    """
    code = ended.get("exitCode")
    if code == 0:
        return Started(finished=True)
    if code == HeldError.exit_code:
        return Started(finished=True, held="; ".join(filter(None, _termination(ended.get("message") or ""))))
    if ended.get("reason") in {"StartError", "ContainerCannotRun"}:
        messages = [ended.get("message") or ""]
        return _from_messages(symptoms.RUNNING, messages, settings, kind) or Waiting("its container to start")
    error = _failure(ended, seen, settings, kind)
    if kind != "Job" or code in objects.PERMANENT or "Failed" in _true_conditions(seen):
        return Failed(error)
    return Waiting(f"its next attempt: {error.reason}", error)


def _failure(ended: dict[str, Any], seen: Observation, settings: Settings, kind: str) -> EndedError:
    """Return the error of a container that has run and failed."""
    if ended.get("reason") == "OOMKilled":
        reason = f"the {kind}'s container was killed: it needs more than {settings.memory} of memory"
        return EndedError(reason, "give it more with the parameter memory")
    reason, hint = _termination(ended.get("message") or "")
    said = f"the {kind}'s container ended with exit code {ended.get('exitCode')}"
    pod = (seen.pod or {}).get("metadata", {}).get("name", "")
    return EndedError(
        f"{said}: {reason}" if reason else said, hint or f"read 'oc logs {pod} -n {settings.namespace}'"
    )


def _termination(message: str) -> tuple[str, str | None]:
    """Return reason and hint of a termination message.

    It holds the record of a run as JSON, the reason and the hint on two lines, or the end of the log.
    """
    with suppress(ValueError, LookupError, TypeError):
        record = json_of(message)
        return one_line(str(record["message"])), one_line(str(record["hint"])) or None
    if found := log_lines.last_error(message):
        return one_line(found[0]), one_line(found[1]) or None
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if len(lines) == 2:
        return one_line(lines[0]), one_line(lines[1])
    return one_line(" | ".join(lines[-3:])), None


def _blocked(waiting: dict[str, Any], seen: Observation, settings: Settings, kind: str) -> StartState:
    """Return the state of a container that the kubelet does not start, from the reason that it gives."""
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    table: tuple[symptoms.Symptom, ...]
    if reason in _PULL_REASONS:
        table, text = symptoms.PULLING, f"{reason}: {_pull_message(message, seen.events)}"
    elif reason == "CreateContainerConfigError":
        table, text = symptoms.CONFIGURATION, message
    else:
        table, text = symptoms.RUNNING, f"{reason}: {message}"
    return _from_messages(table, [text], settings, kind) or Waiting(f"{reason}: {one_line(message)}")


def _pull_message(message: str, events: Iterable[KubernetesObject]) -> str:
    """Return the kubelet's message of a failed pull, with that of the newest event where it lacks the cause.

    Before Kubernetes 1.31 the message of ImagePullBackOff does not repeat the cause (`desc = …`).
    """
    return message if "desc =" in message else " ".join([message, *_messages(events, "Failed")[-1:]])


def _pending(seen: Observation, settings: Settings, kind: str) -> StartState:
    """Return the state of a pod whose container does not exist yet.

    The claim, the scheduler or a mount may be the cause; without a message of theirs it is only slow.
    """
    pod = seen.pod or {}
    conditions = {c["type"]: c for c in pod.get("status", {}).get("conditions") or []}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "True":
        messages = _messages(seen.events, "FailedMount", "FailedAttachVolume")
        waiting = Waiting("its image to be pulled and its volumes to be mounted")
        return _from_messages(symptoms.MOUNTING, messages, settings, kind) or waiting
    state: StartState | None = None
    if seen.claim is not None and seen.claim.get("status", {}).get("phase") != "Bound":
        messages = _messages(seen.events, "FailedBinding", "ProvisioningFailed")
        state = _from_messages(symptoms.CLAIM, messages, settings, kind)
    if state is None and scheduled.get("reason") == "Unschedulable":
        state = _from_messages(symptoms.SCHEDULING, [scheduled.get("message", "")], settings, kind)
    return state or Waiting("its pod to be scheduled")


def _messages(events: Iterable[KubernetesObject], *reasons: str) -> list[str]:
    return [event.get("message") or "" for event in events if event.get("reason") in reasons]


def _from_messages(
    table: tuple[symptoms.Symptom, ...], messages: Sequence[str], settings: Settings, kind: str
) -> StartState | None:
    """Return the worst state that any message stands for: Failed before Waiting; None if no symptom fits."""
    waiting: Waiting | None = None
    for message in messages:
        found = diagnose(table, message, settings, kind)
        if found is None:
            continue
        symptom, error = found
        if not symptom.transient:
            return Failed(error)
        waiting = Waiting(one_line(message) or error.reason, None if symptom.harmless else error)
    return waiting
