"""The resources that make a cluster use the mirror, as one keeps them in Git (pure).

oc-mirror writes them anew on each run with the time in annotations, entries in random order and generic
names, for the releases of this run only (clusterresources/clusterresources.go). Here what is the same reads
the same, names can be made unique, and signatures of releases that were mirrored earlier stay.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import yaml

from steps.errors import MirrorError
from steps.yaml.text import NotYamlError
from steps.yaml.values import values
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Resource = dict[str, Any]

FILES = {
    "ImageDigestMirrorSet": "idms.yaml",
    "ImageTagMirrorSet": "itms.yaml",
    "CatalogSource": "catalog-sources.yaml",
    "ClusterCatalog": "cluster-catalogs.yaml",
    "UpdateService": "update-service.yaml",
    "ConfigMap": "signatures.yaml",
}
"""The kinds that oc-mirror makes, and the file of each."""

SIGNATURES = "mirrored-release-signatures"
"""The name that oc-mirror gives to the ConfigMap with signatures (clusterresources/const.go)."""
MIRRORS = {"ImageDigestMirrorSet": "imageDigestMirrors", "ImageTagMirrorSet": "imageTagMirrors"}
"""The kinds of mirror sets, and the field of `spec` that holds the entries of each."""
_VOLATILE = {"createdAt", "createdBy", "oc-mirror_version"}


def canonical(
    found: Mapping[str, bytes],
    permitted: Callable[[Resource, str], Resource | None],
    *,
    prefix: str = "",
    earlier: Mapping[str, str],
) -> dict[str, str]:
    """Return the files to publish, by name: from oc-mirror's files `found` and those published `earlier`.

    `permitted` is given each resource with the name of its file, and returns what of it is published: see
    `Permitted.of`. `prefix` goes before every name, with a dash. Raises MirrorError for a file that is not a
    list of resources, and what `permitted` raises.
    """
    resources = [
        _clean(resource)
        for name, document in _read(found)
        if (resource := permitted(document, name)) is not None
    ]
    signatures = _signatures(resource for resource in resources if resource["kind"] == "ConfigMap")
    before = _signatures(documents(earlier.get(FILES["ConfigMap"], "")))
    merged = _merged([*signatures, *before])
    kept = [resource for resource in resources if resource["kind"] != "ConfigMap"]
    return in_files(_renamed(resource, prefix) for resource in [*kept, *merged])


def in_files(resources: Iterable[Resource]) -> dict[str, str]:
    """Return the files for these resources: one for each kind, by name."""
    files: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        files[FILES.get(resource["kind"], f"{resource['kind'].lower()}.yaml")].append(resource)
    return {name: dump(documents) for name, documents in sorted(files.items())}


def together(one: Resource, other: Resource) -> Resource:
    """Return one resource for two of the same kind and name; `one` decides all that cannot be merged."""
    if key := MIRRORS.get(one["kind"]):
        merged = _ordered([*(entries(one) or []), *(entries(other) or [])])
        return {**one, "spec": {**(one.get("spec") or {}), key: merged}}
    if one["kind"] == "ConfigMap":
        [signatures] = _merged([one, other])
        return {**signatures, "metadata": one["metadata"]}
    return one


def outline(resource: Resource) -> Resource:
    """Return a resource without what `together` merges."""
    if key := MIRRORS.get(resource["kind"]):
        spec = {name: value for name, value in (resource.get("spec") or {}).items() if name != key}
        return {**resource, "spec": spec}
    if resource["kind"] == "ConfigMap":
        return {**resource, "binaryData": None}
    return resource


def entries(resource: Resource) -> list[Resource] | None:
    """Return the entries of a mirror set, each with `source` and `mirrors`; None for another kind."""
    key = MIRRORS.get(resource["kind"])
    return list((resource.get("spec") or {}).get(key) or []) if key else None


def images(resource: Resource) -> list[str]:
    """Return the places in a registry that a resource leads a cluster to."""
    spec = resource.get("spec") or {}
    found = [mirror for entry in entries(resource) or [] for mirror in entry.get("mirrors") or []]
    match resource["kind"]:
        case "CatalogSource":
            found.append(spec.get("image"))
        case "ClusterCatalog":
            found.append(((spec.get("source") or {}).get("image") or {}).get("ref"))
        case "UpdateService":
            found += [spec.get("releases"), spec.get("graphDataImage")]
    return [str(image) for image in found if image]


def dump(documents: Iterable[Resource]) -> str:
    """Resources as YAML documents, in the order of their names."""
    ordered = sorted(documents, key=lambda document: (document["kind"], document["metadata"]["name"]))
    return str(yaml.dump_all(ordered, Dumper=Dumper, explicit_start=True, sort_keys=True, width=2**16))


def load(files: Mapping[str, str]) -> list[Resource]:
    """Return the resources of published files, in the order in which to apply them."""
    order = list(FILES.values())
    names = sorted(files, key=lambda name: (order.index(name) if name in order else len(order), name))
    return [document for name in names for document in documents(files[name])]


def _read(found: Mapping[str, bytes]) -> list[tuple[str, Resource]]:
    """Return the resources, each with its file."""
    resources: list[tuple[str, Resource]] = []
    for name, content in sorted(found.items()):
        if not name.endswith((".yaml", ".yml")):
            continue  # the signatures come as JSON too
        try:
            documents = [document for document in values(content) if document]
            for document in documents:
                document["kind"], document["apiVersion"], document["metadata"]["name"]
        except (ValueError, KeyError, TypeError) as error:
            raise MirrorError(
                f"oc-mirror's {name} is not a list of resources ({type(error).__name__})",
                "all images are in the target: report the file to oc-mirror's makers, then run again",
            ) from error
        resources += [(name, document) for document in documents]
    return resources


def documents(text: str) -> list[Resource]:
    """Return what was published; what cannot be read any more is left out."""
    try:
        return [
            document
            for document in values(text)
            if isinstance(document, dict)
            and document.get("kind")
            and isinstance(document.get("metadata"), dict)
            and document["metadata"].get("name")
        ]
    except NotYamlError:
        return []


def is_whole(text: str) -> bool:
    """Return whether a published file can be read, and holds resources and nothing else."""
    try:
        found = [document for document in values(text) if document is not None]
    except NotYamlError:
        return False
    return bool(found) and len(found) == len(documents(text))


def _clean(resource: Resource) -> Resource:
    """Return a permitted resource without what changes with each run: annotations, the order of entries."""
    metadata = dict(resource["metadata"])
    annotations = {
        key: text for key, text in (metadata.pop("annotations", None) or {}).items() if key not in _VOLATILE
    }
    if annotations:
        metadata["annotations"] = annotations
    cleaned = {**resource, "metadata": metadata}
    if key := MIRRORS.get(resource["kind"]):
        cleaned["spec"] = {**resource["spec"], key: _ordered(resource["spec"][key])}
    return cleaned


def _ordered(entries: Any) -> list[Any]:
    """Sort entries by source; the mirrors of a source stay in their order, which is that of their use."""
    by_source: dict[str, Resource] = {}
    for entry in entries or []:
        known = by_source.setdefault(str(entry.get("source")), {**entry, "mirrors": []})
        known["mirrors"] += [
            mirror for mirror in entry.get("mirrors") or [] if mirror not in known["mirrors"]
        ]
    return [by_source[source] for source in sorted(by_source)]


def _signatures(resources: Iterable[Resource]) -> list[Resource]:
    return [resource for resource in resources if resource.get("kind") == "ConfigMap"]


def _merged(config_maps: list[Resource]) -> list[Resource]:
    """Make one ConfigMap of all signatures; keys are `sha256-HEX-N`, numbered by release, not by run."""
    if not config_maps:
        return []
    known: dict[str, list[str]] = defaultdict(list)
    for config_map in config_maps:
        for key, signature in (config_map.get("binaryData") or {}).items():
            release = str(key).rpartition("-")[0]
            if signature not in known[release]:
                known[release].append(signature)
    data = {
        f"{release}-{number}": signature
        for release, found in sorted(known.items())
        for number, signature in enumerate(sorted(found), 1)
    }
    first = config_maps[0]
    return [{**first, "metadata": {**first["metadata"], "name": SIGNATURES}, "binaryData": data}]


def _renamed(resource: Resource, prefix: str) -> Resource:
    if not prefix:
        return resource
    metadata = resource["metadata"]
    return {**resource, "metadata": {**metadata, "name": f"{prefix}-{metadata['name']}"}}
