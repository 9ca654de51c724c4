"""An ImageSet: what its file says, as a model, and the bytes of the file, which are its identity.

Whatever reads an ImageSet does it here, once. All findings come together, each with its line and field path:
a run that stops at the first one costs a mirror window for each mistake. What is legal but rarely meant is a
warning. The rules are oc-mirror's own (internal/pkg/config/load.go and validate.go), and the filter's that it
uses for catalogs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.errors import InvalidInputError
from steps.imageset.convert import convert_v1alpha2
from steps.imageset.model import KIND, Configuration, Mirror
from steps.imageset.reading import Finding, Reader, build
from steps.imageset.rules import check_rules
from steps.yaml import nodes
from steps.yaml.source import SourceFile
from steps.yaml.writing import FastDumper

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 20  # findings in one message


class Version1Error(InvalidInputError):
    """An ImageSet for oc-mirror v1; `converted` is the same for v2, None where that would lose something."""

    def __init__(self, node: yaml.Node, name: str) -> None:
        """Convert the ImageSet if that is possible without loss, and say what to do either way."""
        self.converted: str | None = None
        try:
            self.converted = convert_v1alpha2(nodes.plain(node, name), origin=name)
            hint = "use the converted file, or set apiVersion to v2alpha1 and remove storageConfig"
        except InvalidInputError as error:
            hint = f"rewrite it as v2alpha1: {error.reason}"
        super().__init__(f"{name}: an ImageSetConfiguration of oc-mirror v1, refused by v2", hint)


class RefusedError(InvalidInputError):
    """An ImageSet that oc-mirror would refuse, with all that is wrong in it."""

    def __init__(self, reason: str, hint: str, findings: tuple[Finding, ...]) -> None:
        """Keep the findings beside what is said of them."""
        super().__init__(reason, hint)
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """An ImageSet as it was read; `name` says in messages where it is from."""

    name: str
    content: bytes
    configuration: Configuration
    warnings: tuple[str, ...] = ()
    _node: yaml.Node = field(repr=False, compare=False)

    @classmethod
    def parse(cls, content: bytes | str, name: str) -> ImageSet:
        """Read an ImageSetConfiguration, as strictly as oc-mirror does.

        Raises InvalidInputError with every finding (line, field path, what is wrong); Version1Error, which is
        one, for an ImageSet of oc-mirror v1.
        """
        content = content.encode() if isinstance(content, str) else content
        node = _only_document(content, name)
        reader = Reader()
        values = reader.fields(node, Configuration)
        if reader.findings:
            raise refusal(name, reader.findings)
        configuration = build(Configuration, values)
        findings = list(check_rules(configuration))
        lines = dict(nodes.lines(node)) if findings else {}
        if errors := [finding for finding in findings if not finding.is_warning]:
            raise refusal(name, errors, lines)
        return cls(
            name=name,
            content=content,
            configuration=configuration,
            warnings=tuple(
                f"{name}, {_line(finding, lines)}{finding.path}: {finding.what}" for finding in findings
            ),
            _node=node,
        )

    @classmethod
    def recorded(cls, content: bytes, name: str, *, hint: str = "write it anew") -> ImageSet:
        """Read an ImageSet that a run used: it was checked then, perhaps by another version of this program.

        So no rule is applied, and fields that are unknown here are passed over; `document` keeps them. Raises
        InvalidInputError, with `hint`, for what is not YAML or has no `mirror`.
        """
        try:
            documents = nodes.compose(SourceFile(name, content))
        except InvalidInputError as error:
            raise InvalidInputError(error.reason, hint) from error
        mirror = nodes.get(documents[0], "mirror") if len(documents) == 1 else None
        if mirror is None or nodes.kind(mirror) != "map":
            raise InvalidInputError(f"{name} cannot be read: it has no 'mirror' mapping", hint)
        reader = Reader(lenient=True)
        values = reader.fields(documents[0], Configuration)
        if reader.findings:
            raise InvalidInputError(f"{name} cannot be read: {_shown(reader.findings, {})}", hint)
        return cls(
            name=name,
            content=content,
            configuration=build(Configuration, values),
            _node=documents[0],
        )

    @property
    def mirror(self) -> Mirror:
        """What it names."""
        return self.configuration.mirror

    @property
    def text(self) -> str:
        """Its file as text."""
        return self.content.decode()

    @property
    def sha256(self) -> str:
        """Hash of the file: tells whether two runs mirrored by the same ImageSet."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def meaning(self) -> str:
        """Hash of what it means to a target: without comments, order of keys and the archives' size.

        Records of runs name ImageSets by it, so it must never change for the same file.
        """
        document = self.document()
        document.pop("archiveSize", None)
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the file's content as PyYAML's safe loader gives it; a new tree at each call."""
        document: dict[str, Any] = nodes.plain(self._node, self.name)
        return document

    def with_document(self, document: dict[str, Any]) -> ImageSet:
        """Make an ImageSet that says `document`, a changed one of this."""
        content = yaml.dump(document, Dumper=FastDumper, sort_keys=False).encode()
        return ImageSet.recorded(content, self.name)

    def without_graph(self) -> ImageSet:
        """Make the same ImageSet with `platform.graph: false`; itself where there is no graph.

        A direct dry run needs it: oc-mirror pushes the graph image to the target even then (release/
        local_stored_collector.go, createGraphImage).
        """
        if not self.mirror.platform.graph:
            return self
        document = self.document()
        document["mirror"]["platform"]["graph"] = False
        return self.with_document(document)


def _only_document(content: bytes, name: str) -> yaml.Node:
    documents = nodes.compose(SourceFile(name, content))
    if len(documents) != 1 or nodes.kind(documents[0]) != "map":
        what = f"{len(documents)} documents" if len(documents) != 1 else "not a map"
        raise InvalidInputError(f"{name}: {what} instead of one ImageSetConfiguration", "give just one")
    node = documents[0]
    kind, version = _text(node, "kind"), _text(node, "apiVersion")
    if kind != KIND:
        raise InvalidInputError(
            f"{name}: kind is '{kind}', not '{KIND}'",
            f"set kind: {KIND} (a DeleteImageSetConfiguration does not mirror)",
        )
    if version.endswith("/v1alpha2") or nodes.get(node, "storageConfig"):
        raise Version1Error(node, name)
    return node


def _text(node: yaml.Node, key: str) -> str:
    value = nodes.get(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) and not nodes.is_null(value) else ""


def refusal(name: str, findings: list[Finding], lines: dict[str, int] | None = None) -> RefusedError:
    """Make the error that names each finding; `lines` by path, for those that do not know theirs."""
    return RefusedError(
        f"{name}: oc-mirror would refuse this ImageSet: {_shown(findings, lines or {})}",
        "correct these fields; the reference is oc-mirror's ImageSetConfiguration v2alpha1",
        tuple(findings),
    )


def _shown(findings: Sequence[Finding], lines: dict[str, int]) -> str:
    shown = [f"{_line(finding, lines)}{finding.path} {finding.what}" for finding in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        shown.append(f"and {len(findings) - _SHOWN} more")
    return "; ".join(shown)


def _line(finding: Finding, lines: dict[str, int]) -> str:
    line = finding.line or lines.get(finding.path)
    return f"line {line}: " if line else ""
