"""The search for packages in the layers of a catalog's image, from the topmost layer down.

A file in an upper layer hides the file with its path in lower layers, and a whiteout hides what it names (OCI
image-spec, layer.md). Nothing is stored: a layer is a stream that is read once, and a file is in memory only
while it is searched.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from steps.catalog.fbc import merge, packages_of
from steps.errors import RegistryError
from steps.tar_members import BoundedMember, RefusedMemberError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.catalog.fbc import Query
    from steps.catalog.packages import Catalog, Package

LABEL: Final = "operators.operatorframework.io.index.configs.v1"  # names the folder of the catalog
FOLDER: Final = "/configs"
LARGEST: Final = 96 * 1024 * 1024  # bytes of a file, which is in memory while it is searched
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


def folder_of(config: dict[str, Any]) -> str:
    """Return the folder of the catalog, such as `configs`, from the image's configuration."""
    inner = config.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return str((labels.get(LABEL) if isinstance(labels, dict) else None) or FOLDER).strip("/")


def likely_layers(config: dict[str, Any], count: int, folder: str) -> list[int]:
    """Return the indexes of the layers whose history names the folder, topmost first.

    Returns all `count` layers if the history does not tell. The layer that `opm serve --cache-only` makes is
    the largest, and holds a cache outside the folder.
    """
    entries = config.get("history")
    maps = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    history = [entry for entry in maps if not entry.get("empty_layer")]
    everything = list(range(count - 1, -1, -1))
    if len(history) != count:
        return everything
    made_by = [str(entry.get("created_by") or "") for entry in history]
    named = [i for i in everything if f"/{folder}" in made_by[i] and "--cache-only" not in made_by[i]]
    return named or everything


@dataclass(slots=True)
class Search:
    """A search through the layers of an image, which collects its results in `packages` and `names`."""

    reference: str
    folder: str
    wanted: Query
    packages: dict[str, Package] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _seen: set[PurePosixPath] = field(default_factory=set)
    _hidden: set[PurePosixPath] = field(default_factory=set)

    @property
    def found_any(self) -> bool:
        """Whether any layer read so far has a file in the folder."""
        return bool(self._seen)

    def read(self, layer: IO[bytes]) -> None:
        """Read an uncompressed layer, below those read before.

        The results are recorded only when the layer has been read to its end, so that after an interrupted
        download it can be read again. Raises TarError for a damaged layer, RegistryError for a file that is
        too large or not a file-based catalog.
        """
        patterns, root = self.wanted.patterns(), PurePosixPath(self.folder)
        # A whiteout hides files of lower layers only, so this layer's own take effect after it.
        seen, hidden, found = set(), set(), []
        for archive, member in self._members(layer):
            path = PurePosixPath(member.name.removeprefix("./").lstrip("/"))
            if path.name.startswith(_WHITEOUT):
                name = path.name.removeprefix(_WHITEOUT)
                hidden.add(path.parent if path.name == _OPAQUE else path.with_name(name))
            elif member.isfile() and path.is_relative_to(root) and not self._is_hidden(path):
                seen.add(path)
                content = self._content(archive, member)
                if any(pattern.search(content) for pattern in patterns):
                    found.append(self._parse(content, path))
        self._seen |= seen
        self._hidden |= hidden
        self.names |= {
            path.relative_to(root).parts[0] for path in seen if len(path.parts) > len(root.parts) + 1
        }
        for packages in found:
            for name, package in packages.items():
                self.packages[name] = merge(self.packages.get(name), package)

    def add_to(self, catalog: Catalog) -> None:
        """Record in `catalog` what was found, and that the rest of what was wanted is missing."""
        for name in self.wanted.packages:
            catalog.packages[name] = self.packages.get(name)
        for api in self.wanted.apis:
            catalog.providers[api] = tuple(
                sorted(package.name for package in self.packages.values() if package.provides(api))
            )
        catalog.names = tuple(sorted({*catalog.names, *self.names}))

    def _is_hidden(self, path: PurePosixPath) -> bool:
        return path in self._seen or not self._hidden.isdisjoint([path, *path.parents])

    def _members(self, layer: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        try:
            with tarfile.open(fileobj=layer, mode="r|", tarinfo=BoundedMember) as archive:
                yield from ((archive, member) for member in archive)
        except RefusedMemberError as error:
            raise RegistryError(
                f"{self.reference}: a layer has {error}, which no builder of images writes",
                "report it to the catalog's publisher, or set catalog-check to off",
            ) from None

    def _content(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        if member.size > LARGEST:
            raise RegistryError(
                f"{self.reference}: {member.name} has {member.size:,} bytes, more than {LARGEST:,}",
                "set catalog-check to off",
            )
        stream = archive.extractfile(member)
        return stream.read() if stream else b""

    def _parse(self, content: bytes, path: PurePosixPath) -> dict[str, Package]:
        try:
            return packages_of(content, self.wanted)
        except ValueError as error:
            raise RegistryError(
                f"{self.reference}: /{path} is no file-based catalog: {str(error)[:200]}",
                "report it to the catalog's publisher, or set catalog-check to off",
            ) from error
