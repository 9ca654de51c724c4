"""The workflows that mirror nothing: a plan of deletion, its execution, and cleaning up."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.mirroring.checks import preflight
from steps.mirroring.data import journal, lock
from steps.mirroring.data.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.mirroring.data.recorder import Recorder
    from steps.mirroring.data.status import Done
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


def run(request: Request, recorder: Recorder, workflow: Callable[[Layout, Request], Done]) -> Done:
    """Do `workflow` with the data directory locked and at rest. Raises what the workflow raises."""
    layout = Layout.at(request.data)
    preflight.check_authfile(request.options.authfile)
    preflight.check_writable(layout.root)
    log.info("%s, data in %s", request.workflow, layout.root)
    with lock.exclusive(layout, purpose=request.workflow):
        recorder.begin()
        journal.recover(layout, now=datetime.now(UTC))
        return workflow(layout, request)
