"""YAML as this project writes it: block style, comments kept, and nothing that a reader could take otherwise.

A serializer of PyYAML drops comments, which carry the provenance here, and its quoting follows YAML 1.1
alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = "str | bool | int | Entry | list[Value]"

# Plain only where it begins with a letter and has nothing that YAML gives a meaning to.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?=[^\s]))*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


class Entry(dict[str, Value]):
    """A map to be written in its order, with a comment above it where it stands in a list."""

    comment: str = ""

    @classmethod
    def of(cls, comment: str, **fields: Value) -> Entry:
        """Make an entry with a comment."""
        self = cls(fields)
        self.comment = comment
        return self


def write(entry: Entry, indent: int = 0) -> Iterator[str]:
    """Write a map, a line each."""
    for key, value in entry.items():
        yield from _field(" " * indent + scalar(key), value, indent)


def _field(head: str, value: Value, indent: int) -> Iterator[str]:
    if isinstance(value, Entry) and value:
        yield f"{head}:"
        yield from write(value, indent + 2)
    elif isinstance(value, list) and value:
        yield f"{head}:"
        for item in value:
            yield from _item(item, indent + 2)
    else:
        yield f"{head}: {_single(value)}"


def _item(item: Value, indent: int) -> Iterator[str]:
    if not isinstance(item, Entry) or not item:
        yield f"{' ' * indent}- {_single(item)}"
        return
    if item.comment:
        yield comment(item.comment, indent)
    first, *rest = write(item, indent + 2)
    yield f"{' ' * indent}- {first.lstrip(' ')}"
    yield from rest


def _single(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Entry):
        return "{}"
    return "[]" if isinstance(value, list) else str(value) if isinstance(value, int) else scalar(value)


def scalar(text: str) -> str:
    """Write a text so that YAML 1.1 and 1.2 both read it back as that text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def comment(text: str, indent: int) -> str:
    """Write a one-line comment; what is not printable, a line's end above all, cannot end it."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return f"{' ' * indent}# {' '.join(printable.split())}"
