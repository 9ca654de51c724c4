"""The parameters that decide how the ImageSet is obtained, the same for every entrypoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.autoshift.releases import FORMS, with_bounds
from steps.cli import boolean, kubernetes_name, optional
from steps.errors import UsageError
from steps.inputs import catalog_check

if TYPE_CHECKING:
    import argparse

    from steps.inputs.catalog_check import CatalogCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSetChoice:
    """How to obtain the ImageSet: from the user's `configmap` if it is given, else by generating it.

    `openshift_version` includes the bounds min-version and max-version. `overlay` is a path in the
    repository. `catalogs` says how to check operators. With `asks_hub` the version of the hub is used if
    nothing else names a version.
    """

    openshift_version: str | None
    operators_only: bool
    openshift_only: bool
    overlay: str | None
    configmap: str | None
    namespace: str
    catalogs: CatalogCheck
    asks_hub: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that `from_arguments` reads."""
    group = parser.add_argument_group("ImageSet")
    group.add_argument(
        "--openshift-version",
        type=optional(str),
        help="X.Y, X.Y.Z or X.Y.Z-X.Y.Z; overrides what the values name",
    )
    group.add_argument(
        "--min-version", type=optional(str), help="X.Y.Z: mirror OpenShift from this release on"
    )
    group.add_argument(
        "--max-version", type=optional(str), help="X.Y.Z: up to this release; needs --min-version"
    )
    group.add_argument(
        "--operators-only", type=boolean, default=False, help="true leaves OpenShift itself out"
    )
    group.add_argument(
        "--openshift-only", type=boolean, default=False, help="true leaves operators and images out"
    )
    group.add_argument(
        "--imageset-overlay",
        type=optional(str),
        help="file in the repository, with fields of an ImageSet that are merged over the generated one",
    )
    catalog_check.add_arguments(group)
    group.add_argument(
        "--imageset-configmap",
        type=optional(kubernetes_name),
        help="ConfigMap whose key imageset.yaml is used as it is, instead of generating one",
    )
    group.add_argument(
        "--namespace", type=kubernetes_name, default="oc-mirror", help="the workload's namespace"
    )


def from_arguments(arguments: argparse.Namespace, *, asks_hub: bool = True) -> ImageSetChoice:
    """Make the choice from the arguments. Raises `UsageError` for arguments that contradict each other."""
    if arguments.operators_only and arguments.openshift_only:
        raise UsageError(
            "operators-only and openshift-only are both true, which leaves nothing to mirror",
            "set one of them to false",
        )
    try:
        version = with_bounds(
            arguments.openshift_version or "", arguments.min_version or "", arguments.max_version or ""
        )
    except ValueError as error:
        raise UsageError(str(error), f"openshift-version can be {FORMS}") from error
    return ImageSetChoice(
        openshift_version=version or None,
        operators_only=arguments.operators_only,
        openshift_only=arguments.openshift_only,
        overlay=arguments.imageset_overlay,
        configmap=arguments.imageset_configmap,
        namespace=arguments.namespace,
        catalogs=catalog_check.from_arguments(arguments),
        asks_hub=asks_hub,
    )
