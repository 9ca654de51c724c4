"""Measure the generator as people run it, a whole process each time: `python -m tests.bench.generator`.

Four things, in CPU seconds (the machine may be busy; medians of several runs):
* the floor: an interpreter that imports its standard modules and libyaml and parses the three files of
  2026-08;
* `generate-or-use-imageset` on them, policies included;
* AutoShift's own generator on them, where $AUTOSHIFT names a checkout of auto-shift/autoshiftv2;
* fleets of 1,000 and 10,000 clusters with 200 labels each: time and memory, to see that they grow in
  proportion.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.autoshift.shared import DATA

ROUNDS = 7
LABELS = 200
SPLIT = DATA / "autoshift" / "split-2026-08"
FILES = ("global.yaml", "clustersets/hub.yaml", "clustersets/managed.yaml")
PATHS = [f"autoshift/values/{name}" for name in FILES]
FLOOR = """
import argparse, dataclasses, logging, pathlib, re, sys, yaml
for path in sys.argv[1:]:
    parser = yaml.CSafeLoader(open(path).read())
    while parser.get_event() is not None: pass
"""
OPERATORS = ("odf", "acs", "loki", "logging", "coo", "compliance", "metallb", "quay", "nmstate", "tas")


def main() -> None:
    """Print a table; where the shared data is absent, only the fleets."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        if SPLIT.is_dir():
            floor = _cpu([sys.executable, "-c", FLOOR, *(str(SPLIT / path) for path in PATHS)])
            ours = _cpu(_command(SPLIT, ",".join(PATHS), out))
            _say("floor (interpreter, imports, parsing three files)", floor)
            _say("ours, three files and policies of 2026-08", ours)
            if checkout := os.environ.get("AUTOSHIFT"):
                theirs = _cpu(_autoshift(Path(checkout), out), rounds=3)
                _say("AutoShift's scripts/generate-imageset-config.sh", theirs)
                print(
                    f"ours is {theirs / ours:.0f} times as fast and takes {ours / floor:.1f} times the floor"
                )
        for clusters in (1_000, 10_000):
            root = out / str(clusters)
            write_fleet(root, clusters)
            seconds = _cpu(_command(root, "sets.yaml,clusters", out), rounds=1)
            _say(f"{clusters:,} clusters with {LABELS} labels each", seconds)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
            print(f"{'  its memory':55} {peak:7} MiB")


def write_fleet(root: Path, clusters: int) -> None:
    """Write a hub set, a managed set, and a file a cluster: three minors, ten operators each."""
    (root / "clusters").mkdir(parents=True)
    sets = ["hubClusterSets: {hub: {labels: {openshift-version: 4.20.12}}}"]
    sets += ["managedClusterSets:", "  m:", "    labels:", *_labels(0)]
    (root / "sets.yaml").write_text("\n".join(sets))
    for number in range(clusters):
        lines = ["clusters:", f"  c{number}:", "    config: {clusterSet: m}", "    labels:", *_labels(number)]
        (root / "clusters" / f"c{number}.yaml").write_text("\n".join(lines))


def _labels(number: int) -> list[str]:
    labels = [f"openshift-version: '4.{18 + number % 3}.{number % 5 + 1}'"]
    for index, operator in enumerate(OPERATORS):
        enabled = "true" if (number + index) % 3 else "false"
        labels += [
            f"{operator}: '{enabled}'",
            f"{operator}-channel: stable",
            f"{operator}-source: redhat-operators",
        ]
    labels += [f"infra-setting-{index}: 'value-{number * index}'" for index in range(LABELS - len(labels))]
    return [f"      {label}" for label in labels]


def _command(root: Path, paths: str, out: Path) -> list[str]:
    script = str(Path(sys.executable).parent / "generate-or-use-imageset")
    return [
        script,
        f"--values-root={root}",
        f"--values-file-path={paths}",
        f"--output-imageset={out / 'out.yaml'}",
        "--catalog-check=off",  # a network's time is not ours to measure
    ]


def _autoshift(checkout: Path, out: Path) -> list[str]:
    script = str(checkout / "scripts" / "generate-imageset-config.sh")
    return [
        "bash",
        script,
        ",".join(str(SPLIT / path) for path in PATHS),
        "--output",
        str(out / "theirs.yaml"),
    ]


def _cpu(command: list[str], rounds: int = ROUNDS) -> float:
    """Return the median CPU seconds, user and system, of a process and its children."""
    times = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(times)


def _say(what: str, seconds: float) -> None:
    print(f"{what:55} {seconds:7.2f} s")


if __name__ == "__main__":
    main()
