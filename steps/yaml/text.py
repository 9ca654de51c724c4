"""YAML as text: maps, lists, texts and nulls, read with libyaml's event parser.

A values file is written for Helm, which guesses types: it reads `4.20` as 4.2 and `on` as true. Here a scalar
stays what was written, and one that Helm reads as something else is a `Misread`, so that it can be named.
What would make a file ambiguous or dangerous is refused with file and line: keys given twice, aliases that
expand to millions of nodes, a nesting or a size beyond reason.

What Helm makes of a scalar was checked against sigs.k8s.io/yaml 1.4, the parser it uses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import yaml

from steps import units
from steps.errors import InvalidInputError
from steps.yaml.source import SourceFile, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | None"

SIZE_LIMIT: Final = 256 * 1024 * 1024  # bytes: four times a fleet of 10,000 clusters with 200 labels each
DEPTH_LIMIT: Final = 100
ALIAS_LIMIT: Final = 1_000_000  # nodes that aliases may stand for, in all

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), "true"),
    **dict.fromkeys(("false", "False", "FALSE"), "false"),
}
# Booleans of YAML 1.1 only. Whoever writes them may or may not know that Helm still reads that dialect.
_OLD_BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), "true"),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), "false"),
}
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)$")


class Misread(str):
    """A plain scalar that Helm reads as another text: `3.10` as 3.1, `on` as true."""

    helm: str

    @classmethod
    def of(cls, written: str, helm: str) -> Misread:
        """Keep what was `written`, with what `helm` makes of it."""
        self = cls(written)
        self.helm = helm
        return self


def text_at(tree: Mapping[str, Tree], key: str) -> str:
    """Return the text at a key; empty where there is none, or no text."""
    value = tree.get(key)
    return value if isinstance(value, str) else ""


class NotYamlError(ValueError):
    """A text is not well-formed, or goes beyond the limits; `line` counts from 1, 0 where it is unknown."""

    def __init__(self, what: str, hint: str, line: int = 0) -> None:
        """Keep what is wrong, what to do about it, and where."""
        super().__init__(f"line {line}: {what}" if line else what)
        self.what, self.hint, self.line = what, hint, line


def parse(
    source: SourceFile,
    *,
    on_repeated_key: Callable[[str], None] | None = None,
    words: dict[str, str] | None = None,
) -> list[Tree]:
    """Parse a file into its documents; an empty file has none, an empty document is None.

    Files that are parsed with the same `words` share their keys and short texts.

    With `on_repeated_key` a key may stand more than once in a map: the last one counts, and the function is
    called with the key. Raises InvalidInputError (file, line, what) for whatever is not well-formed or goes
    beyond the limits.
    """
    if len(source.content) > SIZE_LIMIT:
        raise InvalidInputError(
            f"{source.path}: {units.size(len(source.content))}, more than {units.size(SIZE_LIMIT)}",
            "values files are small; is this the right path?",
        )
    text = decode(source)
    try:
        return list(documents(text, on_repeated_key=on_repeated_key, words=words))
    except NotYamlError as error:
        where = f", line {error.line}" if error.line else ""
        raise InvalidInputError(f"{source.path}{where}: {error.what}", error.hint) from error


def documents(
    text: str | bytes,
    *,
    on_repeated_key: Callable[[str], None] | None = None,
    words: dict[str, str] | None = None,
) -> Iterator[Tree]:
    """Yield the documents of a text (bytes: UTF-8 or UTF-16) as they are parsed. Raises NotYamlError.

    `on_repeated_key` and `words` are those of `parse`.
    """
    try:
        yield from _Composer(text, on_repeated_key, {} if words is None else words).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        line = mark.line + 1 if mark else 0
        hint = "correct the file; a linter shows the place"
        raise NotYamlError(f"not valid YAML: {what}", hint, line) from error
    except yaml.YAMLError as error:
        what = f"not valid YAML: {' '.join(str(error).split())}"
        raise NotYamlError(what, "remove control characters from the file") from error


class _Frame:
    """A map or list under construction; `size` counts its nodes with aliases expanded."""

    __slots__ = ("anchor", "inherited", "key", "size", "value")

    def __init__(self, value: dict[str, Tree] | list[Tree], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None
        self.inherited: list[tuple[Tree, frozenset[str]]] = []  # with the keys that stand before it
        self.size = 1


class _Composer:
    """Turns libyaml's events into trees, without recursion and without node objects (both cost too much)."""

    def __init__(
        self, text: str | bytes, on_repeated_key: Callable[[str], None] | None, words: dict[str, str]
    ) -> None:
        self._parser = yaml.CSafeLoader(text)
        self._on_repeated_key = on_repeated_key
        self._stack: list[_Frame] = []
        self._complete: list[Tree] = []  # documents, until they are yielded
        self._anchors: dict[str, tuple[Tree, int]] = {}
        self._expanded = 0
        self._words = words  # labels repeat from cluster to cluster: keep each text once
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: lambda event: self._open({}, event),
            yaml.SequenceStartEvent: lambda event: self._open([], event),
            yaml.MappingEndEvent: self._close_map,
            yaml.SequenceEndEvent: lambda _event: self._close(),
            yaml.DocumentStartEvent: lambda _event: self._anchors.clear(),
        }

    def documents(self) -> Iterator[Tree]:
        get_event, handlers = self._parser.get_event, self._handlers
        try:
            while (event := get_event()) is not None:
                if handler := handlers.get(type(event)):
                    handler(event)
                if self._complete:
                    yield self._complete.pop()
        finally:
            self._parser.dispose()

    @staticmethod
    def _refuse(event: yaml.Event, what: str, hint: str) -> NotYamlError:
        return NotYamlError(what, hint, event.start_mark.line + 1 if event.start_mark else 0)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.value, dict):
            self._start_entry(frame, event)
            return
        text = self._words.setdefault(event.value, event.value) if len(event.value) < 64 else event.value
        self._place(_resolve(text) if event.implicit[0] else text, 1, event.anchor)

    def _start_entry(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        key = self._words.setdefault(event.value, event.value)
        if key in frame.value:
            if self._on_repeated_key is None:
                raise self._refuse(event, f"key '{key}' stands twice in one map", "remove one of the two")
            self._on_repeated_key(key)
        frame.key = key

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._refuse(
                event, f"alias '*{event.anchor}' has no complete anchor before it", "write out the value"
            )
        value, size = self._anchors[event.anchor]
        self._expanded += size
        if self._expanded > ALIAS_LIMIT:
            raise self._refuse(
                event, f"aliases stand for more than {ALIAS_LIMIT} nodes", "write out what is needed"
            )
        self._expect_key_is_text(event)
        self._place(value, size, None)

    def _open(self, value: dict[str, Tree] | list[Tree], event: yaml.CollectionStartEvent) -> None:
        if len(self._stack) >= DEPTH_LIMIT:
            raise self._refuse(event, f"nested deeper than {DEPTH_LIMIT} levels", "flatten the file")
        self._expect_key_is_text(event)
        self._anchors.pop(event.anchor or "", None)  # an anchor refers to itself only once it is complete
        self._stack.append(_Frame(value, event.anchor))

    def _expect_key_is_text(self, event: yaml.Event) -> None:
        if self._stack and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict):
            raise self._refuse(event, "the key of a map is not a text", "write a plain word before the ':'")

    def _close_map(self, _event: yaml.MappingEndEvent) -> None:
        frame = self._stack[-1]
        if frame.inherited and isinstance(frame.value, dict):
            own = frozenset(frame.value)
            for tree, before in frame.inherited:  # Helm puts them into the map where it meets them
                if isinstance(tree, dict):
                    after = own - before
                    frame.value.update({key: tree[key] for key in tree if key not in after})
        self._close()

    def _close(self) -> None:
        frame = self._stack.pop()
        self._place(frame.value, frame.size, frame.anchor)

    def _place(self, value: Tree, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if not self._stack:
            self._complete.append(value)
            return
        frame = self._stack[-1]
        frame.size += size
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key == "<<" and isinstance(value, dict | list):
            trees = reversed(value) if isinstance(value, list) else [value]  # of several the first one counts
            before = frozenset(frame.value)
            frame.inherited.extend((tree, before) for tree in trees)
            frame.key = None
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.key = None


def _resolve(text: str) -> str | None:
    """Say what a plain scalar means: nothing, 'true' or 'false', or its own text."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _OLD_BOOLEANS:
        return Misread.of(text, _OLD_BOOLEANS[text])
    if _FLOAT.match(text) and (number := f"{float(text):.15g}") != text:
        return Misread.of(text, number)
    return text
