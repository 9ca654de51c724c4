"""What is attached to an image: signatures and attestations, in each layout that a registry may have them in.

    tag sha256-HEX.sig    cosign's signatures: layers of simple signing, the signature in an annotation
    tag sha256-HEX.att    cosign's attestations: layers that are DSSE envelopes
    tag sha256-HEX.sbom   lists of contents, as cosign 1 and 2 attached them
    referrers             what names the image as its `subject` (OCI 1.1): cosign 3 attaches bundles so
    tag sha256-HEX        the list of referrers where the registry is not asked for it (OCI 1.1, the same)

Nothing here is verified.
"""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.errors import RegistryError
from steps.oci.failures import AbsentError, BusyError, UnreadableError
from steps.oci.manifests import MANIFESTS, Blob, descriptor, digest_of, is_sound, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from steps.oci.registry import Repository

log = logging.getLogger("steps.oci")

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
LARGEST: Final = 8 << 20
"""Bytes of a signature, an attestation or a bundle."""
IN_ALL: Final = 16 << 20
"""Bytes of what is read of one manifest, or of all referrers: a pod of the pipelines has 256 MiB."""
OF_SIGNATURES: Final = 512 << 10
"""The same for signatures, of which those of hundreds of images are kept until all are judged."""
MOST: Final = 32
"""Layers and referrers of an image that are read; cosign adds one for each signature."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One thing that is attached: its type, its bytes, and the annotations of its layer or manifest."""

    media_type: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


def tag(digest: str, ending: str) -> str:
    """Return the tag of cosign's layout: `sha256-HEX.sig` for the ending `sig`."""
    return f"{digest.replace(':', '-')}.{ending}"


def layers(repository: Repository, version: str, *, in_all: int = IN_ALL) -> list[Attached]:
    """Return the layers of a manifest with their bytes, none where there is no such manifest.

    Raises UnreadableError for what is no OCI manifest, or has more than MOST layers, LARGEST bytes in one or
    `in_all` bytes.
    """
    try:
        _digest, content = repository.manifest(version)
    except AbsentError:
        return []
    return list(_layers(repository, version, parse(content), in_all))


def signatures(repository: Repository, digest: str) -> tuple[str, list[Attached]]:
    """Return the media type of the manifest at an image's tag `.sig`, and its layers; ("", []) without one.

    Raises as `layers` does.
    """
    version = tag(digest, "sig")
    try:
        media_type, content = repository.typed_manifest(version)
    except AbsentError:
        return "", []
    if media_type != MANIFESTS[0]:
        return media_type or "no media type", []
    return media_type, list(_layers(repository, version, parse(content), OF_SIGNATURES))


def copy_signatures(source: Repository, target: Repository, digest: str) -> bool:
    """Copy what the tag `.sig` of an image names, byte by byte; return whether there is such a tag.

    Blobs come first, so that a kill leaves nothing half. Raises as `layers` does, RegistryError where the
    target refuses it.
    """
    version = tag(digest, "sig")
    try:
        media_type, content = source.typed_manifest(version)
    except AbsentError:
        return False
    manifest = parse(content)
    if media_type != MANIFESTS[0] or not is_sound(manifest):
        raise UnreadableError(f"{version} is no OCI manifest", "see what is stored there")
    for one in _layers(source, version, manifest, IN_ALL):
        target.push_blob(one.content)
    target.push_blob(source.read_blob(Blob.of(manifest["config"], version), LARGEST))
    target.put_bytes(version, content, media_type)
    return True


def count_of_referrers(repository: Repository, digest: str) -> int:
    """Return how many manifests name an image as their subject, by the first page of what is listed."""
    listed = repository.referrers(digest)
    if listed is None:
        try:
            listed = parse(repository.manifest(digest.replace(":", "-"))[1])
        except AbsentError:
            return 0
    entries = listed.get("manifests")
    return len(entries) if isinstance(entries, list) else 0


def referrers(repository: Repository, digest: str, kinds: Collection[str]) -> list[Attached]:
    """Return the layers of these media types of all that names an image as its subject.

    What is of another type, cannot be read, or comes after MOST is passed over: anybody may attach anything.
    Those that the list itself calls by one of the types come first.
    Raises RegistryError where the registry does not answer.
    """
    listed = repository.referrers(digest)
    if listed is None:  # the registry has no such question: a tag takes its place
        try:
            listed = parse(repository.manifest(digest.replace(":", "-"))[1])
        except AbsentError:
            return []
    entries = listed.get("manifests")
    asked = [one for one in (entries if isinstance(entries, list) else []) if _is_manifest(one)]
    found: list[Attached] = []
    for entry in sorted(asked, key=lambda one: str(one.get("artifactType")) not in kinds)[:MOST]:
        left = IN_ALL - sum(len(one.content) for one in found)
        try:
            version, content = repository.manifest(entry["digest"])
            found += _layers(repository, version, parse(content), left, kinds)
        except (AbsentError, UnreadableError) as error:
            log.warning("what names %s as its subject is passed over: %s", digest, error)
    return found


def _is_manifest(entry: object) -> bool:
    """Return whether an entry of a list of referrers names an OCI manifest."""
    if not isinstance(entry, dict) or entry.get("mediaType") != MANIFESTS[0]:
        return False
    return bool(_DIGEST.fullmatch(str(entry.get("digest"))))


def attach(repository: Repository, version: str, attached: list[Attached]) -> str:
    """Write a manifest with these layers under a tag, in cosign's layout; return its digest.

    What the tag had before is replaced. Blobs come first, so that a kill leaves nothing half.
    """
    return repository.put_bytes(version, _pushed(repository, attached), MANIFESTS[0])


def refusal(repository: Repository, digest: str, signature: Attached) -> RegistryError | None:
    """Try whether a registry takes a signature and gives it back as it is; return why it does not.

    It lies at the tag `.sig` of `digest` for a moment, and stays there where the registry does not delete.
    Raises BusyError, and what keeps a blob from being written.
    """
    version, refused = tag(digest, "sig"), None
    content = _pushed(repository, [signature])
    try:
        repository.put_bytes(version, content, MANIFESTS[0])
    except BusyError:
        raise
    except RegistryError as error:  # one that an earlier try left is as good, where tags are written once
        refused = error
    try:
        media_type, found = repository.typed_manifest(version)
    except RegistryError:  # without a refusal: another run that tried the same has deleted it
        return refused
    with suppress(RegistryError):
        repository.delete(digest_of(found))
    if (media_type, found) == (MANIFESTS[0], content):
        return None
    return refused or UnreadableError(
        f"{version} comes back as another manifest than was written ({media_type[:80] or 'no media type'})",
        "nodes take OCI manifests only",
    )


def _pushed(repository: Repository, attached: list[Attached]) -> bytes:
    """Push the blobs of a manifest with these layers, and return the manifest."""
    config = _config(attached)
    for content in (config, *(one.content for one in attached)):
        repository.push_blob(content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[0],
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [
            {**descriptor(one.media_type, one.content), "annotations": dict(one.annotations)}
            for one in attached
        ],
    }
    return json.dumps(manifest, sort_keys=True).encode()


def _config(attached: list[Attached]) -> bytes:
    """Return the configuration of an image with these layers, without which some registries take none."""
    layers = [digest_of(one.content) for one in attached]
    config = {"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": layers}}
    return json.dumps(config).encode()


def _layers(
    repository: Repository,
    version: str,
    manifest: dict[str, Any],
    in_all: int,
    kinds: Collection[str] | None = None,
) -> Iterator[Attached]:
    """Give the layers of a manifest, of the media types `kinds` if given."""
    listed = manifest.get("layers")
    if not isinstance(listed, list) or len(listed) > MOST:
        raise UnreadableError(
            f"{version} has no layers, or more than {MOST}: it holds no signatures",
            "see what is stored there",
        )
    for one in listed:
        blob = Blob.of(one, version)
        if kinds is not None and blob.media_type not in kinds:
            continue
        annotations = one.get("annotations")
        known = annotations.items() if isinstance(annotations, dict) else ()
        texts = {str(key): value for key, value in known if isinstance(value, str)}
        content = repository.read_blob(blob, min(LARGEST, in_all))
        in_all -= len(content)
        yield Attached(blob.media_type, content, texts)
