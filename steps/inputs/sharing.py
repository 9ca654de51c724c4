"""Share the ImageSet between Tasks: as a file in the workspace, named by the digest of its text.

So concurrent runs do not mix, and a file that matches its digest has been checked by the Task that wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.errors import ConflictError
from steps.files import write_output
from steps.workload.names import digest

if TYPE_CHECKING:
    from pathlib import Path


def share(workspace: Path, text: str) -> None:
    """Write the ImageSet to the file that `shared` reads."""
    write_output(_path(workspace, digest(text)), text)


def shared(workspace: Path | None, sha256: str | None) -> str | None:
    """Return the ImageSet that an earlier Task shared; None if there is none, or if it is damaged."""
    path = _path(workspace, sha256) if workspace and sha256 else None
    if not path or not path.is_file():
        return None
    text = path.read_text(errors="replace")
    return text if digest(text) == sha256 else None


def expect(text: str, sha256: str | None) -> None:
    """Raise `ConflictError` if the ImageSet is not the one that an earlier Task reported."""
    if sha256 and digest(text) != sha256:
        raise ConflictError(
            "the ImageSet is no longer the one that generate-or-use-imageset reported",
            "a ConfigMap or a catalog changed during this run: start a new run; with shared-workspace bound "
            "a catalog is read only once",
        )


def _path(workspace: Path, sha256: str) -> Path:
    return workspace / "imagesets" / f"{sha256}.yaml"
