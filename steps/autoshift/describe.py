"""The plan as a person reads it, in a terminal or a pod's log: plain text, aligned."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Final

from steps.autoshift.names import few, few_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.plan import Channel, FleetPlan, FoundMember, Operator, Release

SHOWN: Final = 40  # clusters listed one by one; of a larger fleet the rest is counted
_WIDTH: Final = 110


def describe_plan(plan: FleetPlan) -> str:
    """Describe clusters found, releases, operators (channel, catalog, why), images and warnings."""
    parts = [
        _section(f"Values: {few_paths(plan.sources)}", []),
        _version(plan),
        _section("Clusters found", _table([_member(member) for member in plan.members[:SHOWN]])),
        _section("OpenShift releases", _table([_release(release) for release in plan.releases])),
        *_operators(plan.operators),
        _section(
            "Additional images", _table([(i.image.name, f"for {few(i.asked_by)}") for i in plan.images])
        ),
        _section("Warnings", list(_bullets(plan.warnings))),
    ]
    if len(plan.members) > SHOWN:
        parts[2] += f"  and {len(plan.members) - SHOWN} more clusters\n"
    return "\n".join(part for part in parts if part)


def _version(plan: FleetPlan) -> str:
    if not plan.version_origin:
        return ""
    return f"OpenShift {', '.join(plan.openshift_versions)}, from {plan.version_origin}\n"


def _section(title: str, lines: Sequence[str]) -> str:
    """Make a titled block; nothing where a list is empty, unless the title says it all."""
    if not lines and not title.startswith("Values"):
        return ""
    return "\n".join([title, *(f"  {line}" for line in lines)]) + "\n"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align columns; the last one is as wide as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _member(member: FoundMember) -> tuple[str, ...]:
    wishes = ", ".join(f"{wish} ({wish.channel})" for wish in member.wishes) or "no version of its own"
    of = " or ".join(member.bases)
    return (member.kind, member.name, f"of set {of}" if of else "", f"OpenShift {wishes}")


def _release(release: Release) -> tuple[str, ...]:
    if not release.minimum:
        versions = "its newest release"
    elif release.minimum == release.maximum:
        versions = release.minimum
    else:
        versions = f"{release.minimum} to {release.maximum or 'its newest release'}"
    path = ", shortest upgrade path" if release.shortest_path else ""
    return (release.channel, versions + path, f"for {few(release.asked_by)}")


def _operators(operators: Sequence[Operator]) -> Iterator[str]:
    for catalog, of_catalog in groupby(operators, key=lambda operator: operator.catalog):
        rows = [row for operator in of_catalog for row in _rows(operator)]
        count = len({row[0] for row in rows if row[0]})
        yield _section(f"Operators from {catalog} ({count})", _table(rows))


def _rows(operator: Operator) -> Iterator[tuple[str, ...]]:
    """Yield a row for each channel; the name stands in the first only."""
    name = operator.package
    if not operator.channels:
        yield (name, "(catalog's default)", f"{operator.reason}, for {few(operator.asked_by)}")
    for channel in operator.channels:
        why = (
            operator.reason if channel.origin.startswith(("label ", "required ")) else _why(operator, channel)
        )
        yield (name, channel.name + _versions(channel), f"{why}, for {few(channel.asked_by)}")
        name = ""


def _why(operator: Operator, channel: Channel) -> str:
    return f"{operator.reason} (channel: {channel.origin})"


def _versions(channel: Channel) -> str:
    if not channel.minimum:
        return ""
    if channel.minimum == channel.maximum:
        return f" {channel.minimum}"
    return f" from {channel.minimum}" + (f" to {channel.maximum}" if channel.maximum else "")


def _bullets(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"{'! ' if index == 0 else '  '}{line}" for index, line in enumerate(lines))
