"""Start the run that an event asks for, when it is its turn and unless it is superseded.

The run is for the newest commit of its branch: any other commit has, or will have, its own event. The same
commit with the same parameters and occasion starts a single run, and another only after that failed.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from steps import cli, repository
from steps.cluster import Cluster
from steps.errors import ConflictError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.parameters import arguments
from steps.parameters.places import START_RUN
from steps.parameters.table import image_build
from steps.parameters.table.access import CA_BUNDLE
from steps.parameters.table.content import VALUES_GIT_REVISION
from steps.parameters.table.deployment import PIPELINE_NAMESPACE
from steps.triggering.templates import Template, read_template
from steps.triggering.turns import Turn, finished, outcome, runs_of

if TYPE_CHECKING:
    from pathlib import Path

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


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(START_RUN, argv, __doc__, results=RESULTS)
    return Inputs(
        enabled=given[image_build.ENABLED],
        run=given[image_build.RUN],
        commit=given[image_build.COMMIT],
        occasion=given[image_build.OCCASION],
        runs_configmap=given[image_build.RUNS_CONFIGMAP],
        namespace=given[PIPELINE_NAMESPACE],
        holder=given[image_build.HOLDER],
        patience=given[image_build.TURN_TIMEOUT],
        credentials=Credentials(given[image_build.GIT_SECRET_PATH], given[CA_BUNDLE]),
        results=given.results,
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
    unchosen = template.source == "values-git" and template.revision == VALUES_GIT_REVISION.default
    head = repository.head(
        Origin(template.url, template.revision, given.credentials, parameters, or_default_branch=unchosen)
    )
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
