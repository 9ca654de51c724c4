"""The program oc-mirror, and what configures it besides the ImageSet."""

from __future__ import annotations

from typing import Final

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

REGISTRIES_FILES: Final = (
    "a configuration of registries of your own: registries.conf, policy.json, and *.yaml for registries.d"
)
VARIABLES: Final = "that oc-mirror gets, such as UPDATE_URL_OVERRIDE"

STRICT_ARCHIVE = Parameter(
    name="strict-archive",
    kind=kinds.optional_boolean,
    help="true fails where one file exceeds the ImageSet's archiveSize; else it gets an archive of its own",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    unset="false",
    oc_mirror="--strict-archive={}",
    setting=True,
)
REGISTRIES_CONFIG = Parameter(
    name="registries-config",
    kind=kinds.optional(kinds.path),
    help=f"Folder with {REGISTRIES_FILES}",
    group=Group.ACCESS,
    where=places.MIRROR_ALONE,
)
ENVIRONMENT = Parameter(
    name="environment",
    kind=kinds.optional(kinds.path),
    help=f"Folder with a file for each variable {VARIABLES}",
    group=Group.ACCESS,
    where=places.MIRROR_ALONE,
)
OC_MIRROR = Parameter(
    name="oc-mirror",
    kind=kinds.text,
    help="The program oc-mirror",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    default="oc-mirror",
)
