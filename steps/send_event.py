"""Post a signed event to the EventListener: what a schedule's CronJob runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.errors import NotFoundError
from steps.listener import post
from steps.parameters import arguments
from steps.parameters.places import SEND_EVENT
from steps.parameters.table import other_commands as table

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("steps.send_event")

EVENT = "schedule"
"""The value of X-GitHub-Event that tells such an event from a push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    listener_url: str
    secret_file: Path
    run: str
    occasion: str


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(SEND_EVENT, argv, __doc__)
    return Inputs(
        listener_url=given[table.LISTENER_URL],
        secret_file=given[table.SECRET_FILE],
        run=given[table.EVENT_RUN],
        occasion=given[table.EVENT_OCCASION],
    )


def run(given: Inputs) -> None:
    """Post the event. Raises what `send` raises."""
    event = send(given)
    log.info("Event %s is accepted: run %s, occasion %s.", event, given.run, given.occasion)


def send(given: Inputs) -> str:
    """Post the event and return its id. Raises NotFoundError and ClusterError."""
    try:
        # As a webhook's settings page takes it: without the newline that files end with.
        key = given.secret_file.read_bytes().strip()
    except OSError as error:
        raise NotFoundError(
            f"cannot read {given.secret_file}: {error.strerror}",
            "give the Secret oc-mirror-webhook-keys the key 'schedule'",
        ) from error
    return post(given.listener_url, {"run": given.run, "occasion": given.occasion}, event=EVENT, key=key)


main = cli.entrypoint(parse, run)
