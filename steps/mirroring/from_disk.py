"""workflow-from-disk: the generations that a target lacks, checked all, then pushed one by one."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

from steps.mirroring import command, generations, intake, products
from steps.mirroring.layout import ARCHIVES

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.runner import Job

log = logging.getLogger(__name__)


def run(job: Job) -> str:
    """Take in what waits in DATA/generations; return in one line what came of it.

    Each generation is mirrored by the ImageSet it was made from. Raises InvalidInputError, before anything is
    pushed, if a predecessor is missing or a file is damaged; MirrorError if oc-mirror failed.
    """
    layout, target = job.layout, job.request.target_registry
    waiting = intake.pending(layout, target)
    if not waiting:
        return f"{target} has everything: generation {intake.read(layout, target).last} was taken in before"
    for generation in waiting:
        generations.verify(layout.generation(generation.sequence), generation)
    log.info("to take in, chain and files checked: %s", ", ".join(one.summary for one in waiting))
    if job.imageset is not None and job.imageset.sha256 != waiting[-1].imageset_sha256:
        log.warning(
            "%s is not the ImageSet of the last archive: the archives' own are used", job.imageset.path
        )
    staging = layout.scratch if job.request.dry_run else layout.intake / "archives"
    for generation in waiting:
        folder = layout.generation(generation.sequence)
        _stage(folder, staging)
        job.oc_mirror.run(_arguments(job, folder, staging), working_dir=staging / "working-dir")
        if not job.request.dry_run:
            intake.note(layout, target, generation)
            log.info("%s has taken in generation %d", target, generation.sequence)
    if job.request.dry_run:
        return products.keep_plan(layout)
    products.publish_cluster_resources(layout, staging / "working-dir")
    return f"{target} has taken in generation {', '.join(str(one.sequence) for one in waiting)}"


def _stage(folder: Path, staging: Path) -> None:
    """Lay a generation's archives, by link, where oc-mirror reads them and writes its working-dir."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for archive in sorted(folder.glob(ARCHIVES)):
        (staging / archive.name).symlink_to(os.path.relpath(archive, staging))


def _arguments(job: Job, folder: Path, staging: Path) -> list[str]:
    return command.from_disk(
        job.oc_mirror.options,
        job.oc_mirror.version,
        imageset=folder / generations.IMAGESET,
        archives=staging,
        cache=job.layout.cache,
        target=job.request.target_registry,
        dry_run=job.request.dry_run,
    )
