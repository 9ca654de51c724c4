"""Manifests and indexes (OCI image-spec: image-index.md, manifest.md, config.md), read with care (pure)."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from steps.bounded import json_of
from steps.oci.failures import UnreadableError

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_EMPTY_TAR: Final = bytes(1024)
_MAY_LACK: Final = re.compile(r"foreign|nondistributable")
_SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HINT: Final = "see what is stored under this name"


@dataclass(frozen=True, slots=True)
class Blob:
    """Where a layer or configuration is, in which format, and how many bytes it has (-1: nobody says)."""

    digest: str
    media_type: str
    size: int = -1

    @classmethod
    def of(cls, descriptor: Any, name: str) -> Blob:
        """Read a descriptor. Raises UnreadableError for anything else."""
        if not isinstance(descriptor, dict) or not str(descriptor.get("digest")).startswith("sha256:"):
            raise UnreadableError(f"{name} is no image that can be read", _HINT)
        size = descriptor.get("size")
        return cls(
            str(descriptor["digest"]),
            str(descriptor.get("mediaType")),
            size if isinstance(size, int) and size >= 0 else -1,
        )


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform: its digest, its layers (bottom first) and its configuration."""

    name: str
    digest: str
    layers: tuple[Blob, ...]
    config: Blob

    @classmethod
    def of(cls, name: str, digest: str, manifest: dict[str, Any]) -> Image:
        """Read a manifest. Raises UnreadableError for anything else."""
        layers = manifest.get("layers")
        if not isinstance(layers, list):
            raise UnreadableError(f"{name} is no image that can be read", _HINT)
        return cls(
            name,
            digest,
            tuple(Blob.of(layer, name) for layer in layers),
            Blob.of(manifest.get("config"), name),
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """What a manifest names: the digests of other manifests if it is an index, else blobs.

    Layers that registries may leave out are not among them (OCI image-spec, "Non-Distributable Layers").
    """

    manifests: tuple[str, ...]
    blobs: tuple[Blob, ...]

    @classmethod
    def of(cls, name: str, manifest: dict[str, Any]) -> Parts:
        """Read a manifest or index. Raises UnreadableError for anything else."""
        if is_index(manifest):
            return cls(tuple(listed(manifest, name)), ())
        image = Image.of(name, "", manifest)
        kept = (layer for layer in image.layers if not _MAY_LACK.search(layer.media_type))
        return cls((), (image.config, *kept))


def is_index(manifest: dict[str, Any]) -> bool:
    """Return whether a manifest is a list of images for several platforms."""
    return manifest.get("mediaType") in INDEXES or isinstance(manifest.get("manifests"), list)


def of_platform(index: dict[str, Any], name: str) -> str:
    """Return the digest of the image for linux/amd64. Raises UnreadableError where there is none."""
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else []:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if (
            isinstance(platform, dict)
            and platform.get("os") == "linux"
            and platform.get("architecture") == "amd64"
        ):
            return Blob.of(entry, name).digest
    raise UnreadableError(f"{name} has no image for linux/amd64", _HINT)


def listed(index: dict[str, Any], name: str) -> dict[str, str]:
    """Return OS/ARCHITECTURE of each digest that an index lists; nothing for another manifest."""
    entries, found = index.get("manifests"), {}
    for entry in entries if isinstance(entries, list) else []:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        known = platform if isinstance(platform, dict) else {}
        found[Blob.of(entry, name).digest] = f"{known.get('os')}/{known.get('architecture')}"
    return found


def parse(content: bytes) -> dict[str, Any]:
    """Parse a JSON object; return an empty one for anything else."""
    try:
        found = json_of(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_sound(manifest: object) -> bool:
    """Return whether all that a manifest names has a SHA-256 digest and a size."""
    if not isinstance(manifest, dict):
        return False
    config = manifest.get("config")
    lists = [manifest.get(field) or [] for field in ("manifests", "layers")]
    if not all(isinstance(one, list) for one in lists):
        return False
    return all(
        isinstance(part, dict)
        and isinstance(part.get("digest"), str)
        and _SHA256.fullmatch(part["digest"])
        and type(part.get("size")) is int
        and part["size"] >= 0
        for part in [*lists[0], *lists[1], *([config] if config else [])]
    )


def with_label(label: str, text: str) -> tuple[tuple[bytes, bytes], bytes]:
    """Make an image without content that has one label: its blobs, and its manifest.

    An image, and none of the newer artifacts, since every registry takes one.
    """
    layer = gzip.compress(_EMPTY_TAR, mtime=0)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {label: text}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(_EMPTY_TAR)]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[0],
        "config": descriptor(_CONFIG, config),
        "layers": [descriptor(_LAYER, layer)],
    }
    return (layer, config), _json(manifest)


def sparse_index(manifest: bytes, has: str, lacks: str) -> bytes:
    """Make an index of an image for platform `has` and of one for `lacks` that is nowhere."""
    entries = []
    for platform, content in ((has, manifest), (lacks, b"not there")):
        system, _, architecture = platform.partition("/")
        described = {"os": system, "architecture": architecture}
        entries.append({**descriptor(MANIFESTS[0], content), "platform": described})
    return _json({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": entries})


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    """Return how a manifest or index names content: its type, its digest, its size in bytes."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    """Return the digest that names content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
