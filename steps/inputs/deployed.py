"""An ImageSet that is in use already, in a file, and what a new one asks for against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steps.errors import InvalidInputError, NotFoundError
from steps.imageset.diff import changes
from steps.imageset.imageset import ImageSet
from steps.imageset.model import API_VERSION, KIND

if TYPE_CHECKING:
    from pathlib import Path

GROUP: Final = API_VERSION.partition("/")[0] + "/"
HINT: Final = "name a file with an ImageSetConfiguration"


def read(path: Path) -> ImageSet:
    """Read an ImageSet from a file. Raises NotFoundError, and InvalidInputError for what is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}", HINT) from error
    imageset = ImageSet.recorded(content, str(path), hint=HINT)
    found = imageset.configuration
    if found.kind != KIND or not (found.api_version or API_VERSION).startswith(GROUP):
        what = f"kind '{found.kind}', apiVersion '{found.api_version}'"
        raise InvalidInputError(f"{path} is no {KIND} ({what})", HINT)
    return imageset


def changes_against(path: Path | None, new: ImageSet) -> dict[str, Any] | None:
    """Return what a new ImageSet changes against that of a file; None without one. Raises as `read`."""
    return {"against": str(path), **changes(read(path), new)} if path else None
