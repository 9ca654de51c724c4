"""The OpenShift version of the hub that the pipeline runs on, used if no label and no parameter names one."""

from __future__ import annotations

from dataclasses import dataclass

from steps.errors import ForbiddenError

KINDS = ("stable", "fast", "eus", "candidate")  # of release channels
ORIGIN = "the hub's ClusterVersion"


@dataclass(frozen=True, slots=True)
class HubVersion:
    """The release that the hub runs or is upgrading to, and the kind of its channel (`stable`), if known."""

    version: str
    channel: str


def hub_version() -> HubVersion | None:
    """Read the ClusterVersion of the cluster; return None if it is not an OpenShift cluster.

    Raises ForbiddenError if the account may not read it, and the errors of `Cluster.get`.
    """
    from steps.cluster import Cluster

    cluster = Cluster.connect()
    if not cluster.serves("config.openshift.io"):
        return None
    try:
        found = cluster.get("ClusterVersion", "version")
    except ForbiddenError as error:
        raise ForbiddenError(
            f"no values file names an OpenShift version, and {error.reason}",
            f"give the parameter openshift-version, or {error.hint}",
        ) from error
    version = (((found or {}).get("status") or {}).get("desired") or {}).get("version")
    if not found or not isinstance(version, str):
        return None
    kind = str((found.get("spec") or {}).get("channel") or "").partition("-")[0]
    return HubVersion(version, kind if kind in KINDS else "")
