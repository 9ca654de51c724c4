"""The ImageSet as it is mounted: read whole, unpacked if compressed, and one that oc-mirror will take."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, NotFoundError
from steps.imageset.imageset import ImageSet

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> ImageSet:
    """Read `path`, or `path.gz` beside it: what exceeds a ConfigMap's 1 MiB is stored compressed.

    Raises NotFoundError if neither is there, InvalidInputError with all that `ImageSet.parse` finds.
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
    return ImageSet.parse(content, str(path))
