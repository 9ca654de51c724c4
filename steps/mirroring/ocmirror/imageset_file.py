"""The ImageSet as it is mounted: read whole, unpacked if compressed, and one that oc-mirror will take."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from steps.errors import InvalidInputError, NotFoundError
from steps.imageset.validate import check_imageset

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSetFile:
    """An ImageSet's text and what it says."""

    path: Path
    content: bytes
    warnings: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of the text: tells whether two runs mirrored by the same ImageSet."""
        return hashlib.sha256(self.content).hexdigest()

    def without_graph(self) -> bytes:
        """The same ImageSet with `platform.graph: false`.

        A direct dry run needs it: oc-mirror pushes the graph image to the target even then (release/
        local_stored_collector.go, createGraphImage).
        """
        document = yaml.safe_load(self.content)
        platform = document["mirror"].get("platform")
        if not platform or not platform.get("graph"):
            return self.content
        platform["graph"] = False
        return yaml.safe_dump(document, sort_keys=False).encode()


def meaning(content: bytes) -> str:
    """Hash of what an ImageSet means to a target: without comments, order of keys and the archives' size."""
    document = yaml.safe_load(content)
    document.pop("archiveSize", None)
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def read(path: Path) -> ImageSetFile:
    """Read `path`, or `path.gz` beside it: what exceeds a ConfigMap's 1 MiB is stored compressed.

    Raises NotFoundError if neither is there, InvalidInputError with all that `imageset.validate` finds.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(
            f"no ImageSet at {path}, nor {packed.name} beside it",
            "name the file with --imageset; in a pod it comes from ConfigMap oc-mirror-config",
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(
            f"ImageSet {path} cannot be read: {error}", "write the file again, readable for this process"
        ) from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"ImageSet {path} is not UTF-8 text: {error.reason}", "write it anew"
        ) from None
    return ImageSetFile(path=path, content=content, warnings=check_imageset(text, origin=str(path)).warnings)
