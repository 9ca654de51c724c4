"""A service in every state, as the page shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK, Request
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import receipt_code
from steps.mirroring.store import runs as records
from steps.mirroring.store.changes import NamedGeneration, Point, State, compare
from steps.mirroring.store.progress import RunProgress
from steps.mirroring.store.receipt import Sealed, compose
from steps.mirroring.store.runs import Run
from steps.mirroring.store.verified import Look
from steps.service import holdings
from steps.service.fleet import Cluster, Fleet
from steps.service.holdings import CarriedGeneration, Holdings, Operator, ReceiptToCarry
from steps.service.identity import Identity
from steps.service.overview import Overview, ResourceFile, TargetFiles

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHTLY = Schedule("0 2 * * *", "Europe/Berlin")
GIGABYTE = 1_000_000_000

FAILED = {
    "registry.redhat.io/openshift-gitops-1/argocd-rhel9@sha256:4f6a": "authentication",
    "registry.redhat.io/rhacm2/acm-operator-bundle@sha256:77aa": "authentication",
    "quay.io/team/app:v1": "not found",
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


def held_run() -> Run:
    """The run of last night, whose generation is held."""
    path = "/data/changes/000014"
    return nightly_runs()[-1].changed(
        state=records.FAILED,
        generations=(),
        size=0,
        message="generation 14 is held until its list of changes is approved, "
        f"{path}.json with sha256 {CHANGED.sha256}",
        hint=f"read {path}.md; if it is right, run the same again with"
        f" approved-changes-sha256={CHANGED.sha256}",
        error="held",
        exit_code=16,
    )


LOG = (
    "02:00:04Z oc-mirror 4.20.12, workflow-to-disk, data in /data",
    "02:00:09Z incremental archive: continues generation 14 (history 2026-11-22, 1 day, 0:00:03 old)",
    "02:00:12Z [INFO]   : 👋 Hello, welcome to oc-mirror",
    "02:00:12Z [INFO]   : 🔀 workflow mode: mirrorToDisk ",
    "02:00:41Z [INFO]   : 🕵  going to discover the necessary images...",
    "02:00:41Z [INFO]   : 🔍 collecting release images...",
    "02:00:58Z [INFO]   : 🔍 collecting operator images...",
    "02:03:37Z [INFO]   : 🚀 Start copying the images...",
    "02:03:37Z [INFO]   : 📌 images to copy 420 ",
    "02:06:02Z progress: 96 of 420 images, 39.7 a minute, about 8 min left",
    "02:09:44Z [ERROR]  : [Worker] error mirroring image registry.redhat.io/openshift-gitops-1/argocd-rhel9"
    "@sha256:4f6a error: unable to retrieve auth token: invalid username/password: unauthorized",
    "02:09:58Z [WARN]   : [OperatorImageCollector] 4 / 420 operator images not mirrored",
)


def failed_runs(count: int = 7) -> tuple[Run, ...]:
    """As many nights in a row with the same failure; oldest first, the newest an hour ago."""
    return tuple(
        failed_run().changed(
            started=records.timestamp(NOW - timedelta(days=count - number, hours=1)),
            finished=records.timestamp(NOW - timedelta(days=count - number, minutes=50)),
            log=LOG,
        )
        for number in range(1, count + 1)
    )


def made(sequence: int) -> NamedGeneration:
    return NamedGeneration(
        sequence=sequence,
        identity=f"{sequence:064x}",
        mirror_name="fleet",
        finished=f"2026-11-{sequence + 9}T01:12:40Z",
    )


def operator(package: str, channel: str, version: str) -> dict[str, str]:
    return {"package": package, "channel": channel, "version": version, "bundle": f"{package}.v{version}"}


IDENTITY = Identity(
    cluster="hub.example.com",
    namespace="oc-mirror",
    pod="oc-mirror-6d5f7c9b8-x2x7k",
    commit="9f2c1e7ab0d4" + "0" * 28,
)
PROGRESS = RunProgress(
    began=records.timestamp(NOW - timedelta(minutes=11)),
    moved=records.timestamp(NOW - timedelta(seconds=24)),
    written=records.timestamp(NOW - timedelta(seconds=4)),
    total=608,
    done=214,
    received=34_100_000_000,
    sent=52_000_000,
    rate=48_300_000.0,
)
CHANGED = compare(
    State(
        point=Point(generations=(made(13),)),
        contents=(
            {
                "releases": ["4.18.22", "4.20.11"],
                "operators": [operator("compliance-operator", "stable", "1.7.0")],
            },
        ),
        images={"registry.redhat.io/ubi9/ubi:latest": "sha256:" + "1" * 64},
        blobs={},
    ),
    State(
        point=Point(generations=(made(14),)),
        contents=(
            {
                "releases": ["4.18.22", "4.20.12"],
                "operators": [operator("compliance-operator", "stable", "1.7.1")],
            },
        ),
        images={"registry.redhat.io/ubi9/ubi:latest": "sha256:" + "2" * 64},
        blobs={f"sha256:{number:064x}": 31 * GIGABYTE // 412 for number in range(412)},
        archives=31 * GIGABYTE,
    ),
)
IN_SHORT = holdings.changes_of(CHANGED)
assert IN_SHORT is not None
HOLDINGS = Holdings(
    releases=("4.20.12", "4.18.24", "4.18.22"),
    operators=tuple(
        Operator(package=package, channel=channel, versions=versions)
        for package, channel, versions in (
            ("advanced-cluster-management", "release-2.15", ("2.15.1", "2.15.0")),
            ("cluster-logging", "stable-6.2", ("6.2.3",)),
            ("compliance-operator", "stable", ("1.7.1",)),
            ("kubernetes-nmstate-operator", "stable", ("4.18.0-202509100837",)),
            ("multicluster-engine", "stable-2.10", ("2.10.1", "2.10.0")),
            ("odf-operator", "stable-4.20", ("4.20.2-rhodf",)),
            ("openshift-gitops-operator", "gitops-1.19", ("1.19.1", "1.19.0")),
        )
    ),
    additional=("registry.redhat.io/ubi9/ubi:latest",),
    changes=IN_SHORT,
    generations=(
        CarriedGeneration(
            sequence=14, made="2026-11-23T01:12:40Z", size=31 * GIGABYTE, continues=13, state=holdings.WAITING
        ),
        CarriedGeneration(
            sequence=13,
            made="2026-11-22T01:08:11Z",
            size=12 * GIGABYTE,
            continues=12,
            state=holdings.EXPORTED,
            since="2026-11-22T09:30:00Z",
        ),
        CarriedGeneration(
            sequence=12,
            made="2026-11-21T01:09:07Z",
            size=18 * GIGABYTE,
            continues=None,
            state=holdings.TAKEN,
            since="2026-11-22T09:02:00Z",
        ),
    ),
)


ACCEPTED = {
    "4.20.12": {"4.19": "accepted", "4.20": "accepted"},
    "4.21.3": {"4.20": "accepted", "4.21": "not accepted"},
}
TARGET = "registry.example.com:8443/mirror"


def receipt(*numbers: int, target: str = TARGET) -> ReceiptToCarry:
    """The receipt of a registry that has these generations."""
    made = compose(
        {number: f"{number:064x}" for number in numbers},
        number=7,
        side="0123abcd",
        target=target,
        written="2026-11-23T10:12:00Z",
        missing=(3,),
        mirror_names=("openshift",),
        version="1.2.3",
    )
    code = Sealed(made, made.packed()).code
    return ReceiptToCarry(
        name="0007.json",
        content=made.as_json().encode(),
        written=made.written,
        generations=made.generations,
        missing=made.missing,
        is_signed=False,
        code=code,
        svg=receipt_code.svg(code),
    )


IMPORTED = replace(
    HOLDINGS,
    generations=tuple(replace(one, state=holdings.IMPORTED, since="") for one in HOLDINGS.generations),
    receipt=receipt(1, 2, *range(4, 15)),
)
"""What a mirror over there holds, with its receipt."""
HELD = replace(HOLDINGS, changes=replace(IN_SHORT, held=True), generations=HOLDINGS.generations[1:])
"""What a mirror holds whose newest generation waits for its approval."""


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
        identity=IDENTITY,
    )
    return replace(well, **changes)


FLEET = Fleet(
    made=records.timestamp(NOW - timedelta(hours=9)),
    clusters=(
        Cluster(
            name="edge-1",
            registry=TARGET,
            verdict="not ready",
            current="4.19.5",
            wanted="4.20.12",
            reason="lost in the registry: 1 of 191 images of release 4.20.12",
            to_do="mirror it again: workflow-direct, or workflow-from-disk, with skip-unchanged=false",
        ),
        Cluster(
            name="edge-7",
            registry=TARGET,
            verdict="unknown",
            wanted="4.20.12",
            reason="what runs now is not known: the way to 4.20.12 is not known",
            to_do="give --hub-state, or --former-revision with the values that are in force",
        ),
        Cluster(
            name="hub set hub",
            registry=TARGET,
            verdict="ready with warnings",
            current="4.20.9",
            wanted="4.20.12",
            reason="installed operators are not known: 4 operators",
            to_do="give --hub-state with the operators of each cluster",
        ),
        *(
            Cluster(name=f"edge-{n}", registry=TARGET, verdict="ready", current="4.20.9", wanted="4.20.12")
            for n in range(2, 7)
        ),
    ),
)
"""What fleet-readiness said in the night, of eight clusters."""


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
        "failed": overview(runs=(*nightly_runs()[:7], *failed_runs())),
        "running": overview(
            runs=(*runs, running.changed(started=records.timestamp(NOW - timedelta(minutes=12)))),
            next_run=None,
            progress=PROGRESS,
        ),
        "hostile": overview(
            runs=(failed_run().changed(failed={"quay.io/team/<script>alert(1)</script>:v1": "not found"}),)
        ),
        "new": overview(runs=()),
        "held": overview(runs=(*runs[:-1], held_run())),
        "not ready": overview(problems=("no pull secret at /var/run/pull-secret/.dockerconfigjson",)),
        "imported": overview(
            request=Request(workflow=FROM_DISK, data=Path("/data"), target_registry=TARGET),
        ),
        "direct": overview(
            request=direct,
            runs=tuple(pushed),
            published=(
                TargetFiles(
                    target=direct.target_registry,
                    folder="registry.example.com-8443-mirror",
                    files=tuple(ResourceFile(name=name, size=4211) for name in MANIFESTS),
                    verified=pushed[-1],
                    accepted=ACCEPTED,
                ),
            ),
            fleet=FLEET,
        ),
        "lost": overview(
            request=direct,
            runs=tuple(pushed),
            published=(
                TargetFiles(
                    target=direct.target_registry,
                    folder="registry.example.com-8443-mirror",
                    files=(ResourceFile(name=MANIFESTS[0], size=4211),),
                    verified=pushed[-1],
                    look=Look(
                        target=direct.target_registry,
                        finished=records.timestamp(NOW - timedelta(hours=2)),
                        images=608,
                        missing={"team/app:v1": "missing", "team/db:v1": "missing"},
                    ),
                ),
            ),
        ),
    }


def holdings_of(state: str) -> Holdings:
    """What the mirror of a service in one of these states holds."""
    return {"imported": IMPORTED, "held": HELD}.get(state, HOLDINGS)
