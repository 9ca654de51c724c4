"""What a run leaves for people: the list of a dry run, the resources that make a cluster use the mirror."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from steps.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.layout import Layout

log = logging.getLogger(__name__)


def keep_plan(layout: Layout) -> str:
    """Keep what a dry run in DATA/scratch found, and sum it up in one line.

    `missing.txt`, what the cache lacks, is written by a to-disk run only.
    """
    counts = {}
    for name in ("mapping.txt", "missing.txt"):
        found = layout.scratch / "working-dir" / "dry-run" / name
        lines = found.read_text().splitlines() if found.exists() else []
        write_atomically(layout.planned / name, "".join(f"{line}\n" for line in lines))
        counts[name] = sum(1 for line in lines if line.strip())
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
