"""YAML as this project writes it: block style, comments kept, and nothing that a reader could take otherwise.

A serializer of PyYAML drops comments, which carry the provenance here, and its quoting follows YAML 1.1
alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from steps.imageset.model import Model, fields_of
from steps.log_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

# Plain only where it begins with a letter and has nothing that YAML gives a meaning to.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?=[^\s]))*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def write(model: Model, indent: int = 0) -> Iterator[str]:
    """Write what a model says, a line each, the fields in the order in which the model declares them."""
    for name, field in fields_of(type(model)).items():
        value = getattr(model, field.attribute)
        if not _is_silent(value):
            yield from _field(f"{' ' * indent}{name}:", value, indent + 2)


def _is_silent(value: Any) -> bool:
    return value is None or value in ("", ()) or (isinstance(value, Model) and not any(write(value)))


def _field(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Model):
        yield head
        yield from write(value, indent)
    elif isinstance(value, tuple):
        yield head
        for item in value:
            yield from _item(item, indent)
    else:
        yield f"{head} {_single(value)}"


def _item(item: Any, indent: int) -> Iterator[str]:
    if not isinstance(item, Model):
        yield f"{' ' * indent}- {_single(item)}"
        return
    if item.comment:
        yield comment(item.comment, indent)
    first, *rest = [*write(item, indent + 2)] or ["{}"]
    yield f"{' ' * indent}- {first.lstrip(' ')}"
    yield from rest


def _single(value: str | bool | int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else scalar(value)


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
    return f"{' ' * indent}# {' '.join(printable(text, ' ').split())}"
