"""Put blocks into a values file and leave every other byte as it was (pure).

The parser says where each value begins; only what differs is written anew, in the indentation and with the
line ends of the file. Comments, order, quotes and a byte order mark stay, also those within the block. The
result is parsed again: anything but the block that reads otherwise than before is refused.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.errors import InvalidInputError
from steps.yaml import nodes
from steps.yaml.source import BOM, SourceFile, decode
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BY_HAND: Final = "write the block by hand once: autoshift-disconnected.yaml has it"
_NO_MAP: Final = "there is a value where a map belongs"
_STEP: Final = 2
"""Columns of an indentation, where the file shows none."""


Keys = tuple[str, ...]
"""The keys that lead to a block."""
Wanted = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes a block of the one that is there, which is empty where there is none."""


def put(source: SourceFile, wanted: Mapping[Keys, Wanted]) -> bytes:
    """Return the file with what is `wanted` at each path; the first two keys of a path must be there.

    A file that has it already is returned as it is. Raises InvalidInputError, with file and line, for a file
    that is not well-formed, that has several documents, in which a place is shared by an anchor, or where the
    change would reach beyond the blocks.
    """
    root, before = _only_document(source), nodes.plain(_only_document(source), source.path)
    new = {path: make(_block_at(before, path)) for path, make in wanted.items()}
    text, shared = decode(source), _shared(root)

    def written(*, whole_lists: bool) -> bytes:
        edits = _Edits(text, source.path, shared, whole_lists)
        for path, block in new.items():
            edits.set_at(root, path, block)
        mark = BOM if source.content.startswith(BOM) else b""
        result = SourceFile(source.path, mark + edits.applied().encode())
        _verify(result, before, new)
        return result.content

    try:
        return written(whole_lists=False)
    except InvalidInputError:
        return written(whole_lists=True)


def _block_at(tree: Any, path: Keys) -> dict[str, Any]:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return copy.deepcopy(tree) if isinstance(tree, dict) else {}


def _only_document(source: SourceFile) -> yaml.Node:
    documents = nodes.compose(source)
    if len(documents) != 1:
        what = f"{len(documents)} YAML documents" if documents else "nothing"
        raise InvalidInputError(
            f"{source.path} holds {what}: Helm reads one", "give each document a file of its own"
        )
    return documents[0]


def _verify(result: SourceFile, before: Any, new: Mapping[Keys, dict[str, Any]]) -> None:
    """Refuse a result that says anything but `before` with what is `new`."""
    where = ", ".join(".".join(path) for path in new)
    expected = copy.deepcopy(before)
    for path, block in new.items():
        place = expected
        for key in path[:-1]:
            place[key] = place.get(key) or {}
            place = place[key]
        place[path[-1]] = block
    try:
        after = nodes.plain(_only_document(result), result.path)
    except InvalidInputError as error:
        raise _refused(result.path, where, f"it could not be read afterwards ({error.reason})") from error
    if after != expected:
        raise _refused(result.path, where, "it would change another place of the file, too")


def _refused(file: str, where: str, why: str) -> InvalidInputError:
    return InvalidInputError(f"{file}: {where} cannot be written: {why}", _BY_HAND)


def _shared(root: yaml.Node) -> frozenset[int]:
    """Return the nodes that stand in more than one place: those with an anchor that an alias names."""
    seen, shared, waiting = set[int](), set[int](), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            shared.add(id(node))
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return frozenset(shared)


@dataclass(slots=True)
class _Edits:
    """Replacements in a text, by their place; each place is edited once.

    `whole_lists`: a list that differs is written anew, else its entries are changed one by one.
    """

    text: str
    file: str
    shared: frozenset[int]
    whole_lists: bool
    found: list[tuple[int, int, str]] = field(default_factory=list)

    def applied(self) -> str:
        """Return the text with all of them."""
        text = self.text
        for start, end, new in sorted(self.found, reverse=True):
            text = text[:start] + new + text[end:]
        # Where the last lines went, the end before them is not that of the file.
        return text if self.text.endswith("\n") else text.removesuffix("\n").removesuffix("\r")

    def set_at(self, root: yaml.Node, path: Sequence[str], new: dict[str, Any]) -> None:
        """Make the map at `path` be `new`; the maps of the last two keys are made where they are missing."""
        key: yaml.Node | None = None
        parent = node = root
        for number, name in enumerate(path):
            self._check_not_shared(node, path[:number])
            self._check_read_by_helm(node, name)
            found = _pair(node, name)
            if found is None:
                if key is None:
                    break
                for missing in reversed(path[number + 1 :]):
                    new = {missing: new}
                self._add(key, node, {name: new}, flow=_flow(parent))
                return
            parent, (key, node) = node, found
        if key is None:
            raise self._refused(node, f"there is no {path[0]}")
        self._check_not_shared(node, path)
        if not isinstance(node, yaml.MappingNode) and not nodes.is_null(node):
            raise self._refused(node, _NO_MAP)
        self._change(key, node, new, flow=_flow(parent))

    def _check_read_by_helm(self, node: yaml.Node, name: str) -> None:
        """Refuse a key before `<<` that an anchor has as well: Helm takes the anchor's, we would not."""
        if not (merges := _merges(node)):
            return
        last, own = merges[-1][0], _pair(node, name)
        if own and own[0].start_mark.index < last.start_mark.index and name in self._inherited(node):
            raise self._refused(
                own[0],
                f"'{name}' stands before '<<', whose anchor has it as well: Helm takes that of the anchor",
            )

    def _inherited(self, node: yaml.Node) -> dict[str, Any]:
        """Return what a map has by its `<<`."""
        found: dict[str, Any] = self._plain(yaml.MappingNode(node.tag, _merges(node), node.start_mark))
        return found

    def _check_not_shared(self, node: yaml.Node, path: Sequence[str]) -> None:
        if id(node) in self.shared:
            raise self._refused(
                node,
                f"{'.'.join(path)} has an anchor, and an alias uses it elsewhere: a change would reach there",
            )

    def _refused(self, node: yaml.Node, why: str) -> InvalidInputError:
        return InvalidInputError(f"{self.file}, line {nodes.line(node)}: {why}", _BY_HAND)

    def _change(self, key: yaml.Node, node: yaml.Node, new: Any, *, flow: bool) -> None:
        """Make the value `node` of `key` be `new`, and touch only what differs."""
        if _same(self._plain(node), new):
            return
        if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and node.value:
            self._change_map(key, node, new)
        elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new and not _flow(node):
            pairs = None if self.whole_lists else _paired([*map(self._plain, node.value)], new)
            if pairs:
                self._change_entries(node, new, pairs)
            else:
                self._write_list(node, new)
        else:
            self._replace(key, node, new, flow=flow or (_flow(node) and bool(node.value)))

    def _change_map(self, key: yaml.Node, node: yaml.MappingNode, new: dict[str, Any]) -> None:
        merges = _merges(node)
        known = {str(name.value): (name, value) for name, value in node.value if (name, value) not in merges}
        inherited = self._inherited(node) if merges else {}
        for name in (*known, *inherited):
            self._check_read_by_helm(node, name)
            if name not in new and name not in known:
                raise self._refused(node, f"'{name}' comes by '<<' from an anchor, and does not belong there")
        gone = [name for name in known if name not in new]
        if not merges and gone and (_flow(node) or len(gone) == len(known)):
            self._replace(key, node, new, flow=_flow(node))
            return
        there = known.keys() | {name for name in inherited if _same(inherited[name], new[name])}
        self._add(key, node, {name: new[name] for name in new if name not in there}, flow=_flow(node))
        for name, (inner, value) in known.items():
            if name in new:
                self._change(inner, value, new[name], flow=_flow(node))
            else:
                self._remove(inner, value)

    def _add(self, key: yaml.Node, node: yaml.Node, new: dict[str, Any], *, flow: bool) -> None:
        """Put `new` before all that the map `node` of `key` has, but behind a `<<`; it may be empty or null.

        What stands before `<<` Helm replaces by what the anchor has.
        """
        if not new:
            return
        if merges := _merges(node):
            self._add_behind(merges[-1], node, new)
        elif isinstance(node, yaml.MappingNode) and node.value and _flow(node):
            first = node.value[0][0].start_mark.index
            self.found.append((first, first, f"{_in_flow(new)[1:-1]}, "))
        elif isinstance(node, yaml.MappingNode) and node.value:
            start = self._first_line_in(key, node)
            self.found.append((start, start, self._lines(new, node.value[0][0].start_mark.column, start)))
        elif isinstance(node, yaml.MappingNode) or nodes.is_null(node):
            self._replace(key, node, new, flow=flow)
        else:
            raise self._refused(node, _NO_MAP)

    def _add_behind(self, pair: tuple[yaml.Node, yaml.Node], node: yaml.Node, new: dict[str, Any]) -> None:
        """Put `new` behind an entry of the map `node`."""
        end = self._end(*pair)
        if _flow(node):
            self.found.append((end, end, f", {_in_flow(new)[1:-1]}"))
            return
        end = self._line_end(end)
        lines = self._lines(new, int(pair[0].start_mark.column), end)
        self.found.append((end, end, self._newline(end) + lines.rstrip("\r\n")))

    def _first_line_in(self, key: yaml.Node, node: yaml.MappingNode) -> int:
        """Return where the line after that of `key` begins: before the comments of the map's first entry."""
        first = node.value[0][0].start_mark
        start = self._next_line(key.end_mark.index)
        if start > first.index - first.column:
            raise self._refused(node, "the map begins on the line of its key")
        return start

    def _replace(self, key: yaml.Node, node: yaml.Node, new: Any, *, flow: bool) -> None:
        """Write the value of `key` anew, from its colon on; comments before and after it stay."""
        start, end = self._after_colon(key), self._end(key, node)
        if _flow(node) and self._has_comment(start, end, node):
            raise self._refused(node, "a comment stands in braces or brackets that are to be written anew")
        collection = isinstance(new, dict | list) and bool(new)
        if flow or not collection:
            comment = self._comment_before(start, node)
            self.found.append((start, end, f" {_in_flow(new)}{comment}"))
            return
        if self._begins_below(key, node):
            start = self._next_line(start)
            column = int(node.start_mark.column)
            self.found.append((start, end, self._lines(new, column, start).rstrip("\r\n")))
            return
        line_end = self._line_end(end)
        self.found.append((start, end, ""))
        lines = self._lines(new, int(key.start_mark.column) + _STEP, line_end)
        self.found.append((line_end, line_end, self._newline(line_end) + lines.rstrip("\r\n")))

    def _has_comment(self, start: int, end: int, node: yaml.Node) -> bool:
        """Return whether anything but the scalars of a value has a number sign."""
        for scalar in _scalars(node):
            if start <= scalar.start_mark.index < end:  # others are an alias's, and stand elsewhere
                if "#" in self.text[start : scalar.start_mark.index]:
                    return True
                start = int(scalar.end_mark.index)
        return "#" in self.text[start:end]

    def _comment_before(self, start: int, node: yaml.Node) -> str:
        """Return the comment between a colon and its value, or behind the head of a block scalar."""
        if not isinstance(node, yaml.ScalarNode):
            return ""
        begin = int(node.start_mark.index)
        text = self.text[start:begin]
        if node.style in {"|", ">"}:
            text += self.text[begin : self._line_end(begin)]
        found = re.search(r"[ \t]+#[^\r\n]*", text)
        return found[0] if found else ""

    def _begins_below(self, key: yaml.Node, node: yaml.Node) -> bool:
        collection = isinstance(node, yaml.CollectionNode) and bool(node.value) and not _flow(node)
        return collection and node.start_mark.line > key.end_mark.line

    def _change_entries(self, node: yaml.SequenceNode, new: list[Any], pairs: dict[int, int]) -> None:
        """Change the entries of a list: `pairs` says which new one each of the old ones becomes.

        The others go; the comments above them stay.
        """
        column = int(node.start_mark.column)
        for item in node.value:
            if not self._item(item, column):
                raise self._refused(item, "an entry of the list is written in a way that is not changed here")
        kept = {number: node.value[place] for place, number in pairs.items()}
        for place, item in enumerate(node.value):
            if place in pairs:
                self._change_entry(item, new[pairs[place]])
            else:
                start = self.text.rfind("\n", 0, item.start_mark.index) + 1
                self.found.append((start, self._next_line(self._end_of(item)), ""))
        before: yaml.Node | None = None
        waiting: list[Any] = []
        for number, entry in enumerate(new):
            if number not in kept:
                waiting.append(entry)
                continue
            self._insert(node, before, waiting)
            before, waiting = kept[number], []
        self._insert(node, before, waiting)

    def _insert(self, node: yaml.SequenceNode, before: yaml.Node | None, entries: list[Any]) -> None:
        """Put new entries of a list behind the entry `before`, or first."""
        if not entries:
            return
        start = int(node.start_mark.index) if before is None else self._line_end(self._end_of(before))
        lines = self._lines(entries, int(node.start_mark.column), start)
        if before is None:
            start = self.text.rfind("\n", 0, start) + 1
            self.found.append((start, start, lines))
        else:
            self.found.append((start, start, self._newline(start) + lines.rstrip("\r\n")))

    def _change_entry(self, item: yaml.Node, new: Any) -> None:
        if _same(self._plain(item), new):
            return
        if not isinstance(item, yaml.MappingNode) or not isinstance(new, dict) or not item.value:
            raise self._refused(item, "an entry of the list is no map")
        known = {str(name.value): (name, value) for name, value in item.value}
        more = {name: new[name] for name in new if name not in known}
        if _flow(item) and (more or known.keys() - new.keys()):
            start, end = int(item.start_mark.index), int(item.end_mark.index)
            self.found.append((start, end, _in_flow(new)))
            return
        for name, (inner, value) in known.items():
            if name in new:
                self._change(inner, value, new[name], flow=_flow(item))
            else:
                self._remove(inner, value)
        if more:
            end = self._line_end(self._end_of(item))
            lines = self._lines(more, int(item.start_mark.column), end)
            self.found.append((end, end, self._newline(end) + lines.rstrip("\r\n")))

    def _write_list(self, node: yaml.SequenceNode, new: list[Any]) -> None:
        """Write a list anew; an entry that is as before keeps its text, with the comments in it."""
        column = int(node.start_mark.column)
        start, end = int(node.start_mark.index), self._end_of(node)
        texts = {_canonical(self._plain(item)): self._item(item, column) for item in node.value}
        lines = [texts.get(_canonical(item)) or self._lines([item], column, start).strip() for item in new]
        self.found.append((start, end, f"{self._newline(start)}{' ' * column}".join(lines)))

    def _item(self, item: yaml.Node, column: int) -> str:
        """Return the text of an entry from its dash on; empty where it cannot be told."""
        start = self.text.rfind("-", 0, item.start_mark.index)
        line = self.text.rfind("\n", 0, start) + 1
        if id(item) in self.shared or start - line != column or self.text[line:start].strip():
            return ""
        return self.text[start : self._end_of(item)]

    def _remove(self, key: yaml.Node, node: yaml.Node) -> None:
        """Take out the lines of an entry of a map that is no flow."""
        start = int(key.start_mark.index) - int(key.start_mark.column)
        end = self._next_line(self._end(key, node))
        if self.text[start : key.start_mark.index].strip():
            raise self._refused(key, f"'{key.value}' shares its line with others")
        self.found.append((start, end, ""))

    def _plain(self, node: yaml.Node) -> Any:
        return nodes.plain(_copied(node), self.file)  # which puts what `<<` names into its node

    def _after_colon(self, key: yaml.Node) -> int:
        found = re.compile(r"[ \t]*:").match(self.text, key.end_mark.index)
        if found is None:
            raise self._refused(key, f"'{key.value}' is written in a way that is not changed here")
        return found.end()

    def _end(self, key: yaml.Node, node: yaml.Node) -> int:
        """Return where the value of `key` ends, without the comments and blank lines behind it."""
        if id(node) not in self.shared:
            return max(self._end_of(node), self._after_colon(key))
        found = re.compile(r"\s*\*[^\s,\[\]{}]+").match(self.text, self._after_colon(key))
        if found is None:
            raise self._refused(key, f"'{key.value}' has an anchor, and an alias uses it elsewhere")
        return found.end()

    def _end_of(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.CollectionNode) and node.value and not _flow(node):
            last = node.value[-1]
            return self._end(*last) if isinstance(last, tuple) else self._end_of_item(last)
        start, end = int(node.start_mark.index), int(node.end_mark.index)
        return start + len(self.text[start:end].rstrip())

    def _end_of_item(self, item: yaml.Node) -> int:
        if id(item) in self.shared:
            raise self._refused(item, "a list ends in an alias, or in what an alias uses elsewhere")
        return self._end_of(item)

    def _line_end(self, position: int) -> int:
        found = re.compile(r"\r?\n").search(self.text, position)
        return found.start() if found else len(self.text)

    def _next_line(self, position: int) -> int:
        found = self.text.find("\n", position)
        return found + 1 if found >= 0 else len(self.text)

    def _newline(self, position: int) -> str:
        """Return the line end that the file has at a place."""
        found = re.compile(r"\r?\n").search(self.text, max(0, self.text.rfind("\n", 0, position) - 1))
        return found[0] if found else "\n"

    def _lines(self, new: Any, column: int, position: int) -> str:
        """Return a map or list as lines, indented by `column`."""
        text = yaml.dump(new, Dumper=_Dumper, sort_keys=False, width=2**16, allow_unicode=True)
        newline = self._newline(position)
        return "".join(f"{' ' * column}{line}{newline}" for line in _split(text))


def _merges(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the entries of a map that are `<<`."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return [pair for pair in pairs if nodes.kind(pair[0]) == "merge"]


def _copied(node: yaml.Node) -> yaml.Node:
    value: Any = node.value
    if isinstance(node, yaml.MappingNode):
        value = [(_copied(key), _copied(inner)) for key, inner in value]
    elif isinstance(node, yaml.SequenceNode):
        value = [_copied(item) for item in value]
    else:
        return node
    return type(node)(node.tag, value, node.start_mark, node.end_mark, node.flow_style)


def _scalars(node: yaml.Node) -> Iterator[yaml.Node]:
    """Give the scalars of a value in the order of the text."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    else:
        yield node


def _split(text: str) -> Iterator[str]:
    return iter(text.rstrip("\n").split("\n"))


class _Dumper(Dumper):
    """Indents the entries of a list below its key, as AutoShift's files do; writes no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent as if it were no list."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write out what stands twice."""
        return True


def _in_flow(new: Any) -> str:
    text = yaml.dump(
        new, Dumper=_Dumper, default_flow_style=True, sort_keys=False, width=2**16, allow_unicode=True
    )
    return str(text).removesuffix("...\n").strip()


def _flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _pair(node: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((pair for pair in pairs if pair[0].value == name), None)


def _paired(there: list[Any], new: list[Any]) -> dict[int, int] | None:
    """Return which new entry each entry that is there becomes, by their places.

    Those of one `source` are one. None where that is not all in one order, or none stays.
    """
    pairs, taken = dict[int, int](), set[int]()
    for same in (_same, _same_source):
        for place, entry in enumerate(there):
            fits = (number for number, one in enumerate(new) if number not in taken and same(entry, one))
            if place not in pairs and (number := next(fits, None)) is not None:
                pairs[place] = number
                taken.add(number)
    numbers = [pairs[place] for place in sorted(pairs)]
    return pairs if numbers and numbers == sorted(numbers) else None


def _same_source(one: Any, other: Any) -> bool:
    maps = isinstance(one, dict) and isinstance(other, dict)
    return maps and "source" in one and _same(one["source"], other.get("source"))


def _same(one: Any, other: Any) -> bool:
    """Compare as YAML does: true is not 1."""
    return _canonical(one) == _canonical(other)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
