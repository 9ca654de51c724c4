"""What a run leaves for people: the list of a dry run, the resources that make a cluster use the mirror."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring.delivery import disconnected, resources
from steps.parameters.table.mirror_run import RESOURCE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.mirroring.data.layout import Layout
    from steps.mirroring.job import Job

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


def keep_plan(layout: Layout, plans: Iterable[Plan], estimate: str) -> str:
    """Keep what one dry run, or several in a row, found; sum it up in one line, `estimate` within."""
    counts = dict.fromkeys(LISTS, 0)
    plans = list(plans)
    for name in LISTS:
        lines = dict.fromkeys(line for plan in plans for line in plan[name])
        write_atomically(layout.planned / name, "".join(f"{line}\n" for line in lines))
        counts[name] = len(lines)
    uncached = f", {counts['missing.txt']} of them to be fetched" if counts["missing.txt"] else ""
    return (
        f"dry run: {counts['mapping.txt']} images would be mirrored{uncached}; {estimate};"
        f" no archive, history or registry was changed; the list is {layout.planned / 'mapping.txt'}"
    )


def made_resources(working_dir: Path) -> dict[str, bytes]:
    """The resources that a run left, by file name; oc-mirror wipes them at its next start."""
    return {path.name: path.read_bytes() for path in (working_dir / "cluster-resources").glob("*.*")}


def publish(job: Job, made: dict[str, bytes]) -> None:
    """Put the resources of a run that pushed everything into DATA/cluster-resources, and AutoShift's block.

    To be called once all is verified. What is there stays until the new folder is whole; a kill between the
    two renames is made good by `restore`. Raises MirrorError for what cannot be read.
    """
    layout = job.layout
    files = resources.canonical(
        made, prefix=job.request.values[RESOURCE_PREFIX] or "", earlier=published(layout)
    )
    for name, text in files.items():
        write_atomically(layout.next_resources / name, text)
    block = disconnected.render(resources.load(files), job.request.target_registry)
    write_atomically(layout.autoshift_values, block)
    shutil.rmtree(layout.last_resources, ignore_errors=True)
    if layout.cluster_resources.exists():
        layout.cluster_resources.rename(layout.last_resources)
    layout.next_resources.mkdir(parents=True, exist_ok=True)
    layout.next_resources.rename(layout.cluster_resources)
    shutil.rmtree(layout.last_resources, ignore_errors=True)
    log.info("resources for the cluster are in %s", layout.cluster_resources)


def restore(layout: Layout) -> None:
    """Bring DATA/cluster-resources to rest: half of a new folder goes, the last one comes back."""
    if not layout.cluster_resources.exists() and layout.last_resources.exists():
        layout.last_resources.rename(layout.cluster_resources)
    for leftover in (layout.next_resources, layout.last_resources):
        shutil.rmtree(leftover, ignore_errors=True)


def published(layout: Layout) -> dict[str, str]:
    """The files of DATA/cluster-resources, by name."""
    return {path.name: path.read_text() for path in sorted(layout.cluster_resources.glob("*.yaml"))}
