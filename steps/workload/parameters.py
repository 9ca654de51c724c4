"""The parameters of a deployment, as arguments of deploy-workload and of preview-deployment.

What is wrong with them is told all at once, since another run to find the next slip takes a minute.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from steps import cli
from steps.errors import StepError, UsageError
from steps.mirroring.data.history import parse_since
from steps.mirroring.deleting import removal
from steps.mirroring.request import CLEANUP, DELETE, PLAN_DELETION, TO_DISK, UPKEEP, WORKFLOWS
from steps.mirroring.schedule import check_time_zone
from steps.workload import checks, names, tuning
from steps.workload.schedule import normal_schedule
from steps.workload.settings import DEPLOY_MODES, Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

T = TypeVar("T")

log = logging.getLogger("steps.workload")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the parameters that shape the workload; image, namespace and run's name are the caller's."""
    add = parser.add_argument_group("workload").add_argument
    add("--deploy-mode", choices=DEPLOY_MODES, default="job", help="once, on a schedule, or as a service")
    add("--schedule", default="", help="cron expression, for cronjob and deployment")
    add("--time-zone", default="", help="in which it is meant, such as Europe/Berlin (default: UTC)")
    add(
        "--workflow", choices=WORKFLOWS, default=TO_DISK, help="what to mirror to what (default: %(default)s)"
    )
    add("--incremental-mode", type=cli.boolean, default=True, help="false archives everything again")
    add(
        "--since-date",
        default="",
        help="YYYY-MM-DD; archives all that is new since the last archive before it",
    )
    add("--target-registry", default="", help="HOST[:PORT][/PATH], for all but workflow-to-disk and -cleanup")
    add("--keep-generations", default="", help="newest generations of archives to keep; empty: all")
    add(
        "--also-imageset-configmaps",
        default="",
        help="ConfigMaps with further ImageSets whose images are needed (deletion, cleanup), by comma",
    )
    add("--older-than", default="", help="plan to delete only what was not needed for so long, such as 90d")
    add("--approved-plan-sha256", default="", help="hash of the plan for workflow-delete-execute")
    add("--dry-run", type=cli.boolean, default=False, help="true only reports what would be mirrored")
    add("--source-tls-verify", type=cli.boolean, default=True, help="false accepts any certificate")
    add("--destination-tls-verify", type=cli.boolean, default=True, help="false accepts any, or plain HTTP")
    tuning.add_arguments(add)
    add(
        "--config-sha256",
        type=cli.optional(str),
        help="digest of the ImageSet; a change rolls the Deployment",
    )
    add("--claim-name", default="", help=f"claim of the workload's volume (default: {names.CLAIM})")
    add("--storage-size", default="500Gi", help="size of that volume where it is created")
    add(
        "--storage-class", type=cli.optional(cli.kubernetes_name), help="its StorageClass, or the default one"
    )
    add("--pull-secret", type=cli.kubernetes_name, default=names.PULL_SECRET, help="secret of the registries")
    add(
        "--trusted-ca-configmap",
        type=cli.kubernetes_name,
        default=names.TRUSTED_CA,
        help="ConfigMap whose key ca-bundle.crt holds extra CAs; used where it exists",
    )
    add("--memory", default="4Gi", help="memory of the workload's container (default: %(default)s)")
    add("--fs-group", default="auto", help="group of the volume: auto, none, or a number")


def settings_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Check the parameters, each alone and all together; `environment` gives the proxy variables.

    `arguments` also has image, namespace and run_name. Raises UsageError, naming all that is wrong.
    """
    problems: list[str] = []

    def checked(name: str, parse: Callable[[str], T], text: str) -> T | None:
        try:
            return parse(text) if text else None
        except StepError as error:
            problems.append(error.reason)
        except ValueError as error:
            problems.append(f"{name} {error}")
        return None

    today = datetime.now(UTC).date()
    schedule = checked("schedule", normal_schedule, arguments.schedule)
    zone = checked("time-zone", check_time_zone, arguments.time_zone)
    target = checked("target-registry", checks.check_registry, arguments.target_registry)
    since = checked("since-date", lambda text: parse_since(text, today=today), arguments.since_date)
    keep = checked("keep-generations", checks.count, arguments.keep_generations)
    also = checked("also-imageset-configmaps", checks.name_list, arguments.also_imageset_configmaps)
    checked("older-than", removal.span, arguments.older_than)
    checked("approved-plan-sha256", removal.approval, arguments.approved_plan_sha256)
    fs_group = checked("fs-group", checks.fs_group, arguments.fs_group)
    claim = checked("claim-name", checks.name, _bound(arguments.claim_name))
    checked("image", checks.check_image, arguments.image)
    checked("storage-size", checks.quantity, arguments.storage_size)
    checked("memory", checks.quantity, arguments.memory)
    try:
        proxies = checks.proxy_environment(environment)
    except ValueError as error:
        problems.append(str(error))
        proxies = {}
    tuned = tuning.given(arguments)
    problems += [*tuning.problems(tuned), *_contradictions(arguments)]
    if problems:
        raise UsageError(
            "; ".join(problems), "correct what is named above; nothing was changed in the cluster"
        )
    return Settings(
        image=arguments.image,
        mode=arguments.deploy_mode,
        workflow=arguments.workflow,
        namespace=arguments.namespace,
        claim_name=claim or names.CLAIM,
        pull_secret=arguments.pull_secret,
        run_name=arguments.run_name,
        storage_size=arguments.storage_size,
        storage_class=arguments.storage_class,
        schedule=schedule,
        time_zone=zone or "UTC",
        target_registry=target,
        since_date=since,
        keep_generations=keep,
        also_imagesets=also or (),
        older_than=arguments.older_than or None,
        approved_plan_sha256=arguments.approved_plan_sha256 or None,
        incremental_mode=arguments.incremental_mode,
        dry_run=arguments.dry_run,
        source_tls_verify=arguments.source_tls_verify,
        destination_tls_verify=arguments.destination_tls_verify,
        config_sha256=arguments.config_sha256,
        tuning=tuned,
        memory=arguments.memory,
        trusted_ca=arguments.trusted_ca_configmap,
        fs_group=fs_group,
        environment=proxies,
    )


def _bound(claim: str) -> str:
    """Return the claim's name, empty where no claim is bound.

    Where an optional workspace is left out, Tekton makes `$(workspaces.NAME.path)` empty but leaves
    `$(workspaces.NAME.claim)` as it stands (tektoncd/pipeline pkg/reconciler/taskrun/resources/apply.go).
    """
    return "" if claim.startswith("$(workspaces.") else claim


def _contradictions(arguments: argparse.Namespace) -> list[str]:
    """What is missing or contradictory only in the light of another parameter."""
    needed = ("image", "storage_size", "memory", "fs_group", "run_name")
    found = [f"{name.replace('_', '-')} is empty" for name in needed if not getattr(arguments, name)]
    if arguments.deploy_mode != "job" and not arguments.schedule:
        found.append(f"deploy-mode {arguments.deploy_mode} needs a schedule, such as '0 2 * * *'")
    if arguments.workflow not in {TO_DISK, CLEANUP} and not arguments.target_registry:
        found.append(f"{arguments.workflow} needs a target-registry, HOST[:PORT][/PATH]")
    if arguments.workflow in UPKEEP and arguments.deploy_mode != "job":
        found.append(f"{arguments.workflow} is a person's decision each time: only deploy-mode job will do")
    if arguments.workflow == DELETE and not arguments.approved_plan_sha256:
        found.append(f"{DELETE} needs approved-plan-sha256, the hash that {PLAN_DELETION} logged")
    if arguments.since_date and not arguments.incremental_mode:
        found.append("since-date contradicts incremental-mode=false, which archives everything")
    return found
