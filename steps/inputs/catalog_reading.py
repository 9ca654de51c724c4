"""Read catalogs from their registries, several at a time, and keep them by the digest of their image."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from steps.bounded import json_file
from steps.catalog.dependencies import next_query
from steps.catalog.layers import Search, folder_of, likely_layers
from steps.catalog.packages import Catalog, from_json, to_json
from steps.errors import RegistryError
from steps.files import write_atomically
from steps.oci.failures import AbsentError, BusyError, UnreachableError, UnreadableError
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.oci.access import Access
    from steps.oci.manifests import Image
    from steps.oci.registry import Repository

log = logging.getLogger("steps.inputs")

DEADLINE: Final = 300  # seconds for all catalogs of a run
_LARGEST: Final = 64 << 20  # bytes of the file of a catalog in the workspace
STALE: Final = 30 * 24 * 3600  # seconds after which the file of a catalog is deleted from the workspace


class CatalogReader:
    """Reads several catalogs, with a deadline for all of them."""

    def __init__(
        self,
        wanted: Mapping[str, frozenset[str]],
        *,
        access: Access,
        workspace: Path | None,
        whole: bool = False,
    ) -> None:
        """Prepare to read; `wanted` are packages by the reference of their catalog, `whole` is Query's."""
        self._wanted, self._workspace, self._whole = wanted, workspace, whole
        self._access = access.within(DEADLINE)
        # A layer's files are large: one at a time in memory. The network is shared anyway.
        self._one_at_a_time = threading.Lock()

    def read_all(self) -> dict[str, Catalog | RegistryError]:
        """Return for each catalog what was read of it, or the error that prevented it."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return dict(zip(self._wanted, pool.map(self._attempt, self._wanted), strict=True))

    def _attempt(self, reference: str) -> Catalog | RegistryError:
        try:
            return self._read(reference)
        except RegistryError as error:
            error.hint = _hint(error)
            return error

    def _read(self, reference: str) -> Catalog:
        named = Reference.parse(reference)
        with self._access.open(named.name) as registry:
            image = registry.image(named.version)
            catalog = self._kept(reference, image.digest) or Catalog(reference, image.digest)
            asked = self._wanted[reference]
            if next_query(catalog, asked):
                with self._one_at_a_time:
                    _complete(catalog, asked, registry, image, whole=self._whole)
                self._keep(catalog)
        return catalog

    def _path(self, digest: str) -> Path | None:
        name = f"{digest.replace(':', '-')}{'-whole' if self._whole else ''}.json"
        return self._workspace / "catalogs" / name if self._workspace else None

    def _kept(self, reference: str, digest: str) -> Catalog | None:
        """Return what the workspace has of the catalog with that digest.

        None for nothing, or a damaged file.
        """
        path = self._path(digest)
        try:
            return from_json(json_file(path, limit=_LARGEST), reference, digest) if path else None
        except (OSError, ValueError):
            return None

    def _keep(self, catalog: Catalog) -> None:
        """Keep the catalog in the workspace, if that has room.

        Delete files that nobody wrote for STALE seconds.
        """
        if not (path := self._path(catalog.digest)):
            return
        try:
            write_atomically(path, json.dumps(to_json(catalog), sort_keys=True))
        except OSError as error:
            log.info("The catalog %s is not kept in the workspace: %s.", catalog.reference, error.strerror)
            return
        for other in path.parent.glob("*.json"):
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > STALE:
                    other.unlink()


def _hint(error: RegistryError) -> str:
    """Say what to do about a catalog that cannot be read."""
    if isinstance(error, AbsentError):
        return "check the OpenShift version and the catalog's name"
    if isinstance(error, UnreadableError):
        return "is it a catalog's index image? if it is, set catalog-check to off"
    if isinstance(error, UnreachableError | BusyError):
        return f"{error.hint}; or set catalog-check to off"
    return error.hint


def _complete(
    catalog: Catalog, asked: frozenset[str], registry: Repository, image: Image, *, whole: bool
) -> None:
    """Search the layers until the asked packages and all that they may depend on are known."""
    config = registry.config(image)
    folder = folder_of(config)
    likely = likely_layers(config, len(image.layers), folder)
    while wanted := next_query(catalog, asked, whole=whole):
        search = Search(catalog.reference, folder, wanted)
        _search(search, registry, image, likely)
        if not search.found_any:
            search = Search(catalog.reference, folder, wanted)
            _search(search, registry, image, list(range(len(image.layers) - 1, -1, -1)))
        if not search.found_any:
            raise UnreadableError(
                f"{catalog.reference} has no folder /{folder}: it is no file-based catalog",
                "name a catalog of OpenShift 4.11 or later, or set catalog-check to off",
            )
        search.add_to(catalog)


def _search(search: Search, registry: Repository, image: Image, layers: list[int]) -> None:
    for index in layers:
        registry.read_layer(image, image.layers[index], search.read)
