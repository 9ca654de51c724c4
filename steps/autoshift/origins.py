"""Where in the values a field of the generated ImageSet is from, so that a refused one can be corrected."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from steps.autoshift.fleet import SECTIONS
from steps.autoshift.releases import VERSION_LABEL
from steps.yaml.nodes import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.plan import FleetPlan, Operator
    from steps.yaml.source import SourceFile

# The names of those who ask for a thing, and the paths below each where the values may say it.
_Asked: TypeAlias = "tuple[tuple[str, ...], list[tuple[str, ...]]]"
_SEARCHED: Final = 5  # sets and clusters whose settings are looked for

_FIELD = re.compile(
    r"mirror\.(?:additionalImages\[(?P<image>\d+)\]"
    r"|platform\.channels\[(?P<release>\d+)\]"
    r"|operators\[(?P<catalog>\d+)\](?:\.packages\[(?P<package>\d+)\])?)"
)


def origin_of(plan: FleetPlan, values: Sequence[SourceFile], field: str) -> str:
    """Return what in the values made a field (`mirror.additionalImages[0].name`) and where it stands.

    That is `label vault-version of hub set hub, FILE, line N`; empty if the values do not say it, as for a
    field of an overlay.
    """
    found = _FIELD.match(field)
    asked_by, settings = _asked(plan, found) if found else ((), [])
    for setting in settings:
        for name, entry in _entries(plan, asked_by[:_SEARCHED]):
            for source in reversed(values):
                if line := line_of(source, [*entry, *setting]):
                    what = f"label {setting[1]}" if setting[0] == "labels" else ".".join(setting)
                    return f"{what} of {name}, {source.path}, line {line}"
    return ""


def _asked(plan: FleetPlan, found: re.Match[str]) -> _Asked:
    if found["image"] and int(found["image"]) < len(plan.images):
        image = plan.images[int(found["image"])]
        return image.asked_by, [image.image.setting] if image.image.setting else []
    if found["release"] and int(found["release"]) < len(plan.releases):
        labels = [("labels", VERSION_LABEL), ("config", "clusterInstall", "openshiftVersion")]
        return plan.releases[int(found["release"])].asked_by, labels
    catalogs = [list(found) for _, found in groupby(plan.operators, key=lambda operator: operator.catalog)]
    if found["catalog"] and int(found["catalog"]) < len(catalogs):
        packages = catalogs[int(found["catalog"])]
        if not found["package"]:
            return packages[0].asked_by, _settings(packages[0], ("source",))
        if int(found["package"]) < len(packages):
            package = packages[int(found["package"])]
            return package.asked_by, _settings(package, ("version", "channel", "subscription-name", "name"))
    return (), []


def _settings(operator: Operator, suffixes: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the paths of an operator's settings: those of the given suffixes, then its own label."""
    labels = operator.need.labels
    return [
        *(("labels", f"{label}-{suffix}") for suffix in suffixes for label in labels),
        *(("config", label, "versions") for label in labels),
        *(("labels", label) for label in labels),
    ]


def _entries(plan: FleetPlan, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the sets and clusters of these names, each with its path, and after a cluster its sets."""
    sections: dict[str, str] = {kind: section for section, kind in SECTIONS.items()}
    by_name = {f"{cluster.kind} {cluster.name}": cluster for cluster in plan.clusters}
    for name in names:
        cluster = by_name[name]
        yield name, [sections[cluster.kind], cluster.name]
        for other in plan.clusters:
            if other.kind != "cluster" and other.name in cluster.sets:
                yield f"{other.kind} {other.name}", [sections[other.kind], other.name]
