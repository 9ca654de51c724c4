"""The documents of a file, JSON or YAML, one after the other: a catalog has hundreds of megabytes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from steps.yaml import text
from steps.yaml.source import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator


_MANY: Final = 200_000
"""Maps, lists and entries of a piece that nobody minds."""
_BYTES_EACH: Final = 8
"""Bytes that each of more takes at least. In catalogs it is about thirty; of `{},{},…` each takes fifty times
its bytes of memory."""


def documents(content: bytes) -> Iterator[Any]:
    """Yield what a file holds; scalars of YAML are texts, those of JSON what JSON says.

    A number with a point is a text in JSON, too: 4.20 is a version, and not 4.2.

    Raises ValueError for a file that is neither.
    """
    content = content.removeprefix(BOM)
    if content.lstrip()[:1] != b"{":
        yield from text.documents(content)
        return
    try:
        yield from _json_documents(content)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def _json_documents(content: bytes) -> Iterator[Any]:
    """Parse documents that follow each other, in pieces: a file has a hundred megabytes, a document one.

    As opm writes them a document ends in a line of `}`; where that is no end, the piece is made longer.
    """
    start = 0
    while start < len(content):
        size, found = 0, None
        while found is None:
            end = content.find(b"\n}", start + 2 * size)
            end = len(content) if end < 0 else end + 2
            found, size = _documents_of(content[start:end], last=end == len(content)), end - start
        yield from found
        start += size


def _documents_of(piece: bytes, *, last: bool) -> list[Any] | None:
    """Parse all documents of a piece; None where it ends within one. Raises ValueError in the last piece.

    Raises it as well, before anything is parsed, for a piece that would take far more memory than bytes.
    """
    parts = piece.count(b"{") + piece.count(b"[") + piece.count(b",")
    if parts > _MANY and parts * _BYTES_EACH > len(piece):
        raise ValueError(f"JSON of {parts:,} parts in {len(piece):,} bytes")
    found, position, text = [], 0, piece.decode()
    try:
        while (position := len(text) - len(text[position:].lstrip())) < len(text):
            document, position = json.JSONDecoder(parse_float=str).raw_decode(text, position)
            found.append(document)
    except ValueError:
        if last:
            raise
        return None
    return found
