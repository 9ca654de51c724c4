"""Members of tar files of others: what would take memory or room out of proportion is refused when it is met.

Python reads an extended header into memory as a whole, and writes a sparse file in its full size.
"""

from __future__ import annotations

import tarfile
from typing import Final

LARGEST_HEADER: Final = 64 * 1024
"""Bytes of an extended header: a path has at most 4,096, and attributes a few hundred."""
_EXTENDED: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class RefusedMemberError(Exception):
    """A member that no builder of images writes; it is no TarError, which tarfile itself may pass over."""


class HeaderSizeError(RefusedMemberError):
    """A header of `size` bytes, more than LARGEST_HEADER, or of a size below zero."""

    def __init__(self, size: int) -> None:
        """Remember the size."""
        super().__init__(f"an extended header of {size:,} bytes")
        self.size = size


class SparseFileError(RefusedMemberError):
    """A sparse file."""

    def __init__(self) -> None:
        """Say what it is."""
        super().__init__("a sparse file")


class BoundedMember(tarfile.TarInfo):
    """What `tarfile.open(…, tarinfo=BoundedMember)` makes of each member. Raises RefusedMemberError."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0 or (self.type in _EXTENDED and self.size > LARGEST_HEADER):
            raise HeaderSizeError(self.size)
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise SparseFileError
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]

    def _proc_gnusparse_10(self, *_arguments: object) -> None:
        raise SparseFileError

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10
