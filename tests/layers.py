"""Run every layer of tests, then say in the last lines what passed, what it cost, and loudly what did not
run.

    python -m tests.layers [LAYER …]

With REQUIRE_ALL_LAYERS=1 (as in CI) a test that is skipped for want of a cluster, a tool or data fails, and
so does a layer in which nothing ran. The reports and the duration of every phase of every test are kept in
build/reports/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import PHASES, RUN
from tests.requirements import MEMORY
from tests.testbed.layout import KUBECONFIG

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
SLOWEST = 10
RUN_ID = uuid.uuid4().hex


@dataclass(frozen=True)
class Layer:
    """A folder of tests. `passes` are pytest's options for each of its runs, `budget` the seconds for all.

    `in_memory`: its tests write to a file system in memory, where there is room.
    """

    name: str
    about: str
    budget: int
    passes: tuple[tuple[str, ...], ...] = ((),)
    in_memory: bool = False


# Two for each core: tests often wait, most of all for the next second: a history's name has no finer time.
ALL_CORES = (f"--numprocesses={2 * (os.cpu_count() or 1)}", "--dist=worksteal")
# Tests that need the product's own namespaces in one lane, all others in the second: see
# tests/cluster/conftest.py.
TWO_LANES = ("--numprocesses=2", "--dist=loadscope", "-m", "not restarts_apiserver")
ALONE = ("-m", "restarts_apiserver")

LAYERS = (
    Layer(
        "unit",
        "pure code, and the seams against real Git, registries, processes and files",
        360,
        (ALL_CORES,),
        in_memory=True,
    ),
    Layer("contract", "Tekton files against entrypoints, documents against both", 30),
    Layer("cluster", "the real API server, the real Tekton, the image as built", 1440, (TWO_LANES, ALONE)),
)
BY_NAME = {layer.name: layer for layer in LAYERS}


@dataclass
class Outcome:
    """What became of one layer. `tests` are the seconds of each test, by name."""

    layer: Layer
    well: bool = True
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    tests: dict[str, float] = field(default_factory=dict)


ROOM = 4 << 30
"""Bytes of memory that have to be free; the unit layer leaves less than 1 GiB."""


@contextmanager
def scratch(layer: Layer) -> Iterator[tuple[str, ...]]:
    """Give pytest's option for the folder of the tests' own folders, where a layer gets one in memory.

    A run of `mirror` waits for the disk some 60 times, so that a loss of power loses nothing. No test takes
    the power away: for a kill it is the same where these waits take no time.
    """
    if not layer.in_memory or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield ()
        return
    with tempfile.TemporaryDirectory(prefix="t-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield (f"--basetemp={folder}/t",)


def run(layer: Layer) -> Outcome:
    """Run one layer, pass by pass, and read pytest's own reports of it."""
    with scratch(layer) as where:
        return _run(layer, where)


def _run(layer: Layer, where: tuple[str, ...]) -> Outcome:
    outcome = Outcome(layer)
    started = time.monotonic()
    for number, options in enumerate(layer.passes, 1):
        name = layer.name if len(layer.passes) == 1 else f"{layer.name}-{number}"
        report, phases = REPORTS / f"{name}.xml", REPORTS / f"{name}-phases.tsv"
        for old in (report, phases):
            old.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"tests/{layer.name}",
            f"--junitxml={report}",
            "-q",
            *where,
            *options,
        ]
        environment = {**os.environ, PHASES: str(phases), RUN: RUN_ID}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        outcome.well &= done.returncode in {0, 5}  # 5: a pass without a test for this cluster
        if report.is_file():
            read(report, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def read(report: Path, outcome: Outcome) -> None:
    """Add what a report says to an outcome."""
    for case in ET.parse(report).getroot().iter("testcase"):
        outcome.tests[f"{case.get('classname', '')}::{case.get('name', '')}"] = float(case.get("time", 0))
        skip = case.find("skipped")
        if skip is not None:
            reason = skip.get("message") or "no reason given"
            outcome.skipped[reason] = outcome.skipped.get(reason, 0) + 1
        elif case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        else:
            outcome.passed += 1


def with_cluster(layer: Layer) -> Outcome:
    """Start the testbed before the layer and stop it afterwards, where it is ours to start and to stop."""
    ours = uses_testbed()
    if ours:
        testbed("up")
    outcome = run(layer)
    if ours and not kept():
        testbed("down")
    return outcome


def uses_testbed() -> bool:
    """Whether the cluster's tests run on the testbed, not on the cluster of $KUBECONFIG."""
    asked = os.environ.get("TESTBED", "0") not in {"", "0"}
    return asked or os.environ.get("KUBECONFIG", "") in {"", str(KUBECONFIG)}


def kept() -> bool:
    """Whether the testbed stays up for the next run: TESTBED_KEEP says so; unset, everywhere but in CI."""
    return (os.environ.get("TESTBED_KEEP") or ("0" if os.environ.get("CI") == "true" else "1")) != "0"


def testbed(command: str) -> None:
    """Run a command of the testbed; where it fails, the tests say why."""
    subprocess.run(
        [sys.executable, "-m", "tests.testbed", command], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
    )


def is_well(outcome: Outcome, *, required: bool) -> bool:
    """Whether a layer is green: nothing failed and, where every layer is required, all of it ran."""
    complete = bool(outcome.passed) and not outcome.skipped
    return outcome.well and not outcome.failed and (complete or not required)


def show(outcomes: list[Outcome]) -> None:
    """Print the slowest tests of each layer, then a line a layer, then all that should not be overlooked."""
    for outcome in outcomes:
        print(f"\nSlowest tests of the layer '{outcome.layer.name}':")
        for name, seconds in sorted(outcome.tests.items(), key=lambda item: -item[1])[:SLOWEST]:
            print(f"  {seconds:7.1f} s  {name}")
    print("\nLayers:")
    for outcome in outcomes:
        layer, skipped = outcome.layer, sum(outcome.skipped.values())
        print(
            f"  {layer.name:9} {outcome.passed:4} passed {outcome.failed:3} failed {skipped:3} skipped"
            f"  {outcome.seconds:6.1f} s of {layer.budget:5} s   {layer.about}"
        )
    for outcome in outcomes:
        name, budget = outcome.layer.name, outcome.layer.budget
        if outcome.seconds > budget:
            print(
                f"  !!! THE LAYER '{name}' IS {outcome.seconds - budget:.0f} s OVER ITS BUDGET of {budget} s"
            )
        for reason, count in outcome.skipped.items():
            print(f"  !!! {count} test(s) of the layer '{name}' DID NOT RUN: {reason}")
        if not outcome.passed:
            print(f"  !!! THE LAYER '{name}' DID NOT RUN")


def main(names: list[str]) -> int:
    """Run the named layers, or all; return 0 if all is well."""
    if unknown := sorted(set(names) - set(BY_NAME)):
        print(
            f"error: there is no layer {', '.join(unknown)}; there are: {', '.join(BY_NAME)}", file=sys.stderr
        )
        return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    chosen = [BY_NAME[name] for name in names] or list(LAYERS)
    outcomes = [with_cluster(layer) if layer.name == "cluster" else run(layer) for layer in chosen]
    show(outcomes)
    totals = (
        sum(outcome.passed for outcome in outcomes),
        sum(outcome.failed for outcome in outcomes),
        sum(sum(outcome.skipped.values()) for outcome in outcomes),
    )
    print("Total: {} passed, {} failed, {} skipped".format(*totals))
    required = os.environ.get("REQUIRE_ALL_LAYERS") == "1"
    return 0 if all(is_well(outcome, required=required) for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
