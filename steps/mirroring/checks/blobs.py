"""Whether a target has all that an image consists of: its manifests, configuration and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steps.oci.registry import Repository


def lacking(repository: Repository, digest: str, *, sparse: bool, known: set[str]) -> str:
    """Return the digest of a part that is not there; empty where the image is whole.

    `sparse`: of an index some platforms may be left out. `known` are blobs of this repository that are there;
    it grows. Raises RegistryError where the registry does not answer.
    """
    parts = repository.parts(digest)
    if parts is None:
        return digest
    for manifest in parts.manifests:
        if repository.find(manifest) is None:
            if not sparse:
                return manifest
        elif lost := lacking(repository, manifest, sparse=sparse, known=known):
            return lost
    for blob in parts.blobs:
        if blob not in known:
            if not repository.has_blob(blob):
                return blob
            known.add(blob)
    return ""
