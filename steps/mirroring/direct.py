"""workflow-direct: from registries to a registry. It converges: what is there is not copied again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring import command, inventory, products
from steps.mirroring.status import Done

if TYPE_CHECKING:
    from steps.mirroring.imageset_file import ImageSetFile
    from steps.mirroring.runner import Job


def run(job: Job, imageset: ImageSetFile) -> Done:
    """Mirror what `imageset` names to the target; return what came of it.

    A dry run uses the ImageSet without its graph image, which oc-mirror would push even then. Raises
    MirrorError if oc-mirror failed.
    """
    layout, dry_run = job.layout, job.request.dry_run
    write_atomically(layout.imageset, imageset.without_graph() if dry_run else imageset.content)
    workspace = layout.scratch if dry_run else layout.root
    arguments = command.direct(
        job.oc_mirror.options,
        job.oc_mirror.version,
        imageset=layout.imageset,
        workspace=workspace,
        cache=layout.cache,
        target=job.request.target_registry,
        dry_run=dry_run,
    )
    reading = job.oc_mirror.run(arguments, working_dir=workspace / "working-dir")
    if dry_run:
        return Done(summary=products.keep_plan(layout, [products.read_plan(layout)]))
    inventory.note(layout, reading, target=job.request.target_registry, imageset=imageset.content)
    products.publish_cluster_resources(layout, layout.working_dir)
    images = {kind: done for kind, (done, _total) in reading.counts.items()}
    counts = ", ".join(f"{done} {kind}" for kind, done in images.items())
    summary = f"{job.request.target_registry} has all images ({counts or 'none to count'})"
    return Done(summary=summary, images=images)
