"""A repository of the registry that is mirrored to: what is in it, and the one way to take something out.

The OCI distribution specification, sections "Content Discovery" and "Content Management". A manifest is
deleted by digest and goes with all its tags; blobs go when the registry's garbage collection runs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from requests.utils import parse_header_links

from steps.oci.access import Logins, RefusedError, is_local
from steps.oci.arrival import Stream
from steps.oci.client import LARGEST_MANIFEST, Registry
from steps.oci.images import INDEXES, MANIFESTS, Blob, is_index, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("steps.oci")

_FOREVER = float("inf")
_KINDS = ", ".join(INDEXES + MANIFESTS)


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a target: logins, extra CAs, whether to check its certificate."""

    authfile: Path | None = None
    ca_bundle: Path | None = None
    tls_verify: bool = True

    def open(self, host: str) -> Callable[[str], Target]:
        """Give the way to each repository of HOST[:PORT].

        Raises InvalidInputError for a pull secret that is none.
        """
        logins = Logins.read(self.authfile)
        return lambda repository: Target(f"{host}/{repository}", self, logins)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag or digest leads to; `is_index` for one that lists others."""

    digest: str
    is_index: bool


class Target(Registry):
    """One repository; for use in one thread. Methods raise what those of `Registry` raise."""

    def __init__(self, name: str, access: Access, logins: Logins) -> None:
        """`name` is HOST[:PORT]/REPOSITORY; this machine speaks plain HTTP, others as `access` says."""
        plain = access.tls_verify and is_local(name.partition("/")[0])
        super().__init__(
            name,
            logins=logins,
            ca_bundle=access.ca_bundle,
            deadline=_FOREVER,
            verify=None if plain else access.tls_verify,
        )

    def tags(self) -> list[str]:
        """All tags; none where there is no such repository."""
        found: list[str] = []
        path = "tags/list?n=1000"
        while path:
            document, path = self._page(path)
            found += document.get("tags") or []
        return found

    def find(self, reference: str) -> Manifest | None:
        """What a tag or digest leads to; None where it is not there."""
        return self._retrying(lambda: self._find(reference))

    def children(self, digest: str) -> list[str]:
        """The digests that an index lists; none where it is gone."""
        name = f"{self._host}/{self._repository}@{digest}"
        if self.find(digest) is None:
            return []
        _digest, manifest = self._retrying(lambda: self._manifest(digest, name))
        entries = manifest.get("manifests")
        return [Blob.of(entry, name).digest for entry in entries] if isinstance(entries, list) else []

    def delete(self, digest: str) -> bool:
        """Delete a manifest and its tags; False where it was gone. Raises RefusedError if it may not."""
        return self._retrying(lambda: self._delete(digest))

    def _page(self, path: str) -> tuple[dict[str, Any], str]:
        return self._retrying(lambda: self._tags(path))

    def _tags(self, path: str) -> tuple[dict[str, Any], str]:
        name = f"{self._host}/{self._repository}"
        with self._ask("GET", path, name) as answer:
            if answer.status_code == requests.codes.not_found:
                return {}, ""
            if answer.status_code != requests.codes.ok:
                raise self._failure(answer, name)
            document = parse(Stream(answer.raw, _FOREVER, LARGEST_MANIFEST, name).read())
            links = parse_header_links(answer.headers.get("Link", ""))
        following = next((link["url"] for link in links if link.get("rel") == "next"), "")
        return document, f"tags/list?{following.partition('?')[2]}" if "?" in following else ""

    def _find(self, reference: str) -> Manifest | None:
        name = f"{self._host}/{self._repository} {reference}"
        with self._ask("HEAD", f"manifests/{reference}", name, _KINDS) as answer:
            if answer.status_code == requests.codes.not_found:
                return None
            if answer.status_code != requests.codes.ok:
                raise self._failure(answer, name)
            digest = answer.headers.get("Docker-Content-Digest", "")
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if digest.startswith("sha256:") and media_type in INDEXES + MANIFESTS:
            return Manifest(digest, media_type in INDEXES)
        digest, manifest = self._manifest(reference, name)  # one that answers HEAD in its own way
        return Manifest(digest, is_index(manifest))

    def _delete(self, digest: str) -> bool:
        name = f"{self._host}/{self._repository}@{digest}"
        with self._ask("DELETE", f"manifests/{digest}", name) as answer:
            if answer.status_code == requests.codes.not_found:
                return False
            if answer.status_code == requests.codes.method_not_allowed:
                raise RefusedError(
                    f"{self._host} does not delete (HTTP 405)",
                    "allow it there: for docker-registry `storage.delete.enabled: true`; then run again",
                )
            if answer.status_code not in {requests.codes.ok, requests.codes.accepted}:
                raise self._failure(answer, name)
        return True
