"""What a run of `mirror` is asked to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps import units
from steps.errors import NotFoundError
from steps.mirroring.ocmirror.command import Options
from steps.mirroring.ocmirror.placement import Nesting
from steps.mirroring.ocmirror.registries_config import RegistriesConfig
from steps.parameters.contradictions import signatures_of
from steps.parameters.parameter import Values
from steps.parameters.table import TABLE
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE, DESTINATION_TLS_VERIFY, SOURCE_TLS_VERIFY
from steps.parameters.table.carrying import ACKNOWLEDGE, EXPORT, FORGET_TARGET, IMPORT
from steps.parameters.table.generation_signatures import VERIFY
from steps.parameters.table.image_signatures import VERIFY_SIGNATURES
from steps.parameters.table.oc_mirror import OC_MIRROR
from steps.parameters.table.schedule import SCHEDULE
from steps.parameters.table.target import MAX_NESTED_PATHS, TARGET_REGISTRY
from steps.parameters.table.upkeep import ALSO_IMAGESET, APPROVED_PLAN_SHA256, KEEP_GENERATIONS, OLDER_THAN
from steps.parameters.table.verification import VERIFY_TARGET
from steps.parameters.table.workflow import (
    CACHE_DIR,
    DATA,
    DRY_RUN,
    IMAGESET,
    INCREMENTAL_MODE,
    MIRROR_NAME,
    SINCE_DATE,
    SITE,
    SKIP_UNCHANGED,
    WORKFLOW,
)
from steps.parameters.value_kinds import VerifySignatures, Workflow

if TYPE_CHECKING:
    from datetime import date, timedelta
    from pathlib import Path

TO_DISK, FROM_DISK, DIRECT = Workflow.TO_DISK, Workflow.FROM_DISK, Workflow.DIRECT
PLAN_DELETION, DELETE, CLEANUP = Workflow.PLAN_DELETION, Workflow.DELETE, Workflow.CLEANUP

CACHE, SITES = "cache", "sites"
"""Folders of a data directory: oc-mirror's cache, and a data directory for each site that shares it."""
_BEGINS = frozenset({Workflow.TO_DISK, Workflow.FROM_DISK, Workflow.DIRECT, Workflow.IMPORT})
"""Workflows by which a site may begin; all others need one that is there."""
_LONGEST_NAME = 60
"""Characters of a mirror name that is made of a file's name."""
_FIRST = "there is no site yet: workflow-to-disk or workflow-direct with this site makes it"
"""What helps where there are no sites."""
_SHOWN = 20
"""Names of sites in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One operation. `target_registry` is set for from-disk and direct, `imageset` for to-disk and direct;
    `mirror_name` tells this ImageSet from others of the data directory, and is empty without one.
    `keep_generations` (1 or more; None: all) is for to-disk and from-disk. `also_imagesets`, `older_than` and
    `approved_plan_sha256` (64 hexadecimal digits) are for the deletion and its plan. What only one place
    needs is read from `values`, by its entry in the table of parameters: `request.values[RUN_RETRIES]`.
    """

    workflow: Workflow
    data: Path
    imageset: Path | None = None
    mirror_name: str = ""
    target_registry: str = ""
    incremental_mode: bool = True
    since_date: date | None = None
    dry_run: bool = False
    keep_generations: int | None = None
    skip_unchanged: bool = False
    also_imagesets: tuple[Path, ...] = ()
    older_than: timedelta | None = None
    approved_plan_sha256: str = ""
    oc_mirror: str = "oc-mirror"
    options: Options = field(default_factory=Options)
    values: Values = field(default_factory=Values)

    @property
    def cache(self) -> Path | None:
        """The folder of the cache where it lies apart from the data directory."""
        apart: Path | None = self.values[CACHE_DIR]
        return apart or (self.data.parents[1] / CACHE if self.values[SITE] else None)

    def check_site(self, *, begins: bool) -> None:
        """Raise NotFoundError for a site without a data directory, so that a mistyped name makes none.

        With `begins`, a run that may be the first of a site is let through.
        """
        if not self.values[SITE] or self.data.is_dir() or (begins and self.workflow in _BEGINS):
            return
        folder = self.data.parent
        there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        named = f"the sites there are {units.few(there, _SHOWN)}" if there else _FIRST
        raise NotFoundError(f"site: there is no folder {self.data}", named)

    @property
    def nesting(self) -> Nesting:
        """How deep the paths of images may be below the target."""
        return Nesting.below(self.target_registry, self.values[MAX_NESTED_PATHS])


def make_request(values: Values, registries: RegistriesConfig | None = None) -> Request:
    """Make the request of checked values, with the user's own configuration of registries."""
    skip = values[SKIP_UNCHANGED]
    return Request(
        workflow=_workflow(values),
        data=_data(values),
        imageset=values[IMAGESET],
        mirror_name=_mirror_name(values),
        target_registry=values[TARGET_REGISTRY] or "",
        incremental_mode=values[INCREMENTAL_MODE],
        since_date=values[SINCE_DATE],
        dry_run=values[DRY_RUN] or _only_verifies(values),
        keep_generations=values[KEEP_GENERATIONS],
        skip_unchanged=values[SCHEDULE] is not None if skip is None else skip,
        also_imagesets=values.all(ALSO_IMAGESET),
        older_than=values[OLDER_THAN],
        approved_plan_sha256=values[APPROVED_PLAN_SHA256] or "",
        oc_mirror=values[OC_MIRROR],
        options=_options(values, registries or RegistriesConfig()),
        values=values,
    )


def _data(values: Values) -> Path:
    """Return the data directory: of a site, its own."""
    site = values[SITE]
    data: Path = values[DATA]
    return data / SITES / site if site else data


def _only_verifies(values: Values) -> bool:
    """Return whether only signatures are looked at: a dry run, by which no image counts as verified."""
    return values[VERIFY_SIGNATURES] is VerifySignatures.ONLY


def _workflow(values: Values) -> Workflow:
    if values.all(VERIFY):
        return Workflow.VERIFY
    if values[EXPORT]:
        return Workflow.EXPORT
    if values[ACKNOWLEDGE]:
        return Workflow.ACKNOWLEDGE
    if values[FORGET_TARGET]:
        return Workflow.FORGET_TARGET
    if values[VERIFY_TARGET]:
        return Workflow.VERIFY_TARGET
    return Workflow.IMPORT if values.all(IMPORT) else values[WORKFLOW]


def _mirror_name(values: Values) -> str:
    """Return the mirror name; without one given that of the ImageSet's file.

    Empty for a workflow that mirrors no ImageSet: generations have their own names.
    """
    imageset = values[IMAGESET]
    if imageset is None or _workflow(values) not in {TO_DISK, DIRECT}:
        return ""
    if given := values[MIRROR_NAME]:
        return given
    return re.sub(r"[^a-z0-9.]+", "-", imageset.stem.lower())[:_LONGEST_NAME].strip("-.") or "imageset"


def _options(values: Values, registries: RegistriesConfig) -> Options:
    return Options(
        authfile=values[AUTHFILE],
        ca_bundle=_unless_empty(values[CA_BUNDLE]),
        source_tls_verify=values[SOURCE_TLS_VERIFY],
        destination_tls_verify=values[DESTINATION_TLS_VERIFY],
        signatures=signatures_of(values),
        registries=registries,
        passed_on=tuple(
            parameter.oc_mirror.format(_word(value))
            for parameter in TABLE
            if parameter.oc_mirror and (value := values[parameter]) is not None
        ),
    )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unless_empty(bundle: Path | None) -> Path | None:
    """Return the CA bundle if it is there: its ConfigMap is optional, and OpenShift fills it later."""
    return bundle if bundle is not None and bundle.is_file() and bundle.stat().st_size else None
