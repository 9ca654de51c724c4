"""Whether oc-mirror v2 will take an ImageSetConfiguration, found out before it runs.

All findings come at once, each with its line and field path: a run that stops at the first one costs a mirror
window for each mistake. What is legal but rarely meant is a warning. The rules are oc-mirror's own
(internal/pkg/config/load.go and validate.go), and the filter's that it uses for catalogs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from steps.errors import InvalidInputError
from steps.imageset.convert import convert_v1alpha2
from steps.imageset.rules import Finding, check_rules
from steps.imageset.schema import GONE, IMAGESET, Fields, Many, Shape
from steps.yaml.source import SourceFile
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAG: Final = "tag:yaml.org,2002:"
# Go's YAML reads a date as text; the rest of what PyYAML resolves, Go resolves too.
_TAGS_OF: Final = {
    "text": {"str", "timestamp"},
    "number": {"int"},
    "flag": {"bool"},
}
_SHOWN: Final = 20  # findings in one message


class Version1Error(InvalidInputError):
    """An ImageSet for oc-mirror v1; `converted` is the same for v2, None where that would lose something."""

    def __init__(self, text: str, origin: str) -> None:
        """Convert `text` if that is possible without loss, and say what to do either way."""
        self.converted: str | None = None
        try:
            self.converted = convert_v1alpha2(text, origin=origin)
            hint = "use the converted file, or set apiVersion to v2alpha1 and remove storageConfig"
        except InvalidInputError as error:
            hint = f"rewrite it as v2alpha1: {error.reason}"
        super().__init__(f"{origin}: an ImageSetConfiguration of oc-mirror v1, refused by v2", hint)


@dataclass(frozen=True, slots=True)
class ImageSetFacts:
    """What an ImageSet mirrors, for results and summaries; tuples are in the order of the file.

    `openshift_versions` are `4.18.22`, `4.18.10-4.18.22`, `stable-4.18` (a channel's head) or `4.18.10-` (up
    to the head); without release channels they are the minors of the catalogs' tags.
    """

    openshift_versions: tuple[str, ...]
    operator_count: int
    catalogs: tuple[str, ...]
    image_count: int
    warnings: tuple[str, ...]


def check_imageset(text: str, *, origin: str) -> ImageSetFacts:
    """Check an ImageSetConfiguration; `origin` says in messages where it is from.

    Raises InvalidInputError with every finding (line, field path, what is wrong); Version1Error, which is
    one, for an ImageSet of oc-mirror v1.
    """
    tree = _only_document(text, origin)
    node = check_shape(text, IMAGESET, origin)
    rules = list(check_rules(tree))
    lines = _Lines(node) if rules else None
    if errors := [rule for rule in rules if not rule.is_warning]:
        raise _refusal(origin, errors, lines)
    warnings = [f"{origin}, {lines.of(rule)}{rule.path}: {rule.what}" for rule in rules if lines]
    return _facts(tree, tuple(warnings))


def check_shape(text: str, shape: Fields, origin: str) -> yaml.Node | None:
    """Compare the fields of a well-formed YAML text with `shape`, and return its nodes.

    Raises InvalidInputError with every field that is unknown, missing or of the wrong type.
    """
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    if node and (findings := list(_shape(node, shape, ""))):
        raise _refusal(origin, findings, None)
    return node


def _only_document(text: str, origin: str) -> dict[str, Tree]:
    documents = [tree for tree in parse(SourceFile(origin, text.encode())) if tree is not None]
    if len(documents) != 1 or not isinstance(documents[0], dict):
        what = f"{len(documents)} documents" if len(documents) != 1 else "not a map"
        raise InvalidInputError(f"{origin}: {what} instead of one ImageSetConfiguration", "give just one")
    tree = documents[0]
    kind, version = tree.get("kind"), str(tree.get("apiVersion") or "")
    if kind != "ImageSetConfiguration":
        raise InvalidInputError(
            f"{origin}: kind is '{kind or ''}', not 'ImageSetConfiguration'",
            "set kind: ImageSetConfiguration (a DeleteImageSetConfiguration does not mirror)",
        )
    if version.endswith("/v1alpha2") or "storageConfig" in tree:
        raise Version1Error(text, origin)
    return tree


def _shape(node: yaml.Node, shape: Shape, path: str) -> Iterator[Finding]:
    """Compare a node with the shape it should have; null is the same as leaving a field out."""
    line = node.start_mark.line + 1
    if node.tag == f"{_TAG}null":
        return
    if isinstance(shape, Fields):
        if isinstance(node, yaml.MappingNode):
            yield from _fields(node, shape, path)
        else:
            yield Finding(path, "is not a map", line)
    elif isinstance(shape, Many):
        if isinstance(node, yaml.SequenceNode):
            yield from _list(node, shape, path)
        else:
            yield Finding(path, "is not a list", line)
    elif not isinstance(node, yaml.ScalarNode) or node.tag.removeprefix(_TAG) not in _TAGS_OF[shape]:
        yield Finding(path, _not_a(shape, node), line)


def _list(node: yaml.SequenceNode, shape: Many, path: str) -> Iterator[Finding]:
    for index, item in enumerate(node.value):
        if item.tag == f"{_TAG}null":  # Go makes an entry without a name of it
            yield Finding(f"{path}[{index}]", "is empty", item.start_mark.line + 1)
        yield from _shape(item, shape.item, f"{path}[{index}]")


def _not_a(shape: str, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        quote = f": put it in quotes, '{node.value}'" if shape == "text" else ""
        kind = {"text": "a text", "number": "a whole number", "flag": "true or false"}[shape]
        return f"is {node.value[:40]}, which is not {kind}{quote}"
    return "is a list or a map, not a single value"


def _fields(node: yaml.MappingNode, shape: Fields, path: str) -> Iterator[Finding]:
    present = set()
    for key, value in node.value:
        name = str(key.value)
        inner = f"{path}.{name}" if path else name
        if name not in shape.fields:
            reason = GONE.get(name) or f"known here: {', '.join(sorted(shape.fields))}"
            yield Finding(inner, f"is not a field of oc-mirror v2 ({reason})", key.start_mark.line + 1)
            continue
        if value.value and value.tag != f"{_TAG}null":
            present.add(name)
        yield from _shape(value, shape.fields[name], inner)
    for name in sorted(shape.required - present):
        yield Finding(f"{path}.{name}" if path else name, "is missing", node.start_mark.line + 1)


class _Lines:
    """Finds the line of a finding that knows only its path."""

    def __init__(self, node: yaml.Node | None) -> None:
        self._lines: dict[str, int] = dict(_walk(node, "")) if node else {}

    def of(self, finding: Finding) -> str:
        line = finding.line or self._lines.get(finding.path)
        return f"line {line}: " if line else ""


def _walk(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, f"{path}.{key.value}" if path else str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, f"{path}[{index}]")


def _refusal(origin: str, findings: list[Finding], lines: _Lines | None) -> InvalidInputError:
    lines = lines or _Lines(None)
    shown = [f"{lines.of(finding)}{finding.path} {finding.what}" for finding in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        shown.append(f"and {len(findings) - _SHOWN} more")
    return InvalidInputError(
        f"{origin}: oc-mirror would refuse this ImageSet: {'; '.join(shown)}",
        "correct these fields; the reference is oc-mirror's ImageSetConfiguration v2alpha1",
    )


def _facts(tree: dict[str, Tree], warnings: tuple[str, ...]) -> ImageSetFacts:
    mirror = _get(tree, "mirror")
    operators = _items(_get(mirror, "operators"))
    names = tuple(str(_get(entry, "catalog")) for entry in operators)
    channels = _items(_get(_get(mirror, "platform"), "channels"))
    versions = [_version(channel) for channel in channels] or [
        tag.removeprefix("v") for name in names if (tag := name.rpartition(":")[2]).startswith("v")
    ]
    packages = {_get(package, "name") for entry in operators for package in _items(_get(entry, "packages"))}
    return ImageSetFacts(
        openshift_versions=tuple(dict.fromkeys(versions)),
        operator_count=len(packages),
        catalogs=names,
        image_count=len(_items(_get(mirror, "additionalImages"))),
        warnings=warnings,
    )


def _version(channel: Tree) -> str:
    low, high = _get(channel, "minVersion") or "", _get(channel, "maxVersion") or ""
    if not low and not high:
        return str(_get(channel, "name"))
    return f"{low}" if low == high else f"{low}-{high}"


def _get(tree: Tree, key: str) -> Tree:
    return tree.get(key) if isinstance(tree, dict) else None


def _items(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []
