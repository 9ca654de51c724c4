"""DATA/fingerprints.json: by what the last success of each workflow, target and mirror name was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import FORMAT, UNNUMBERED, Part, Record

if TYPE_CHECKING:
    from pathlib import Path


class Success(Part):
    """A run that succeeded: its fingerprint, when it ended, and the generation that it made (0: none).

    `parts` has a hash or digest for each part of the fingerprint, by name.
    """

    parts: dict[str, str]
    finished: str
    generation: int


class FingerprintRecord(Record):
    """DATA/fingerprints.json: the last successes by workflow, target and mirror name."""

    successes: dict[str, Success] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_format_1(cls, document: Any) -> Any:
        """Version 0.1 wrote the successes without a key of their own."""
        if isinstance(document, dict) and document.get("format") == UNNUMBERED:
            return {
                "format": UNNUMBERED,
                "successes": {key: value for key, value in document.items() if key != "format"},
            }
        return document


class Fingerprints:
    """The fingerprints of a data directory, in the file `path`."""

    def __init__(self, path: Path) -> None:
        """Work with the file `path`, which need not exist yet."""
        self._path = path

    def last(self, workflow: str, target: str, mirror_name: str) -> Success | None:
        """Return the last success; None where there is none, or the file cannot be read.

        A success without a mirror name, as version 0.1 recorded it, counts until there is one with it.
        """
        successes = self._read().successes
        unnamed = successes.get(_key(workflow, target, ""))
        return successes.get(_key(workflow, target, mirror_name), unnamed)

    def record(self, workflow: str, target: str, mirror_name: str, success: Success) -> None:
        """Record the success of a run that has just ended."""
        record = self._read()
        successes = {**record.successes, _key(workflow, target, mirror_name): success}
        write_atomically(self._path, record.changed(format=FORMAT, successes=successes).as_json(indent=1))

    def _read(self) -> FingerprintRecord:
        return records.read_or_new(
            FingerprintRecord, self._path, "%s is not readable (%s): nothing is skipped"
        )


def _key(workflow: str, target: str, mirror_name: str) -> str:
    return " ".join(filter(None, (workflow, target, mirror_name and f"as {mirror_name}")))
