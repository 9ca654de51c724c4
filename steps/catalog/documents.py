"""The documents of a file, JSON or YAML, as plain values: every YAML scalar stays the text it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST: Final = 100  # levels of YAML; catalogs have ten


def documents(content: bytes) -> Iterator[Any]:
    """Yield what a file holds. Raises ValueError for one that is neither JSON nor YAML."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        if content.lstrip()[:1] == b"{":
            yield from _json_documents(content)
        else:
            yield from _yaml_documents(content)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error


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
    """Parse all documents of a piece; None where it ends within one. Raises ValueError in the last piece."""
    found, position, text = [], 0, piece.decode()
    try:
        while (position := len(text) - len(text[position:].lstrip())) < len(text):
            document, position = json.JSONDecoder().raw_decode(text, position)
            found.append(document)
    except ValueError:
        if last:
            raise
        return None
    return found


class _Open(list[Any]):
    """What is in a collection so far (a map as its keys and values in turn), and its anchor."""

    anchor: str | None = None


def _yaml_documents(content: bytes) -> Iterator[Any]:
    """Build documents from the parser's events, so that no depth can end the process.

    PyYAML's composer in C calls itself: a file of a hundred thousand brackets crashes the interpreter.
    """
    anchors: dict[str, Any] = {}
    stack: list[_Open] = []
    for event in yaml.parse(content, Loader=yaml.CBaseLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors, stack = {}, [_Open()]
        elif isinstance(event, yaml.DocumentEndEvent):
            yield stack[0][0]
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(stack) > DEEPEST:
                raise ValueError(f"more than {DEEPEST} levels deep")
            stack.append(_Open())
            stack[-1].anchor = event.anchor
        elif isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            value = _mapping(done) if isinstance(event, yaml.MappingEndEvent) else list(done)
            stack[-1].append(_anchored(anchors, done.anchor, value))
        elif isinstance(event, yaml.ScalarEvent):
            stack[-1].append(_anchored(anchors, event.anchor, event.value))
        elif isinstance(event, yaml.AliasEvent):
            stack[-1].append(anchors.get(event.anchor or ""))


def _mapping(items: list[Any]) -> dict[str, Any]:
    """Pair keys and values; a key that is no text cannot be one that is looked for."""
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str)}


def _anchored(anchors: dict[str, Any], anchor: str | None, value: Any) -> Any:
    if anchor:
        anchors[anchor] = value
    return value
