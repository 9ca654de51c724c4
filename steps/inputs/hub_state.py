"""What a hub knows of its clusters: ManagedClusters, by its API or as `oc` prints them, or a form of our own.

    {"format": 1, "clusters": {NAME: {"version": "4.20.12", "set": "stores", "operators": {PACKAGE: CSV}}}}

A ManagedCluster has its version in the label `openshiftVersion` and in the claim `version.openshift.io`, and
its set in the label `cluster.open-cluster-management.io/clusterset` (open-cluster-management.io, stolostron).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steps.autoshift.releases import parse_version_request
from steps.bounded import content_of, json_of
from steps.errors import ForbiddenError, InvalidInputError, NotFoundError
from steps.readiness.needs import HubCluster
from steps.yaml.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT: Final = 1
LARGEST: Final = 256 << 20
"""Bytes; a ManagedCluster has about 5,000."""
VERSION_LABEL: Final = "openshiftVersion"
VERSION_CLAIM: Final = "version.openshift.io"
GROUP: Final = "cluster.open-cluster-management.io"
SET_LABEL: Final = "cluster.open-cluster-management.io/clusterset"
_SHOWN: Final = 80
_HINT: Final = "write it by `oc get managedclusters -o json`, or in the form of docs/reference/readiness.md"


def read(path: Path) -> list[HubCluster]:
    """Read the file. Raises NotFoundError without one, InvalidInputError for another form."""
    try:
        content = content_of(path, limit=LARGEST)
    except FileNotFoundError:
        raise NotFoundError(f"hub-state: there is no file {path}", _HINT) from None
    try:
        return _each_once(_clusters(_parsed(content)))
    except ValueError as error:
        raise InvalidInputError(f"hub-state: {path}: {str(error)[:200]}", _HINT) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"hub-state: {path} is neither a list of ManagedClusters nor of the form of our own", _HINT
        ) from error


def from_api() -> list[HubCluster]:
    """Ask the API of the hub that this runs in, or that the kubeconfig names.

    Raises NotFoundError for a cluster that is no hub, ForbiddenError, and the errors of `Cluster.list`.
    """
    from steps.cluster import Cluster

    cluster = Cluster.connect()
    if not cluster.serves(GROUP):
        raise NotFoundError(f"hub: this cluster serves no {GROUP}: it is no hub", "give hub-state, a file")
    try:
        return [_managed(one) for one in cluster.list("ManagedCluster", None)]
    except ForbiddenError as error:
        hint = "apply examples/rbac-managedclusters.yaml for this account, or give hub-state, a file"
        raise ForbiddenError(f"hub: {error.reason}", hint) from error


def _parsed(content: bytes) -> Any:
    if content.lstrip()[:1] == b"{":
        return json_of(content, limit=LARGEST, each_once=True)
    return value(content, limit=LARGEST)


def _clusters(document: Any) -> Iterator[HubCluster]:
    """Yield the clusters. Raises ValueError and what wrong types lead to."""
    if document.get("kind") in {"List", "ManagedClusterList"}:
        yield from (_managed(_checked(one)) for one in document["items"])
    elif document.get("kind") == "ManagedCluster":
        yield _managed(document)
    elif document["format"] != FORMAT:
        raise ValueError(f"it has format {document['format']}, this version reads {FORMAT}")
    else:
        for name, one in document["clusters"].items():
            operators = dict((one.get("operators") or {}).items())
            if wrong := [package for package, csv in operators.items() if not (csv and isinstance(csv, str))]:
                raise ValueError(f"cluster '{name}' has no ClusterServiceVersion of {wrong[0][:_SHOWN]}")
            yield HubCluster(
                name=str(name),
                version=_version(str(one.get("version") or ""), str(name)),
                doubt="" if one.get("version") else "hub-state tells no release of it",
                cluster_set=str(one.get("set") or ""),
                operators=operators,
            )


def _checked(document: Any) -> Any:
    """Return an object of a list, which may lack its kind. Raises ValueError for one of another kind."""
    if (kind := document.get("kind", "ManagedCluster")) != "ManagedCluster":
        raise ValueError(f"it lists objects of kind {str(kind)[:_SHOWN]}, not ManagedClusters")
    return document


def _each_once(clusters: Iterable[HubCluster]) -> list[HubCluster]:
    """Return the clusters. Raises ValueError where one is there twice, and not said the same of it."""
    found: dict[str, HubCluster] = {}
    for one in clusters:
        if found.setdefault(one.name, one) != one:
            raise ValueError(f"cluster '{one.name}' is there twice, and not the same is said of it")
    return list(found.values())


def _managed(document: Any) -> HubCluster:
    """Read a ManagedCluster.

    A version that is no release, such as that of a nightly build, is not known, and neither is one of which
    label and claim say different things.
    """
    metadata = document["metadata"]
    labels = metadata.get("labels") or {}
    claims = {
        one.get("name"): one.get("value") for one in (document.get("status") or {}).get("clusterClaims") or []
    }
    told = dict.fromkeys(str(one) for one in (claims.get(VERSION_CLAIM), labels.get(VERSION_LABEL)) if one)
    version, doubt = "", "the hub tells no release of it"
    if len(told) > 1:
        doubt = f"the hub tells two releases of it, {' and '.join(told)[:_SHOWN]}, as while it is updated"
    elif told:
        try:
            version, doubt = _version(next(iter(told)), str(metadata["name"])), ""
        except ValueError:
            doubt = f"the hub says that it runs {next(iter(told))[:_SHOWN]}, which is no release X.Y.Z"
    return HubCluster(
        name=str(metadata["name"]),
        version=version,
        doubt=doubt,
        cluster_set=str(labels.get(SET_LABEL) or ""),
    )


def _version(text: str, name: str) -> str:
    """Check a version; empty stays empty. Raises ValueError for what is no release X.Y.Z."""
    if text:
        request = parse_version_request(text)
        if not request.is_single or not request.low:
            raise ValueError(f"the version of {name} is '{text}', not a release X.Y.Z")
    return text
