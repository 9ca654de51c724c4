"""What packages weighed in an earlier run, for the plan: from a file, or from the cluster.

`mirror` writes DATA/sizes.json and the same into the ConfigMap oc-mirror-status.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.bounded import json_of
from steps.errors import ClusterError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.autoshift.plan import FleetPlan

CONFIGMAP: Final = "oc-mirror-status"
KEY: Final = "sizes.json"
_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_LARGEST: Final = 4 << 20
"""Bytes of the file; a package has about fifty."""

log = logging.getLogger("steps.inputs")

Sizes = dict[str, dict[str, int]]
"""Bytes by the reference of a catalog, and by package."""


def from_file(path: Path) -> Sizes:
    """Read sizes.json. Raises NotFoundError, and InvalidInputError for what it is not."""
    if not path.is_file():
        raise NotFoundError(
            f"sizes: there is no file {path}", "name sizes.json of a data directory of mirror"
        )
    with path.open("rb") as stream:
        return _parse(stream.read(_LARGEST + 1), str(path))


def from_cluster(namespace: str) -> Sizes:
    """Read what the last run in `namespace` has told; empty where there is no cluster, or no such run."""
    if not _TOKEN.is_file():
        return {}
    from steps.cluster import Cluster
    from steps.workload.configmaps import texts_of

    where = f"ConfigMap {CONFIGMAP} in namespace {namespace}"
    try:
        status = Cluster.connect().get("ConfigMap", CONFIGMAP, namespace)
        text = texts_of(status).get(KEY, "") if status else ""
        return _parse(text.encode(), where) if text else {}
    except (ClusterError, InvalidInputError) as error:
        log.info("The plan has no sizes: %s", error.reason)
        return {}


def with_sizes(plan: FleetPlan, sizes: Mapping[str, Mapping[str, int]]) -> FleetPlan:
    """Return the plan with the sizes of the packages that an earlier run has mirrored."""
    operators = [
        replace(operator, size=sizes.get(operator.catalog, {}).get(operator.package))
        for operator in plan.operators
    ]
    return replace(plan, operators=tuple(operators))


def _parse(content: bytes, where: str) -> Sizes:
    hint = "name sizes.json as mirror writes it into its data directory"
    if len(content) > _LARGEST:
        raise InvalidInputError(f"{where} has more than {_LARGEST:,} bytes", hint)
    try:
        catalogs = json_of(content, limit=_LARGEST)["catalogs"]
        return {
            str(catalog): {str(package): _size(size) for package, size in packages.items()}
            for catalog, packages in catalogs.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{where} holds no sizes of packages: {error!r}", hint) from error


def _size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is no number of bytes")
    return value
