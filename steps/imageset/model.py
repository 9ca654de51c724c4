"""The fields of oc-mirror v2's ImageSetConfiguration, as types; these classes are the schema.

From openshift/oc-mirror internal/pkg/api/v2alpha1/type_config.go and type_config_include.go (main, 2026-08).
An attribute `min_version` is the field `minVersion`. One without a default must be there and not blank; "",
None, () and an empty map mean that the file does not say it. The order is that in which we write.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION: Final = "mirror.openshift.io/v2alpha1"
KIND: Final = "ImageSetConfiguration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A map with known fields; `KEY` is the attribute that tells the entries of a list apart, if one does."""

    KEY: ClassVar[str] = ""
    comment: str = dataclasses.field(default="", compare=False, repr=False)
    """What is written above it where it is an entry of a list; not a field of oc-mirror."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OsPlatform(Model):
    """An operating system and architecture."""

    os: str = ""
    architecture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseChannel(Model):
    """A channel of OpenShift's or OKD's releases; without versions its newest release is meant."""

    KEY: ClassVar[str] = "name"
    name: str
    type: str = ""
    min_version: str = ""
    max_version: str = ""
    shortest_path: bool | None = None
    full: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform(Model):
    """OpenShift's releases."""

    graph: bool | None = None
    architectures: tuple[str, ...] = ()
    channels: tuple[ReleaseChannel, ...] = ()
    platforms: tuple[OsPlatform, ...] = ()
    release: str = ""
    kube_virt_container: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Model):
    """A channel of an operator's package; without versions its head is meant."""

    KEY: ClassVar[str] = "name"
    name: str
    min_version: str = ""
    max_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Model):
    """An operator's package; without channels the head of its default channel is meant."""

    KEY: ClassVar[str] = "name"
    name: str
    default_channel: str = ""
    channels: tuple[Channel, ...] = ()
    min_version: str = ""
    max_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog(Model):
    """A catalog of operators; without packages all of it is meant."""

    KEY: ClassVar[str] = "catalog"
    catalog: str
    packages: tuple[Package, ...] = ()
    full: bool | None = None
    target_catalog: str = ""
    target_tag: str = ""
    target_catalog_source_template: str = ""
    skip_dependencies: bool | None = None
    platforms: tuple[OsPlatform, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalImage(Model):
    """An image named by itself."""

    KEY: ClassVar[str] = "name"
    name: str
    target_repo: str = ""
    target_tag: str = ""
    platforms: tuple[OsPlatform, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedImage(Model):
    """An image that is left out."""

    KEY: ClassVar[str] = "name"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart(Model):
    """A Helm chart, of a repository or at a path."""

    KEY: ClassVar[str] = "name"
    name: str
    version: str = ""
    path: str = ""
    image_paths: tuple[str, ...] = ()
    platforms: tuple[OsPlatform, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRepository(Model):
    """A repository of Helm charts."""

    KEY: ClassVar[str] = "name"
    name: str
    url: str
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm(Model):
    """Helm charts, whose images are mirrored."""

    repositories: tuple[HelmRepository, ...] = ()
    local: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Model):
    """A sample of OpenShift."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(Model):
    """What to mirror."""

    platform: Platform = Platform()
    operators: tuple[Catalog, ...] = ()
    additional_images: tuple[AdditionalImage, ...] = ()
    blocked_images: tuple[BlockedImage, ...] = ()
    helm: Helm = Helm()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Model):
    """An ImageSetConfiguration; `archive_size` is in GiB."""

    api_version: str = ""
    kind: str
    mirror: Mirror
    archive_size: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name in YAML, and what it holds: `type` is str, bool, int or a Model, or `many` of it."""

    name: str
    attribute: str
    type: type
    many: bool
    required: bool

    @property
    def key(self) -> str:
        """The attribute that tells the entries of this list apart; empty where none does."""
        return self.type.KEY if self.many and issubclass(self.type, Model) else ""


_known: dict[type, Mapping[str, Field]] = {}  # of each model: type hints take long to resolve


def fields_of(model: type[Model]) -> Mapping[str, Field]:
    """Return the fields of a model by their name in YAML, in the order in which they are written."""
    if model not in _known:
        _known[model] = _fields_of(model)
    return _known[model]


def _fields_of(model: type[Model]) -> Mapping[str, Field]:
    hints = get_type_hints(model)
    found = (
        _field(attribute, hints[attribute.name])
        for attribute in dataclasses.fields(model)
        if attribute.name != "comment"
    )
    return {field.name: field for field in found}


def _field(attribute: dataclasses.Field[Any], hint: Any) -> Field:
    first, *rest = attribute.name.split("_")
    inner = hint if isinstance(hint, type) and get_origin(hint) is None else get_args(hint)[0]
    return Field(
        name="".join([first, *(part.capitalize() for part in rest)]),
        attribute=attribute.name,
        type=inner,
        many=get_origin(hint) is tuple,
        required=attribute.default is dataclasses.MISSING,
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
