"""YAML as this project writes it: block style, comments kept, and nothing that a reader could take otherwise.

A serializer of PyYAML drops comments, which carry the provenance here, and its quoting follows YAML 1.1
alone; twenty lines do.
"""

from __future__ import annotations

import json
import re

# Plain only where it begins with a letter and has nothing that YAML gives a meaning to.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?=[^\s]))*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def scalar(text: str) -> str:
    """Write a text so that YAML 1.1 and 1.2 both read it back as that text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable() and "\n" not in text:
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text)  # JSON's escapes are YAML's


def comment(text: str, indent: int) -> str:
    """Write a one-line comment; control characters cannot end it."""
    return f"{' ' * indent}# {' '.join(text.split())}"
