"""What a target has after workflow-direct: DATA/mirrored.json, for people to look things up in.

Generations tell of themselves (`contents.describe`); a direct run makes none, so its content is kept here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.store.contents import Contents

log = logging.getLogger(__name__)


class MirroredRecord(Record):
    """`targets` has what `contents.describe` found, by target and mirror name."""

    targets: dict[str, dict[str, dict[str, list[Any]]]] = Field(default_factory=dict)


class Mirrored:
    """DATA/mirrored.json."""

    def __init__(self, root: Path) -> None:
        """Work with the file in the data directory `root`."""
        self._path = root / "mirrored.json"

    def of(self, target: str, mirror_name: str) -> Contents:
        """Return what the last direct run of an ImageSet brought to `target`; empty where it is not known."""
        return self._read().targets.get(target, {}).get(mirror_name, {})

    def record(self, target: str, mirror_name: str, contents: Contents) -> None:
        """Record what a run brought. A volume that cannot be written makes no run fail; it is logged."""
        before = self._read()
        targets = {**before.targets, target: {**before.targets.get(target, {}), mirror_name: contents}}
        try:
            write_atomically(self._path, before.changed(targets=targets).as_json(indent=None))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _read(self) -> MirroredRecord:
        return records.read_or_new(
            MirroredRecord, self._path, "%s cannot be read, the next run writes it again: %s"
        )
