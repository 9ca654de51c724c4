"""Before a run whose cache others share: what they have fetched beside it is not fetched again.

oc-mirror keeps its images in the cache, but whole catalogs, releases and the image below its graph image in
the working directory, which each data directory has for itself.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.errors import StepError
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from steps.mirroring.session import Session

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds for the digest of a catalog: oc-mirror may reach it by a mirror of its registry only."""


def take_over(session: Session) -> None:
    """Bring into the working directory what the coming run would fetch although it is at hand.

    What cannot be told or read is left to oc-mirror.
    """
    store, mirror = session.store, session.given_imageset.mirror
    others = [other.working_dir for other in store.neighbours()[0]]
    if not others:
        return
    catalogs = [catalog.catalog for catalog in mirror.operators if _take_catalog(session, catalog.catalog)]
    releases = store.working_dir.lend_releases(mirror, others)
    if taken := [*catalogs, *([f"{releases} releases"] if releases else [])]:
        log.info("not fetched again: %s", ", ".join(taken))


def _take_catalog(session: Session, catalog: str) -> bool:
    reference = Reference.find(catalog)
    if reference is None or not reference.registry or not reference.version:
        return False
    try:
        with session.source.within(PATIENCE).open(reference.name) as repository:
            digest = reference.digest or repository.digest(reference.version)
    except StepError as error:
        log.debug("%s: %s", catalog, error.reason)
        return False
    return session.store.working_dir.lend_catalog(catalog, digest, session.store.cache)
