"""Records: the JSON files by which one run tells another, one version the next, one side of a gap the other.

The rules, the same for every kind of record:

* A record has a number, `format`. Version 0.1 wrote none; that is format 1.
* A field may be added without a new number. A reader keeps fields that it does not know, and carries them on
  when it writes the record again.
* The number rises where an older reader would misunderstand the record. Such a reader then says that it needs
  a newer version; it never says that the record is damaged.
* A record of an earlier format is read for ever.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steps.bounded import json_of
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

FORMAT: Final = 2
"""The format that this version writes."""
UNNUMBERED: Final = 1
"""The format of records without a number."""
LARGEST: Final = 64 << 20
"""Bytes of a record. An inventory entry has about 200 bytes for each image."""


class Part(BaseModel):
    """A part of a record: immutable, with the fields that this version knows and those that it does not."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def changed(self, **fields: Any) -> Self:
        """Return a copy with other values for some fields."""
        return self.model_copy(update=fields)


class Record(Part):
    """A record. `format` comes first in the file."""

    format: int = Field(default=FORMAT, ge=UNNUMBERED)

    def document(self) -> dict[str, Any]:
        """Return the record as plain values, with the fields that this version does not know.

        A record of an earlier format keeps the fields that it has.
        """
        if self.format == UNNUMBERED:
            return self.model_dump(mode="json", exclude_unset=True, exclude={"format"})
        return self.model_dump(mode="json")

    def as_json(self, indent: int | None = 2) -> str:
        """Return the record as it is written."""
        return json.dumps(self.document(), indent=indent, ensure_ascii=False) + "\n"


class UnreadableRecordError(ValueError):
    """The bytes are not a record of the expected kind; the text says why."""


class NewerFormatError(UnreadableRecordError):
    """A newer version wrote the record, and this version cannot understand it."""


AnyRecord = TypeVar("AnyRecord", bound=Record)


def parse(kind: type[AnyRecord], content: bytes | str) -> AnyRecord:
    """Decode a record of `kind`.

    Raises NewerFormatError if its format is newer than FORMAT, UnreadableRecordError if it is not a record.
    """
    if len(content) > LARGEST:
        raise UnreadableRecordError(f"it has {len(content)} bytes, more than any record")
    try:
        document = json_of(content, limit=LARGEST, with_nul=True)
    except ValueError as error:
        raise UnreadableRecordError(str(error)) from None
    if not isinstance(document, dict):
        raise UnreadableRecordError("it is not a JSON object")
    number = document.setdefault("format", UNNUMBERED)
    if isinstance(number, int) and number > FORMAT:
        raise NewerFormatError(f"it has format {number}, this version reads formats up to {FORMAT}")
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise UnreadableRecordError(_first_problem(error)) from None


def read(kind: type[AnyRecord], path: Path, *, what: str, hint: str) -> AnyRecord:
    """Read the record at `path`; `what` names its kind in an error, `hint` says what to do if it is damaged.

    Raises FileNotFoundError if there is none, InvalidInputError if it cannot be understood.
    """
    return decode(kind, path.read_bytes(), where=path, what=what, hint=hint)


def read_or_new(kind: type[AnyRecord], path: Path, warning: str) -> AnyRecord:
    """Read a record that is lost without harm; return an empty one where there is none that can be read.

    `warning` is logged for a file that cannot be read. It has two `%s`: the path and the reason.
    """
    try:
        return parse(kind, path.read_bytes())
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError) as error:
        log.warning(warning, path, error)
        return kind()


def decode(kind: type[AnyRecord], content: bytes, *, where: Path, what: str, hint: str) -> AnyRecord:
    """Decode a record that was read from `where`. Raises InvalidInputError as `read` does."""
    try:
        return parse(kind, content)
    except NewerFormatError as error:
        raise InvalidInputError(
            f"{where} needs a newer version of oc-mirror-pipeline: {error}",
            "update oc-mirror-pipeline on this side, then run again; nothing was changed",
        ) from error
    except UnreadableRecordError as error:
        raise InvalidInputError(f"{where} is not {what}: {error}", hint) from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    words = str(problem["msg"]).removeprefix("Value error, ")  # pydantic's, before those of a validator
    return f"{place}: {words}" if place else words
