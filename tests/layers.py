"""Run every layer of tests, then say in the last lines what passed and, loudly, what did not run.

    python -m tests.layers [LAYER …]

With REQUIRE_ALL_LAYERS=1 (as in CI) a test that is skipped for want of a cluster, a tool or data fails, and
so does a layer in which nothing ran.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {
    "unit": "pure code, and the seams against real Git repositories, processes and files",
    "contract": "Tekton files against entrypoints, documents against both",
    "cluster": "the real API server, the real Tekton, the image as built",
}


# Those of the cluster share its namespaces, and some restart its API server: one at a time.
ON_ALL_CORES = {"unit"}


@dataclass
class Outcome:
    """What became of one layer."""

    name: str
    code: int
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def run(name: str, report: Path) -> Outcome:
    """Run one layer's tests and read pytest's own report of them."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", f"tests/{name}", f"--junitxml={report}", "-q", "--durations=5"]
    cores = ["--numprocesses=auto"] if name in ON_ALL_CORES else []
    code = subprocess.run([*command, *cores], cwd=ROOT, check=False).returncode
    outcome = Outcome(name, code, time.monotonic() - started)
    if report.is_file():
        for case in ET.parse(report).getroot().iter("testcase"):
            skip = case.find("skipped")
            if skip is not None:
                reason = skip.get("message") or "no reason given"
                outcome.skipped[reason] = outcome.skipped.get(reason, 0) + 1
            elif case.find("failure") is not None or case.find("error") is not None:
                outcome.failed += 1
            else:
                outcome.passed += 1
    return outcome


def main(names: list[str]) -> int:
    """Run the named layers, or all; return 0 if all is well."""
    required = os.environ.get("REQUIRE_ALL_LAYERS") == "1"
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [run(name, Path(folder) / f"{name}.xml") for name in names or LAYERS]
    print("\nLayers:")
    well = True
    for outcome in outcomes:
        skipped = sum(outcome.skipped.values())
        ran = bool(outcome.passed) and not (required and skipped)
        well &= outcome.code in {0, 5} and not outcome.failed and (ran or not required)
        print(
            f"  {outcome.name:9} {outcome.passed:4} passed {outcome.failed:3} failed {skipped:3} skipped"
            f"  {outcome.seconds:6.1f} s   {LAYERS.get(outcome.name, '')}"
        )
        for reason, count in outcome.skipped.items():
            print(f"  !!! {count} test(s) of the layer '{outcome.name}' DID NOT RUN: {reason}")
        if not outcome.passed:
            print(f"  !!! THE LAYER '{outcome.name}' DID NOT RUN")
    totals = (
        sum(outcome.passed for outcome in outcomes),
        sum(outcome.failed for outcome in outcomes),
        sum(sum(outcome.skipped.values()) for outcome in outcomes),
    )
    print("Total: {} passed, {} failed, {} skipped".format(*totals))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
