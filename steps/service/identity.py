"""Which service this is: where it runs, and from which commit of the values its ImageSet comes."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.mirroring import values_origin
from steps.mirroring.lease import own_namespace
from steps.parameters.table.service import CLUSTER_NAME, TOLD_NAMESPACE

if TYPE_CHECKING:
    from steps.mirroring.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Each is empty where it is not known; `commit` has 40 or 64 hexadecimal digits."""

    cluster: str = ""
    namespace: str = ""
    pod: str = ""
    commit: str = ""


def identity_of(request: Request) -> Identity:
    """Return who we are."""
    return Identity(
        cluster=request.values[CLUSTER_NAME] or "",
        namespace=request.values[TOLD_NAMESPACE] or own_namespace(),
        pod=os.environ.get("POD_NAME") or socket.gethostname(),
        commit=values_origin.commit(request.imageset),
    )
