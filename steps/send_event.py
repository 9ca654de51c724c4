"""Post a signed event to the EventListener: what a schedule's CronJob runs."""

from __future__ import annotations

import logging
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path

from steps import cli
from steps.errors import NotFoundError
from steps.listener import post

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


def url(text: str) -> str:
    """Parse an http or https URL without credentials."""
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text):
        raise ArgumentTypeError(f"'{text}' is not an http:// or https:// URL")
    return text


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError`."""
    parser = cli.Parser("send-event", __doc__)
    parser.add_argument(
        "--listener-url", type=url, required=True, help="such as http://el-oc-mirror:8080/schedule"
    )
    parser.add_argument("--secret-file", type=Path, required=True, help="file with the key to sign with")
    parser.add_argument("--run", type=cli.kubernetes_name, required=True, help="the run to start")
    parser.add_argument("--occasion", required=True, help="what sets this event apart: the name of the Job")
    given = parser.parse_args(argv)
    return Inputs(
        listener_url=given.listener_url, secret_file=given.secret_file, run=given.run, occasion=given.occasion
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
