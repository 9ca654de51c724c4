"""What a user adds to the generated ImageSet: a file in the same format, merged over it last.

It may have any field of an ImageSetConfiguration (more images, blockedImages, helm, archiveSize, graph,
further packages …) and needs no other. Maps merge key by key; in a list of named things an entry joins the
one of the same name, or is added; any other list and every single value is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError
from steps.imageset.schema import IMAGESET, Fields, Many, Shape
from steps.imageset.validate import check_shape
from steps.imageset.writing import Entry, Value
from steps.yaml.source import decode
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from steps.yaml.source import SourceFile

_SHAPE = Fields(IMAGESET.fields)  # nothing is required of an overlay


@dataclass(frozen=True, slots=True)
class Overlay:
    """A checked overlay: where it is from, and what it says."""

    path: str
    tree: Entry

    def merge_over(self, imageset: Entry) -> None:
        """Merge this into an ImageSet, in place; what is added carries the overlay's path as comment."""
        _merge(imageset, self.tree, _SHAPE, self.path)


def read_overlay(source: SourceFile) -> Overlay:
    """Read an overlay. Raises InvalidInputError with every wrong field, its line and path."""
    documents = [tree for tree in parse(source) if tree is not None]
    if len(documents) > 1 or not all(isinstance(tree, dict) for tree in documents):
        raise InvalidInputError(
            f"{source.path}: an overlay is one map", "give fields of an ImageSetConfiguration"
        )
    check_shape(decode(source), _SHAPE, source.path)
    tree = _typed(documents[0], _SHAPE) if documents else Entry()
    for field, expected in (
        ("kind", "ImageSetConfiguration"),
        ("apiVersion", "mirror.openshift.io/v2alpha1"),
    ):
        if isinstance(tree, Entry) and tree.pop(field, expected) != expected:
            raise InvalidInputError(f"{source.path}: {field} is not {expected}", f"leave {field} out")
    return Overlay(source.path, tree if isinstance(tree, Entry) else Entry())


def _typed(tree: Tree, shape: Shape) -> Value:
    """Turn texts into what their fields hold; nulls are left out. `tree` has the shape already."""
    if isinstance(shape, Fields) and isinstance(tree, dict):
        return Entry({key: _typed(tree[key], shape.fields[key]) for key in tree if tree[key] is not None})
    if isinstance(shape, Many) and isinstance(tree, list):
        return [_typed(item, shape.item) for item in tree]
    text = str(tree)
    if shape == "number":
        return int(text) if text.isdecimal() else text  # what is no plain number is refused with the result
    return text == "true" if shape == "flag" else text


def _merge(base: Entry, over: Entry, shape: Fields, path: str) -> None:
    for key, value in over.items():
        inner, below = shape.fields[key], base.get(key)
        if isinstance(inner, Fields) and isinstance(below, Entry) and isinstance(value, Entry):
            _merge(below, value, inner, path)
        elif isinstance(inner, Many) and inner.key and isinstance(below, list) and isinstance(value, list):
            _merge_list(below, value, inner, path)
        else:
            base[key] = _marked(value, inner, path)


def _merge_list(base: list[Value], over: list[Value], shape: Many, path: str) -> None:
    known = {str(item[shape.key]): item for item in base if isinstance(item, Entry) and shape.key in item}
    for item in over:
        if not isinstance(item, Entry) or not isinstance(shape.item, Fields):
            continue
        if same := known.get(str(item.get(shape.key))):
            _merge(same, item, shape.item, path)
        else:
            item.comment = path
            base.append(item)


def _marked(value: Value, shape: Shape, path: str) -> Value:
    """Write the overlay's path above each entry of a list that it brings."""
    if isinstance(value, list) and isinstance(shape, Many) and shape.key:
        for item in value:
            if isinstance(item, Entry):
                item.comment = path
    return value
