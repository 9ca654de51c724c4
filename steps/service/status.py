"""/status.json: the state of the service for programs. Its fields are a promise, by the number `format`.

A field may be added without a new number. The number rises where a field goes or changes its meaning.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pydantic import BaseModel, Field

from steps.mirroring.store import runs as records
from steps.service.holdings import CarriedGeneration, Operator

if TYPE_CHECKING:
    from steps.mirroring.store.runs import Run
    from steps.service.holdings import Holdings, ReceiptToCarry
    from steps.service.overview import Overview, TargetFiles

FORMAT: Final = 1
RECEIPT: Final = "/receipt.json"
"""The address of the newest receipt."""


class RunStatus(BaseModel):
    """A run, as its record has it."""

    started: str = Field(description="when it began")
    finished: str = Field(description="when it ended; empty while it goes on")
    state: str = Field(description="`running`, `succeeded`, `failed`, `stopped` or `interrupted`")
    seconds: float = Field(description="how long it took")
    message: str = Field(description="what it did, or why it failed, in one sentence")
    hint: str = Field(description="what to do about a failure")
    error: str = Field(description="the class of a failure, as in the metric `oc_mirror_run_failures_total`")
    exit_code: int = Field(description="its [exit code](exit-codes.md)")
    generations: list[int] = Field(description="the generations that it made or imported")
    size: int = Field(description="bytes of their archives")
    images: dict[str, int] = Field(description="images that it mirrored, by kind")
    failed: dict[str, str] = Field(description="the class of error of each image that failed")
    log: list[str] = Field(description="the last lines of the log of a run that failed, without secrets")


class ProgressStatus(BaseModel):
    """How far the run in progress has come."""

    total: int = Field(description="images to mirror")
    done: int = Field(description="images that are mirrored or have failed")
    archiving: bool = Field(description="whether they are being written into the archive")
    received: int = Field(description="bytes that the pod has received since these images began")
    sent: int = Field(description="bytes that the pod has sent since then")
    rate: float = Field(description="bytes a second, both ways, at the moment")
    seconds_left: float | None = Field(description="how long the other images take at the rate so far")
    written: str = Field(description="when this was known")


class ReceiptStatus(BaseModel):
    """The newest receipt of the target, to be brought to the other side."""

    path: str = Field(description="its address on this server")
    written: str = Field(description="when it was written")
    generations: str = Field(description="what the target has, such as `1-480,482`")
    missing: str = Field(description="what is missing in between, in the same form")
    is_signed: bool = Field(description="whether it has a signature")
    code: str = Field(description="it as the text of its QR code")


class TargetStatus(BaseModel):
    """The files for the clusters of a target."""

    target: str = Field(description="the registry, with the path below it")
    path: str = Field(description="the address of all its manifests on this server")
    verified: str = Field(description="when the run began that made sure of every image; empty for none")
    safe_to_apply: bool = Field(description="whether no deletion came after that run, and nothing is lost")
    lost: int = Field(description="images that the target had and has lost, as last verified; 0 before")
    accepted: dict[str, dict[str, str]] = Field(
        description="[`accepted`, `not accepted` or `unknown`](verdicts.md) by release and minor version of"
        " clusters"
    )


class ChangesStatus(BaseModel):
    """The newest list of changes that a run has told."""

    generations: list[int] = Field(
        description="the generations that bring them; none after `workflow-direct`"
    )
    run: str = Field(description="when the direct run ended that brought them; else empty")
    against: list[int] = Field(description="the generations that they are compared with; none for nothing")
    sha256: str = Field(description="the hash of the list, by which it is approved")
    held: bool = Field(description="whether the generation is held until that")
    lines: list[str] = Field(description="what changes, in a few lines, as in the log of the run")


class IdentityStatus(BaseModel):
    """Which service this is; each is empty where it is not known."""

    cluster: str = Field(description="the setting `cluster-name`")
    namespace: str = Field(description="where the pod is")
    pod: str = Field(description="the pod, or the machine")
    commit: str = Field(description="the commit of the values that the ImageSet was made of")


class FleetStatus(BaseModel):
    """What fleet-readiness has said of clusters."""

    made: str = Field(description="when it was true; empty where it cannot be read")
    counts: dict[str, int] = Field(
        description="clusters, each at each of its registries, by [verdict](readiness.md)"
    )
    problem: str = Field(description="why it cannot be read; else empty")


class Status(BaseModel):
    """The whole document. Times are RFC 3339 in UTC; sizes are bytes."""

    format: int = Field(description=f"{FORMAT}; it rises where a field goes or changes its meaning")
    version: str = Field(description="version of oc-mirror-pipeline")
    now: str = Field(description="when this was asked")
    identity: IdentityStatus = Field(description="which service this is")
    workflow: str = Field(description="what it does")
    target: str = Field(description="the target registry; empty for `workflow-to-disk`")
    mirror_name: str = Field(description="the mirror name; empty for `workflow-from-disk`")
    schedule: str = Field(description="the cron expression")
    time_zone: str = Field(description="its time zone")
    next_run: str | None = Field(description="when the next run begins; null while one goes on")
    problems: list[str] = Field(description="what keeps the next run from starting")
    running: RunStatus | None = Field(description="the run in progress")
    progress: ProgressStatus | None = Field(description="how far it has come; null while it copies no image")
    last_run: RunStatus | None = Field(description="the newest run that has ended")
    last_success: RunStatus | None = Field(description="the newest run that succeeded")
    failed_in_a_row: int = Field(
        description="runs that failed since then; one that waits for an approval is none"
    )
    failing_since: str | None = Field(description="when the first of these began")
    data_free: int = Field(description="free bytes of the data volume; 0 with the next: not known")
    data_capacity: int = Field(description="bytes of the data volume")
    releases: list[str] = Field(description="OpenShift releases in the mirror, the newest first")
    operators: list[Operator] = Field(description="operators in it: `package`, `channel`, `versions`")
    additional_images: list[str] = Field(description="additional images in it")
    charts: list[str] = Field(description="Helm charts in it")
    generations: list[CarriedGeneration] = Field(
        description="generations that are here: `sequence`, `made`, `size`, `continues` (null: full), `state`"
        " (`waiting`, `exported`, `taken`, `confirmed by some`, `confirmed` on the way; `waiting`, `in part`,"
        " `imported` on the other side),"
        " `since`"
    )
    changes: ChangesStatus | None = Field(
        description="what the newest run changed ([the list](../how-to/change-board.md))"
    )
    receipt: ReceiptStatus | None = Field(description="the receipt to bring back; null where there is none")
    fleet: FleetStatus | None = Field(description="what fleet-readiness has said; null before")
    targets: list[TargetStatus] = Field(description="what there is for the clusters of each target")


def status_of(overview: Overview, holdings: Holdings) -> Status:
    """Return the state of the service and what its mirror holds."""
    request, failing, version = overview.request, overview.failing, metadata.version("oc-mirror-pipeline")
    return Status(
        format=FORMAT,
        version=version,
        now=records.timestamp(overview.now),
        identity=IdentityStatus.model_validate(overview.identity, from_attributes=True),
        workflow=request.workflow,
        target=request.target_registry,
        mirror_name=request.mirror_name,
        schedule=overview.schedule.expression,
        time_zone=overview.schedule.time_zone,
        next_run=records.timestamp(overview.next_run) if overview.next_run else None,
        problems=list(overview.problems),
        running=_run(overview.current),
        progress=_progress(overview),
        last_run=_run(overview.last),
        last_success=_run(overview.last_success),
        failed_in_a_row=len(failing),
        failing_since=failing[0].started if failing else None,
        data_free=overview.free,
        data_capacity=overview.capacity,
        releases=list(holdings.releases),
        operators=list(holdings.operators),
        additional_images=list(holdings.additional),
        charts=list(holdings.charts),
        generations=list(holdings.generations),
        changes=_changes(holdings),
        receipt=_receipt(holdings.receipt),
        fleet=FleetStatus.model_validate(overview.fleet, from_attributes=True) if overview.fleet else None,
        targets=[_target(files) for files in overview.published],
    )


def document(overview: Overview, holdings: Holdings) -> bytes:
    """Return the body of /status.json."""
    return status_of(overview, holdings).model_dump_json(indent=2).encode() + b"\n"


def _run(run: Run | None) -> RunStatus | None:
    return None if run is None else RunStatus.model_validate(run, from_attributes=True)


def _progress(overview: Overview) -> ProgressStatus | None:
    so_far = overview.progress
    return None if so_far is None else ProgressStatus.model_validate(so_far, from_attributes=True)


def _changes(holdings: Holdings) -> ChangesStatus | None:
    found = holdings.changes
    if found is None:
        return None
    return ChangesStatus(
        generations=list(found.generations),
        run=found.run,
        against=list(found.against),
        sha256=found.sha256,
        held=found.held,
        lines=list(found.brief),
    )


def _receipt(receipt: ReceiptToCarry | None) -> ReceiptStatus | None:
    if receipt is None:
        return None
    return ReceiptStatus(
        path=RECEIPT,
        written=receipt.written,
        generations=receipt.generations,
        missing=receipt.missing,
        is_signed=receipt.is_signed,
        code=receipt.code,
    )


def _target(files: TargetFiles) -> TargetStatus:
    return TargetStatus(
        target=files.target,
        path=f"/targets/{quote(files.folder)}/cluster-resources.yaml",
        verified=files.verified.started if files.verified else "",
        safe_to_apply=files.is_safe,
        lost=files.lost,
        accepted={release: dict(states) for release, states in files.accepted.items()},
    )
