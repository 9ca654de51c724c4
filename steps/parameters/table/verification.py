"""Whether the target still has what was mirrored: when to ask, how closely, and the repair."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

VERIFY_TARGET = Parameter(
    name="verify-target",
    kind=kinds.boolean,
    help="Only ask whether the target still has what earlier runs had verified there: the same as "
    "workflow-verify-target",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    default="false",
)
VERIFY_LAYERS = Parameter(
    name="verify-layers",
    kind=kinds.optional(kinds.verify_layers),
    help="Of which images workflow-verify-target asks for the layers too: sample (64, others each time), all "
    "or none",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="sample",
    setting=True,
)
REPAIR = Parameter(
    name="repair",
    kind=kinds.optional_boolean,
    help="true mirrors again what workflow-verify-target finds missing, and nothing else",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="nothing is mirrored",
)
VERIFY_SCHEDULE = Parameter(
    name="verify-schedule",
    kind=kinds.optional(kinds.schedule),
    help="Cron expression: when the service verifies its target besides mirroring, by time-zone",
    group=Group.WHEN,
    where=places.MIRRORING,
    unset="never",
    setting=True,
)
