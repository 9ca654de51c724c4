"""The published cluster resources: replaced as a whole, so that nobody applies half of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from steps.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class PublishedResources:
    """DATA/cluster-resources, what a cluster applies to use the mirror, and AutoShift's block beside it."""

    def __init__(self, root: Path) -> None:
        """Work with the resources below the data directory `root`."""
        self.folder = root / "cluster-resources"
        self.autoshift_values = root / "autoshift-disconnected.yaml"
        self._next = root / ".cluster-resources.next"
        self._last = root / ".cluster-resources.last"

    def files(self) -> dict[str, str]:
        """Return the text of each file, by name."""
        return {path.name: path.read_text() for path in sorted(self.folder.glob("*.yaml"))}

    def replace(self, files: Mapping[str, str], *, autoshift_values: str) -> None:
        """Publish `files` in the place of what is there, which stays until the new folder is whole.

        A kill between the two renames is made good by `recover`.
        """
        for name, text in files.items():
            write_atomically(self._next / name, text)
        write_atomically(self.autoshift_values, autoshift_values)
        shutil.rmtree(self._last, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(self._last)
        self._next.mkdir(parents=True, exist_ok=True)
        self._next.rename(self.folder)
        shutil.rmtree(self._last, ignore_errors=True)

    def recover(self) -> None:
        """Remove half of a new folder; bring back the last one if none took its place."""
        if not self.folder.exists() and self._last.exists():
            self._last.rename(self.folder)
        for leftover in (self._next, self._last):
            shutil.rmtree(leftover, ignore_errors=True)
