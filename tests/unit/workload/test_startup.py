"""The state of a starting workload, as a person would decide it; the messages are those of Kubernetes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from steps.cluster import KubernetesObject
from steps.workload.objects import PERMANENT
from steps.workload.startup import EndedError, Failed, Observation, Started, StartState, Waiting, start_state
from tests.unit.workload.samples import IMAGE, SETTINGS

JOB: KubernetesObject = {"kind": "Job", "metadata": {"name": "oc-mirror-a", "generation": 1}, "status": {}}


def pod(
    state: dict[str, Any] | None = None, *, scheduled: str | None = None, **status: Any
) -> KubernetesObject:
    """A pod with one container in `state`; `scheduled` is the scheduler's complaint."""
    condition = {"type": "PodScheduled", "status": "True"}
    if scheduled is not None:
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": scheduled,
        }
    found: dict[str, Any] = {"conditions": [condition], **status}
    if state is not None:
        found["containerStatuses"] = [{"state": state}]
    return {"kind": "Pod", "metadata": {"name": "oc-mirror-a-x"}, "spec": {}, "status": found}


def event(reason: str, message: str) -> KubernetesObject:
    return {"kind": "Event", "reason": reason, "message": message}


def observed(seen_pod: KubernetesObject | None = None, *events: KubernetesObject, **more: Any) -> StartState:
    return start_state(
        Observation(workload=more.pop("workload", JOB), pod=seen_pod, events=events, **more), SETTINGS
    )


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


# --- it runs


def test_a_running_container_has_started_and_one_that_ended_well_too() -> None:
    assert observed(pod({"running": {}})) == Started(finished=False)
    assert observed(pod(ended(0, reason="Completed"))) == Started(finished=True)


def test_a_run_that_is_held_has_done_its_work_and_its_job_stays() -> None:
    """It may be held before anybody has seen it run; somebody will read its log."""
    record = json.dumps({"message": "generation 1 is held", "hint": "read it, then run the same again"})
    seen = observed(pod(ended(16, record)))
    assert seen == Started(finished=True, held="generation 1 is held; read it, then run the same again")


def test_a_job_that_is_complete_has_finished_even_if_its_pod_is_gone() -> None:
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert observed(workload={**JOB, "status": status}) == Started(finished=True)


# --- it is only slow


@pytest.mark.parametrize(
    "seen",
    [
        None,
        pod(),
        pod(waiting("ContainerCreating")),
        {"metadata": {"name": "x"}, "spec": {}, "status": {}},
    ],
)
def test_what_is_only_slow_is_waited_for_without_fault(seen: KubernetesObject | None) -> None:
    state = observed(seen, event("Pulling", "Pulling image"), event("Scheduled", "Successfully assigned"))
    assert isinstance(state, Waiting)
    assert state.error is None
    assert state.what


TRANSIENT = {
    "0/3 nodes are available: 3 Insufficient memory.": "no node takes its pod",
    "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.": "no volume fits it",
    "0/1 nodes are available: node(s) didn't find available persistent volumes to bind.": "no volume fits it",
}


@pytest.mark.parametrize("message", TRANSIENT)
def test_what_may_heal_is_waited_for_and_is_an_error_at_the_end(message: str) -> None:
    state = observed(pod(scheduled=message))
    assert isinstance(state, Waiting)
    assert state.error is not None
    assert TRANSIENT[message] in state.error.reason


def test_a_registry_that_does_not_answer_may_answer_soon() -> None:
    message = f'Back-off pulling image "{IMAGE}": ErrImagePull: rpc error: desc = dial tcp: i/o timeout'
    state = observed(pod(waiting("ImagePullBackOff", message)))
    assert isinstance(state, Waiting)
    assert state.error is not None
    assert "i/o timeout" in state.error.reason


# --- it cannot

PULL = f'rpc error: code = Unknown desc = failed to pull and unpack image "{IMAGE}": '
POD_FAULTS = [
    (
        waiting("ErrImagePull", PULL + "unexpected status: 401 Unauthorized"),
        "refuses to give out",
        "credentials",
    ),
    (
        waiting(
            "ErrImagePull",
            PULL + "pull access denied, repository does not exist or may require authorization",
        ),
        "refuses to give out",
        "oc secrets link",
    ),
    (waiting("ErrImagePull", PULL + f"{IMAGE}: not found"), "does not have the image", "build it again"),
    (
        waiting("ErrImagePull", PULL + "manifest unknown: manifest unknown"),
        "does not have the image",
        "build",
    ),
    (waiting("ErrImagePull", PULL + "x509: certificate signed by unknown authority"), "does not trust", "CA"),
    (waiting("InvalidImageName", "couldn't parse image name"), "is malformed", "update-image-configmap"),
    (
        waiting(
            "CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: …)"
        ),
        "wants to run as root",
        "USER",
    ),
    (
        waiting("CreateContainerConfigError", 'secret "oc-mirror-pull-secret" not found'),
        "does not exist in 'oc-mirror'",
        "oc create secret generic oc-mirror-pull-secret",
    ),
    (
        waiting("RunContainerError", 'exec: "mirror": executable file not found in $PATH: unknown'),
        "has no 'mirror'",
        "build pipeline",
    ),
    (
        ended(128, 'exec: "mirror": executable file not found in $PATH: unknown', reason="StartError"),
        "has no 'mirror'",
        "build pipeline",
    ),
]
ENDS = [
    (ended(137, reason="OOMKilled"), "needs more than 4Gi of memory", "memory"),
    (ended(3, "/config/imageset.yaml is not an ImageSet\nwrite one\n"), "is not an ImageSet", "write one"),
    (
        ended(8, "log line\nERROR: oc-mirror failed (exit code 4)\n  hint: read mirroring_errors\n"),
        "exit code 8: oc-mirror failed (exit code 4)",
        "read mirroring_errors",
    ),
    (
        ended(
            2,
            "2026-11-26T02:00:01Z INFO  generation 7\n2026-11-26T02:00:01Z ERROR --dryrun is not known\n"
            "2026-11-26T02:00:01Z ERROR   hint: see --help\n",
        ),
        "exit code 2: --dryrun is not known",
        "see --help",
    ),
    (
        ended(8, '{"state": "failed", "message": "2 of 3 images\\nnot mirrored", "hint": "run again"}'),
        "exit code 8: 2 of 3 images not mirrored",
        "run again",
    ),
    (ended(8, '{"state": "failed", "mess'), "exit code 8", "oc logs oc-mirror-a-x"),
    (ended(1, "one\ntwo\nthree\nfour"), "exit code 1: two | three | four", "oc logs oc-mirror-a-x"),
    (ended(1), "exit code 1", "oc logs oc-mirror-a-x"),
]


@pytest.mark.parametrize(("container", "reason", "hint"), POD_FAULTS, ids=lambda value: str(value)[:40])
def test_a_container_that_cannot_run_is_an_error_with_its_remedy(
    container: dict[str, Any], reason: str, hint: str
) -> None:
    state = observed(pod(container))
    assert isinstance(state, Failed)
    assert reason in state.error.reason
    assert hint in state.error.hint
    assert "\n" not in state.error.reason + state.error.hint


@pytest.mark.parametrize(("container", "reason", "hint"), ENDS, ids=lambda value: str(value)[:40])
def test_a_container_that_has_run_and_failed_says_why_and_its_job_stays(
    container: dict[str, Any], reason: str, hint: str
) -> None:
    """The Job tries again unless that cannot help, or it has tried often enough."""
    over = {**JOB, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    state = observed(pod(container), workload=over)
    assert isinstance(state, Failed)
    assert isinstance(state.error, EndedError)
    assert reason in state.error.reason
    assert hint in state.error.hint
    assert "\n" not in state.error.reason + state.error.hint
    first = observed(pod(container))
    if container["terminated"]["exitCode"] in PERMANENT:
        assert isinstance(first, Failed)
    else:
        assert isinstance(first, Waiting)
        assert reason in first.what
        assert isinstance(first.error, EndedError)


def test_before_the_back_off_repeats_the_cause_the_event_has_it() -> None:
    failed = event("Failed", f'Failed to pull image "{IMAGE}": rpc error: desc = {IMAGE}: not found')
    state = observed(pod(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')), failed)
    assert isinstance(state, Failed)
    assert "does not have the image" in state.error.reason


def test_a_service_that_crashes_again_and_again_is_reported_by_its_last_end() -> None:
    service = {**JOB, "kind": "Deployment"}
    crashed = pod(waiting("CrashLoopBackOff", "back-off 10s restarting failed container"))
    crashed["status"]["containerStatuses"][0]["lastState"] = ended(3, "no pull secret\nmake one")
    state = observed(crashed, workload=service)
    assert isinstance(state, Failed)
    assert "no pull secret" in state.error.reason


CREATION = {
    'pods "a" is forbidden: violates PodSecurity "restricted:latest": hostPort': "Pod Security of namespace",
    'pods "a" is forbidden: unable to validate against any security context constraint': "security context",
    'pods "a" is forbidden: exceeded quota: tiny, requested: requests.memory=4Gi': "a quota of namespace",
    'pods "a" is forbidden: failed quota: tiny: must specify limits.cpu': "a quota of namespace",
    'pods "a" is forbidden: maximum memory usage per Container is 16Mi': "a limit range of namespace",
    'admission webhook "x" denied: pods "a" is forbidden: no': "admission refuses its pod",
}


@pytest.mark.parametrize("message", CREATION)
def test_a_pod_that_is_not_admitted_is_an_error_for_a_job_and_for_a_deployment(message: str) -> None:
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    status = {"observedGeneration": 2, "conditions": [failed]}
    deployment = {"kind": "Deployment", "metadata": {"name": "oc-mirror", "generation": 2}, "status": status}
    for state in (
        observed(None, event("FailedCreate", f"Error creating: {message}")),
        observed(workload=deployment),
    ):
        assert isinstance(state, Failed)
        assert CREATION[message] in state.error.reason
        assert message in state.error.reason


def test_the_failure_of_an_earlier_deployment_does_not_count() -> None:
    failed = {
        "type": "ReplicaFailure",
        "status": "True",
        "message": "pods is forbidden: exceeded quota: tiny",
    }
    status = {"observedGeneration": 1, "conditions": [failed]}
    deployment = {"kind": "Deployment", "metadata": {"name": "oc-mirror", "generation": 2}, "status": status}
    assert observed(workload=deployment) == Waiting("its pod to be created")


def test_a_job_that_failed_and_has_no_pod_left_says_why() -> None:
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "DeadlineExceeded",
        "message": "was active longer",
    }
    state = observed(workload={**JOB, "status": {"conditions": [failed]}})
    assert isinstance(state, Failed)
    assert "was active longer" in state.error.reason


MOUNTS = {
    'SetUp failed for volume "pull-secret" : secret "oc-mirror-pull-secret" not found': "does not exist",
    'SetUp failed for volume "config" : configmap "oc-mirror-config" not found': "'oc-mirror-config'",
    'SetUp failed for volume "signing-key" : secret "mine" not found': "'mine' that signing-key names",
    'SetUp failed for volume "also-1" : configmap "team-a" not found': "a ConfigMap that a parameter names",
    "references non-existent secret key: .dockerconfigjson": "has no key .dockerconfigjson",
}


@pytest.mark.parametrize("message", MOUNTS)
def test_a_mount_that_cannot_be_made_is_an_error(message: str) -> None:
    mounted = replace(SETTINGS, signing_key="mine")
    seen = Observation(
        workload=JOB, pod=pod(waiting("ContainerCreating")), events=[event("FailedMount", message)]
    )
    state = start_state(seen, mounted)
    assert isinstance(state, Failed)
    assert MOUNTS[message] in state.error.reason


def test_a_mount_that_is_only_late_is_waited_for() -> None:
    late = event("FailedMount", "failed to sync secret cache: timed out waiting for the condition")
    state = observed(pod(waiting("ContainerCreating")), late)
    assert isinstance(state, Waiting)


@pytest.mark.parametrize("name", ["kube-root-ca.crt", "openshift-service-ca.crt"])
def test_what_the_cluster_has_yet_to_write_into_a_new_namespace_is_no_fault(name: str) -> None:
    message = f'SetUp failed for volume "kube-api-access-x" : configmap "{name}" not found'
    state = observed(pod(waiting("ContainerCreating")), event("FailedMount", message))
    assert isinstance(state, Waiting)
    assert name in state.what
    assert state.error is None


def test_a_volume_that_the_old_workload_still_has_is_no_fault() -> None:
    attached = event(
        "FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by x'
    )
    state = observed(pod(waiting("ContainerCreating")), attached)
    assert isinstance(state, Waiting)
    assert "Multi-Attach" in state.what
    assert state.error is None


UNBOUND = pod(scheduled="pod has unbound immediate PersistentVolumeClaims")
CLAIMS = {
    "no persistent volumes available for this claim and no storage class is set": "no default StorageClass",
    'storageclass.storage.k8s.io "fast" not found': "its StorageClass does not exist",
}


@pytest.mark.parametrize("message", CLAIMS)
def test_a_claim_that_stays_pending_is_an_error_that_names_it(message: str) -> None:
    pending = {"status": {"phase": "Pending"}}
    for reason in ("FailedBinding", "ProvisioningFailed"):
        state = observed(UNBOUND, event(reason, message), claim=pending)
        assert isinstance(state, Failed)
        assert "claim 'oc-mirror-workspace' stays pending" in state.error.reason
        assert CLAIMS[message] in state.error.reason


def test_an_old_complaint_about_a_claim_that_is_bound_by_now_does_not_count() -> None:
    bound = {"status": {"phase": "Bound"}}
    late = pod()
    late["status"]["conditions"][0]["status"] = "False"
    complaint = event("FailedBinding", next(iter(CLAIMS)))
    assert observed(late, complaint, claim=bound) == Waiting("its pod to be scheduled")
    assert isinstance(observed(late, complaint, claim={"status": {"phase": "Pending"}}), Failed)


def test_a_workload_that_was_deleted_meanwhile_is_an_error() -> None:
    assert isinstance(start_state(Observation(workload=None), SETTINGS), Failed)
