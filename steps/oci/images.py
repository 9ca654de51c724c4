"""Images as registries describe them (OCI image-spec: image-index.md, manifest.md), read with care."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from steps.errors import RegistryError

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HINT: Final = "is it a catalog's index image?"


@dataclass(frozen=True, slots=True)
class Blob:
    """Where a layer or configuration is, and in which format."""

    digest: str
    media_type: str

    @classmethod
    def of(cls, descriptor: Any, name: str) -> Blob:
        """Read a descriptor. Raises RegistryError for anything else."""
        if not isinstance(descriptor, dict) or not str(descriptor.get("digest")).startswith("sha256:"):
            raise RegistryError(f"{name} is no image that can be read", _HINT)
        return cls(str(descriptor["digest"]), str(descriptor.get("mediaType")))


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform: its digest, its layers (bottom first) and its configuration."""

    name: str
    digest: str
    layers: tuple[Blob, ...]
    config: Blob

    @classmethod
    def of(cls, name: str, digest: str, manifest: dict[str, Any]) -> Image:
        """Read a manifest. Raises RegistryError for anything else."""
        layers = manifest.get("layers")
        if not isinstance(layers, list):
            raise RegistryError(f"{name} is no image that can be read", _HINT)
        return cls(
            name,
            digest,
            tuple(Blob.of(layer, name) for layer in layers),
            Blob.of(manifest.get("config"), name),
        )


def is_index(manifest: dict[str, Any]) -> bool:
    """Whether a manifest is a list of images for several platforms."""
    return manifest.get("mediaType") in INDEXES or isinstance(manifest.get("manifests"), list)


def of_platform(index: dict[str, Any], name: str) -> str:
    """Return the digest of the image for linux/amd64. Raises RegistryError where there is none."""
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else []:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if (
            isinstance(platform, dict)
            and platform.get("os") == "linux"
            and platform.get("architecture") == "amd64"
        ):
            return Blob.of(entry, name).digest
    raise RegistryError(f"{name} has no image for linux/amd64", _HINT)


def parse(content: bytes) -> dict[str, Any]:
    """Parse a JSON object; what is none becomes an empty one."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
