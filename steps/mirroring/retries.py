"""Whole runs of oc-mirror made again, where they failed for want of a network and for nothing else.

oc-mirror retries a transfer a few times within a minute, and not at all where a connection ends early or the
server of the release graph does not answer (release/download.go, pkg of containers/common). What a run has
fetched stays in the cache, so another run costs little. What will fail again is not tried again.

A blob of the cache that is damaged would fail each run. So it is looked for, taken away, and the run is made
again, which fetches it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import stamina

from steps.errors import MirrorError, StepError
from steps.mirroring.ocmirror import reasons
from steps.oci.failures import BusyError, UnreachableError
from steps.parameters.table.tuning import RUN_RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.mirroring.session import Session

log = logging.getLogger(__name__)
# stamina says of each retry only that there is one; ours say why.
logging.getLogger("stamina").setLevel(logging.ERROR)

Result = TypeVar("Result")

FIRST_WAIT: Final = 15.0
"""Seconds; then four times as long each time, for what lasts longer than oc-mirror's own retries."""
LONGEST_WAIT: Final = 600.0
MENDINGS: Final = 3
"""Of an image oc-mirror names one damaged blob a run."""
_OF_THE_CACHE: Final = {reasons.DAMAGED.name, reasons.MISSING_BASE.name}


def retrying(session: Session, attempt: Callable[[], Result]) -> Result:
    """Call `attempt` until it succeeds, at most `run-retries` times more than once; return its result.

    Raises the error of the last attempt. Before each other one the data directory is brought to rest,
    as it would be before a new run.
    """
    retries = session.request.values[RUN_RETRIES]
    for trial in stamina.retry_context(
        on=_may_pass,
        attempts=retries + 1,
        timeout=None,
        wait_initial=FIRST_WAIT,
        wait_exp_base=4,
        wait_max=LONGEST_WAIT,
    ):
        with trial:
            if trial.num > 1:
                session.store.recover(now=datetime.now(UTC))
            try:
                return _mending(session, attempt)
            except StepError as error:
                if _may_pass(error) and trial.num <= retries:
                    log.warning(
                        "%s\nretry %d of %d in about %.0f s, since the cause (%s) may pass",
                        error.reason,
                        trial.num,
                        retries,
                        trial.next_wait,
                        error.cause if isinstance(error, MirrorError) else "network",
                    )
                raise
    raise AssertionError("the last attempt returns or raises")


def _mending(session: Session, attempt: Callable[[], Result]) -> Result:
    """Call `attempt`; again where it failed by blobs of oc-mirror's cache that could be mended."""
    for _time in range(MENDINGS):
        try:
            return attempt()
        except MirrorError as error:
            causes = {error.cause, *error.failed.values()}
            if session.request.dry_run or causes.isdisjoint(_OF_THE_CACHE):
                raise
            now, search = datetime.now(UTC), not error.blobs and reasons.DAMAGED.name in causes
            session.store.recover(now=now)
            if not session.store.mend_cache(error.blobs, search=search, now=now):
                raise
            log.warning("%s\nthe run is repeated, since the cache was repaired", error.reason)
    return attempt()


def _may_pass(error: Exception) -> bool:
    if isinstance(error, MirrorError):
        return error.passing
    return isinstance(error, UnreachableError | BusyError)
