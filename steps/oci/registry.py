"""One repository of a registry: what is in it, what it says of it, and how to change it; nothing is stored.

The OCI distribution specification, sections "Pull", "Push", "Content Discovery" and "Content Management".
A manifest is deleted by digest and goes with all its tags; blobs go when the registry collects garbage.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import requests
from requests.utils import parse_header_links
from urllib3.exceptions import HTTPError

from steps.errors import RegistryError
from steps.oci.failures import (
    AbsentError,
    DamagedError,
    PartAbsentError,
    RefusedError,
    UnreachableError,
    UnreadableError,
    broken,
    misunderstood,
    no_upload,
    unlisted,
)
from steps.oci.manifests import (
    INDEXES,
    MANIFESTS,
    Blob,
    Image,
    Parts,
    digest_of,
    is_index,
    listed,
    of_platform,
    parse,
    sparse_index,
    with_label,
)
from steps.oci.transport import Result, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.oci.options import ConnectionOptions
    from steps.oci.reference import Reference

MOST_TAGS: Final = 1_000_000
"""Tags of a repository; some have tens of thousands."""
LARGEST_MANIFEST: Final = 8 * 1024 * 1024
LARGEST_LAYER: Final = 4 * 1024**3
DAMAGED: Final = "damaged"
"""How `Repository.flaw` begins for a part that is there with another number of bytes."""
_REFUSALS: Final = frozenset({400, 404, 405, 415, 422})
_KINDS: Final = ", ".join(INDEXES + MANIFESTS)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag or digest leads to; `is_index` for one that lists others."""

    digest: str
    is_index: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """Whether an image's signature is there; `obstacle` says why it cannot be asked for, else it is empty.

    With an obstacle, programs that are to copy signatures fail to copy the image.
    """

    there: bool
    obstacle: str = ""


class Repository:
    """One repository, opened by `Access.open`; for use in one thread.

    A `version` is a tag or a digest. Every method can raise UnreachableError, RefusedError, BusyError,
    AbsentError where it does not say otherwise, and RegistryError for what else is wrong.
    """

    def __init__(self, reference: Reference, options: ConnectionOptions) -> None:
        """Connect to nothing yet. Raises what `logins` and `trust` of the options do."""
        self._name = reference.name
        self._transport = Transport(reference, options)
        self._takes_head = True
        self._retrying = self._transport.retrying

    def __enter__(self) -> Repository:
        """Do nothing."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # --- what is there

    def tags(self) -> list[str]:
        """Return all tags; none where there is no such repository.

        Raises UnlistedError where the registry does not list them.
        """
        found: dict[str, None] = {}
        path = "tags/list?n=1000"
        while path:
            document, path = self._retrying(lambda path=path: self._page(path))  # type: ignore[misc]
            known = len(found)
            found |= dict.fromkeys(document.get("tags") or [])
            if path and not known < len(found) <= MOST_TAGS:
                raise unlisted(self._name, f"after {known:,} of them its pages have no end")
        return list(found)

    def find(self, version: str) -> Manifest | None:
        """Ask what a tag or digest leads to, without reading it; None where it is not there."""
        return self._retrying(lambda: self._find(version))

    def flaw(self, blob: Blob) -> str:
        """Ask whether a layer or configuration is there with all its bytes; return what is wrong, or nothing.

        No content is read: a registry says how many bytes it has, and not whether they are the right ones.
        """
        return self._retrying(lambda: self._flaw(blob))

    def digest(self, version: str) -> str:
        """Ask for the digest that a tag has at this moment. Raises AbsentError where it is not there."""
        found = self.find(version)
        if found is None:
            raise AbsentError(f"there is no {self._named(version)}", "check its name and tag")
        return found.digest

    def manifest(self, version: str) -> tuple[str, bytes]:
        """Read a manifest or index: its digest, and its bytes as the registry has them."""
        return self._retrying(lambda: self._content(version))

    def children(self, digest: str) -> list[str]:
        """Return the digests that an index lists; none where it is gone."""
        return list(self.platforms(digest))

    def platforms(self, digest: str) -> dict[str, str]:
        """Return what an index lists: OS/ARCHITECTURE of each digest; nothing where the index is gone."""
        try:
            _digest, manifest = self._retrying(lambda: self._manifest(digest))
        except AbsentError:
            return {}
        return listed(manifest, self._named(digest))

    def parts(self, digest: str) -> Parts | None:
        """Read what a manifest or index names; None where it is not there."""
        try:
            _digest, manifest = self._retrying(lambda: self._manifest(digest))
        except AbsentError:
            return None
        return Parts.of(self._named(digest), manifest)

    def signature(self, digest: str) -> Signature:
        """Ask for the signature of an image, which is at the tag `sha256-HEX.sig` (sigstore, cosign)."""
        tag = f"{digest.replace(':', '-')}.sig"
        try:
            return self._retrying(lambda: self._signature(tag))
        except RegistryError as error:
            return Signature(there=False, obstacle=error.reason)

    def referrers(self, digest: str) -> dict[str, Any] | None:
        """Read the index of what names an image as its subject (OCI, "Listing Referrers").

        None where the registry has no such question. Only its first page is read.
        """
        return self._retrying(lambda: self._referrers(digest))

    def typed_manifest(self, version: str) -> tuple[str, bytes]:
        """Read a manifest: the media type that the registry says, and its bytes."""
        return self._retrying(lambda: self._typed(version))

    def read_blob(self, blob: Blob, limit: int) -> bytes:
        """Read a small blob, of which no more than `limit` bytes are taken."""
        return self._retrying(lambda: self._blob(blob, self._named(blob.digest), limit, _all))

    # --- images, their configuration and layers

    def image(self, version: str) -> Image:
        """Find an image; of an index, the one for linux/amd64. Raises UnreadableError where there is none."""
        name = self._named(version)
        digest, manifest = self._retrying(lambda: self._manifest(version))
        if is_index(manifest):
            digest = of_platform(manifest, name)
            digest, manifest = self._retrying(lambda: self._manifest(digest))
        return Image.of(name, digest, manifest)

    def config(self, image: Image) -> dict[str, Any]:
        """Read an image's configuration: labels and history."""
        return self._retrying(
            lambda: self._blob(
                image.config, image.name, LARGEST_MANIFEST, lambda stream: parse(stream.read())
            )
        )

    def read_layer(self, image: Image, layer: Blob, read: Callable[[IO[bytes]], Result]) -> Result:
        """Give `read` the uncompressed layer; again from the start where the connection breaks.

        Raises UnreadableError for compression by zstd.
        """
        if layer.media_type.endswith("zstd"):
            raise UnreadableError(
                f"{image.name} has layers compressed by zstd, which are not read here", "use gzip for it"
            )
        return self._retrying(
            lambda: self._blob(
                layer, image.name, LARGEST_LAYER, lambda stream: read(_unpacked(stream, layer.media_type))
            )
        )

    # --- changes

    def check_writable(self) -> None:
        """Check that the repository may be written to: an upload is begun and cancelled (OCI, "POST")."""
        self._retrying(self._try_upload)

    def takes_sparse(self, has: str, lacks: str) -> bool:
        """Try whether an index is taken of which one platform, `lacks` (OS/ARCHITECTURE), is not there.

        Nothing gets a tag, and what was written is deleted where the registry deletes at all.
        """
        blobs, manifest = with_label("oc-mirror-pipeline.try", "an index with a missing platform")
        for blob in blobs:
            self._retrying(lambda blob=blob: self._push(blob))  # type: ignore[misc]
        index = sparse_index(manifest, has, lacks)
        pushed = []
        try:
            for content, kind in ((manifest, MANIFESTS[0]), (index, INDEXES[0])):
                digest = digest_of(content)
                with self._write(digest, content, kind) as answer:
                    if not answer.ok and kind in INDEXES and answer.status_code in _REFUSALS:
                        return False
                    if not answer.ok:
                        raise self._transport.failure(answer, f"writing to {self._name}")
                pushed.append(digest)
        finally:
            for digest in reversed(pushed):
                with suppress(RegistryError):
                    self._delete(digest)
        return True

    def push_blob(self, content: bytes) -> None:
        """Upload a blob of a few megabytes."""
        self._retrying(lambda: self._push(content))

    def put_bytes(self, version: str, content: bytes, media_type: str) -> str:
        """Write a manifest whose blobs are there, under a tag or its digest; return its digest."""
        self._retrying(lambda: self._put(version, content, media_type))
        return digest_of(content)

    def delete(self, digest: str) -> bool:
        """Delete a manifest and its tags; False where it was gone. Raises RefusedError if it may not."""
        return self._retrying(lambda: self._delete(digest))

    def read_label(self, tag: str, label: str) -> str | None:
        """Read a label of the image that `tag` names; None without such a tag, or without the label."""
        try:
            image = self.image(tag)
        except AbsentError:
            return None
        labels = (self.config(image).get("config") or {}).get("Labels") or {}
        return str(labels[label]) if label in labels else None

    def write_label(self, tag: str, label: str, text: str) -> None:
        """Make `tag` name an image without content that has one label: a few kilobytes of text."""
        blobs, manifest = with_label(label, text)
        for blob in blobs:
            self._retrying(lambda blob=blob: self._push(blob))  # type: ignore[misc]
        self._retrying(lambda: self._put(tag, manifest, MANIFESTS[0]))

    # --- one attempt each

    def _named(self, version: str) -> str:
        return f"{self._name}{'@' if ':' in version else ':'}{version}"

    def _page(self, path: str) -> tuple[dict[str, Any], str]:
        """Read one page of tags, and where the next one is."""
        with self._transport.ask("GET", path, self._name) as answer:
            if answer.status_code == requests.codes.not_found and self._is_unknown(answer):
                return {}, ""
            if answer.status_code in _REFUSALS:
                raise unlisted(self._name, f"HTTP {answer.status_code}")
            if answer.status_code != requests.codes.ok:
                raise self._transport.failure(answer, f"the tags of {self._name}")
            document = parse(self._transport.stream(answer, LARGEST_MANIFEST, self._name).read())
            tags = document.get("tags") or []
            if not document or not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise RegistryError(
                    f"the tags of {self._name}: what answers for {self._transport.registry} is no registry",
                    "check the proxy",
                )
            links = parse_header_links(answer.headers.get("Link", ""))
        following = next((link["url"] for link in links if link.get("rel") == "next"), "")
        return document, f"tags/list?{following.partition('?')[2]}" if "?" in following else ""

    def _is_unknown(self, answer: requests.Response) -> bool:
        """Return whether a registry says that it has no such repository (OCI, "Error Codes")."""
        errors = parse(self._transport.stream(answer, LARGEST_MANIFEST, self._name).read()).get("errors")
        codes = (
            {one.get("code") for one in errors if isinstance(one, dict)}
            if isinstance(errors, list)
            else set()
        )
        return bool(codes & {"NAME_UNKNOWN", "NOT_FOUND"})

    def _find(self, version: str) -> Manifest | None:
        """Ask by HEAD; what it does not answer in full, GET decides.

        Some registries and proxies refuse HEAD, or answer it by 404 or without the digest, where GET works.
        """
        name = self._named(version)
        if self._takes_head:
            with self._transport.ask("HEAD", f"manifests/{version}", name, _KINDS) as answer:
                if answer.status_code == requests.codes.too_many_requests:
                    raise self._transport.failure(answer, name)
                digest = answer.headers.get("Docker-Content-Digest", "")
                media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
                is_it = digest == version if version.startswith("sha256:") else digest.startswith("sha256:")
                if answer.ok and is_it and media_type in INDEXES + MANIFESTS:
                    return Manifest(digest, media_type in INDEXES)
        try:
            digest, manifest = self._manifest(version)
        except AbsentError:
            return None
        self._takes_head = False
        return Manifest(digest, is_index(manifest))

    def _flaw(self, blob: Blob) -> str:
        """Ask by HEAD. GET decides where that is refused, as by some storage that a registry leads to.

        GET also decides where HEAD tells another size: some registries and proxies say 0 for everything.
        """
        path, name = f"blobs/{blob.digest}", self._named(blob.digest)
        with self._transport.ask("HEAD", path, name) as answer:
            if answer.status_code == requests.codes.not_found:
                return f"lacks {blob.digest}"
            if answer.status_code == requests.codes.too_many_requests:
                raise self._transport.failure(answer, name)
            if answer.ok and not _cut(answer, blob):
                return ""
        try:
            with self._transport.get(path, name) as answer:
                return _cut(answer, blob)
        except AbsentError:
            return f"lacks {blob.digest}"

    def _signature(self, tag: str) -> Signature:
        """Judge the answer as containers/image does (docker/docker_client.go, isManifestUnknownError)."""
        name = self._named(tag)
        with self._transport.ask("GET", f"manifests/{tag}", name, _KINDS) as answer:
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            if answer.status_code == requests.codes.not_found:
                content = self._transport.stream(answer, LARGEST_MANIFEST, name).read()
                return Signature(there=False, obstacle=misunderstood(content))
            if not answer.ok:
                raise self._transport.failure(answer, name)
            if media_type != MANIFESTS[0]:
                return Signature(there=False, obstacle=f"it answers with {media_type or 'no media type'}")
            return Signature(there=True)

    def _referrers(self, digest: str) -> dict[str, Any] | None:
        name = f"what refers to {self._named(digest)}"
        with self._transport.ask("GET", f"referrers/{digest}", name, INDEXES[0]) as answer:
            if answer.status_code in _REFUSALS:
                return None
            if not answer.ok:
                raise self._transport.failure(answer, name)
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            content = self._transport.stream(answer, LARGEST_MANIFEST, name).read()
            return parse(content) if media_type == INDEXES[0] else None

    def _manifest(self, version: str) -> tuple[str, dict[str, Any]]:
        digest, content = self._content(version)
        manifest = parse(content)
        if not manifest:
            raise RegistryError(
                f"{self._named(version)}: what answers for {self._transport.registry} is no registry",
                "check the proxy",
            )
        return digest, manifest

    def _content(self, version: str) -> tuple[str, bytes]:
        name = self._named(version)
        _media_type, content = self._typed(version)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if version.startswith("sha256:") and digest != version:
            raise DamagedError(f"{name}: the manifest arrived damaged", "try again")
        return digest, content

    def _typed(self, version: str) -> tuple[str, bytes]:
        name = self._named(version)
        with self._transport.get(f"manifests/{version}", name, accept=_KINDS) as answer:
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            return media_type, self._transport.stream(answer, LARGEST_MANIFEST, name).read()

    def _blob(self, blob: Blob, name: str, limit: int, read: Callable[[IO[bytes]], Result]) -> Result:
        try:
            answering = self._transport.get(f"blobs/{blob.digest}", name)
        except AbsentError as error:
            what = f"{name} is there, and its part {blob.digest} is not"
            raise PartAbsentError(what, "mirror it again; look at the registry's storage") from error
        with answering as answer:
            stream = self._transport.stream(answer, limit, name)
            try:
                result = read(stream)  # type: ignore[arg-type] # has what readers call
                stream.drain()
            except (EOFError, OSError, zlib.error, tarfile.TarError, ValueError, HTTPError) as error:
                raise broken(error, name) from error
        if stream.digest != blob.digest:
            raise UnreachableError(f"{name}: the layer {blob.digest[:19]} arrived damaged", "try again")
        return result

    def _begin_upload(self) -> str:
        """Begin an upload and return its URL."""
        name = f"writing to {self._name}"
        with self._transport.ask("POST", "blobs/uploads/", name) as answer:
            if refusal := no_upload(answer.status_code, self._transport.registry, self._name):
                raise refusal
            if not answer.ok:
                raise self._transport.failure(answer, name)
            return self._transport.secured(urljoin(str(answer.url), answer.headers.get("Location", "")))

    def _try_upload(self) -> None:
        location = self._begin_upload()
        with suppress(RegistryError):  # left alone, an upload is forgotten by the registry after a while
            self._transport.ask("DELETE", location, self._name).close()

    def _push(self, blob: bytes) -> None:
        """Upload a blob as a chunk, as containers/image does: some registries take nothing else."""
        begun = self._begin_upload()
        headers = {"Content-Type": "application/octet-stream"}
        name = f"writing to {self._name}"
        with self._transport.ask("PATCH", begun, name, data=blob, more_headers=headers) as answer:
            if not answer.ok:
                raise self._transport.failure(answer, name)
            location = self._transport.secured(urljoin(begun, answer.headers.get("Location", "") or begun))
        joint = "&" if "?" in location else "?"
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        self._transport.put(f"{location}{joint}digest={digest}", b"", "application/octet-stream", self._name)

    def _put(self, version: str, content: bytes, media_type: str) -> None:
        with self._write(version, content, media_type) as answer:
            if answer.status_code == requests.codes.not_found:
                raise RegistryError(
                    f"{self._transport.registry} has no place for {self._named(version)} (HTTP 404)",
                    "see that the repository was not deleted meanwhile",
                )
            if not answer.ok:
                raise self._transport.failure(answer, f"writing to {self._named(version)}")

    def _write(self, version: str, content: bytes, media_type: str) -> requests.Response:
        return self._transport.ask(
            "PUT",
            f"manifests/{version}",
            f"writing to {self._named(version)}",
            data=content,
            more_headers={"Content-Type": media_type},
        )

    def _delete(self, digest: str) -> bool:
        name = self._named(digest)
        with self._transport.ask("DELETE", f"manifests/{digest}", name) as answer:
            if answer.status_code == requests.codes.not_found:
                return False
            if answer.status_code == requests.codes.method_not_allowed:
                raise RefusedError(
                    f"{self._transport.registry} does not delete (HTTP 405)",
                    "allow it there: for docker-registry `storage.delete.enabled: true`; then run again",
                )
            if answer.status_code not in {requests.codes.ok, requests.codes.accepted}:
                raise self._transport.failure(answer, name)
        return True


def _cut(answer: requests.Response, blob: Blob) -> str:
    """Return what is wrong with the size that an answer tells; empty where it tells none."""
    length = answer.headers.get("Content-Length", "")
    encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
    if encoded or not length.isdecimal() or blob.size < 0 or int(length) == blob.size:
        return ""
    return f"{DAMAGED}: {int(length)} of {blob.size} bytes of {blob.digest}"


def _all(stream: IO[bytes]) -> bytes:
    return stream.read()


def _unpacked(stream: IO[bytes], media_type: str) -> IO[bytes]:
    return gzip.GzipFile(fileobj=stream) if media_type.endswith("gzip") else stream  # type: ignore[return-value]
