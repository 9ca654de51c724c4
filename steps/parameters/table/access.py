"""Logins and certificates of registries and Git."""

from __future__ import annotations

from typing import Final

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

_AUTHFILE: Final = "/var/run/pull-secret/.dockerconfigjson"
_TRUSTED_CA: Final = "/var/run/trusted-ca/ca-bundle.crt"

AUTHFILE = Parameter(
    name="authfile",
    kind=kinds.optional(kinds.path),
    help="File with the pull secret",
    group=Group.ACCESS,
    where=places.Where(
        commands=(
            places.CURRENT_IMAGE,
            places.GENERATE,
            places.CREATE,
            places.DEPLOY,
            places.PREVIEW,
            places.MIRROR,
            places.READINESS,
        )
    ),
    task_argument=_AUTHFILE,
    pod_argument=_AUTHFILE,
)
CA_BUNDLE = Parameter(
    name="ca-bundle",
    kind=kinds.optional(kinds.path),
    help="File with extra CA certificates; used where it is there and not empty",
    group=Group.ACCESS,
    where=places.Where(
        commands=(
            *places.VALUES_TASKS,
            places.CURRENT_IMAGE,
            places.DEPLOY,
            places.PREVIEW,
            places.SIGN,
            places.START_RUN,
            places.PUBLISH,
            places.MIRROR,
            places.READINESS,
        )
    ),
    task_argument=_TRUSTED_CA,
    pod_argument=_TRUSTED_CA,
)
SOURCE_TLS_VERIFY = Parameter(
    name="source-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate of the source registries",
    group=Group.ACCESS,
    where=places.MIRRORING,
    default="true",
)
DESTINATION_TLS_VERIFY = Parameter(
    name="destination-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate, or plain HTTP, of the target registry",
    group=Group.ACCESS,
    where=places.ASKING_TARGETS,
    default="true",
)
