"""The arguments of `mirror` that say what to do once: declared, and made a request."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from steps import cli
from steps.errors import UsageError
from steps.mirroring import retries
from steps.mirroring.data import history
from steps.mirroring.deleting import removal
from steps.mirroring.delivery import resources
from steps.mirroring.ocmirror.command import Options
from steps.mirroring.request import CLEANUP, DELETE, DIRECT, TO_DISK, UPKEEP, WORKFLOWS, Request

if TYPE_CHECKING:
    from collections.abc import Callable

REGISTRY = (
    r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:\d{1,5})?"
    r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
"""HOST[:PORT][/PATH], the path as in the OCI distribution specification ("Pulling manifests")."""


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add = parser.add_argument
    add("--workflow", choices=WORKFLOWS, required=True, help="what to do")
    add("--imageset", type=cli.optional(Path), help="ImageSet; FILE.gz beside it is taken where FILE is not")
    add("--data", type=Path, required=True, help="data directory: archives, history, cache; it must persist")
    add("--target-registry", type=cli.optional(_registry), help="HOST[:PORT][/PATH], not for to-disk")
    add("--incremental-mode", type=cli.boolean, default=True, help="true: only what is new (to-disk)")
    add(
        "--since-date",
        default="",
        help="continue the last archive made before this day (YYYY-MM-DD, to-disk)",
    )
    add("--keep-generations", type=cli.optional(_positive), help="newest ones to keep; without it, all")
    add("--dry-run", type=cli.boolean, default=False, help="true: only list what would be mirrored")
    add(
        "--skip-unchanged",
        type=cli.optional(cli.boolean),
        help="true: end at once if nothing changed since the last success (default: with --schedule)",
    )
    add("--authfile", type=cli.optional(Path), help="pull secret (.dockerconfigjson)")
    add("--ca-bundle", type=cli.optional(Path), help="further CA certificates; used if there and not empty")
    add("--source-tls-verify", type=cli.boolean, default=True, help="false: accept any certificate, and HTTP")
    add("--destination-tls-verify", type=cli.boolean, default=True, help="the same for the target")
    add(
        "--resource-prefix",
        type=cli.optional(_told(resources.prefix)),
        help="to put before the names of cluster resources",
    )
    add("--apply-cluster-resources", type=cli.boolean, default=False, help="true: apply them, with the right")
    add("--oc-mirror", default="oc-mirror", help="the program (default: the one on PATH)")
    add("--parallel-images", type=cli.optional(_up_to_ten), help="images at a time, 1 to 10")
    add("--parallel-layers", type=cli.optional(_up_to_ten), help="layers of an image at a time, 1 to 10")
    add("--image-timeout", type=cli.optional(cli.seconds), help="for one image with all retries, such as 90m")
    add("--retry-times", type=cli.optional(_count), help="retries of one transfer")
    add(
        "--run-retries",
        type=cli.optional(_count),
        default=retries.DEFAULT,
        help="how often to repeat a run that failed for want of a network (default: %(default)s)",
    )
    add(
        "--also-imageset",
        type=Path,
        action="append",
        default=[],
        help="a further ImageSet whose images are still needed (deletion, cleanup); may be repeated",
    )
    add(
        "--older-than",
        type=cli.optional(_told(removal.span)),
        help="plan only what was not needed for so long, such as 90d",
    )
    add(
        "--approved-plan-sha256",
        type=cli.optional(_told(removal.approval)),
        help="hash of the plan to carry out",
    )
    add("--remove-signatures", type=cli.optional(cli.boolean), help="true: leave image signatures out")


def request(given: argparse.Namespace) -> Request:
    """Make the request; `given.schedule` tells whether it is repeated.

    Raises UsageError for what is missing or contradictory.
    """
    if given.workflow not in {TO_DISK, CLEANUP} and not given.target_registry:
        raise UsageError(f"{given.workflow} needs a target-registry", "give it as HOST[:PORT][/PATH]")
    if given.workflow in {TO_DISK, DIRECT} and given.imageset is None:
        raise UsageError(f"{given.workflow} needs an imageset", "give the path of an ImageSetConfiguration")
    if given.since_date and not given.incremental_mode:
        raise UsageError(
            "since-date contradicts incremental-mode=false, which makes a full archive",
            "give one or the other",
        )
    _check_upkeep(given)
    today = datetime.now(UTC).date()
    return Request(
        workflow=given.workflow,
        data=given.data,
        imageset=given.imageset,
        target_registry=given.target_registry or "",
        incremental_mode=given.incremental_mode,
        since_date=history.parse_since(given.since_date, today=today) if given.since_date else None,
        dry_run=given.dry_run,
        keep_generations=given.keep_generations,
        skip_unchanged=bool(given.schedule) if given.skip_unchanged is None else given.skip_unchanged,
        run_retries=retries.DEFAULT if given.run_retries is None else given.run_retries,
        resource_prefix=given.resource_prefix or "",
        apply_cluster_resources=given.apply_cluster_resources,
        also_imagesets=tuple(given.also_imageset),
        older_than=given.older_than,
        approved_plan_sha256=given.approved_plan_sha256 or "",
        oc_mirror=given.oc_mirror,
        options=Options(
            authfile=given.authfile,
            ca_bundle=_unless_empty(given.ca_bundle),
            source_tls_verify=given.source_tls_verify,
            destination_tls_verify=given.destination_tls_verify,
            parallel_images=given.parallel_images,
            parallel_layers=given.parallel_layers,
            image_timeout=given.image_timeout,
            retry_times=given.retry_times,
            remove_signatures=given.remove_signatures,
        ),
    )


def _check_upkeep(given: argparse.Namespace) -> None:
    if given.workflow in UPKEEP and given.schedule:
        raise UsageError(
            f"{given.workflow} is done once, not on a schedule",
            "leave schedule out: a person decides on each",
        )
    if given.workflow == DELETE and not given.approved_plan_sha256:
        raise UsageError(
            f"{DELETE} needs approved-plan-sha256",
            "read the plan that workflow-delete-generate wrote, then give the hash that it logged",
        )


def _registry(text: str) -> str:
    if not re.fullmatch(REGISTRY, text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a registry of the form HOST[:PORT][/PATH]")
    return text


def _told(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Let argparse show what a parser that raises ValueError has to say."""

    def checked(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _up_to_ten(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 10")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 on")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return int(text)


def _unless_empty(bundle: Path | None) -> Path | None:
    """The CA bundle, if there is one: its ConfigMap is optional, and filled by OpenShift a moment later."""
    return bundle if bundle is not None and bundle.is_file() and bundle.stat().st_size else None
