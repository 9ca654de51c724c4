"""From the API server's answer to a StepError: what was refused and what to do about it (pure).

The Status object: kubernetes/community, contributors/devel/sig-architecture/api-conventions.md.
Request bodies never enter a message: they can hold what users consider secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from steps.bounded import json_of
from steps.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    StepError,
)

OWN_NAMESPACES = frozenset({"oc-mirror", "oc-mirror-pipeline"})
LONGEST_MESSAGE = 600
_BOUNDARY = re.compile(
    r"ValidatingAdmissionPolicy 'oc-mirror-[a-z-]+' with binding '[^']*' denied request: (.*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What was tried: an RBAC verb on a resource, in a namespace (None: of the whole cluster)."""

    verb: str
    resource: str
    namespace: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        """Phrase it as a person would, for the middle of a sentence."""
        named = f"{self.verb} {self.resource}" + (f" '{self.name}'" if self.name else "")
        return f"{named} in namespace '{self.namespace}'" if self.namespace else named


def explain_refusal(attempt: Attempt, status: int, body: str) -> StepError:
    """Make the error for an HTTP status other than success and its body (a Status, or any text)."""
    answer = _status(body)
    message = _one_line(str(answer.get("message") or body or f"HTTP {status}"))
    match status:
        case 401:
            return ClusterError(
                f"the API server does not accept our credentials (cannot {attempt})",
                "renew the login ('oc login'), or check that the pod's ServiceAccount still exists",
            )
        case 403:
            return _forbidden(attempt, message)
        case 404:
            return _not_found(attempt, answer, message)
        case 409:
            return ConflictError(
                f"cannot {attempt}: {message}", "look at the object named above, then start the run again"
            )
        case 413 | 422:
            return _invalid(attempt, message)
        case _:
            return ClusterError(
                f"cannot {attempt}: the API server answers {status}: {message}",
                "if the API server was just restarting, start the run again; else read its log",
            )


def explain_silence(attempt: Attempt, host: str, cause: BaseException) -> StepError:
    """Make the error for an API server that did not answer at all."""
    root = getattr(cause, "reason", None) or cause
    return ClusterError(
        f"cannot {attempt}: the API server at {host} does not answer: {_one_line(str(root))}",
        "check that the cluster is up and can be reached from here (proxy, CA), then start the run again",
    )


def _forbidden(attempt: Attempt, message: str) -> StepError:
    """Distinguish a missing right (RBAC) from a refusal by admission (quota, Pod Security, SCC)."""
    if re.search(r"cannot \w+ (resource|path)", message) or "RBAC" in message:
        where = f"in namespace '{attempt.namespace}'" if attempt.namespace else "in the whole cluster"
        right = f"'{attempt.verb}' on '{attempt.resource}' {where}"
        if attempt.namespace is None or attempt.namespace in OWN_NAMESPACES:
            hint = f"grant {right}: 'oc apply -f tekton/' brings the Roles and the ServiceAccount to use"
        else:
            hint = f"grant {right}: fill in and 'oc apply' examples/rolebinding-other-namespace.yaml"
        account = re.search(r'User "([^"]+)"', message)
        who = f"'{account[1]}'" if account else "the account"
        return ForbiddenError(f"{who} may not {attempt}", hint)
    if "being terminated" in message:
        return ConflictError(
            f"cannot {attempt}: the namespace is being deleted",
            "wait until it is gone, create it again, then start the run again",
        )
    if ours := _BOUNDARY.search(message):
        return ForbiddenError(
            f"cannot {attempt}: forbidden by tekton/12-admission.yaml: {ours[1]}",
            "correct the parameter that names it, or have an administrator permit it:"
            " docs/explanation/trust.md",
        )
    return ClusterError(
        f"cannot {attempt}: refused by an admission rule of the cluster: {message}",
        "make the object fit the rule, or have the cluster's administrator change the rule or quota",
    )


def _not_found(attempt: Attempt, answer: dict[str, Any], message: str) -> StepError:
    """Distinguish a missing namespace, the usual case of a write, from a missing object or API."""
    details = answer.get("details") or {}
    if details.get("kind") == "namespaces" or f'namespaces "{attempt.namespace}" not found' in message:
        return NotFoundError(
            f"cannot {attempt}: there is no such namespace",
            f"create it ('oc create namespace {attempt.namespace}') with rights for the run's account "
            "(examples/rolebinding-other-namespace.yaml), or correct the parameter 'namespace'",
        )
    return NotFoundError(f"cannot {attempt}: {message}", "create what is missing, then start the run again")


def _invalid(attempt: Attempt, message: str) -> StepError:
    """Distinguish a field that may not change any more from one that is wrong."""
    if "field is immutable" in message or "is immutable after creation" in message:
        return ConflictError(
            f"cannot {attempt}: it exists with other settings that cannot be changed: {message}",
            f"'oc delete {attempt.resource} {attempt.name} -n {attempt.namespace}', then start the run again",
        )
    return InvalidInputError(
        f"cannot {attempt}: {message}", "correct the parameter that this field comes from"
    )


def _status(body: str) -> dict[str, Any]:
    try:
        answer = json_of(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _one_line(text: str) -> str:
    """Fit a message on one line; immutable-field messages quote whole pod templates."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"
