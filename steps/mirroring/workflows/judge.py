"""verify-signatures=only: will clusters accept what earlier runs have brought to a target?"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.errors import NotFoundError
from steps.mirroring import publish
from steps.mirroring.checks import acceptance
from steps.mirroring.publish import policies, resources
from steps.mirroring.store.accepted import compact
from steps.mirroring.store.runs import Done

if TYPE_CHECKING:
    from steps.mirroring.session import Session

log = logging.getLogger(__name__)


def run(session: Session) -> Done:
    """Judge the releases that the inventory names, by what is published; return what was found.

    Raises NotFoundError where nothing is published, UntrustedError for releases that clusters would refuse.
    """
    store, target = session.store, session.request.target_registry
    published = store.published.of(target)
    if published is None:
        raise NotFoundError(
            f"nothing is published for {target} in {store.root}",
            "mirror to it first, with this data directory",
        )
    entries = store.inventory.of(target)
    images = {image.origin: image for entry in entries for image in (*entry.earlier, *entry.images)}
    newest = {entry.mirror_name: entry for entry in entries}
    needed = {image.origin for entry in newest.values() for image in entry.images}
    imagesets = publish.imagesets(published.mirrors()).values()
    catalogs = [catalog for imageset in imagesets for catalog in imageset.mirror.operators]
    documents = resources.load(published.files())
    judgement = acceptance.check(session, images.values(), documents, catalogs, needed=needed)
    store.accepted.record(target, "", judgement)
    policies.publish(store, session.request)
    acceptance.insist(session.request, judgement)
    count = len(judgement.releases)
    summary = f"{target}: clusters accept all {count} releases" if count else f"{target} has no release"
    return Done(summary=summary, unchanged=True, accepted=compact(judgement.releases))
