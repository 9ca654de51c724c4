"""Index images as catalogs are published: file-based catalogs in layers, pushed over the registry's API."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.testbed.registry import Registry

LABEL = "operators.operatorframework.io.index.configs.v1"
OCI = "application/vnd.oci.image"


def package(
    name: str, channels: Mapping[str, Sequence[str]], *, default: str = "", **properties: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return a package's documents.

    Bundles are NAME.vVERSION, with properties for `every` bundle or `v1_0_0`.
    """
    documents: list[dict[str, Any]] = [
        {"schema": "olm.package", "name": name, "defaultChannel": default or next(iter(channels))}
    ]
    for channel, versions in channels.items():
        entries = [{"name": f"{name}.v{version}"} for version in versions]
        documents.append({"schema": "olm.channel", "package": name, "name": channel, "entries": entries})
    for version in sorted({version for versions in channels.values() for version in versions}):
        own = {"type": "olm.package", "value": {"packageName": name, "version": version}}
        more = properties.get("every", []) + properties.get(f"v{version}".replace(".", "_"), [])
        documents.append(
            {
                "schema": "olm.bundle",
                "package": name,
                "name": f"{name}.v{version}",
                "image": f"example.com/{name}@sha256:{'0' * 64}",
                "properties": [own, *more],
            }
        )
    return documents


def requires(name: str, versions: str) -> dict[str, Any]:
    return {"type": "olm.package.required", "value": {"packageName": name, "versionRange": versions}}


def api(kind: str, *, required: bool = False) -> dict[str, Any]:
    value = {"group": "example.com", "version": "v1", "kind": kind}
    return {"type": f"olm.gvk{'.required' if required else ''}", "value": value}


def as_json(documents: Sequence[Any], indent: int | None = 4) -> bytes:
    return "\n".join(json.dumps(document, indent=indent) for document in documents).encode()


def layer(files: Mapping[str, bytes]) -> bytes:
    """A layer with these files, uncompressed."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def catalog(*packages: list[dict[str, Any]]) -> bytes:
    """A layer with a folder for each package, as opm makes it."""
    return layer({f"configs/{p[0]['name']}/catalog.json": as_json(p) for p in packages})


def push(
    registry: Registry,
    name: str,
    layers: Sequence[bytes],
    *,
    made_by: Sequence[str] = (),
    compress: bool = True,
    multi: bool = True,
    folder: str = "/configs",
) -> list[str]:
    """Push an image as NAME (REPOSITORY:TAG), bottom layer first; return the digests of its layers."""
    repository, _, tag = name.partition(":")
    packed = [gzip.compress(content) if compress else content for content in layers]
    suffix = "+gzip" if compress else ""
    blobs = [_blob(registry, repository, data, f"{OCI}.layer.v1.tar{suffix}") for data in packed]
    history = [{"created_by": text} for text in made_by]
    config = json.dumps({"config": {"Labels": {LABEL: folder}}, "history": history}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _blob(registry, repository, config, f"{OCI}.config.v1+json"),
        "layers": blobs,
    }
    descriptor = _manifest(registry, repository, tag, manifest)
    if multi:
        other = {**descriptor, "platform": {"os": "linux", "architecture": "arm64"}}
        ours = {**descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
        index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [other, ours]}
        _manifest(registry, repository, tag, index)
    return [str(entry["digest"]) for entry in blobs]


def _auth(registry: Registry) -> tuple[str, str] | None:
    return (registry.username, registry.password) if registry.username else None


def _blob(registry: Registry, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    auth = _auth(registry)
    started = requests.post(f"{registry.url}/v2/{repository}/blobs/uploads/", auth=auth, timeout=10)
    started.raise_for_status()
    location = requests.compat.urljoin(registry.url, started.headers["Location"])
    url = f"{location}{'&' if '?' in location else '?'}digest={digest}"
    requests.put(url, data=content, auth=auth, timeout=30).raise_for_status()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _manifest(registry: Registry, repository: str, tag: str, manifest: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(manifest).encode()
    requests.put(
        f"{registry.url}/v2/{repository}/manifests/{tag}",
        data=content,
        headers={"Content-Type": str(manifest["mediaType"])},
        auth=_auth(registry),
        timeout=10,
    ).raise_for_status()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": manifest["mediaType"], "digest": digest, "size": len(content)}
