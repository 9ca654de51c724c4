"""The ImageSet as it is mounted: read whole, unpacked if compressed, known to be one.

oc-mirror decodes it strictly and reports what it does not know; here we refuse only what it would report in
words that lead astray, and what we must change ourselves (the graph image of a dry run).
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steps.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

KIND = "ImageSetConfiguration"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSetFile:
    """An ImageSet's text and what it says."""

    path: Path
    content: bytes
    document: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Hash of the text: tells whether two runs mirrored by the same ImageSet."""
        return hashlib.sha256(self.content).hexdigest()

    def without_graph(self) -> bytes:
        """The same ImageSet with `platform.graph: false`.

        A direct dry run needs it: oc-mirror pushes the graph image to the target even then (release/
        local_stored_collector.go, createGraphImage).
        """
        platform = self.document["mirror"].get("platform")
        if not isinstance(platform, dict) or not platform.get("graph"):
            return self.content
        mirror = self.document["mirror"] | {"platform": platform | {"graph": False}}
        return yaml.safe_dump(self.document | {"mirror": mirror}, sort_keys=False).encode()


def read(path: Path) -> ImageSetFile:
    """Read `path`, or `path.gz` beside it: what exceeds a ConfigMap's 1 MiB is stored compressed.

    Raises NotFoundError if neither is there, InvalidInputError if it is not an ImageSet.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(
            f"no ImageSet at {path}, nor {packed.name} beside it",
            "name the file with --imageset; in a pod it comes from ConfigMap oc-mirror-config",
        ) from None
    except (OSError, EOFError) as error:
        raise InvalidInputError(
            f"ImageSet {packed} cannot be read: {error}", "write the file again"
        ) from error
    try:
        document = yaml.load(content, Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"ImageSet {path} is not YAML: {' '.join(str(error).split())}", "correct the file at that line"
        ) from error
    return ImageSetFile(path=path, content=content, document=_checked(document, path))


def _checked(document: object, path: Path) -> dict[str, Any]:
    hint = "an ImageSet begins with 'kind: ImageSetConfiguration', 'apiVersion: mirror.openshift.io/v2alpha1'"
    if not isinstance(document, dict):
        raise InvalidInputError(f"ImageSet {path} holds no YAML mapping", hint)
    if document.get("kind") != KIND:
        raise InvalidInputError(f"ImageSet {path} has kind '{document.get('kind')}', not '{KIND}'", hint)
    if not isinstance(document.get("mirror"), dict):
        raise InvalidInputError(
            f"ImageSet {path} has no 'mirror' section that names images",
            "under 'mirror' put platform, operators, additionalImages or helm",
        )
    if "storageConfig" in document:
        raise InvalidInputError(
            f"ImageSet {path} has 'storageConfig', which belongs to oc-mirror v1",
            "remove it: v2 keeps its history in the data directory",
        )
    return document
