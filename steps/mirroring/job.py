"""What every workflow works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steps.imageset.imageset import ImageSet
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.ocmirror.runner import OcMirror
    from steps.mirroring.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a workflow works with, the lock held and the data directory at rest."""

    request: Request
    layout: Layout
    oc_mirror: OcMirror
    imageset: ImageSet | None
