"""DATA/unsigned.json: repositories whose signatures a run could not copy, so that the next run does without.

Otherwise each night's run would fail first, and be made again. After a month they are tried again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LASTS: Final = timedelta(days=30)


class UnsignedRecord(Record):
    """When it was seen of each repository HOST[:PORT]/REPOSITORY (RFC 3339)."""

    seen: dict[str, datetime] = Field(default_factory=dict)


class Unsigned:
    """The record in the file `path`."""

    def __init__(self, path: Path) -> None:
        """Work with the file `path`, which need not exist yet."""
        self._path = path

    def known(self, now: datetime) -> dict[str, datetime]:
        """Return the repositories that count at this time, with when it was seen."""
        return {name: seen for name, seen in self._read().seen.items() if now - seen < LASTS}

    def add(self, repositories: Iterable[str], now: datetime) -> None:
        """Record that signatures of these repositories could not be copied."""
        seen = {**self.known(now), **dict.fromkeys(repositories, now)}
        write_atomically(self._path, self._read().changed(seen=seen).as_json(indent=1))

    def _read(self) -> UnsignedRecord:
        return records.read_or_new(
            UnsignedRecord, self._path, "%s is not readable (%s): all sources are asked for signatures"
        )
