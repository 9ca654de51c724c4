"""YAML as this project writes it: block style, comments kept, and nothing that a reader could take otherwise.

A serializer of PyYAML drops comments, which carry the provenance here, and its quoting follows YAML 1.1
alone; twenty lines do.
"""

from __future__ import annotations

import re

# Plain only where it begins with a letter and has nothing that YAML gives a meaning to.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?=[^\s]))*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


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
