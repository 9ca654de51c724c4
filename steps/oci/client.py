"""Read manifests and layers from a registry (OCI distribution-spec); nothing is stored."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from urllib3.exceptions import HTTPError

from steps.errors import RegistryError
from steps.oci.access import UnreachableError
from steps.oci.arrival import Stream, broken
from steps.oci.connection import Connection, Result
from steps.oci.images import INDEXES, MANIFESTS, Blob, Image, is_index, of_platform, parse

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_MANIFEST: Final = 8 * 1024 * 1024
LARGEST_LAYER: Final = 4 * 1024**3


class Registry(Connection):
    """Reads one repository of a registry; for use in one thread.

    Every method can raise UnreachableError, RefusedError, AbsentError, BusyError, and RegistryError for what
    else is wrong.
    """

    def digest(self, reference: str) -> str:
        """The digest that a tag or digest has at this moment, without reading what it names."""
        name = f"{self._host}/{self._repository}:{reference}"
        return self._retrying(lambda: self._digest(reference, name))

    def manifest(self, reference: str) -> tuple[str, bytes]:
        """The digest and the bytes of a manifest or index, as the registry has them."""
        name = f"{self._host}/{self._repository}:{reference}"
        return self._retrying(lambda: self._content(reference, name))

    def check_writable(self) -> None:
        """See that the repository may be written to: an upload is begun, and taken back (OCI, "POST")."""
        name = f"{self._host}/{self._repository}"
        self._retrying(lambda: self._begin_upload(name))

    def image(self, tag: str) -> Image:
        """Find the image of a tag: of its platforms linux/amd64, since catalogs hold the same on all."""
        name = f"{self._host}/{self._repository}:{tag}"
        digest, manifest = self._retrying(lambda: self._manifest(tag, name))
        if is_index(manifest):
            digest = of_platform(manifest, name)
            digest, manifest = self._retrying(lambda: self._manifest(digest, name))
        return Image.of(name, digest, manifest)

    def config(self, image: Image) -> dict[str, Any]:
        """Read an image's configuration: labels and history."""
        return self._retrying(
            lambda: self._blob(
                image.config, image.name, LARGEST_MANIFEST, lambda stream: parse(stream.read())
            )
        )

    def read_layer(self, image: Image, layer: Blob, read: Callable[[IO[bytes]], Result]) -> Result:
        """Give `read` the uncompressed layer; again from the start where the connection breaks."""
        if layer.media_type.endswith("zstd"):
            raise RegistryError(
                f"{image.name} has layers compressed by zstd, which are not read here",
                "set catalog-check to off",
            )
        return self._retrying(
            lambda: self._blob(
                layer, image.name, LARGEST_LAYER, lambda stream: read(_unpacked(stream, layer.media_type))
            )
        )

    def _manifest(self, reference: str, name: str) -> tuple[str, dict[str, Any]]:
        digest, content = self._content(reference, name)
        manifest = parse(content)
        if not manifest:
            raise RegistryError(f"{name}: what answers for {self._host} is no registry", "check the proxy")
        return digest, manifest

    def _content(self, reference: str, name: str) -> tuple[str, bytes]:
        with self._get(f"manifests/{reference}", name, accept=", ".join(INDEXES + MANIFESTS)) as answer:
            content = Stream(answer.raw, self._deadline, LARGEST_MANIFEST, name).read()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and digest != reference:
            raise UnreachableError(f"{name}: the manifest {reference} arrived damaged", "try again")
        return digest, content

    def _digest(self, reference: str, name: str) -> str:
        with self._get(
            f"manifests/{reference}", name, accept=", ".join(INDEXES + MANIFESTS), method="HEAD"
        ) as answer:
            digest = answer.headers.get("Docker-Content-Digest", "")
        return digest or self._manifest(reference, name)[0]

    def _begin_upload(self, name: str) -> None:
        with self._get("blobs/uploads/", f"writing to {name}", method="POST") as answer:
            location = urljoin(str(answer.url), answer.headers.get("Location", ""))
        with suppress(RegistryError):  # left alone, an upload is forgotten by the registry after a while
            self._send(location, name, "*/*", method="DELETE").close()

    def _blob(self, blob: Blob, name: str, limit: int, read: Callable[[IO[bytes]], Result]) -> Result:
        with self._get(f"blobs/{blob.digest}", name) as answer:
            stream = Stream(answer.raw, self._deadline, limit, name)
            try:
                result = read(stream)  # type: ignore[arg-type] # has what readers call
                stream.drain()
            except (EOFError, OSError, zlib.error, ValueError, HTTPError) as error:
                raise broken(error, name) from error
        if stream.digest != blob.digest:
            raise UnreachableError(f"{name}: the layer {blob.digest[:19]} arrived damaged", "try again")
        return result


def _unpacked(stream: IO[bytes], media_type: str) -> IO[bytes]:
    return gzip.GzipFile(fileobj=stream) if media_type.endswith("gzip") else stream  # type: ignore[return-value]
