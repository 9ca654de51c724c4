"""Which generations are kept, and which images of the target are deleted."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

KEEP_GENERATIONS = Parameter(
    name="keep-generations",
    kind=kinds.optional(kinds.positive),
    help="How many of the newest generations of archives to keep, and with them all that they continue",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="all are kept",
    unit="generations",
)
ALSO_IMAGESET_CONFIGMAPS = Parameter(
    name="also-imageset-configmaps",
    kind=kinds.object_names,
    help="ConfigMaps, separated by commas, with further ImageSets whose images are still needed; for "
    "deletion and cleanup",
    group=Group.UPKEEP,
    where=places.WORKLOAD,
)
ALSO_IMAGESET = Parameter(
    name="also-imageset",
    kind=kinds.path,
    help="File with a further ImageSet whose images are still needed, for deletion and cleanup; may be "
    "repeated",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
OLDER_THAN = Parameter(
    name="older-than",
    kind=kinds.optional(kinds.days),
    help="workflow-delete-generate plans only images that no ImageSet has needed for this long, such as 90d",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="all is planned",
    unit="d or w",
)
DELETE_V1_IMAGES = Parameter(
    name="delete-v1-images",
    kind=kinds.boolean,
    help="true lets workflow-delete-generate plan the tags as well that oc-mirror v1 gave to the same images",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    default="false",
    setting=True,
)
APPROVED_PLAN_SHA256 = Parameter(
    name="approved-plan-sha256",
    kind=kinds.optional(kinds.plan_sha256),
    help="Hash of the plan that workflow-delete-execute is to carry out",
    group=Group.UPKEEP,
    where=places.MIRRORING,
)
