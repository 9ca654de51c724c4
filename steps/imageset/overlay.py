"""What a user adds to the generated ImageSet: a file in the same format, merged over it last.

It may have any field of an ImageSetConfiguration (more images, blockedImages, helm, archiveSize, graph,
further packages …) and needs no other. Maps merge key by key; in a list of named things an entry joins the
one of the same name, or is added; any other list and every single value is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError
from steps.imageset.imageset import refusal
from steps.imageset.model import API_VERSION, KIND, Configuration
from steps.imageset.reading import Reader, build, merge
from steps.imageset.rules import check_rules
from steps.yaml import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.imageset.reading import Finding, Plain
    from steps.yaml.source import SourceFile


@dataclass(frozen=True, slots=True)
class Overlay:
    """A checked overlay: where it is from, and the fields that it gives."""

    path: str
    fields: Mapping[str, Plain]

    @property
    def has_platforms(self) -> bool:
        """Whether it names the platforms of OpenShift, which exclude architectures."""
        mirror = self.fields.get("mirror")
        platform = mirror.get("platform") if isinstance(mirror, dict) else None
        return isinstance(platform, dict) and bool(platform.get("platforms"))

    def over(self, configuration: Configuration) -> Configuration:
        """Merge this over an ImageSet; entries that are added carry the overlay's path as comment."""
        return merge(configuration, self.fields, self.path)


def read_overlay(source: SourceFile) -> Overlay:
    """Read an overlay. Raises InvalidInputError with every wrong field, its line and path."""
    documents = nodes.compose(source)
    if len(documents) > 1 or any(nodes.kind(node) != "map" for node in documents):
        raise InvalidInputError(
            f"{source.path}: an overlay is one map", "give fields of an ImageSetConfiguration"
        )
    reader = Reader()
    fields = reader.fields(documents[0], Configuration, partial=True) if documents else {}
    if reader.findings:
        raise refusal(source.path, reader.findings)
    for name, expected in (("kind", KIND), ("apiVersion", API_VERSION)):
        if fields.pop(name, expected) != expected:
            raise InvalidInputError(f"{source.path}: {name} is not {expected}", f"leave {name} out")
    findings = [finding for finding in check_rules(build(Configuration, fields)) if _is_its_own(finding)]
    if findings:
        raise refusal(source.path, findings, dict(nodes.lines(documents[0])))
    return Overlay(source.path, fields)


def _is_its_own(finding: Finding) -> bool:
    """Tell whether an overlay is wrong by itself, whatever it is merged over.

    It may name nothing, and a default channel that the ImageSet below has.
    """
    return not finding.is_warning and finding.path != "mirror" and not finding.path.endswith("defaultChannel")
