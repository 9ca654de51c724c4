"""A file as data: a path to show people, and bytes. Nothing here opens a file."""

from __future__ import annotations

from dataclasses import dataclass

from steps.errors import InvalidInputError

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read: its path, for messages, and its bytes as they are."""

    path: str
    content: bytes


def decode(source: SourceFile) -> str:
    """Decode a source as UTF-8, without its byte order mark.

    Raises InvalidInputError where the bytes are something else.
    """
    try:
        return source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.content.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(
            f"{source.path}, line {line}: not UTF-8 (byte 0x{source.content[error.start]:02x})",
            "save the file as UTF-8 text",
        ) from error
