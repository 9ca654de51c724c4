"""A mirror in a real registry, made without oc-mirror: releases, graph data, catalogs, images, resources."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from steps.mirroring.publish import resources
from steps.mirroring.store import Store
from steps.mirroring.store.inventory import InventoryEntry, InventoryImage
from steps.mirroring.store.published import Mirror
from steps.trust.releases import RELEASES
from tests.unit.mirroring.test_acceptance import ACCESS, MAKER, attach, layer, push, push_index
from tests.unit.trust.signers import CONTENT, GPG_TYPE, as_bytes, claim

CATALOG = "registry.redhat.io/redhat/redhat-operator-index"
PLATFORMS = ("amd64", "arm64")
TAGS = {"amd64": "x86_64", "arm64": "aarch64", "multi": "multi"}


def bundle(
    package: str,
    version: str,
    images: Sequence[str] = (),
    *,
    newest: str = "",
    kubernetes: str = "",
    requires: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A document of a catalog: a bundle PACKAGE.vVERSION whose images are `images`, its own first."""
    properties: list[dict[str, Any]] = [
        {"type": "olm.package", "value": {"packageName": package, "version": version}}
    ]
    if newest:
        properties.append({"type": "olm.maxOpenShiftVersion", "value": newest})
    if kubernetes:
        properties.append({"type": "olm.csv.metadata", "value": {"minKubeVersion": kubernetes}})
    for name, versions in (requires or {}).items():
        value = {"packageName": name, "versionRange": versions}
        properties.append({"type": "olm.package.required", "value": value})
    return {
        "schema": "olm.bundle",
        "package": package,
        "name": f"{package}.v{version}",
        "image": images[0] if images else "",
        "relatedImages": [{"name": "", "image": image} for image in images],
        "properties": properties,
    }


def channel(package: str, name: str, *entries: str | dict[str, Any]) -> dict[str, Any]:
    """A document of a catalog: a channel. A text VERSION replaces the one before it."""
    made: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry, str):
            one: dict[str, Any] = {"name": f"{package}.v{entry}"}
            if made:
                one["replaces"] = made[-1]["name"]
            made.append(one)
        else:
            made.append(entry)
    return {"schema": "olm.channel", "package": package, "name": name, "entries": made}


def package(name: str, default: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"schema": "olm.package", "name": name, "defaultChannel": default}, *documents]


@dataclass
class Site:
    """A target, HOST/PATH; what is pushed to it is published and recorded by `publish`."""

    target: str
    brought: dict[str, str] = field(default_factory=dict)
    signatures: dict[str, bytes] = field(default_factory=dict)
    digest_mirrors: dict[str, str] = field(default_factory=dict)
    tag_mirrors: dict[str, str] = field(default_factory=dict)
    catalogs: list[str] = field(default_factory=list)
    source_names: list[str] = field(default_factory=list)
    releases: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    graph: str = ""

    def release(
        self,
        version: str,
        previous: Iterable[str] = (),
        *,
        architecture: str = "amd64",
        content: Sequence[str] | None = None,
        sign: bool = True,
    ) -> str:
        """Push a release, and two images of its content unless `content` names what is there."""
        place, contents = f"{self.target}/openshift/release-images", f"{self.target}/openshift/release"
        if content is None:
            pushed = [push(contents, [layer({f"part-{version}-{n}": b"x"})]) for n in range(2)]
            content = [f"{CONTENT}@{one}" for one in pushed]
        tags = [
            {"name": f"part-{n}", "from": {"kind": "DockerImage", "name": name}}
            for n, name in enumerate(content)
        ]
        digests = [name.partition("@")[2] for name in content]
        metadata = {
            "kind": "cincinnati-metadata-v0",
            "version": version,
            "previous": list(previous),
            "metadata": {"release.openshift.io/architecture": "multi"} if architecture == "multi" else {},
        }
        files = {
            "release-manifests/image-references": as_bytes({"spec": {"tags": tags}}),
            "release-manifests/release-metadata": as_bytes(metadata),
        }
        tag = f"{version}-{TAGS[architecture]}"
        labels = {"io.openshift.release": version}
        if architecture == "multi":
            built = [push(place, [layer(files)], labels=labels, architecture=one) for one in PLATFORMS]
            digest = push_index(place, built, tag)
        else:
            digest = push(place, [layer(files)], tag=tag, labels=labels, architecture=architecture)
        self.brought[f"openshift/release-images:{tag}"] = f"{RELEASES}:{tag}"
        for one in digests:
            self.brought[f"openshift/release@{one}"] = f"{CONTENT}@{one}"
        self.digest_mirrors |= {RELEASES: place, CONTENT: contents}
        self.releases[version], self.parts[version] = digest, digests
        if sign:
            self.sign(version)
        return digest

    def sign(self, version: str) -> None:
        digest = self.releases[version]
        attach(f"{self.target}/openshift/release-images", digest, RELEASES)
        for one in self.parts[version] if int(version.split(".")[1]) >= 22 else ():
            attach(f"{self.target}/openshift/release", one, CONTENT)
        self.signatures[digest] = MAKER.message(as_bytes(claim(f"{RELEASES}:{version}", digest, GPG_TYPE)))

    def graph_image(
        self, channels: Mapping[str, Iterable[str]], blocked: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        root = "var/lib/cincinnati-graph-data"
        files = {f"{root}/version": b"1.2.0"}
        for name, versions in channels.items():
            document = {"name": name, "versions": list(versions)}
            files[f"{root}/channels/{name}.yaml"] = yaml.safe_dump(document).encode()
        for number, edge in enumerate(blocked):
            files[f"{root}/blocked-edges/{number}.yaml"] = yaml.safe_dump(dict(edge)).encode()
        place = f"{self.target}/openshift/graph-image"
        digest = push(place, [layer({"etc/os-release": b"x"}), layer(files)], tag="latest")
        self.graph = f"{place}@{digest}"

    def image(
        self, origin: str, *, content: bytes = b"x", tag: str = "", architectures: Sequence[str] = ()
    ) -> str:
        """Push an image as oc-mirror would place it; its reference at the origin, by digest or tag."""
        repository = origin.partition("/")[2]
        place = f"{self.target}/{repository}"
        made = [layer({origin: content + name.encode()}) for name in architectures or [""]]
        digests = [push(place, [one], tag=tag if not architectures else "") for one in made]
        digest = push_index(place, digests) if architectures else digests[0]
        reference = f"{origin}:{tag}" if tag else f"{origin}@{digest}"
        self.brought[f"{repository}:{tag}" if tag else f"{repository}@{digest}"] = reference
        source = origin.rpartition("/")[0]
        (self.tag_mirrors if tag else self.digest_mirrors)[source] = (
            f"{self.target}/{source.partition('/')[2]}"
        )
        return reference

    def catalog(
        self,
        minor: str,
        *packages: list[dict[str, Any]],
        index: str = CATALOG,
        architectures: Sequence[str] = (),
    ) -> str:
        """Push a catalog, which is no index without `architectures`, and publish a CatalogSource for it."""
        files = {
            f"configs/{one[0]['name']}/catalog.json": "\n".join(map(json.dumps, one)).encode()
            for one in packages
        }
        place = f"{self.target}/{index.partition('/')[2]}"
        labels = {"operators.operatorframework.io.index.configs.v1": "/configs"}
        if architectures:
            made = [push(place, [layer(files)], labels=labels, architecture=one) for one in architectures]
            push_index(place, made, f"v{minor}")
        else:
            push(place, [layer(files)], tag=f"v{minor}", labels=labels)
        self.catalogs.append(f"{place}:v{minor}")
        return f"{place}:v{minor}"

    def delete(self, place: str, version: str) -> None:
        with ACCESS.open(f"{self.target}/{place}") as repository:
            found = repository.find(version)
            assert found
            repository.delete(found.digest)

    def resources(self) -> list[dict[str, Any]]:
        made = [
            _mirror_set("ImageDigestMirrorSet", "imageDigestMirrors", self.digest_mirrors),
            _mirror_set("ImageTagMirrorSet", "imageTagMirrors", self.tag_mirrors),
        ]
        for number, image in enumerate(self.catalogs):
            name = (self.source_names or [f"cs-{one}" for one in range(99)])[number]
            metadata = {"name": name, "namespace": "openshift-marketplace"}
            spec = {"image": image, "sourceType": "grpc"}
            made.append(
                {
                    "apiVersion": "operators.coreos.com/v1alpha1",
                    "kind": "CatalogSource",
                    "metadata": metadata,
                    "spec": spec,
                }
            )
        if self.graph:
            spec = {"releases": f"{self.target}/openshift/release-images", "graphDataImage": self.graph}
            metadata = {"name": "update-service-oc-mirror", "namespace": "openshift-update-service"}
            made.append(
                {
                    "apiVersion": "updateservice.operator.openshift.io/v1",
                    "kind": "UpdateService",
                    "metadata": metadata,
                    "spec": spec,
                }
            )
        data = {
            f"{digest.replace(':', '-')}-1": base64.b64encode(message).decode()
            for digest, message in self.signatures.items()
        }
        metadata = {"name": "mirrored-release-signatures", "namespace": "openshift-config-managed"}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": data})
        return made

    def publish(self, data: Path, imageset: str = "") -> Path:
        """Write the data directory of the runs that mirrored all this."""
        store, files = Store(data), resources.in_files(self.resources())
        store.published.replace(
            self.target,
            mirrors={"imageset": Mirror(files=files, imageset=imageset)},
            files=files,
            autoshift_values="",
        )
        images = tuple(
            InventoryImage(
                origin=origin, kind="release" if "release" in place else "additional", places=(place,)
            )
            for place, origin in sorted(self.brought.items())
        )
        entry = InventoryEntry(
            target=self.target, imageset="x", finished="2026-11-27T10:00:00Z", images=images
        )
        folder = store.inventory.folder(self.target)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "2026-11-27T100000Z-0123456789ab.json").write_text(entry.as_json())
        return data


def _mirror_set(kind: str, key: str, mirrors: Mapping[str, str]) -> dict[str, Any]:
    entries = [{"source": source, "mirrors": [mirror]} for source, mirror in mirrors.items()]
    metadata = {"name": f"{kind.lower()}-0"}
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {key: entries},
    }


def imageset(
    *catalogs: str,
    channels: Iterable[str] = ("stable-4.20",),
    images: Iterable[str] = (),
    more: Mapping[str, str] | None = None,
) -> str:
    """An ImageSet that names whole catalogs (NAME:TAG, each with `more`), channels and additional images."""
    mirror = {
        "platform": {"channels": [{"name": name} for name in channels], "graph": True},
        "operators": [{"catalog": catalog, **(more or {})} for catalog in catalogs],
        "additionalImages": [{"name": image} for image in images],
    }
    document = {
        "kind": "ImageSetConfiguration",
        "apiVersion": "mirror.openshift.io/v2alpha1",
        "mirror": mirror,
    }
    return yaml.safe_dump(document)
