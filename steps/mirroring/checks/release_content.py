"""What a release consists of, read from the release image in the target, as a cluster reads it.

`oc adm release new` adds one layer to an image, with `release-manifests/image-references`: an ImageStream
that names each image of the content by its origin and digest (openshift/oc, pkg/cli/admin/release). Beside it
lies `release-metadata`: from which releases one may update to it.
"""

from __future__ import annotations

import tarfile
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.errors import RegistryError
from steps.oci.failures import UnreadableError
from steps.oci.reference import Reference
from steps.tar_members import BoundedMember, RefusedMemberError

if TYPE_CHECKING:
    from steps.oci.manifests import Image
    from steps.oci.registry import Repository

FILE: Final = "release-manifests/image-references"
METADATA: Final = "release-manifests/release-metadata"
LARGEST: Final = 8 << 20
"""Bytes of that file; those of 4.20 have a tenth of a million."""
MOST: Final = 1000
"""Images; a release has about two hundred."""
LABEL: Final = "io.openshift.release"
"""The label with the version of a release."""
_LAYERS: Final = 3
"""Layers that are searched, from the topmost down: those below hold a whole operating system."""


def version_of(repository: Repository, digest: str) -> str:
    """Return the version that a release image says it has; empty where it says none."""
    labels = (repository.config(repository.image(digest)).get("config") or {}).get("Labels") or {}
    return str(labels.get(LABEL) or "")[:64]


def read(repository: Repository, digest: str) -> tuple[Reference, ...]:
    """Return the images that a release consists of, by origin and digest; `digest` is that of one platform.

    Raises UnreadableError where the image does not tell, RegistryError and its kinds for what else is wrong.
    """
    image = repository.image(digest)
    return images_of(files(repository, image, FILE)[FILE], image.name)


def files(repository: Repository, image: Image, *names: str) -> dict[str, bytes]:
    """Return the content of files in the topmost layer that has any of them. Raises as `read` does."""
    for layer in reversed(image.layers[-_LAYERS:]):
        found = repository.read_layer(image, layer, lambda stream: _find(stream, names))
        if found:
            for name in names:
                if name not in found:
                    raise _without(image.name, name)
            return found
    raise _without(image.name, names[0])


def _without(image: str, name: str) -> UnreadableError:
    return UnreadableError(f"{image} has no {name}", "see whether it is a release image")


def _find(stream: IO[bytes], names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the files of a layer, as far as it has them."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=BoundedMember) as archive:
            for member in archive:
                name = str(PurePosixPath(member.name.lstrip("./")))
                if member.isfile() and name in names and (content := archive.extractfile(member)):
                    found[name] = content.read(LARGEST + 1)
                    if len(found) == len(names):
                        break
    except RefusedMemberError as error:
        raise RegistryError(f"the release image has {error}", "no builder of images makes such") from None
    return found


def images_of(content: bytes, name: str) -> tuple[Reference, ...]:
    """Return the images that the file image-references of the image `name` tells. Raises UnreadableError."""
    try:
        tags = json_of(content, limit=LARGEST)["spec"]["tags"]
        found = dict.fromkeys(_reference(tag) for tag in tags)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableError(f"{name}: {FILE} cannot be understood", "mirror the release again") from None
    if len(found) > MOST:
        raise UnreadableError(f"{name} names {len(found):,} images", f"{MOST:,} are the most")
    return tuple(found)


def _reference(tag: dict[str, Any]) -> Reference:
    reference = Reference.parse(str(tag["from"]["name"]))
    if not reference.registry or not reference.digest.startswith("sha256:"):
        raise ValueError("an image without registry or digest")
    return reference
