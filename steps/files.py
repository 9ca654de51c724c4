"""Write a file whole or not at all, and give files names that last.

What is written goes into a temporary file beside its place, which is then renamed. A name lasts a loss of
power when the content, the name and the folder that holds it are on the disk, in this order: `rename` sees to
that, and no other module renames. A kill leaves the temporary file; `remove_unfinished` knows them by name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

UNFINISHED: Final = ".unfinished"
"""The end of the name of each temporary file and folder of ours."""
_OURS: Final = re.compile(
    r"\..*\.[a-z0-9_]{8}\.unfinished"
    # In version 0.1 nothing but eight characters told them: these are the names that it wrote.
    r"|\.(?:.*\.(?:json|json\.gz|yaml|txt)|cache-dir)\.[a-z0-9_]{8}|\.trial-[a-z0-9_]{8}"
)
_CANNOT: Final = frozenset(
    {errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
)
"""How the kernel says that a file system cannot do something, such as an fsync of a folder."""


def open_plain(path: Path, flags: int = 0) -> int | None:
    """Open a file of others to read, and return its descriptor; None for a folder, a pipe or a device.

    A pipe is not waited for. `flags` are more of those of `os.open`. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


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
    """Write `content` to `path` so that a reader, a kill or a loss of power never meets half of it.

    The folder is created if it is missing. An existing file keeps its content until the new one is complete.
    """
    data = content.encode() if isinstance(content, str) else content
    make_folder(path.parent)
    descriptor, temporary = _temporary(path)
    with os.fdopen(descriptor, "wb") as stream:
        try:
            stream.write(data)
            stream.flush()
            temporary.chmod(mode)
            rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _temporary(path: Path) -> tuple[int, Path]:
    """Make a temporary file beside `path`, locked while it is written: see `remove_unfinished`."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
        temporary = Path(name)
        try:
            if hold(descriptor) is not False and temporary.exists():
                return descriptor, temporary
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)  # another process took it for a leftover before it was locked


def hold(descriptor: int) -> bool | None:
    """Lock a file or folder against `remove_unfinished`; return whether this was possible.

    It is not where another process has locked it. None: its file system has no such locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return None
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they last."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def rename(source: Path, target: Path) -> None:
    """Give a file or folder another name, or the place of another file, so that this lasts.

    The files in a folder are not brought to the disk: whoever wrote them has done that.
    """
    if source.is_dir():
        for name, _folders, _files in os.walk(source):
            sync_folder(Path(name))
    else:
        sync(source)
    os.replace(source, target)  # noqa: PTH105 - the one place
    for folder in {source.parent, target.parent}:
        sync_folder(folder)


def move(source: Path, target: Path) -> None:
    """Move a file or folder, to another volume too, so that this lasts.

    A copy to another volume that was cut short is made again from its source.
    """
    if source.lstat().st_dev == target.parent.stat().st_dev:
        rename(source, target)
    else:
        shutil.move(source, target)
        sync(target)
        sync_folder(target.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk for good."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can do that."""
    try:
        sync(folder)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def remove_unfinished(folder: Path, *, deep: bool = False) -> None:
    """Remove the temporary files and folders of ours that kills have left in a folder, or `deep` below it.

    What another process is writing stays: that is locked.
    """
    for path in list(_unfinished(folder, deep=deep)):
        _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    what = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR | os.O_NONBLOCK
    with suppress(FileNotFoundError):
        descriptor = os.open(path, what | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if hold(descriptor):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            os.close(descriptor)


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """Give a folder for one purpose among the machine's temporary ones; it goes when the body ends.

    Those for the same purpose that kills have left there go first.
    """
    place = Path(tempfile.gettempdir())
    for left in list(place.glob(f".{purpose}.*{UNFINISHED}")):
        if left.is_dir() and not left.is_symlink():
            with suppress(OSError):  # of another user
                _remove_unheld(left)
    descriptor, folder = _held_folder(place, purpose)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _held_folder(place: Path, purpose: str) -> tuple[int, Path]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=place, prefix=f".{purpose}.", suffix=UNFINISHED))
        with suppress(FileNotFoundError):  # another process took it for a leftover before it was locked
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            if hold(descriptor) is not False and folder.exists():
                return descriptor, folder
            os.close(descriptor)


def _unfinished(folder: Path, *, deep: bool) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if _OURS.fullmatch(entry.name) and (is_folder or entry.is_file(follow_symlinks=False)):
                yield Path(entry.path)
            elif deep and is_folder:
                yield from _unfinished(Path(entry.path), deep=True)
