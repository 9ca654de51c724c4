"""oc-mirror's cache, a registry's files: taking images out of it.

The layout is that of the distribution registry's filesystem driver (registry/storage/paths.go): below
`docker/registry/v2` lie `repositories/NAME/{_manifests/tags,_manifests/revisions,_layers}` and `blobs`. No
registry runs on it meanwhile: the lock of the data directory sees to that.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Freed:
    """How many images' tags went, and how many bytes with them."""

    tags: int
    size: int


def trim(registry: Path, places: Iterable[str], *, among: Iterable[str], dry_run: bool = False) -> Freed:
    """Remove the images at `places`, and the blobs that then none has; `among` are all places we know.

    In the order tags, manifests, blobs, so that a kill leaves only what another call removes.
    """
    root = registry / "docker/registry/v2"
    doomed: dict[str, set[str]] = {}
    for place in places:
        image = Reference.parse_relative(place)
        doomed.setdefault(image.repository, set()).add(image.version)
    known = sorted({Reference.parse_relative(place).repository for place in among})
    repositories = [root / "repositories" / name for name in known]
    tags = [
        path
        for name, references in sorted(doomed.items())
        for path in _tags(root / "repositories" / name)
        if path.name in references or _leads_to(path) in references
    ]
    idle = [path for one in repositories for path in _unused(root, one, without=set(tags))]
    orphans = _orphans(root, without=set(idle)) if repositories else {}
    size = sum(orphans.values())
    if dry_run:
        return Freed(len(tags), size)
    for path in (*tags, *idle):
        shutil.rmtree(path)
    for one in repositories:
        for link in one.glob("_layers/sha256/*/"):
            if link.name in orphans:
                shutil.rmtree(link)
    for name in orphans:
        shutil.rmtree(_blob(root, name).parent)
    return Freed(len(tags), size)


def _unused(root: Path, repository: Path, *, without: set[Path]) -> list[Path]:
    """The manifests that no tag leads to any more, `without` those tags: oc-mirror tags all that it keeps."""
    reached: set[str] = set()
    ahead = [_leads_to(path) for path in _tags(repository) if path not in without]
    while ahead:
        digest = ahead.pop().removeprefix("sha256:")
        if digest not in reached:
            reached.add(digest)
            ahead += [str(one.get("digest")) for one in _manifest(root, digest).get("manifests") or []]
    return [path for path in repository.glob("_manifests/revisions/sha256/*/") if path.name not in reached]


def _orphans(root: Path, *, without: set[Path]) -> dict[str, int]:
    """The blobs that no manifest of any repository has, `without` those manifests, with their sizes."""
    had: set[str] = set()
    for revision in root.glob("repositories/**/_manifests/revisions/sha256/*/"):
        if revision not in without:
            had.add(revision.name)
            manifest = _manifest(root, revision.name)
            parts = [manifest.get("config") or {}, *(manifest.get("layers") or [])]
            parts += manifest.get("manifests") or []
            had.update(str(part.get("digest")).removeprefix("sha256:") for part in parts)
    return {
        path.parent.name: path.stat().st_size
        for path in root.glob("blobs/sha256/*/*/data")
        if path.parent.name not in had
    }


def _manifest(root: Path, digest: str) -> dict[str, Any]:
    """A manifest; empty where the cache has only its name, as after a differential archive."""
    try:
        document = json.loads(_blob(root, digest).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        log.warning("the manifest sha256:%s in the cache is damaged", digest)
        return {}
    return document if isinstance(document, dict) else {}


def _blob(root: Path, digest: str) -> Path:
    return root / "blobs/sha256" / digest[:2] / digest / "data"


def _tags(repository: Path) -> list[Path]:
    return sorted(repository.glob("_manifests/tags/*/"))


def _leads_to(tag: Path) -> str:
    """The digest of a tag; empty for one that was being written when a run was killed."""
    try:
        return (tag / "current/link").read_text().strip()
    except FileNotFoundError:
        return ""
