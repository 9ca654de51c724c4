"""The registry that is mirrored to, and what clusters get for it."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

TARGET_REGISTRY = Parameter(
    name="target-registry",
    kind=kinds.optional(kinds.registry),
    help="HOST[:PORT][/PATH] to mirror to; needed by the workflows that push or delete",
    group=Group.WHERE,
    where=places.TARGETED,
    needed_in=(places.APPLY, places.PUBLISHING),
)
RESOURCE_PREFIX = Parameter(
    name="resource-prefix",
    kind=kinds.optional(kinds.resource_prefix),
    help="Put before the names of all cluster resources (IDMS, CatalogSource and the like), for a "
    "cluster with several mirrors",
    group=Group.WHERE,
    where=places.MIRRORING,
    setting=True,
)
APPLY_CLUSTER_RESOURCES = Parameter(
    name="apply-cluster-resources",
    kind=kinds.optional_boolean,
    help="true applies them to this cluster after workflow-from-disk or workflow-direct, by a pod of its "
    "own; needs examples/apply-cluster-resources.yaml",
    group=Group.WHERE,
    where=places.MIRRORING,
    unset="they are not applied",
    setting=True,
)
MAX_NESTED_PATHS = Parameter(
    name="max-nested-paths",
    kind=kinds.optional(kinds.path_components),
    help="How many path components the target allows, those of target-registry included; further ones are "
    "joined with -",
    group=Group.WHERE,
    where=places.MIRRORING,
    unset="any number",
    unit="components",
    oc_mirror="--max-nested-paths={}",
    setting=True,
)
