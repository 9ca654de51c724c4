"""Sign a generation where it is made: its statement is written before it becomes one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring import values_origin
from steps.mirroring.checks import vouching
from steps.mirroring.ocmirror.placement import Rules, path_of
from steps.mirroring.store import statements
from steps.parameters.table.generation_signatures import RUNNING_IMAGE

if TYPE_CHECKING:
    from steps.mirroring.session import Session
    from steps.mirroring.store.contents import ContentIndex
    from steps.mirroring.store.generations import Generation

log = logging.getLogger(__name__)


def sign(session: Session, draft: Generation, index: ContentIndex) -> None:
    """Write the signed statement about the generation to be, if a key is given.

    Raises NotFoundError, InvalidInputError for a key that is not there any more or cannot be used.
    """
    request, store = session.request, session.store
    key = vouching.signing_key(request)
    if key is None:
        store.statement.unlink(missing_ok=True)
        return
    rules = Rules.of(session.given_imageset.mirror)
    catalogs = [(one.source, one.digest) for one in index.images if path_of(one.source) in rules.catalogs]
    origin = statements.Origin(
        workflow=request.workflow,
        image=request.values[RUNNING_IMAGE] or "",
        repository=values_origin.repository(request.imageset),
        commit=values_origin.commit(request.imageset),
        catalogs=tuple(sorted(catalogs)),
    )
    write_atomically(store.statement, statements.sign(draft, origin, key))
    log.info("generation %d is signed by the key %s", draft.sequence, key.public.fingerprint)
