"""Everything that decides what the workload's objects look like, checked before the cluster is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

DeployMode = Literal["job", "cronjob", "deployment"]
DEPLOY_MODES: tuple[str, ...] = get_args(DeployMode)

FS_GROUP = 1001
"""Group that plain Kubernetes makes a new volume writable for; OpenShift picks one per namespace itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One workload. Optional texts are None where not given, never empty.

    `also_imagesets` are names of ConfigMaps.
    """

    image: str
    mode: DeployMode
    workflow: str
    namespace: str
    claim_name: str
    pull_secret: str
    run_name: str
    storage_size: str
    storage_class: str | None = None
    schedule: str | None = None
    time_zone: str = "UTC"
    target_registry: str | None = None
    since_date: date | None = None
    keep_generations: int | None = None
    also_imagesets: tuple[str, ...] = ()
    older_than: str | None = None
    approved_plan_sha256: str | None = None
    incremental_mode: bool = True
    dry_run: bool = False
    source_tls_verify: bool = True
    destination_tls_verify: bool = True
    tuning: Mapping[str, str] = field(default_factory=dict)
    config_sha256: str | None = None
    memory: str = "4Gi"
    trusted_ca: str = "trusted-ca"
    fs_group: int | str | None = "auto"
    environment: Mapping[str, str] = field(default_factory=dict)
