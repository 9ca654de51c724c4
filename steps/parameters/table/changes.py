"""What changed, in which form it is told, and its approval."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

CHANGES = Parameter(
    name="changes",
    kind=kinds.optional_compared,
    help="Only print what a generation brings against another, as A..B, or B alone against the one before; "
    "without a value the newest",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
)
MARKDOWN = Parameter(
    name="markdown",
    kind=kinds.boolean,
    help="true prints what --changes tells as Markdown, for a change board",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
)
JSON = Parameter(
    name="json",
    kind=kinds.boolean,
    help="true prints what --changes tells or --verify has found as JSON",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
)
HOLD = Parameter(
    name="hold",
    kind=kinds.optional_boolean,
    help="true stops workflow-to-disk and workflow-from-disk before they publish, until the list of what "
    "changes is approved",
    group=Group.CHANGES,
    where=places.MIRRORING,
    unset="nothing is held",
    setting=True,
)
APPROVED_CHANGES_SHA256 = Parameter(
    name="approved-changes-sha256",
    kind=kinds.optional(kinds.changes_sha256),
    help="Hash of the list of changes that a held run may publish",
    group=Group.CHANGES,
    where=places.MIRRORING,
    setting=True,
)
REPLACE_HELD = Parameter(
    name="replace-held",
    kind=kinds.boolean,
    help="true lets a run of workflow-to-disk replace the generation that is held, by one that it makes anew",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
    setting=True,
)
