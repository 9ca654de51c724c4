"""Every answer of an API server becomes one line of what and one line of what to do."""

from __future__ import annotations

import json

import pytest

from steps.cluster.refusals import Attempt, explain_refusal
from steps.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    StepError,
)

ATTEMPT = Attempt(verb="patch", resource="jobs.batch", namespace="oc-mirror", name="oc-mirror-a")
NO_RIGHT = (
    'jobs.batch "oc-mirror-a" is forbidden: User "system:serviceaccount:ci:runner" '
    'cannot patch resource "jobs" in API group "batch" in the namespace "oc-mirror"'
)


def explain(code: int, message: str, attempt: Attempt = ATTEMPT, **rest: object) -> StepError:
    return explain_refusal(attempt, code, json.dumps({"kind": "Status", "message": message, **rest}))


def test_a_missing_right_names_who_verb_resource_and_namespace() -> None:
    error = explain(403, NO_RIGHT)
    assert isinstance(error, ForbiddenError)
    assert "system:serviceaccount:ci:runner" in error.reason
    for part in ("'patch'", "'jobs.batch'", "'oc-mirror'", "oc apply -f tekton/"):
        assert part in error.hint


def test_a_missing_right_in_another_namespace_names_the_file_that_grants_it() -> None:
    attempt = Attempt(verb="create", resource="configmaps", namespace="mirror-lab", name="x")
    error = explain(403, 'User "u" cannot create resource "configmaps" in API group ""', attempt)
    assert "examples/rolebinding-other-namespace.yaml" in error.hint
    assert "'mirror-lab'" in error.hint


def test_a_refusal_of_our_own_policies_says_what_is_not_permitted_and_who_permits_it() -> None:
    said = "the workload may not mount the Secret x; the annotation y names those that it may"
    policy = "ValidatingAdmissionPolicy 'oc-mirror-workload' with binding 'oc-mirror-workload'"
    error = explain(403, f'jobs.batch "a" is forbidden: {policy} denied request: {said}')
    assert isinstance(error, ForbiddenError)
    assert error.reason.endswith(said)
    assert "docs/explanation/trust.md" in error.hint


@pytest.mark.parametrize(
    ("message", "kind", "said"),
    [
        ('pods "a" is forbidden: exceeded quota: tiny', ClusterError, "exceeded quota: tiny"),
        (
            'pods "a" is forbidden: violates PodSecurity "x"',
            ClusterError,
            "violates PodSecurity",
        ),
        (
            'configmaps "a" is forbidden: unable to create it in namespace x because it is being terminated',
            ConflictError,
            "being deleted",
        ),
    ],
)
def test_a_refusal_by_admission_is_not_a_missing_right(message: str, kind: type, said: str) -> None:
    error = explain(403, message)
    assert type(error) is kind
    assert said in error.reason


def test_a_missing_namespace_is_told_from_a_missing_object() -> None:
    namespace = explain(404, 'namespaces "oc-mirror" not found', details={"kind": "namespaces"})
    thing = explain(404, "the server could not find the requested resource")
    assert isinstance(namespace, NotFoundError)
    assert "no such namespace" in namespace.reason
    assert "oc create namespace oc-mirror" in namespace.hint
    assert "no such namespace" not in thing.reason


def test_an_immutable_field_is_a_conflict_with_the_command_that_clears_it() -> None:
    error = explain(422, "spec.template: Invalid value: core.PodTemplateSpec{…}: field is immutable")
    assert isinstance(error, ConflictError)
    assert "oc delete jobs.batch oc-mirror-a -n oc-mirror" in error.hint


def test_an_invalid_field_is_invalid_input() -> None:
    error = explain(422, 'spec.schedule: Invalid value: "x": expected 5 fields')
    assert isinstance(error, InvalidInputError)
    assert "spec.schedule" in error.reason


@pytest.mark.parametrize("body", ["", "<html>gateway</html>", "[]", '"text"', "{"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 418, 422, 500, 503])
def test_any_status_with_any_body_becomes_two_single_lines(status: int, body: str) -> None:
    error = explain_refusal(ATTEMPT, status, body)
    assert error.reason
    assert error.hint
    assert "\n" not in error.reason + error.hint


def test_a_long_message_is_cut() -> None:
    assert len(explain(500, "x" * 10_000).reason) < 800
