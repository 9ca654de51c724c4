"""YAML as nodes: each knows its line and what YAML takes it for. For small files whose fields have types."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import ComposerError

from steps.errors import InvalidInputError
from steps.yaml.source import SourceFile, decode
from steps.yaml.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TAG = "tag:yaml.org,2002:"


def compose(source: SourceFile) -> list[yaml.Node]:
    """Parse a file into the nodes of its documents, without empty ones.

    Raises InvalidInputError as `text.parse` does, and within its limits.
    """
    parse(source)  # refuses keys that stand twice, and what libyaml's composer would take too deep for it
    try:
        return [node for node in _documents(source) if not is_null(node)]
    except ComposerError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidInputError(
            f"{source.path}{where}: an anchor stands twice", "give each anchor a name of its own"
        ) from error


def _documents(source: SourceFile) -> Iterator[yaml.Node]:
    """Compose the documents. Raises ComposerError for an anchor that stands twice, which `parse` takes."""
    yield from yaml.compose_all(decode(source), Loader=yaml.CSafeLoader)


def is_null(node: yaml.Node) -> bool:
    """Return whether a node is empty: blank or null."""
    return kind(node) == "null"


def kind(node: yaml.Node) -> str:
    """Say what YAML 1.1 takes a node for: `str`, `int`, `bool`, `timestamp`, `map`, `seq` …"""
    tag: str = node.tag
    return tag.removeprefix(_TAG)


def line(node: yaml.Node) -> int:
    """Line of a node, from 1."""
    return int(node.start_mark.line) + 1


def get(node: yaml.Node, name: str) -> yaml.Node | None:
    """Find the value of a key of a map; None where there is none, or no map."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def lines(node: yaml.Node, path: str = "") -> Iterator[tuple[str, int]]:
    """Yield the path (`mirror.operators[0].catalog`) and the line of each value."""
    yield path, line(node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from lines(value, f"{path}.{key.value}" if path else str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from lines(item, f"{path}[{index}]")


def line_of(source: SourceFile, path: Sequence[str]) -> int | None:
    """Find the line (from 1) where the key at `path` stands, or None where the file does not have it.

    Where several documents have it, the last one counts. This parses the file, which `text.parse` took, once
    more, so that nothing is carried along for the sake of messages.
    """
    found = None
    with suppress(ComposerError):
        for document in _documents(source):
            found = _line_of_key(document, path) or found
    return found


def _line_of_key(node: yaml.Node, path: Sequence[str]) -> int | None:
    place: yaml.Node | None = None
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        # Of a key that stands twice the last one counts.
        place, node = next((pair for pair in reversed(pairs) if pair[0].value == name), (None, node))
        if place is None:
            return None
    return None if place is None else line(place)


def repeated_keys(source: SourceFile) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the path (`hub.labels.acs`) and the lines of each key that stands more than once in its map.

    Nothing, where an anchor stands twice: then no line can be told.
    """
    with suppress(ComposerError):
        for document in _documents(source):
            yield from _repeated_keys(document, "", set())


def _repeated_keys(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    if id(node) in seen:  # an alias: its anchor came before
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        places: dict[str, list[int]] = {}
        for key, value in node.value:
            name = str(key.value)
            inner = f"{path}.{name}" if path else name
            places.setdefault(inner, []).append(line(key))
            yield from _repeated_keys(value, inner, seen)
        yield from ((name, tuple(found)) for name, found in places.items() if len(found) > 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, f"{path}[{index}]", seen)


def plain(node: yaml.Node, origin: str) -> Any:
    """Turn a node into Python's values, as PyYAML's safe loader does: dates become dates.

    Returns a new tree at each call. Raises InvalidInputError for an unknown tag and for a date that is none.
    """
    loader = yaml.CSafeLoader("")
    try:
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInputError(
            f"{origin}: not valid YAML: {' '.join(str(error).split())}",
            "remove tags (!name) and put dates in quotes",
        ) from error
    finally:
        loader.dispose()
