"""What a volume must be able to do: tried once before a run, and named where it fails in one.

The data directory needs a file system as POSIX describes it. Shares by CIFS, exFAT and FAT, and NFS without
its lock service, lack some of it: links, locks (flock), modes, or names with a colon, which oc-mirror gives
its history (history/const.go).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError
from steps.files import UNFINISHED, hold
from steps.mirroring.ocmirror import reasons

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

NEEDED: Final = (
    "use a volume of a file system with links, locks (flock), modes and names with a colon, such as ext4,"
    " XFS, CephFS or NFS with its lock service; not CIFS, exFAT or FAT"
)
_LACKING: Final = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.ENOTTY}
)
"""How the kernel says that a file system cannot do something."""
_HINTS: Final = {
    errno.ENOSPC: reasons.DISK_FULL.hint,
    errno.EDQUOT: reasons.DISK_FULL.hint,
    errno.EROFS: reasons.READ_ONLY.hint,
    errno.EACCES: reasons.READ_ONLY.hint,
    errno.EFBIG: "set archiveSize in the ImageSet to less than the largest file of that volume (FAT: 4 GiB)",
    errno.EXDEV: "let the whole data directory lie on one volume: nothing may be mounted inside it",
    errno.ENAMETOOLONG: "use a volume that takes names of 255 bytes; encrypted folders often take fewer",
    errno.EMFILE: "raise the number of files that this process may open (ulimit -n), then run again",
}
_KIND, _OPTIONS = 2, 3
_LOCAL_LOCKS: Final = {
    ("nfs", "nolock"),
    ("nfs", "local_lock=all"),
    ("nfs", "local_lock=flock"),
    ("cifs", "nobrl"),
}
"""File systems and mount options by which flock does not reach the server (nfs(5), mount.cifs(8))."""
_SICK: Final = "see whether that volume is mounted and sound (the kernel's log tells), then run again"


def check(directory: Path, *, links: bool) -> None:
    """Check by doing it once, in a folder that goes again, what a run needs of the volume of `directory`.

    `links` asks for symbolic links as well. Raises InvalidInputError that names the volume and what it lacks.
    """
    tried: list[tuple[str, Callable[[Path], object]]] = [
        ("locks (flock)", _lock),
        ("modes (chmod)", lambda folder: _file(folder).chmod(0o644)),
        ("names with a colon", lambda folder: (folder / "2026-01-01T00:00:00Z").touch()),
        ("renaming over a file", lambda folder: _file(folder).rename(_file(folder, "other"))),
    ]
    if links:
        tried.append(("symbolic links", lambda folder: (folder / "link").symlink_to("file")))
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".trial.", suffix=UNFINISHED) as name:
            descriptor = os.open(name, os.O_RDONLY)
            hold(descriptor)
            try:
                for what, try_it in tried:
                    _try(what, try_it, Path(name), directory)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise explain(error, directory) from error


def warn_of_local_locks(directory: Path) -> None:
    """Warn of a volume whose locks count on this machine alone, so that they keep no other one out."""
    where, kind, options = _mount_of(directory, _mounts())
    if option := next((one for one in options if (_family(kind), one) in _LOCAL_LOCKS), ""):
        log.warning(
            "the locks of %s count on this machine alone (%s is mounted with %s): let no run on another"
            " machine use %s at the same time, or mount it without that option",
            named(directory),
            where,
            option,
            directory,
        )


def explain(error: OSError, directory: Path) -> InvalidInputError:
    """Return the error of a file operation that failed, with the volume it failed on and what to do.

    `directory` is meant where the error names no file.
    """
    path = Path(os.fsdecode(error.filename)) if error.filename else directory
    number = error.errno or 0
    problem = error.strerror or str(error)
    hint = _HINTS.get(number, NEEDED if number in _LACKING else _SICK)
    return InvalidInputError(f"{path}: {problem} (on {named(path)})", hint)


def named(path: Path) -> str:
    """Return the volume that `path` lies on, in words: where it is mounted, and its file system if known."""
    mount, kind, _options = _mount_of(path, _mounts())
    return f"the volume at {mount}" + (f", {kind}" if kind else "")


def _mounts() -> list[list[str]]:
    """Return the fields of each line of the kernel's table of mounts (proc_pid_mounts(5))."""
    try:
        table = Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return []
    return [fields for line in table.splitlines() if len(fields := line.split(" ")) > _OPTIONS]


def _mount_of(path: Path, mounts: list[list[str]]) -> tuple[str, str, tuple[str, ...]]:
    """Return where the volume of `path` is mounted, its file system and its options, as far as known."""
    mount = path.absolute()
    while not mount.is_mount() and mount != mount.parent:
        mount = mount.parent
    found = next((fields for fields in reversed(mounts) if fields[1] == str(mount)), None)
    if found is None:
        return str(mount), "", ()
    return str(mount), found[_KIND], tuple(found[_OPTIONS].split(","))


def _family(kind: str) -> str:
    return "nfs" if kind.startswith("nfs") else kind


def _try(what: str, try_it: Callable[[Path], object], folder: Path, directory: Path) -> None:
    try:
        try_it(folder)
    except OSError as error:
        if error.errno not in _LACKING:
            raise
        raise InvalidInputError(
            f"the data directory {directory} lies on {named(directory)},"
            f" which cannot do {what}: {error.strerror}",
            NEEDED,
        ) from error


def _file(folder: Path, name: str = "file") -> Path:
    path = folder / name
    path.touch()
    return path


def _lock(folder: Path) -> None:
    """Lock a file, and see that a second handle on it is refused."""
    path = _file(folder)
    with path.open("wb") as one, path.open("wb") as other:
        fcntl.flock(one.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(BlockingIOError):
            fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise OSError(errno.ENOLCK, "it gave the same lock twice")
