"""What releases and the graph image in a registry say, read as the update service there reads them.

The graph image holds the graph data below FOLDER (openshift/oc-mirror, internal/pkg/release/graph.go).
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.errors import RegistryError
from steps.mirroring.checks import release_content
from steps.oci.failures import UnreadableError
from steps.readiness.graph import GraphData, Node, graph_data, node_of
from steps.tar_members import BoundedMember, RefusedMemberError
from steps.yaml.text import NotYamlError, documents

if TYPE_CHECKING:
    from steps.oci.manifests import Image
    from steps.oci.registry import Repository

FOLDER: Final = "var/lib/cincinnati-graph-data"
_FILE: Final = re.compile(r"(?:.*/)?(channels|blocked-edges)/[^/]+\.ya?ml")
LARGEST_FILE: Final = 1 << 20
"""Bytes of a file of the graph data; the largest has 20,000."""
LARGEST_DATA: Final = 64 << 20
"""Bytes of all files of the graph data; they have about three million."""
MOST_FILES: Final = 20_000
MULTI: Final = "multi"
_OF_METADATA: Final = "release.openshift.io/architecture"
_IN_TAGS: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""How the tags of releases name architectures that Go names otherwise."""
_TAG: Final = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)*-(x86_64|aarch64|arm64|ppc64le|s390x|multi)")


@dataclass(frozen=True, slots=True)
class Release:
    """A release in a registry: its digest there, its place in the graph, its architecture, its content.

    The architecture is as Go names it (amd64, arm64 …), or `multi`. Content is pairs of HOST/REPOSITORY and
    digest.
    """

    digest: str
    node: Node
    architecture: str
    content: tuple[tuple[str, str], ...]


def tag_of(version: str, architecture: str) -> str:
    """Return the tag that oc-mirror gives to a release."""
    return f"{version}-{_IN_TAGS.get(architecture, architecture)}"


def is_release_tag(tag: str) -> bool:
    """Return whether a tag is one that oc-mirror gives to releases, such as 4.20.12-x86_64."""
    return _TAG.fullmatch(tag) is not None


def read_release(repository: Repository, digest: str) -> Release:
    """Read a release. Raises RegistryError and its kinds, UnreadableError for an image that is no release."""
    image = repository.image(digest)
    wanted = (release_content.FILE, release_content.METADATA)
    files = release_content.files(repository, image, *wanted)
    try:
        metadata = json_of(files[release_content.METADATA])
        node = node_of(metadata if isinstance(metadata, dict) else {})
    except ValueError as error:
        raise UnreadableError(
            f"{image.name}: release-metadata: {error}", "mirror the release again"
        ) from error
    references = release_content.images_of(files[release_content.FILE], image.name)
    return Release(
        digest=digest,
        node=node,
        architecture=_architecture(repository, digest, image, metadata),
        content=tuple((reference.name, reference.digest) for reference in references),
    )


def _architecture(repository: Repository, digest: str, image: Image, metadata: dict[str, Any]) -> str:
    """Return the architecture as the update service does (release_scrape_dockerv2/registry/mod.rs).

    An index of several platforms is `multi`. An image that calls itself so and is none is passed over there:
    it is a part of such an index.
    """
    listed = repository.platforms(digest) if image.digest != digest else {}
    if len(listed) > 1:
        return MULTI
    more = metadata.get("metadata")
    if isinstance(more, dict) and more.get(_OF_METADATA) == MULTI:
        raise UnreadableError(
            f"{image.name} is the part of a multi-architecture release for one of them only",
            "mirror the whole release, with the architecture multi",
        )
    return str(repository.config(image).get("architecture") or "amd64")


def read_graph(repository: Repository, digest: str) -> GraphData:
    """Read the graph data of a graph image. Raises as `read_release` does."""
    image = repository.image(digest)
    for layer in reversed(image.layers):
        found = repository.read_layer(image, layer, _graph_files)
        if found:
            return graph_data((folder, _document(content)) for folder, content in found)
    raise UnreadableError(f"{image.name} has no graph data in /{FOLDER}", "mirror it again, with graph: true")


def _graph_files(stream: IO[bytes]) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    left = LARGEST_DATA
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=BoundedMember) as archive:
            for member in archive:
                path = str(PurePosixPath(member.name.lstrip("./")))
                name = _FILE.fullmatch(path) if path.startswith(f"{FOLDER}/") else None
                if name and member.isfile() and (content := archive.extractfile(member)):
                    found.append((name[1], content.read(LARGEST_FILE + 1)))
                    left -= len(found[-1][1])
                if len(found) > MOST_FILES or left < 0:
                    raise UnreadableError("the graph image has too much data", "see what is stored there")
    except RefusedMemberError as error:
        raise RegistryError(f"the graph image has {error}", "no builder of images makes such") from None
    return found


def _document(content: bytes) -> object:
    """Return the document of a file with texts as they stand there; None for what is no such file."""
    if len(content) > LARGEST_FILE:
        return None
    try:
        return next(iter(documents(content)), None)
    except NotYamlError:
        return None
