"""Whether a target has all that an image consists of: its manifests, configuration and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steps.oci.registry import Repository


def lacking(repository: Repository, digest: str, *, sparse: bool, known: set[str]) -> str:
    """Return what is wrong with a part: `lacks DIGEST`, or that it is damaged; empty for a whole image.

    `sparse`: of an index some platforms may be left out. `known` are blobs of this repository that are there;
    it grows. Raises RegistryError where the registry does not answer.
    """
    parts = repository.parts(digest)
    if parts is None:
        return f"lacks {digest}"
    for manifest in parts.manifests:
        if repository.find(manifest) is None:
            if not sparse:
                return f"lacks {manifest}"
        elif lost := lacking(repository, manifest, sparse=sparse, known=known):
            return lost
    for blob in parts.blobs:
        if blob.digest not in known:
            if flaw := repository.flaw(blob):
                return flaw
            known.add(blob.digest)
    return ""
