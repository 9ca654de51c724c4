"""What a run leaves for people: the list of a dry run, the resources that make a cluster use the mirror."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from steps.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.mirroring.layout import Layout

log = logging.getLogger(__name__)


Plan = dict[str, list[str]]
"""The lines of the lists that a dry run of oc-mirror writes, by file."""
LISTS = ("mapping.txt", "missing.txt")
"""What would be mirrored, and what of that the cache lacks (written by a to-disk run only)."""


def read_plan(layout: Layout) -> Plan:
    """What a dry run in DATA/scratch found."""
    folder = layout.scratch / "working-dir" / "dry-run"
    return {
        name: [line for line in (folder / name).read_text().splitlines() if line.strip()]
        if (folder / name).exists()
        else []
        for name in LISTS
    }


def keep_plan(layout: Layout, plans: Iterable[Plan]) -> str:
    """Keep what one dry run, or several in a row, found, and sum it up in one line."""
    counts = dict.fromkeys(LISTS, 0)
    plans = list(plans)
    for name in LISTS:
        lines = dict.fromkeys(line for plan in plans for line in plan[name])
        write_atomically(layout.planned / name, "".join(f"{line}\n" for line in lines))
        counts[name] = len(lines)
    uncached = f", {counts['missing.txt']} of them to be fetched" if counts["missing.txt"] else ""
    return (
        f"dry run: {counts['mapping.txt']} images would be mirrored{uncached}; no archive, history or"
        f" registry was changed; the list is {layout.planned / 'mapping.txt'}"
    )


def publish_cluster_resources(layout: Layout, working_dir: Path) -> None:
    """Keep the resources of a run that pushed everything; oc-mirror wipes its own at the next start."""
    source, incoming = working_dir / "cluster-resources", layout.root / "cluster-resources.new"
    if not source.is_dir():
        return
    shutil.rmtree(incoming, ignore_errors=True)
    shutil.copytree(source, incoming)
    shutil.rmtree(layout.cluster_resources, ignore_errors=True)
    incoming.rename(layout.cluster_resources)
    log.info("resources for the cluster are in %s", layout.cluster_resources)
