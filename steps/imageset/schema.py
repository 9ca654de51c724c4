"""The fields of oc-mirror v2's ImageSetConfiguration and their types, as data.

From openshift/oc-mirror internal/pkg/api/v2alpha1/type_config.go and type_config_include.go (main, 2026-08).
The program decodes strictly: one unknown field, or a number where a text belongs, and it does not start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION: Final = "mirror.openshift.io/v2alpha1"
KIND: Final = "ImageSetConfiguration"

Scalar = Literal["text", "number", "flag"]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one kind of thing; `key` is the field that tells its entries apart, where there is one."""

    item: Shape
    key: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """A map with known fields; `required` ones must be there and not blank."""

    fields: Mapping[str, Shape]
    required: frozenset[str] = field(default=frozenset())


Shape: TypeAlias = "Scalar | Many | Fields"


def _map(*required: str, **fields: Shape) -> Fields:
    return Fields(fields, frozenset(required))


_PLATFORMS: Final = Many(_map(os="text", architecture="text"))
_VERSIONS: Final[dict[str, Shape]] = {"minVersion": "text", "maxVersion": "text"}
_CHART: Final = _map(
    "name", name="text", version="text", path="text", imagePaths=Many("text"), platforms=_PLATFORMS
)
_IMAGE: Final = _map("name", name="text", targetRepo="text", targetTag="text", platforms=_PLATFORMS)

_PLATFORM: Final = _map(
    graph="flag",
    architectures=Many("text"),
    platforms=_PLATFORMS,
    release="text",
    kubeVirtContainer="flag",
    channels=Many(
        _map("name", name="text", type="text", shortestPath="flag", full="flag", **_VERSIONS), "name"
    ),
)
_CATALOG: Final = _map(
    "catalog",
    catalog="text",
    full="flag",
    targetCatalog="text",
    targetTag="text",
    targetCatalogSourceTemplate="text",
    skipDependencies="flag",
    platforms=_PLATFORMS,
    packages=Many(
        _map(
            "name",
            name="text",
            defaultChannel="text",
            channels=Many(_map("name", name="text", **_VERSIONS), "name"),
            **_VERSIONS,
        ),
        "name",
    ),
)
IMAGESET: Final = _map(
    "kind",
    "mirror",
    apiVersion="text",
    kind="text",
    archiveSize="number",
    mirror=_map(
        platform=_PLATFORM,
        operators=Many(_CATALOG, "catalog"),
        additionalImages=Many(_IMAGE, "name"),
        blockedImages=Many(_map("name", name="text"), "name"),
        helm=_map(
            repositories=Many(
                _map("name", "url", name="text", url="text", charts=Many(_CHART, "name")), "name"
            ),
            local=Many(_CHART, "name"),
        ),
        samples=Many(_map("name", name="text")),
    ),
)

# Fields of v1alpha2 (oc-mirror v1) that v2 refuses: what became of each.
GONE: Final = {
    "storageConfig": "v2 keeps its state in the working directory: remove it",
    "targetName": "v2 has targetCatalog, a path below the target registry",
    "originalRef": "remove it",
    "headsOnly": "v2 mirrors the heads unless full is true: remove it",
    "minBundle": "use minVersion",
    "bundles": "use channels with minVersion and maxVersion",
    "versions": "use minVersion and maxVersion",
    "includeConfig": "write it under packages",
}
