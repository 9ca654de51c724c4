"""How one Task hands the ImageSet to the next: a file in the workspace, named by the digest of its text.

Concurrent runs cannot mix, and what is found under its digest was checked by the Task that put it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.errors import ConflictError
from steps.files import write_atomically
from steps.workload.names import digest

if TYPE_CHECKING:
    from pathlib import Path


def share(workspace: Path, text: str) -> None:
    """Put the ImageSet where `shared` finds it."""
    write_atomically(_path(workspace, digest(text)), text)


def shared(workspace: Path | None, sha256: str | None) -> str | None:
    """Return the ImageSet that an earlier Task shared; None where it is not there, or is damaged."""
    path = _path(workspace, sha256) if workspace and sha256 else None
    if not path or not path.is_file():
        return None
    text = path.read_text(errors="replace")
    return text if digest(text) == sha256 else None


def expect(text: str, sha256: str | None) -> None:
    """Refuse an ImageSet that is not the one an earlier Task reported. Raises `ConflictError`."""
    if sha256 and digest(text) != sha256:
        raise ConflictError(
            "the ImageSet is no longer the one that generate-or-use-imageset reported",
            "a ConfigMap or a catalog changed during this run: start a new run; with shared-workspace bound "
            "a catalog is read only once",
        )


def _path(workspace: Path, sha256: str) -> Path:
    return workspace / "imagesets" / f"{sha256}.yaml"
