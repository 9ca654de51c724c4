"""The catalogs that oc-mirror has unpacked in its working directory.

    working-dir/operator-catalogs/NAME/DIGEST/catalog-config/FOLDER/…     the whole catalog, as published
    working-dir/operator-catalogs/NAME/DIGEST/filtered-catalogs/…         what a run took of it

NAME is the last part of the catalog's name (operator/filtered_collector.go). Other parties wrote the files:
links are not followed, and files larger than a catalog has are left out.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from steps.catalog.fbc import Query, merge, packages_of
from steps.catalog.layers import LARGEST
from steps.catalog.packages import Catalog
from steps.mirroring.store.working_dir import CATALOGS
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from steps.catalog.packages import Package

log = logging.getLogger(__name__)
_NAMES: Final = re.compile(rb"""olm\.package["']?\s*,?\s*["']?name["']?\s*:\s*["']?([A-Za-z0-9._-]+)""")


def read(working_dir: Path, text: str, wanted: Iterable[str], copied: Collection[str]) -> Catalog | None:
    """Read the `wanted` packages of the catalog that the ImageSet names as `text`.

    `copied` are the images that oc-mirror named, among them the catalog by its digest. Returns None where the
    catalog is not unpacked here, or cannot be read to its end.
    """
    folder = _folder(working_dir / CATALOGS, text, copied)
    if folder is None:
        return None
    query = Query(frozenset(wanted))
    patterns, packages, names = query.patterns(), dict[str, "Package"](), set[str]()
    try:
        for path in _files(folder / "catalog-config"):
            content = path.read_bytes()
            names |= {name.decode() for name in _NAMES.findall(content)}
            if any(pattern.search(content) for pattern in patterns):
                for name, package in packages_of(content, query).items():
                    packages[name] = merge(packages.get(name), package)
    except (OSError, ValueError) as error:
        log.warning("%s in %s cannot be read completely: %s", text, folder, error)
        return None
    found: dict[str, Package | None] = {name: packages.get(name) for name in query.packages}
    return Catalog(text, folder.name, found, names=tuple(sorted(names))) if names else None


def _folder(root: Path, text: str, copied: Collection[str]) -> Path | None:
    """Return the folder of the catalog that was just mirrored; without its digest, the newest one."""
    reference = Reference.find(text)
    name = reference.name if reference else text.rpartition("://")[2].partition("@")[0].rstrip("/")
    digests = {reference.digest if reference else ""}
    for origin in copied:
        if (image := Reference.find(origin)) and reference and image.name == reference.name:
            digests.add(image.digest)
    folders = [path for path in (root / name.rpartition("/")[2]).glob("*") if path.is_dir()]
    known = [path for path in folders if f"sha256:{path.name}" in digests]
    return max(known or folders, key=lambda path: path.stat().st_mtime, default=None)


def _files(folder: Path) -> list[Path]:
    """Return the files of a catalog. Raises ValueError for one that is too large."""
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file() and not path.is_symlink()]
    for path in files:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} has more than {LARGEST:,} bytes")
    return files
