"""A service in every state, as the page shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steps.mirroring.request import DIRECT, TO_DISK, Request
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import runs as records
from steps.mirroring.store.runs import Run
from steps.service.overview import Overview, ResourceFile, TargetFiles

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHTLY = Schedule("0 2 * * *", "Europe/Berlin")
GIGABYTE = 1_000_000_000

FAILED = {
    "registry.redhat.io/openshift-gitops-1/argocd-rhel9@sha256:4f6a": "authentication",
    "registry.redhat.io/rhacm2/acm-operator-bundle@sha256:77aa": "authentication",
    "quay.io/team/<script>alert(1)</script>:v1": "not found",
    "registry.redhat.io/rhacm2/console-rhel9@sha256:9d": "skipped",
}
MANIFESTS = ("idms-oc-mirror.yaml", "itms-oc-mirror.yaml", "cs-redhat-operator-index-v4-18.yaml")


def nightly_runs(count: int = 14) -> tuple[Run, ...]:
    """One generation a night, the first of them large; oldest first, the newest ended ten hours ago."""
    runs = []
    for number in range(1, count + 1):
        started = NOW - timedelta(days=count - number, hours=11)
        seconds = 6120.0 if number == 1 else 240.0 + (number * 7919) % 900
        runs.append(
            Run(
                workflow=TO_DISK,
                started=records.timestamp(started),
                finished=records.timestamp(started + timedelta(seconds=seconds)),
                seconds=seconds,
                state=records.SUCCEEDED,
                generations=(number,),
                size=182 * GIGABYTE if number == 1 else ((number * 104_729) % 40 + 3) * GIGABYTE,
                images={"release": 193, "operator": 412 + number, "additional": 3},
                message=f"generation {number} is in /data/generations/{number:06d}",
                host="oc-mirror-6d5f",
            )
        )
    return tuple(runs)


def failed_run() -> Run:
    return nightly_runs()[-1].changed(
        started=records.timestamp(NOW - timedelta(hours=1)),
        finished=records.timestamp(NOW - timedelta(minutes=50)),
        state=records.FAILED,
        generations=(),
        size=0,
        seconds=600.0,
        message="oc-mirror ended with exit code 4 (operator images failed): 4 of 420 operator images"
        " not mirrored",
        hint="check that the pull secret holds a valid login for that registry, with rights to pull or push",
        error="authentication",
        exit_code=8,
        failed=FAILED,
    )


def overview(**changes: Any) -> Overview:
    """A service that archives every night and is well."""
    well = Overview(
        request=Request(workflow=TO_DISK, data=Path("/data"), imageset=Path("/config/imageset.yaml")),
        schedule=NIGHTLY,
        now=NOW,
        next_run=NIGHTLY.after(NOW),
        runs=nightly_runs(),
        free=312 * GIGABYTE,
        capacity=536 * GIGABYTE,
    )
    return replace(well, **changes)


def states() -> dict[str, Overview]:
    """The service in each of its states, by name."""
    runs = nightly_runs()
    direct = Request(workflow=DIRECT, data=Path("/data"), target_registry="registry.example.com:8443/mirror")
    pushed = [
        run.changed(
            workflow=DIRECT,
            generations=(),
            size=0,
            target=direct.target_registry,
            message=f"{direct.target_registry} has all images",
        )
        for run in runs
    ]
    running = runs[-1].changed(
        state=records.RUNNING, finished="", generations=(), size=0, images={}, message=""
    )
    return {
        "well": overview(),
        "failed": overview(runs=(*runs, failed_run())),
        "running": overview(
            runs=(*runs, running.changed(started=records.timestamp(NOW - timedelta(minutes=12)))),
            next_run=None,
        ),
        "new": overview(runs=()),
        "not ready": overview(problems=("no pull secret at /var/run/pull-secret/.dockerconfigjson",)),
        "direct": overview(
            request=direct,
            runs=tuple(pushed),
            published=(
                TargetFiles(
                    target=direct.target_registry,
                    folder="registry.example.com-8443-mirror",
                    files=tuple(ResourceFile(name=name, size=4211) for name in MANIFESTS),
                ),
            ),
        ),
    }
