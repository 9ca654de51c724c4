"""When to mirror: once, or on a schedule."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

DEPLOY_MODE = Parameter(
    name="deploy-mode",
    kind=kinds.deploy_mode,
    help="job (once), cronjob (on a schedule) or deployment (a service that mirrors on a schedule)",
    group=Group.WHEN,
    where=places.WORKLOAD,
    default="job",
)
SCHEDULE = Parameter(
    name="schedule",
    kind=kinds.optional(kinds.schedule),
    help="Cron expression, for cronjob and deployment; with it `mirror` stays and mirrors then",
    group=Group.WHEN,
    where=places.SCHEDULING,
    task_default="0 2 * * 0",
)
TIME_ZONE = Parameter(
    name="time-zone",
    kind=kinds.time_zone,
    help="Time zone of the schedule, a name of the IANA database such as Europe/Berlin",
    group=Group.WHEN,
    where=places.SCHEDULING,
    default="UTC",
    empty_is_default=True,
)
ONCE = Parameter(
    name="once",
    kind=kinds.boolean,
    help="true mirrors now and ends, as one run of a schedule that another keeps, such as a CronJob",
    group=Group.WHEN,
    where=places.MIRROR_ALONE,
    default="false",
)
