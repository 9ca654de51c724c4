"""workflow-direct: from registries to a registry. It converges: what is there is not copied again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import estimate, verification
from steps.mirroring.data import inventory
from steps.mirroring.data.status import Done
from steps.mirroring.delivery import products
from steps.mirroring.ocmirror import command

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.data.layout import Layout
    from steps.mirroring.job import Job


def run(job: Job, imageset: ImageSet) -> Done:
    """Mirror what `imageset` names to the target; return what came of it.

    A dry run uses the ImageSet without its graph image, which oc-mirror would push even then. Raises
    MirrorError if oc-mirror failed.
    """
    layout = job.layout
    if job.request.dry_run:
        write_atomically(layout.imageset, imageset.without_graph().content)
        arguments = _arguments(job, workspace=layout.scratch, dry_run=True)
        job.oc_mirror.run(arguments, working_dir=layout.scratch / "working-dir")
        plan = products.read_plan(layout)
        size = estimate.copy(layout, plan["mapping.txt"], job.oc_mirror.options)
        return Done(summary=products.keep_plan(layout, [plan], size))
    write_atomically(layout.imageset, imageset.content)
    earlier = _pinned(layout)
    reading = job.oc_mirror.run(
        _arguments(job, workspace=layout.root, dry_run=False), working_dir=layout.working_dir
    )
    made = products.made_resources(layout.working_dir)
    inventory.note(layout, reading, target=job.request.target_registry, imageset=imageset)
    _verify(job, imageset, pinned=_pinned(layout) - earlier)
    products.publish(job, made)
    images = {kind: done for kind, (done, _total) in reading.counts.items()}
    counts = ", ".join(f"{done} {kind}" for kind, done in images.items())
    summary = f"{job.request.target_registry} has all images ({counts or 'none to count'})"
    return Done(summary=summary, images=images)


def _verify(job: Job, imageset: ImageSet, *, pinned: set[Path]) -> None:
    """Verify by the ImageSet that oc-mirror pinned, if it did (4.22): the tag of a catalog may move."""
    layout = job.layout
    newest = max(pinned, default=None)
    used = ImageSet.recorded(newest.read_bytes(), str(newest)) if newest else imageset
    write_atomically(layout.imageset, used.without_graph().content)
    verification.verify(
        job,
        _arguments(job, workspace=layout.root, dry_run=True),
        working_dir=layout.working_dir,
        more=[verification.GRAPH] if used.mirror.platform.graph else [],
    )


def _pinned(layout: Layout) -> set[Path]:
    return set(layout.working_dir.glob("isc_pinned_*.yaml"))


def _arguments(job: Job, *, workspace: Path, dry_run: bool) -> list[str]:
    return command.direct(
        job.oc_mirror.options,
        job.oc_mirror.version,
        imageset=job.layout.imageset,
        workspace=workspace,
        cache=job.layout.cache,
        target=job.request.target_registry,
        dry_run=dry_run,
    )
