"""Where a person looks first after a failure: the Secret or object, and a command that only reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.mirroring.notify import CHANGES, HELD
from steps.mirroring.ocmirror import reasons
from steps.mirroring.request import FROM_DISK
from steps.parameters.table.deployment import PULL_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.service.overview import Overview


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at, in words, and the command for it."""

    what: str
    command: str


_LOGINS = Look(
    f"The registries that Secret {PULL_SECRET.default} has a login for, without the logins. Another parameter"
    " pull-secret means another Secret.",
    f"oc get secret {PULL_SECRET.default} -n {{namespace}} -o jsonpath='{{{{.data.\\.dockerconfigjson}}}}'"
    " | base64 -d | jq '.auths | keys'",
)
_VOLUME = Look("The room on the data volume, and its claim.", "oc exec -n {namespace} {pod} -- df -h /data")
_TRUST = Look(
    "The certificate authorities that are trusted besides the system's: ConfigMap trusted-ca.",
    "oc get configmap trusted-ca -n {namespace} -o yaml",
)
_IMAGESET = Look(
    "The ImageSet that was mirrored, key imageset.yaml.",
    "oc get configmap oc-mirror-imageset -n {namespace} -o yaml",
)
_GENERATIONS = Look(
    "The generations that have arrived on this side.", "oc exec -n {namespace} {pod} -- ls /data/generations"
)
_POD = Look(
    "The pod's state, its memory limit, and whether it was restarted.", "oc describe pod -n {namespace} {pod}"
)
_CHANGES = Look(
    "The list of changes that waits for its approval.",
    f"oc get configmap {CHANGES} -n {{namespace}} -o jsonpath='{{{{.data.changes\\.md}}}}'",
)
_LOG = Look("The whole log.", "oc logs -n {namespace} {pod} --tail=500")

_BY_CAUSE: Final = {
    **dict.fromkeys((reasons.AUTHENTICATION.name, "forbidden"), _LOGINS),
    **dict.fromkeys((reasons.DISK_FULL.name, reasons.READ_ONLY.name, reasons.DAMAGED.name), _VOLUME),
    **dict.fromkeys(
        (reasons.TLS.name, reasons.CERTIFICATE_NAME.name, reasons.CERTIFICATE_EXPIRED.name), _TRUST
    ),
    **dict.fromkeys((reasons.NO_TAG.name, reasons.NOT_FOUND.name, "ImageSet", "invalid input"), _IMAGESET),
    reasons.MISSING_BASE.name: _GENERATIONS,
    HELD: _CHANGES,
    **dict.fromkeys(("killed", "ended", "crash"), _POD),
}


def looks(overview: Overview, causes: Iterable[str]) -> tuple[Look, ...]:
    """Return where to look first for `causes` of a failure, the most frequent first; the log comes last."""
    found = [_BY_CAUSE[cause] for cause in causes if cause in _BY_CAUSE]
    if overview.request.workflow == FROM_DISK:
        found = [look for look in found if look is not _IMAGESET]
    identity = overview.identity
    names = {
        "namespace": identity.namespace or "NAMESPACE",
        "pod": identity.pod if identity.namespace else "POD",
    }
    return tuple(Look(look.what, look.command.format(**names)) for look in dict.fromkeys([*found, _LOG]))
