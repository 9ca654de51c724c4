"""What a run of `mirror` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.mirroring.ocmirror.command import Options

if TYPE_CHECKING:
    from datetime import date, timedelta
    from pathlib import Path

TO_DISK, FROM_DISK, DIRECT = "workflow-to-disk", "workflow-from-disk", "workflow-direct"
PLAN_DELETION, DELETE, CLEANUP = "workflow-delete-generate", "workflow-delete-execute", "workflow-cleanup"
UPKEEP = (PLAN_DELETION, DELETE, CLEANUP)
"""What mirrors nothing, and is done once, by a person's decision."""
WORKFLOWS = (TO_DISK, FROM_DISK, DIRECT, *UPKEEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One operation. `target_registry` is set for from-disk and direct, `imageset` for to-disk and direct;
    `keep_generations` (1 or more; None: all) is for to-disk and from-disk; `run_retries`
    is how often a run that failed for want of a network is made again. `also_imagesets`, `older_than` and
    `approved_plan_sha256` (64 hexadecimal digits) are for the deletion and its plan.
    """

    workflow: str
    data: Path
    imageset: Path | None = None
    target_registry: str = ""
    incremental_mode: bool = True
    since_date: date | None = None
    dry_run: bool = False
    keep_generations: int | None = None
    run_retries: int = 0
    resource_prefix: str = ""
    apply_cluster_resources: bool = False
    skip_unchanged: bool = False
    also_imagesets: tuple[Path, ...] = ()
    older_than: timedelta | None = None
    approved_plan_sha256: str = ""
    oc_mirror: str = "oc-mirror"
    options: Options = field(default_factory=Options)
