"""How long a run may take, by how long those like it took, and what is said of one that took longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import DeadlineError
from steps.mirroring.deadline import HOUR, LONGEST_RUN
from steps.mirroring.ocmirror import reasons
from steps.mirroring.store import runs as records
from steps.parameters.table.tuning import RUN_DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.deadline import OverdueError
    from steps.mirroring.request import Request
    from steps.mirroring.store.runs import Run

TIMES: Final = 4
"""How much longer than the longest run before a run may take: a new minor release brings much at once."""
SHORTEST: Final = 12 * HOUR
"""Seconds that a run has at least, however short those before it were."""


def seconds(request: Request, runs: Iterable[Run]) -> float:
    """Return how long a run of `request` may take, by the records of earlier runs, oldest first.

    Runs that ended at their deadline since the last success double it: they may have been slow, not stuck.
    """
    if given := request.values[RUN_DEADLINE]:
        return given
    alike = records.alike(runs, request)
    succeeded = [run for run in alike if run.state == records.SUCCEEDED and not run.unchanged]
    longest = max((run.seconds for run in succeeded), default=0.0)
    if not longest:
        return LONGEST_RUN
    allowed = max(SHORTEST, TIMES * longest)
    for run in reversed(alike):
        if run.state == records.SUCCEEDED:
            break
        allowed *= 2 if run.error == reasons.DEADLINE.name else 1
    return min(allowed, LONGEST_RUN)


def failure(request: Request, allowed: float, overdue: OverdueError) -> DeadlineError:
    """Return the failure of a run that took longer than it may."""
    source = (
        "run-deadline" if request.values[RUN_DEADLINE] else "by the runs before it; run-deadline is empty"
    )
    return DeadlineError(
        f"the run was ended at its deadline, after {units.duration(allowed)} ({source}): {overdue.doing}",
        reasons.DEADLINE.hint,
        cause=reasons.DEADLINE.name,
    )
