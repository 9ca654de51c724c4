"""A data directory in which something is published, and a list of changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steps.mirroring.publish import autoshift, resources
from steps.mirroring.store import Store
from steps.mirroring.store.changes import ChangeList, Point, State, compare
from steps.mirroring.store.published import Mirror

TARGET = "registry.example.com:5000/ocp"


def mirror_set(name: str = "idms-release-0", to: str = TARGET) -> dict[str, Any]:
    source = "quay.io/openshift-release-dev/ocp-release"
    entry = {"source": source, "mirrors": [f"{to}/openshift/release-images"]}
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ImageDigestMirrorSet",
        "metadata": {"name": name},
        "spec": {"imageDigestMirrors": [entry]},
    }


def catalog_source(to: str = TARGET, tag: str = "v4.20") -> dict[str, Any]:
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "CatalogSource",
        "metadata": {"name": "cs-redhat-operator-index", "namespace": "openshift-marketplace"},
        "spec": {"sourceType": "grpc", "image": f"{to}/redhat/redhat-operator-index:{tag}"},
    }


def publish(data: Path, *found: dict[str, Any], target: str = TARGET) -> Store:
    """Publish resources for a target, as a run does."""
    store = Store(data)
    files = resources.in_files(found or (mirror_set(to=target), catalog_source(to=target)))
    block = autoshift.render(resources.load(files), target)
    store.published.replace(target, mirrors={"m": Mirror(files=files)}, files=files, autoshift_values=block)
    return store


def changes(*releases: str, **images: str) -> ChangeList:
    """A list of what a run brought against nothing."""
    contents: dict[str, Any] = {"releases": list(releases), "additional": []}
    point = Point(run="2026-11-27T02:00:00Z")
    return compare(None, State(point=point, contents=(contents,), images=images, blobs={}))
