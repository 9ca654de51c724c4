"""The receipt on a medium: which generations have arrived whole across a gap, and what of others.

`mirror --import` keeps DATA/received.json and puts a copy on each medium that can be written. `mirror
--export` reads the copy on the medium that it writes to, and leaves out what it names. So each medium knows
its own other side, where there are several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.packing import Range, Sha256
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from pathlib import Path

RECEIVED = "received.json"
WHAT = "a list of what the other side has received"


class InPart(Part):
    """A generation that has arrived in part: the ranges of its files, by name."""

    identity: Sha256
    files: dict[str, list[Range]] = Field(default_factory=dict)


class Received(Record):
    """The identity of each generation that has arrived, by number; and those that have in part."""

    generations: dict[int, Sha256] = Field(default_factory=dict)
    in_part: dict[int, InPart] = Field(default_factory=dict)

    def joined(self, other: Received) -> Received:
        """Return what either of two says."""
        return Received(
            generations={**self.generations, **other.generations}, in_part={**self.in_part, **other.in_part}
        )

    def arrived(self, sequence: int, identity: str, name: str) -> list[Range] | None:
        """Return which ranges of a file have arrived; None for all of it."""
        if self.generations.get(sequence) == identity:
            return None
        part = self.in_part.get(sequence)
        return part.files.get(name, []) if part and part.identity == identity else []


class ReceivedFile:
    """DATA/received.json."""

    def __init__(self, root: Path) -> None:
        """Work with the file in the data directory `root`."""
        self.path = root / RECEIVED

    def read(self) -> Received:
        """Return what has arrived here. Raises InvalidInputError if the file cannot be understood."""
        try:
            hint = "remove this file: generations are then offered again, which does no harm"
            return records.read(Received, self.path, what=WHAT, hint=hint)
        except FileNotFoundError:
            return Received()

    def write(self, received: Received) -> None:
        """Replace the file."""
        write_atomically(self.path, received.as_json())
