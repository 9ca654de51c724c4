"""What a run leaves for a cluster: the resources that make it use the mirror, and AutoShift's block."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.mirroring.publish import autoshift, resources
from steps.parameters.table.mirror_run import RESOURCE_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.session import Session

log = logging.getLogger(__name__)


def made_by(working_dir: Path) -> dict[str, bytes]:
    """Return the resources that a run of oc-mirror made, by file name; its next start wipes them."""
    return {path.name: path.read_bytes() for path in (working_dir / "cluster-resources").glob("*.*")}


def publish(session: Session, made: dict[str, bytes]) -> None:
    """Publish the resources of a run that pushed everything, and AutoShift's block.

    To be called once all images are verified. Raises MirrorError for a file that is no list of resources.
    """
    published = session.store.resources
    files = resources.canonical(
        made, prefix=session.request.values[RESOURCE_PREFIX] or "", earlier=published.files()
    )
    block = autoshift.render(resources.load(files), session.request.target_registry)
    published.replace(files, autoshift_values=block)
    log.info("resources for the cluster are in %s", published.folder)
