"""What is still needed: the images that the newest run by each current ImageSet brought to a target."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from steps.errors import ConflictError, NotFoundError
from steps.mirroring.data import inventory
from steps.mirroring.ocmirror import imageset_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steps.mirroring.data.inventory import Entry, Image
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.request import Request


def records(layout: Layout, target: str) -> list[Entry]:
    """The runs into `target`, oldest first. Raises NotFoundError where there is none."""
    entries = inventory.read(layout, target)
    if not entries:
        raise NotFoundError(
            f"no run of this data directory has mirrored to {target}",
            "name the target as the runs did; only what they recorded is ever deleted",
        )
    return entries


def identity(entries: Sequence[Entry]) -> str:
    """Hash of these records: another run changes it."""
    return hashlib.sha256(" ".join(entry.identity for entry in entries).encode()).hexdigest()


def meanings(request: Request) -> dict[str, str]:
    """The ImageSets given, by meaning, with their paths. Raises what `imageset_file.read` raises."""
    paths = [path for path in (request.imageset, *request.also_imagesets) if path is not None]
    files = [imageset_file.read(path) for path in paths]
    return {imageset.meaning: imageset.name for imageset in files}


def needed(entries: Sequence[Entry], given: Mapping[str, str], target: str) -> list[Image]:
    """What the given ImageSets need of `target`, and the one that was mirrored last, whichever that is.

    Raises ConflictError for an ImageSet that was never mirrored there as it is now, and for a run with an
    incomplete record.
    """
    newest = {entry.imageset: entry for entry in entries}
    for meaning, path in given.items():
        if meaning not in newest:
            raise ConflictError(
                f"{path} was not mirrored to {target} as it is now: what it needs there is not known",
                "mirror with it first, then make a plan; or give the ImageSet that was mirrored",
            )
    chosen = [newest[meaning] for meaning in {*given, entries[-1].imageset}]
    for entry in chosen:
        if not entry.complete:
            raise ConflictError(
                f"the run of {entry.finished} does not say all that it copied to {target}",
                "this version of oc-mirror does not name its images: mirror once with a newer one",
            )
    return [image for entry in chosen for image in entry.images]
