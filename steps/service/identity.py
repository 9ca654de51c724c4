"""Which service this is: where it runs, and from which commit of the values its ImageSet comes."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.mirroring.lease import own_namespace
from steps.parameters.table.mirror_run import CLUSTER_NAME, TOLD_NAMESPACE

if TYPE_CHECKING:
    from steps.mirroring.request import Request

COMMIT_FILE: Final = "values-commit"
"""The file beside the mounted ImageSet that names the commit; create-deployment-configmaps writes its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Each is empty where it is not known; `commit` has 40 or 64 hexadecimal digits."""

    cluster: str = ""
    namespace: str = ""
    pod: str = ""
    commit: str = ""


def identity_of(request: Request) -> Identity:
    """Return who we are. The commit is read anew: a pod is not replaced where only the commit changes."""
    return Identity(
        cluster=request.values[CLUSTER_NAME] or "",
        namespace=request.values[TOLD_NAMESPACE] or own_namespace(),
        pod=os.environ.get("POD_NAME") or socket.gethostname(),
        commit=_commit(request),
    )


def _commit(request: Request) -> str:
    if request.imageset is None:
        return ""
    try:
        with request.imageset.with_name(COMMIT_FILE).open() as stream:
            text = stream.read(128).strip()
    except (OSError, ValueError):  # an ImageSet of the user's own, or one on a laptop
        return ""
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else ""
