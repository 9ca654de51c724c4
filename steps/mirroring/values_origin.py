"""Where the values of the mounted ImageSet come from: two small files beside it in a pod.

create-deployment-configmaps writes them as keys of ConfigMap oc-mirror-config. An ImageSet of a user's own
has none, and neither has one on a laptop.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

COMMIT_FILE: Final = "values-commit"
REPOSITORY_FILE: Final = "values-repository"
_LONGEST: Final = 2000


def commit(imageset: Path | None) -> str:
    """Return the commit of the values, 40 or 64 hexadecimal digits; empty where it is not known."""
    text = _read(imageset, COMMIT_FILE)
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else ""


def repository(imageset: Path | None) -> str:
    """Return the URL of the repository with the values; empty where it is not known."""
    text = _read(imageset, REPOSITORY_FILE)
    return text if re.fullmatch(r"[!-~]+", text) else ""


def _read(imageset: Path | None, name: str) -> str:
    """Read a file beside the ImageSet anew: a pod is not replaced where only the commit changes."""
    if imageset is None:
        return ""
    try:
        with imageset.with_name(name).open() as stream:
            return stream.read(_LONGEST).strip()
    except (OSError, ValueError):
        return ""
