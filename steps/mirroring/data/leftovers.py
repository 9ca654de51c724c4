"""What interrupted runs of oc-mirror leave behind and would trip over, or carry along, for ever after.

To be removed while the lock is held and no oc-mirror runs: then nothing unfinished can still be in work.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from steps import units

if TYPE_CHECKING:
    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)

UPLOADS = "_uploads"
"""Where a registry's storage keeps what is being uploaded; finished blobs are moved out of it."""


def remove(layout: Layout) -> None:
    """Remove dry runs, generations on their way out, unfinished release images and unfinished uploads."""
    for folder in layout.generations.glob(".leaving-*"):
        shutil.rmtree(folder)
    if layout.scratch.exists():
        shutil.rmtree(layout.scratch)
    forget_unfinished_releases(layout.working_dir)
    forget_unfinished_uploads(layout.cached_registry)


def forget_unfinished_releases(working_dir: Path) -> None:
    """Remove release-images/REPOSITORY/TAG folders without index.json.

    oc-mirror takes the mere folder for a finished copy (release/local_stored_collector.go,
    ensureReleaseInOCIFormat) and would fail on it for ever: "failed to find release image in index".
    """
    for folder in (working_dir / "release-images").glob("*/*/"):
        if not (folder / "index.json").exists():
            shutil.rmtree(folder)
            log.info("removed %s, a release image that an interrupted run had not finished", folder)


def forget_unfinished_uploads(registry: Path) -> None:
    """Remove the uploads that a killed run had begun in the cache.

    Nobody would ever finish them, and oc-mirror archives the cache's repositories whole (archive/archive.go,
    BuildArchive): seen with the real program, one kill doubled every archive that followed.
    """
    size = 0
    for folder, names, _files in os.walk(registry / "docker/registry/v2/repositories"):
        if UPLOADS in names:
            uploads = Path(folder, UPLOADS)
            size += sum(path.stat().st_size for path in uploads.rglob("*") if path.is_file())
            shutil.rmtree(uploads)
        names[:] = [name for name in names if not name.startswith("_")]
    if size:
        log.info("removed %s of uploads that an interrupted run had not finished", units.size(size))
