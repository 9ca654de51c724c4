"""A node of YAML becomes a model: each field that is unknown, missing or of the wrong type is a finding.

In between are plain values: maps by the names of fields, lists, texts, numbers and flags. Fields that the
file leaves out, or sets to null, are not in them; so they can also be merged over a model (see `overlay`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import yaml

from steps.imageset.model import GONE, Field, Model, fields_of
from steps.yaml import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | bool | int"
_Model = TypeVar("_Model", bound=Model)

# Go's YAML reads a date as text; the rest of what PyYAML resolves, Go resolves too.
_KINDS: Final[dict[type, frozenset[str]]] = {
    str: frozenset({"str", "timestamp"}),
    int: frozenset({"int"}),
    bool: frozenset({"bool"}),
}
_WORDS: Final[dict[type, str]] = {str: "a text", int: "a whole number", bool: "true or false"}
_TRUE: Final = frozenset({"true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (or, as a warning, odd) at a field path; `line` 0 where only the path is known."""

    path: str
    what: str
    line: int = 0
    is_warning: bool = False


class Reader:
    """Reads nodes and collects `findings`; what it returns is complete only where there are none.

    `lenient` is for what another version wrote: unknown fields are passed over and nothing is missing.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        """Begin without findings."""
        self.findings: list[Finding] = []
        self._lenient = lenient

    def fields(
        self, node: yaml.Node, model: type[Model], path: str = "", *, partial: bool = False
    ) -> dict[str, Plain]:
        """Read a map as the fields of a model; `partial`: none of them has to be there."""
        if not isinstance(node, yaml.MappingNode):
            self._note(node, path, "is not a map")
            return {}
        known, values, blank = fields_of(model), {}, set()
        for key, value in node.value:
            name = str(key.value)
            inner = f"{path}.{name}" if path else name
            if name not in known:
                self._unknown(key, inner, name, sorted(known))
            elif not nodes.is_null(value):
                values[name] = self._value(value, known[name], inner)
                if not value.value:
                    blank.add(name)
        if not partial and not self._lenient:
            missing = {name for name, field in known.items() if field.required} - (values.keys() - blank)
            for name in sorted(missing):
                self._note(node, f"{path}.{name}" if path else name, "is missing")
        return values

    def _value(self, node: yaml.Node, field: Field, path: str) -> Plain:
        if not field.many:
            return self._single(node, field.type, path)
        if not isinstance(node, yaml.SequenceNode):
            self._note(node, path, "is not a list")
            return []
        return [self._item(item, field.type, f"{path}[{index}]") for index, item in enumerate(node.value)]

    def _item(self, node: yaml.Node, kind: type, path: str) -> Plain:
        if nodes.is_null(node):  # Go makes an entry without a name of it
            self._note(node, path, "is empty")
            return ""
        return self._single(node, kind, path)

    def _single(self, node: yaml.Node, kind: type, path: str) -> Plain:
        if issubclass(kind, Model):
            return self.fields(node, kind, path)
        if not isinstance(node, yaml.ScalarNode):
            self._note(node, path, "is a list or a map, not a single value")
            return ""
        text = str(node.value)
        if nodes.kind(node) not in _KINDS[kind] and not (kind is str and self._lenient):
            quote = f": put it in quotes, '{text}'" if kind is str else ""
            self._note(node, path, f"is {text[:40]}, which is not {_WORDS[kind]}{quote}")
        elif kind is int and not (text.isascii() and text.isdecimal()):
            self._note(node, path, f"is {text[:40]}, which is no plain whole number")
        else:
            return text if kind is str else int(text) if kind is int else text.lower() in _TRUE
        return ""

    def _unknown(self, key: yaml.Node, path: str, name: str, known: list[str]) -> None:
        if not self._lenient:
            reason = GONE.get(name) or f"known here: {', '.join(known)}"
            self._note(key, path, f"is not a field of oc-mirror v2 ({reason})")

    def _note(self, node: yaml.Node, path: str, what: str) -> None:
        self.findings.append(Finding(path, what, nodes.line(node)))


def build(model: type[_Model], values: Mapping[str, Plain], comment: str = "") -> _Model:
    """Make a model of the values that a reader without findings returned; a missing text is empty."""
    given: dict[str, Any] = {"comment": comment}
    for name, field in fields_of(model).items():
        if name in values:
            given[field.attribute] = _built(field, values[name])
        elif field.required:
            given[field.attribute] = build(field.type, {}) if issubclass(field.type, Model) else ""
    return model(**given)


def _built(field: Field, value: Plain, comment: str = "") -> Any:
    if isinstance(value, list):
        return tuple(_entry(field, item, comment if field.key else "") for item in value)
    return _entry(field, value, "")


def _entry(field: Field, value: Plain, comment: str) -> Any:
    return build(field.type, value, comment) if isinstance(value, dict) else value


def merge(base: _Model, over: Mapping[str, Plain], comment: str) -> _Model:
    """Merge values over a model: maps field by field, lists of named entries by name; the rest is replaced.

    Entries that are added carry `comment`.
    """
    fields = fields_of(type(base))
    changes: dict[str, Any] = {}
    for name, value in over.items():
        field = fields[name]
        below = getattr(base, field.attribute)
        if isinstance(value, dict):
            changes[field.attribute] = merge(below, value, comment)
        elif isinstance(value, list) and field.key:
            changes[field.attribute] = _merged_entries(below, value, field, comment)
        else:
            changes[field.attribute] = _built(field, value)
    return replace(base, **changes)


def _merged_entries(
    below: tuple[Model, ...], over: list[Plain], field: Field, comment: str
) -> tuple[Model, ...]:
    entries = list(below)
    places = {getattr(entry, field.key): place for place, entry in enumerate(below)}
    for item in over:
        values = item if isinstance(item, dict) else {}
        place = places.get(str(values.get(field.key, "")))
        if place is None:
            entries.append(build(field.type, values, comment))
        else:
            entries[place] = merge(entries[place], values, comment)
    return tuple(entries)
