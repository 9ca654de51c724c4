"""A few kilobytes of text kept in a registry: the label of an image without content.

An image, and none of the newer artifacts, since every registry takes one (OCI image-spec, manifest.md and
config.md; distribution-spec, "Pushing blobs" and "Pushing Manifests").
"""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from steps.errors import RegistryError
from steps.oci.images import MANIFESTS
from steps.oci.target import Target

if TYPE_CHECKING:
    import requests

_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_EMPTY_TAR: Final = bytes(1024)


class Labelled(Target):
    """A repository whose tags each carry a text. Methods raise what those of `Registry` raise."""

    def read(self, tag: str, label: str) -> str | None:
        """The text of a tag; None where there is no such tag, or it carries none."""
        if self.find(tag) is None:
            return None
        labels = (self.config(self.image(tag)).get("config") or {}).get("Labels") or {}
        return str(labels[label]) if label in labels else None

    def write(self, tag: str, label: str, text: str) -> None:
        """Make `tag` carry `text`."""
        layer = gzip.compress(_EMPTY_TAR, mtime=0)
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Labels": {label: text}},
                "rootfs": {"type": "layers", "diff_ids": [_digest(_EMPTY_TAR)]},
            }
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFESTS[0],
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
        for blob in (layer, config):
            self._retrying(lambda blob=blob: self._push(blob))  # type: ignore[misc]
        self._retrying(lambda: self._tag(tag, _json(manifest)))

    def _push(self, blob: bytes) -> None:
        name = f"{self._host}/{self._repository}"
        with self._get("blobs/uploads/", f"writing to {name}", method="POST") as answer:
            place = urljoin(str(answer.url), answer.headers.get("Location", ""))
        joint = "&" if "?" in place else "?"
        self._put(f"{place}{joint}digest={_digest(blob)}", blob, "application/octet-stream")

    def _tag(self, tag: str, manifest: bytes) -> None:
        self._put(f"{self._base}/manifests/{tag}", manifest, MANIFESTS[0])

    def _put(self, url: str, content: bytes, media_type: str) -> None:
        name = f"{self._host}/{self._repository}"
        answer: requests.Response
        with self._send(
            url, name, "*/*", "PUT", data=content, more_headers={"Content-Type": media_type}
        ) as answer:
            if answer.status_code == 404:
                raise RegistryError(f"{name} forgot an upload that was begun", "try again")
            if not answer.ok:
                raise self._failure(answer, f"writing to {name}")


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
