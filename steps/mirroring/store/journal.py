"""The journal: the to-disk run in progress, recorded so that a kill costs at most the run's own work.

oc-mirror advances its history before the archive is closed, and its next run deletes the archive. Between the
two, blobs count as archived and are in no archive. The journal closes this gap:

    mirroring   oc-mirror is at work. After a kill, its archive goes to quarantine and its history is undone.
    archived    oc-mirror has ended well. After a kill, the archive becomes a generation, as it would have.
    held        the same, but it is held until its list of changes is approved (DATA/held).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.generations import Generation
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from pathlib import Path

MIRRORING, ARCHIVED, HELD = "mirroring", "archived", "held"


class Progress(Record):
    """How far the run has come: its phase, and the histories that were there before it.

    `draft` is the record of the generation to be, None while oc-mirror is at work.
    """

    phase: str
    started: str
    histories: tuple[str, ...]
    draft: Generation | None = None

    @field_validator("draft", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None  # version 0.1 wrote {} while oc-mirror was at work


class Journal:
    """The journal in `folder`, beside the ImageSet of the run in progress."""

    def __init__(self, folder: Path) -> None:
        """Work with the journal in `folder`, which exists only while a run is in progress."""
        self._folder = folder
        self._path = folder / "journal.json"

    def read(self) -> Progress | None:
        """Return how far the run in progress has come; None where none is. Raises InvalidInputError."""
        try:
            return records.read(
                Progress,
                self._path,
                what="a journal of ours",
                hint="move this file away; archives beside it will be moved to quarantine, not deleted",
            )
        except FileNotFoundError:
            return None

    def write(self, progress: Progress) -> None:
        """Put the journal on the disk."""
        write_atomically(self._path, progress.as_json())

    def close(self) -> None:
        """End the run: nothing is in progress any more. The journal goes first, its ImageSet after it."""
        self._path.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)
