"""Signatures as cosign makes them: an image at the tag `sha256-HEX.sig` beside the one that is signed."""

from __future__ import annotations

import json

from tests.standin.oc_mirror import MANIFEST, Image, Registry, _descriptor, digest

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def tag_of(image: Image) -> str:
    return f"{image.manifest.replace(':', '-')}.sig"


def sign(registry: Registry, repository: str, image: Image, *, identity: str = "") -> str:
    """Put a signature of an image into a repository; returns its tag. Nobody could verify it."""
    payload = json.dumps(
        {
            "critical": {
                "identity": {"docker-reference": identity or f"{registry.host}/{repository}"},
                "image": {"docker-manifest-digest": image.manifest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    ).encode()
    layer = _descriptor(PAYLOAD, payload)
    layer["annotations"] = {"dev.cosignproject.cosign/signature": "MEUCIQ=="}
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [layer],
        }
    ).encode()
    found = Image(image.origin, image.kind, repository, tag_of(image))
    found.manifest = digest(manifest)
    found.blobs = {digest(data): data for data in (payload, config, manifest)}
    registry.push(found, repository)
    return found.tag
