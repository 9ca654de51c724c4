"""What AutoShift needs to know of a mirror: its block `config.disconnected` (pure).

The keys are those of AutoShift (auto-shift/autoshiftv2, policies/stable/disconnected-mirror): a mirror
is a path below `mirrorRegistry.host`, a catalog one below `host/path`, with a tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from steps.autoshift.catalog_sources import INDEXES
from steps.oci.reference import Reference
from steps.yaml.values import value
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.publish.resources import Resource

_RELEASES = "quay.io/openshift-release-dev/ocp-release"
_SOURCES = {index.rpartition("/")[2]: source for source, index in INDEXES.items()}
"""Index image → the CatalogSource of OpenShift that has it, to whose name AutoShift adds its suffix."""

_HEAD = """\
# For the values of the clusters that use this mirror: clusters.NAME.config or the `config` of a cluster set,
# with the label disconnected-mirror: 'true'. Where clusters do not trust the registry's CA anyway, add
# mirrorRegistry.caRef (or .ca). disableDefaultCatalogs: true then switches Red Hat's own catalogs off.
"""

_SEVERAL = """\
# Of the catalogs of one source keep the one for the clusters' version: AutoShift makes one CatalogSource of
# each source, and two entries would take turns.
"""


def render(resources: Iterable[Resource], target: str) -> str:
    """Return the block as YAML, for `target` (HOST[:PORT][/PATH])."""
    found = block(resources, target)
    document = {"config": {"disconnected": found}}
    sources = [catalog["source"] for catalog in found.get("catalogs", ())]
    head = _HEAD if len(sources) == len(set(sources)) else _HEAD + _SEVERAL
    return head + yaml.dump(document, Dumper=Dumper, sort_keys=False, width=2**16)


def block(resources: Iterable[Resource], target: str) -> dict[str, Any]:
    """Return the block, for `target` (HOST[:PORT][/PATH])."""
    resources = list(resources)
    host, _, path = target.partition("/")
    mirrors = _mirrors(resources, "ImageDigestMirrorSet", "imageDigestMirrors", host)
    registry: dict[str, Any] = {"host": host}
    if path:
        registry["path"] = path
    release = next((entry["mirror"] for entry in mirrors if entry["source"] == _RELEASES), "")
    if release:
        registry["releaseImage"] = _below(release, path)
    registry["mirrors"] = mirrors
    if tags := _mirrors(resources, "ImageTagMirrorSet", "imageTagMirrors", host):
        registry["tagMirrors"] = tags
    found: dict[str, Any] = {"mirrorRegistry": registry, "useIDMS": True}
    if catalogs := _catalogs(resources, host, path):
        found["catalogs"] = catalogs
    return found


def target_of(text: str) -> str:
    """Return the target that a block was made for; empty for a text that is no such block."""
    try:
        registry = value(text)["config"]["disconnected"]["mirrorRegistry"]
        return "/".join(filter(None, (str(registry["host"]), str(registry.get("path") or ""))))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _mirrors(resources: list[Resource], kind: str, key: str, host: str) -> list[dict[str, str]]:
    # At the top of a registry without a path, the place is the host alone, for which AutoShift wants "".
    found = {
        (entry["source"], mirror.removeprefix(host).removeprefix("/"))
        for resource in resources
        if resource["kind"] == kind
        for entry in resource["spec"].get(key) or []
        for mirror in entry["mirrors"]
        if mirror == host or mirror.startswith(f"{host}/")
    }
    return [{"source": source, "mirror": mirror} for source, mirror in sorted(found)]


def _catalogs(resources: list[Resource], host: str, path: str) -> list[dict[str, str]]:
    found = set()
    for resource in resources:
        if resource["kind"] == "CatalogSource":
            image = Reference.parse(str(resource["spec"]["image"]))
            if not image.digest:
                index = image.repository.rpartition("/")[2]
                place = image.repository if image.registry == host else image.name
                found.add((_SOURCES.get(index, index), _below(place, path), image.tag))
    return [{"source": source, "imagePath": image, "tag": tag} for source, image, tag in sorted(found)]


def _below(image: str, path: str) -> str:
    return image.removeprefix(f"{path}/") if path else image
