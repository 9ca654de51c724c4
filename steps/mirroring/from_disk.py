"""workflow-from-disk: the generations that a target lacks, all checked, pushed in as few runs as will do.

An archive can be taken in only after those it continues. To push each by a run of its own would walk all
images each time; so the archives before a batch's last one are only unpacked into oc-mirror's cache, which is
all that oc-mirror itself does with them before it copies.
"""

from __future__ import annotations

import logging
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

from steps import units
from steps.files import write_atomically
from steps.mirroring.checks import verification
from steps.mirroring.data import archives, batches, generations, intake, inventory, space
from steps.mirroring.data.layout import ARCHIVES
from steps.mirroring.data.status import Done
from steps.mirroring.delivery import products, receipt
from steps.mirroring.ocmirror import command
from steps.mirroring.retries import retrying

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.data.batches import Batch
    from steps.mirroring.job import Job
    from steps.mirroring.ocmirror.outcome import Reading

log = logging.getLogger(__name__)


def run(job: Job) -> Done:
    """Take in what waits in DATA/generations; return what came of it.

    Each generation is mirrored by the ImageSet it was made from (see `batches`). Raises InvalidInputError,
    before anything is pushed, if a predecessor is missing or a file is damaged; MirrorError if oc-mirror
    failed.
    """
    layout, target = job.layout, job.request.target_registry
    if not job.request.dry_run:
        receipt.compare(job)
    waiting = intake.pending(layout, target)
    if not waiting:
        newest = intake.read(layout, target).last
        return Done(
            summary=f"{target} has everything: generation {newest} was taken in before", unchanged=True
        )
    folders = {layout.generation(one.sequence): one for one in waiting}
    imagesets = [generations.imageset_of(folder, one) for folder, one in folders.items()]
    space.check_intake(layout, waiting)
    generations.verify(folders)
    log.info("to take in, chain and files checked: %s", ", ".join(one.summary for one in waiting))
    if job.imageset is not None and job.imageset.sha256 != waiting[-1].imageset_sha256:
        log.warning(
            "%s is not the ImageSet of the last archive: the archives' own are used", job.imageset.name
        )
    staging = layout.scratch if job.request.dry_run else layout.intake / "archives"
    planned: list[products.Plan] = []
    for batch in batches.plan(zip(waiting, imagesets, strict=True)):
        reading = retrying(job, partial(_take_in, job, batch, staging))
        if job.request.dry_run:
            planned.append(products.read_plan(layout))
        else:
            made = products.made_resources(staging / "working-dir")
            _verify(job, staging)
            products.publish(job, made)
            inventory.note(
                layout,
                reading,
                target=target,
                imageset=batch.imageset,
                newest=batch.newest,
                generations=[one.sequence for one in batch.generations],
            )
            receipt.write(job, batch.generations)
            intake.note(layout, target, batch.generations)
            log.info("%s has taken in generation %s", target, batch.numbers)
    if job.request.dry_run:
        size = f"{units.size(sum(one.size for one in waiting))} of archives to take in"
        return Done(summary=products.keep_plan(layout, planned, size))
    return Done(
        summary=f"{target} has taken in generation {', '.join(str(one.sequence) for one in waiting)}",
        generations=tuple(one.sequence for one in waiting),
        size=sum(one.size for one in waiting),
        images=waiting[-1].images,
    )


def _take_in(job: Job, batch: Batch, staging: Path) -> Reading:
    layout = job.layout
    *before, last = batch.generations
    if before:
        log.info("in one run, by an ImageSet for all of them: generations %s", batch.numbers)
    for generation in before:
        laid = sum(
            archives.lay_into_cache(path, layout.cached_registry)
            for path in sorted(layout.generation(generation.sequence).glob(ARCHIVES))
        )
        log.info("unpacked generation %d into the cache: %s", generation.sequence, units.size(laid))
    write_atomically(layout.imageset, batch.imageset.content)
    _stage(layout.generation(last.sequence), staging)
    arguments = _arguments(job, staging, dry_run=job.request.dry_run)
    return job.oc_mirror.run(arguments, working_dir=staging / "working-dir")


def _verify(job: Job, staging: Path) -> None:
    """Verify the batch that was just pushed, by what of it lies unpacked in working directory and cache."""
    verification.empty_archive(staging)
    verification.verify(job, _arguments(job, staging, dry_run=True), working_dir=staging / "working-dir")


def _stage(folder: Path, staging: Path) -> None:
    """Lay a generation's archives, by link, where oc-mirror reads them and writes its working-dir."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for archive in sorted(folder.glob(ARCHIVES)):
        (staging / archive.name).symlink_to(os.path.relpath(archive, staging))


def _arguments(job: Job, staging: Path, *, dry_run: bool) -> list[str]:
    return command.from_disk(
        job.oc_mirror.options,
        job.oc_mirror.version,
        imageset=job.layout.imageset,
        archives=staging,
        cache=job.layout.cache,
        target=job.request.target_registry,
        dry_run=dry_run,
    )
