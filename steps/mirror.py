"""Mirror what an ImageSet names with oc-mirror: what the deployed workload runs, and the same on a laptop.

One operation: workflow-to-disk makes the next generation of archives below DATA/generations,
workflow-from-disk pushes the generations that TARGET-REGISTRY lacks, workflow-direct copies from registry to
registry. With --schedule it stays, as a service, and does so whenever the schedule says. Whatever ends it,
the next run goes on; nothing that was archived is lost.

Exit codes: 0 done, 2 wrong arguments, 3 unusable ImageSet, pull secret, archive or data directory, 4 not
found, 5 data directory in use, 8 oc-mirror failed, 130 interrupted, 143 ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from steps import cli
from steps.errors import StepError, UsageError
from steps.mirroring import announce, history, operation, preflight, removal, resources, retries, verdict
from steps.mirroring.command import Options
from steps.mirroring.layout import Layout
from steps.mirroring.request import (
    CLEANUP,
    DELETE,
    DIRECT,
    TO_DISK,
    UPKEEP,
    WORKFLOWS,
    Request,
)
from steps.mirroring.schedule import Schedule, check_time_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.mirroring.status import Run, Watcher

log = logging.getLogger("steps.mirror")

REGISTRY = (
    r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(:\d{1,5})?"
    r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
"""HOST[:PORT][/PATH], the path as in the OCI distribution specification ("Pulling manifests")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the command line says: one operation, and whether to do it now, on schedule, or only to check."""

    request: Request
    schedule: Schedule | None
    listen_port: int
    check: bool
    termination_log: Path
    namespace: str = ""


def parse(argv: list[str]) -> Inputs:
    """Parse the arguments; raises UsageError for anything malformed, missing or contradictory."""
    given = _parser().parse_args(argv)
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
    return Inputs(
        request=Request(
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
        ),
        schedule=replace(given.schedule, time_zone=given.time_zone or "UTC") if given.schedule else None,
        listen_port=given.listen_port,
        check=given.check,
        termination_log=given.termination_log,
        namespace=given.namespace or "",
    )


def run(inputs: Inputs) -> None:
    """Check, serve or mirror once; raises a StepError, which is then in the termination log too."""
    recorded = False

    def keep_last_word(run: Run) -> None:
        nonlocal recorded
        recorded = True
        verdict.of_run(inputs.termination_log, run)

    try:
        if inputs.check:
            ready = preflight.check(inputs.request)
            preflight.check_target(inputs.request, ready.imageset)
            done = ready.summary
        elif inputs.schedule:
            from steps.service import (
                serving,
            )  # what draws pages is of no use to a single run, and takes a while

            watchers = _announcers(inputs)
            serving.serve(
                inputs.request, schedule=inputs.schedule, port=inputs.listen_port, watchers=watchers
            )
        else:
            watchers = [keep_last_word, *_announcers(inputs)]
            done = operation.run(inputs.request, watchers=watchers).summary
    except StepError as error:
        if not recorded:
            verdict.write(inputs.termination_log, f"{error.reason}\n{error.hint}")
        raise
    except SystemExit:
        done = "ended by SIGTERM; the next run goes on from here"
        log.warning("%s", done)
        if not recorded:
            verdict.write(inputs.termination_log, done)
        raise
    log.info("%s", done)
    if not recorded:
        verdict.write(inputs.termination_log, done)


def _announcers(inputs: Inputs) -> list[Watcher]:
    found = announce.announcer(Layout.at(inputs.request.data), inputs.namespace)
    return [found] if found else []


def _parser() -> cli.Parser:
    parser = cli.Parser("mirror", __doc__)
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
    add("--check", type=cli.boolean, default=False, help="true: only check that a run could start")
    add("--authfile", type=cli.optional(Path), help="pull secret (.dockerconfigjson)")
    add("--ca-bundle", type=cli.optional(Path), help="further CA certificates; used if there and not empty")
    add("--source-tls-verify", type=cli.boolean, default=True, help="false: accept any certificate, and HTTP")
    add("--destination-tls-verify", type=cli.boolean, default=True, help="the same for the target")
    add("--schedule", type=cli.optional(_schedule), help="cron expression: serve, mirror then")
    add(
        "--time-zone",
        type=cli.optional(_time_zone),
        help="of the schedule, such as Europe/Berlin (default: UTC)",
    )
    add("--listen-port", type=_port, default=8080, help="of the service: page, metrics, probes")
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
    add(
        "--namespace",
        type=cli.optional(cli.kubernetes_name),
        help="tell this namespace of runs by ConfigMaps and Events (default: in a pod its own, else none)",
    )
    add("--termination-log", type=Path, default=Path("/dev/termination-log"), help="where the verdict goes")
    return parser


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


def _schedule(text: str) -> Schedule:
    try:
        return Schedule.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _time_zone(text: str) -> str:
    try:
        return check_time_zone(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _told(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Let argparse show what a parser that raises ValueError has to say."""

    def checked(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port number")
    return int(text)


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


def body(argv: list[str]) -> None:
    """What `main` does, for the error handling of `cli.run`."""
    run(parse(argv))


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(cli.run(body))
