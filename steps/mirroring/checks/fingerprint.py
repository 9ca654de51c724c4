"""What a run would mirror by, in one hash for each part: the ImageSet and what it leads to outside.

If every part is what it was at the last success, another run of oc-mirror would find nothing new. Catalogs
and additional images count by the digest of their tag, releases by the nodes and edges of their channels'
graph (release/cincinnati.go asks the same), charts by their repositories' indexes. What the content of a
catalog or release refers to is named by digest in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import yaml

from steps.errors import RegistryError
from steps.mirroring.ocmirror import references
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from steps.imageset.imageset import ImageSet
    from steps.imageset.model import Helm, Mirror, Platform
    from steps.mirroring.ocmirror.command import Options
    from steps.oci.access import Access

GRAPHS: Final = {
    "ocp": "https://api.openshift.com/api/upgrades_info/v1/graph",
    "okd": "https://origin-release.ci.openshift.org/graph",
}
GRAPH_DATA: Final = "https://api.openshift.com/api/upgrades_info/graph-data"
GRAPH_BASE: Final = "registry.access.redhat.com/ubi9/ubi:latest"
"""What the graph image is made of (release/graph.go)."""
PATIENCE: Final = 20.0
"""Seconds for all parts together; what takes longer is in doubt."""
AT_ONCE: Final = 16


class DoubtError(Exception):
    """A part cannot be told."""


Fingerprint = dict[str, str]
"""A hash or digest for each part, by its name."""


def take(imageset: ImageSet, *, options: Options, settings: Mapping[str, str]) -> Fingerprint:
    """Ask for every part, all at once. `settings` are what else decides what a run makes.

    Raises DoubtError with the first part that cannot be told.
    """
    parts = dict(_parts(imageset.mirror, options.source.within(PATIENCE)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(parts, pool.map(_told, parts, parts.values()), strict=True))
    own = {name: value for name, value in settings.items() if value}
    return {"ImageSet": imageset.sha256, **own, **answers}


def _parts(mirror: Mirror, access: Access) -> Iterator[tuple[str, Callable[[], str]]]:
    texts = references.texts(mirror)
    if mirror.platform.graph:
        texts.append(GRAPH_BASE)
        yield GRAPH_DATA, partial(_graph_data, access)
    for text in texts:
        yield text, partial(_digest, text, access)
    for architecture in _architectures(mirror.platform):
        for channel in mirror.platform.channels:
            kind = "okd" if channel.type == "okd" else "ocp"
            yield (
                f"channel {channel.name} ({architecture})",
                partial(_graph, kind, channel.name, architecture, access),
            )
    for catalog in mirror.operators:
        if template := catalog.target_catalog_source_template:
            yield f"template {template}", partial(_file, template)
    yield from _charts(mirror.helm, access)


def _charts(helm: Helm, access: Access) -> Iterator[tuple[str, Callable[[], str]]]:
    for repository in helm.repositories:
        url = f"{repository.url.rstrip('/')}/index.yaml"
        yield url, partial(_index, url, access)
    for chart in helm.local:
        yield f"chart {chart.path}", partial(_file, chart.path)


def _architectures(platform: Platform) -> list[str]:
    named = [pair.architecture for pair in platform.platforms]
    return named or list(platform.architectures) or ["amd64"]


def _told(name: str, ask: Callable[[], str]) -> str:
    try:
        found = ask()
    except (RegistryError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DoubtError(f"{name}: {getattr(error, 'reason', error)}") from error
    if not found:
        raise DoubtError(f"{name}: nothing tells whether it changed")
    return found


def _digest(text: str, access: Access) -> str:
    reference = Reference.find(text)
    if reference is None or not reference.registry or not reference.version:
        raise ValueError("it is in no registry that can be asked")
    if reference.is_pinned:
        return reference.version
    with access.open(reference.name) as repository:
        return repository.digest(reference.version)


def _graph(kind: str, channel: str, architecture: str, access: Access) -> str:
    """Hash of a channel's releases and updates, whatever order the server gives them in."""
    from steps.oci.download import fetch

    base = os.environ.get("UPDATE_URL_OVERRIDE") or GRAPHS[kind]
    url = f"{base}?{urlencode({'arch': architecture, 'channel': channel}, quote_via=quote)}"
    graph = json.loads(fetch(url, access))
    nodes = [(str(node["version"]), str(node["payload"])) for node in graph["nodes"]]
    edges = [(nodes[start][0], nodes[end][0]) for start, end in graph.get("edges") or []]
    conditional = [
        (str(edge["from"]), str(edge["to"]))
        for group in graph.get("conditionalEdges") or []
        for edge in group.get("edges") or []
    ]
    return _sha256(json.dumps([sorted(nodes), sorted(edges), sorted(conditional)]).encode())


def _graph_data(access: Access) -> str:
    from steps.oci.download import entity_tag

    return entity_tag(GRAPH_DATA, access)


def _index(url: str, access: Access) -> str:
    from steps.oci.download import fetch

    document = yaml.load(fetch(url, access), Loader=yaml.CSafeLoader)
    return _sha256(json.dumps(document["entries"], sort_keys=True, default=str).encode())


def _file(path: str) -> str:
    return _sha256(Path(path).read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
