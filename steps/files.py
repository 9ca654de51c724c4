"""Write a file whole or not at all: into a temporary file beside it, which is then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from steps.errors import FileError


def write_output(path: Path, content: str | bytes) -> None:
    """Write a file that a person named, as `write_atomically` does. Raises FileError."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror}",
            "name another file, in a folder that you may write to and that has room",
        ) from error


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write `content` to `path` so that a reader, or a kill, never meets half of it.

    The folder is created if it is missing. An existing file keeps its content until the new one is complete.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)  # noqa: PTH101 - mkstemp gives a name, not a Path
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
