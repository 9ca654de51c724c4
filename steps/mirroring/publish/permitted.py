"""What the resources of a mirror may say (pure).

Whoever can change an archive must not decide what an administrator applies to clusters, and oc-mirror writes
into a folder that an archive can bring files for. So of what lies there only the kinds and fields count that
oc-mirror makes itself (clusterresources/clusterresources.go). All else is left out, with a warning. A
resource that leads clusters to another place than the target ends the run.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.errors import MirrorError
from steps.mirroring.publish.resources import MIRRORS, SIGNATURES
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.publish.resources import Resource

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind that oc-mirror makes: its namespace (empty: of the cluster), and the fields of its `spec`."""

    api_version: str
    namespace: str = ""
    fields: frozenset[str] = frozenset()


_KINDS: Final = {
    "ImageDigestMirrorSet": _Kind(
        api_version="config.openshift.io/v1", fields=frozenset({"imageDigestMirrors"})
    ),
    "ImageTagMirrorSet": _Kind(api_version="config.openshift.io/v1", fields=frozenset({"imageTagMirrors"})),
    "CatalogSource": _Kind(
        api_version="operators.coreos.com/v1alpha1",
        namespace="openshift-marketplace",
        fields=frozenset({"sourceType", "image"}),
    ),
    "ClusterCatalog": _Kind(api_version="olm.operatorframework.io/v1", fields=frozenset({"source"})),
    "UpdateService": _Kind(
        api_version="updateservice.operator.openshift.io/v1",
        namespace="openshift-update-service",
        fields=frozenset({"graphDataImage", "releases", "replicas"}),
    ),
    "ConfigMap": _Kind(api_version="v1", namespace="openshift-config-managed"),
}
_ELSEWHERE: Final = frozenset({"address", "configMap"})
"""Fields of a CatalogSource that lead clusters to other catalogs than its image: no template brings them."""
_SIGNATURE_LABELS: Final = {"release.openshift.io/verification-signatures": ""}
_SIGNATURE = re.compile(r"sha256-[0-9a-f]{64}-\d{1,9}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """What a run's resources may lead clusters to: places below `target`, in the place of `sources`.

    `sources` are repositories and what they lie in; None where oc-mirror has not named all images that it
    copied, so that nobody can tell. `templates`: the user's own templates add fields to CatalogSources.
    """

    target: str
    sources: frozenset[str] | None
    templates: bool = False

    def of(self, resource: Resource, file: str) -> Resource | None:
        """Return the permitted part of a resource that stands in `file`; None where nothing of it is.

        Raises MirrorError where it leads to a place that is not below the target.
        """
        kind = _KINDS.get(str(resource.get("kind")))
        name = str((resource.get("metadata") or {}).get("name"))
        if kind is None or resource.get("apiVersion") != kind.api_version or not _NAME.fullmatch(name):
            log.warning(
                "%s: %s %.80r is not published: oc-mirror makes no such resource",
                file,
                resource.get("kind"),
                name,
            )
            return None
        if resource["kind"] == "ConfigMap":
            return _signatures(resource, file)
        spec = self._spec(resource, kind, file)
        for place in _places(resource["kind"], spec):
            self._check(place, f"{file}: {resource['kind']} {name}")
        if key := MIRRORS.get(resource["kind"]):
            spec[key] = [entry for entry in spec[key] if self._brought(entry, file)]
        metadata = {"name": name}
        if kind.namespace:
            metadata["namespace"] = kind.namespace
        if self._templated(resource):
            metadata |= {key: resource["metadata"].get(key) for key in ("labels", "annotations")}
        return {
            "apiVersion": kind.api_version,
            "kind": resource["kind"],
            "metadata": {key: value for key, value in metadata.items() if value},
            "spec": spec,
        }

    def _templated(self, resource: Resource) -> bool:
        return self.templates and resource["kind"] == "CatalogSource"

    def _spec(self, resource: Resource, kind: _Kind, file: str) -> Resource:
        """Return the fields of a resource's `spec` that oc-mirror makes."""
        given = resource.get("spec")
        if not isinstance(given, dict):
            raise _unreadable(file)
        if self._templated(resource):
            return {key: value for key, value in given.items() if key not in _ELSEWHERE}
        if more := sorted(
            str(key) for key in given if key not in kind.fields and _says_something(given[key])
        ):
            log.warning(
                "%s: %s of %s is not published: oc-mirror makes no such field",
                file,
                ", ".join(more),
                resource["kind"],
            )
        spec = {key: value for key, value in given.items() if key in kind.fields}
        if key := MIRRORS.get(resource["kind"]):
            spec[key] = [_entry(entry, file) for entry in _list(spec.get(key), file)]
        if resource["kind"] == "ClusterCatalog":
            spec["source"] = {"type": "Image", "image": {"ref": _catalog_image(spec, file)}}
        return spec

    def _check(self, place: str, where: str) -> None:
        if not place.startswith(f"{self.target}/") and place != self.target:
            raise MirrorError(
                f"{where} leads clusters to {place[:200]}, which is not below {self.target}",
                "none of it is used: an archive may have been changed on its way; copy its generation"
                " again, and compare its checksums with those of the other side",
            )

    def _brought(self, entry: Resource, file: str) -> bool:
        """Return whether the run has brought images of an entry's source; warn where it has not."""
        if self.sources is None or entry["source"] in self.sources:
            return True
        log.warning(
            "%s: %.200s is not published: the run has brought no image from there", file, entry["source"]
        )
        return False


def sources_of(origins: Iterable[str]) -> frozenset[str]:
    """Return what a mirror set may name of these images: their repositories, and what those lie in."""
    found = set()
    for origin in origins:
        if image := Reference.find(origin):
            found |= {image.name, image.name.rpartition("/")[0] or image.name}
    return frozenset(found)


def _places(kind: str, spec: Resource) -> list[str]:
    match kind:
        case "CatalogSource":
            return [str(spec.get("image"))]
        case "ClusterCatalog":
            return [str(spec["source"]["image"]["ref"])]
        case "UpdateService":
            return [str(spec.get("releases")), str(spec.get("graphDataImage"))]
        case _:
            return [mirror for entry in spec[MIRRORS[kind]] for mirror in entry["mirrors"]]


def _entry(entry: Any, file: str) -> Resource:
    """Return an entry of a mirror set with the fields that oc-mirror makes."""
    if not isinstance(entry, dict) or not isinstance(entry.get("source"), str):
        raise _unreadable(file)
    mirrors = _list(entry.get("mirrors"), file)
    if not all(isinstance(mirror, str) for mirror in mirrors):
        raise _unreadable(file)
    return {"source": entry["source"], "mirrors": mirrors}


def _catalog_image(spec: Resource, file: str) -> str:
    try:
        return str(spec["source"]["image"]["ref"])
    except (KeyError, TypeError) as error:
        raise _unreadable(file) from error


def _signatures(resource: Resource, file: str) -> Resource | None:
    """Return the signatures of releases; None for any other ConfigMap."""
    metadata, data = resource["metadata"], resource.get("binaryData")
    namespace, name = _KINDS["ConfigMap"].namespace, metadata["name"]
    ours = name == SIGNATURES or name.endswith(f"-{SIGNATURES}")  # with a resource-prefix
    if not ours or metadata.get("namespace") != namespace or not isinstance(data, dict):
        log.warning("%s: a ConfigMap that holds no signatures is not published", file)
        return None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(_SIGNATURE_LABELS)},
        "binaryData": {
            key: text
            for key, text in data.items()
            if isinstance(text, str | bytes) and _SIGNATURE.fullmatch(str(key))
        },
    }


def _list(value: Any, file: str) -> list[Any]:
    if not isinstance(value, list | None):
        raise _unreadable(file)
    return list(value or [])


def _says_something(value: Any) -> bool:
    """Return whether a field holds more than the empty texts that Go writes (`icon: {base64data: ''}`)."""
    if isinstance(value, dict):
        return any(map(_says_something, value.values()))
    return value not in ("", None, [], 0)


def _unreadable(file: str) -> MirrorError:
    return MirrorError(
        f"oc-mirror's {file} holds a resource that cannot be understood",
        "all images are in the target: report the file to oc-mirror's makers, then run again",
    )
