"""Start the run that an event asks for, when it is its turn and unless it is superseded.

The run is for the newest commit of its branch: any other commit has, or will have, its own event. The same
commit with the same parameters and occasion starts a single run, and another only after that failed.
"""

from __future__ import annotations

import logging
import re
import time
from argparse import ArgumentTypeError
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from steps import cli, repository
from steps.cluster import Cluster
from steps.errors import ConflictError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.results import result_paths
from steps.triggering.templates import CONFIGMAP, Template, read_template
from steps.triggering.turns import Turn, finished, outcome, runs_of
from steps.workload import names

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject

log = logging.getLogger("steps.start_run")

RESULTS = ("run-name", "state")
PAUSE = 5.0  # seconds between two decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `commit` is None for the newest commit, `patience` is in seconds."""

    enabled: bool
    run: str
    commit: str | None
    occasion: str
    runs_configmap: str
    namespace: str
    holder: str
    patience: int
    credentials: Credentials
    results: dict[str, Path | None]


def commit(text: str) -> str:
    """Parse a full commit hash (SHA-1 or SHA-256)."""
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", text):
        raise ArgumentTypeError(f"'{text[:80]}' is not a full commit hash")
    return text


def occasion(text: str) -> str:
    """Parse what sets a run apart from others of the same commit: a name such as a Job's, or a digest."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{0,253}", text):
        raise ArgumentTypeError(f"'{text[:80]}' is not an occasion (letters, digits, '.', '_', ':', '-')")
    return text


def run_name(text: str) -> str:
    """Parse the name of a run, short enough for the names that are made of it."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", text):
        raise ArgumentTypeError(f"'{text[:80]}' is not the name of a run (at most 20 of a-z, 0-9, '-')")
    return text


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError`."""
    parser = cli.Parser("start-run", __doc__)
    parser.add_argument("--enabled", type=cli.boolean, default=True, help="false starts nothing")
    parser.add_argument("--run", type=run_name, required=True, help="key in the ConfigMap, without .yaml")
    parser.add_argument(
        "--commit", type=cli.optional(commit), help="what was pushed; empty takes the newest commit"
    )
    parser.add_argument(
        "--occasion",
        type=occasion,
        default="",
        help="what else sets this run apart, such as a schedule's Job",
    )
    parser.add_argument(
        "--runs-configmap",
        type=cli.kubernetes_name,
        default=CONFIGMAP,
        help="ConfigMap with the PipelineRuns to start (default: %(default)s)",
    )
    parser.add_argument(
        "--namespace",
        type=cli.kubernetes_name,
        default=names.PIPELINE_NAMESPACE,
        help="where the runs are (default: %(default)s)",
    )
    parser.add_argument("--holder", required=True, help="name of this process, unique among its like")
    parser.add_argument(
        "--turn-timeout", type=cli.seconds, default=3600, help="how long to wait for the run before"
    )
    parser.add_argument("--git-secret-path", type=Path, help="folder of the mounted Git Secret")
    parser.add_argument("--ca-bundle", type=Path, help="file with extra CAs")
    cli.add_results(parser, RESULTS)
    given = parser.parse_args(argv)
    return Inputs(
        enabled=given.enabled,
        run=given.run,
        commit=given.commit,
        occasion=given.occasion,
        runs_configmap=given.runs_configmap,
        namespace=given.namespace,
        holder=given.holder,
        patience=given.turn_timeout,
        credentials=Credentials(given.git_secret_path, given.ca_bundle),
        results=result_paths(given, RESULTS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about an event.

    `state` is `superseded` or `existing` (nothing to start), `wait` (for `name`), `free` (start `manifest`)
    or `started`.
    """

    state: str
    name: str = ""
    manifest: KubernetesObject | None = None


def run(given: Inputs) -> dict[str, str]:
    """Wait for the turn, start the run, and return the results.

    `state` is `started`, `existing` (the same run is there), `superseded` (the branch has moved on) or
    `unwanted`. Raises NotFoundError, InvalidInputError, GitError, ClusterError, and ConflictError if the turn
    does not come.
    """
    if not given.enabled:
        return {"run-name": "", "state": "unwanted"}
    cluster = Cluster.connect()
    configmap = cluster.get("ConfigMap", given.runs_configmap, given.namespace)
    template = read_template(configmap, run=given.run, name=given.runs_configmap, namespace=given.namespace)
    turn = Turn(cluster=cluster, run=given.run, namespace=given.namespace, holder=given.holder)
    deadline = time.monotonic() + given.patience
    logged = ""
    while True:
        # Decide without the Lease first: that ends most events of a storm.
        decision = decide(given, template, cluster)
        if decision.manifest:
            decision = _start(given, template, turn)
        if decision.state != "wait":
            return {"run-name": decision.name, "state": decision.state}
        if time.monotonic() > deadline:
            raise ConflictError(
                f"the turn of run '{given.run}' has not come within {given.patience} s: "
                f"{decision.name} is under way",
                "look at that run, cancel it if it hangs, then push or post again",
            )
        if decision.name != logged:
            logged = decision.name
            log.info("Waiting for %s.", logged)
        time.sleep(PAUSE)


def decide(given: Inputs, template: Template, cluster: Cluster) -> Decision:
    """Compare the commit with the head of its branch, and the run with the runs that exist."""
    parameters = ParameterNames(
        url=f"{template.source}-url", revision=f"{template.source}-revision", credentials="git-secret"
    )
    head = repository.head(Origin(template.url, template.revision, given.credentials, parameters))
    if given.commit and given.commit != head:
        log.info(
            "%s of %s is at %s: nothing to do for %s.", template.revision, template.url, head, given.commit
        )
        return Decision(state="superseded")
    runs = {run["metadata"]["name"]: run for run in runs_of(cluster, given.run, given.namespace)}
    latest = max(runs.values(), key=lambda run: run["metadata"]["creationTimestamp"], default=None)
    for attempt in count(1):
        manifest = template.manifest(
            commit=head, occasion=given.occasion, attempt=attempt, namespace=given.namespace
        )
        name = manifest["metadata"]["name"]
        if name not in runs:
            break
        # Repeat a run that failed, and a run after which the branch had a run for another commit.
        if not finished(runs[name]) or (outcome(runs[name]) == "True" and runs[name] is latest):
            log.info("%s is there already.", name)
            return Decision(state="existing", name=name)
    busy = sorted(name for name, run in runs.items() if not finished(run))
    if busy:
        return Decision(state="wait", name=busy[0])
    return Decision(state="free", name=name, manifest=manifest)


def _start(given: Inputs, template: Template, turn: Turn) -> Decision:
    """Decide again while this process holds the turn, and start the run if it is still to be started."""
    with turn.held() as acquired:
        if not acquired:
            return Decision(state="wait", name=f"another start of '{given.run}'")
        decision = decide(given, template, turn.cluster)
        if not decision.manifest:
            return decision
        turn.cluster.create_if_missing(decision.manifest)
        return Decision(state="started", name=decision.name)


main = cli.task_entrypoint(parse, run)
