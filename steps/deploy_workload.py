"""Deploy the workload that mirrors, as a Job, a CronJob or a Deployment, and watch it start.

All parameters are checked before the cluster is touched. The claim and the account are created only where
they are missing; a workload that was deployed in another mode makes way, its claim stays.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.cluster import Cluster
from steps.results import result_paths
from steps.workload import names
from steps.workload.parameters import add_arguments, settings_from
from steps.workload.rollout import roll_out

if TYPE_CHECKING:
    from pathlib import Path

    from steps.workload.settings import Settings

RESULTS = ("workload-kind", "workload-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `start_timeout` in seconds."""

    settings: Settings
    start_timeout: int
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    parser = cli.Parser("deploy-workload", __doc__)
    parser.add_argument("--image", required=True, help="image of the workload, by digest")
    parser.add_argument("--run-name", required=True, help="the run's name, which its Job carries")
    parser.add_argument(
        "--start-timeout",
        type=cli.seconds,
        default=60,
        help="how long to watch the first pod for what keeps it from starting (default: 60s)",
    )
    parser.add_argument(
        "--namespace",
        type=cli.kubernetes_name,
        default=names.WORKLOAD_NAMESPACE,
        help="namespace of the workload and its ConfigMaps (default: %(default)s)",
    )
    add_arguments(parser)
    cli.add_results(parser, RESULTS)
    arguments = parser.parse_args(argv)
    return Inputs(
        settings=settings_from(arguments, os.environ),
        start_timeout=arguments.start_timeout,
        results=result_paths(arguments, RESULTS),
    )


def run(given: Inputs) -> dict[str, str]:
    """Roll the workload out and return the results. Raises ConflictError, StartError, ClusterError."""
    workload = roll_out(Cluster.connect(), given.settings, start_timeout=given.start_timeout)
    return {"workload-kind": workload["kind"], "workload-name": workload["metadata"]["name"]}


main = cli.task_entrypoint(parse, run)
