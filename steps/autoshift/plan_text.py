"""The plan as text for a person: totals and warnings first, then what is mirrored, and for whom.

What an operator brings stands below it, not in rows of its own. Lines are as wide as the caller says; a text
that does not fit goes on below its own beginning.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final

from steps import units
from steps.autoshift.listing import briefly, few, few_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.plan import Channel, FleetPlan, FoundCluster, Operator, Release

WIDTH: Final = 110
"""Columns where no terminal says how many it has, as in a pod's log."""
SHOWN: Final = 40
"""Clusters listed one by one; of a larger fleet the others are counted."""
_NARROWEST: Final = 24
_INDENTATION: Final = "    "


def describe_plan(plan: FleetPlan, *, columns: int | None = None, brief: bool = False) -> str:
    """Return the plan as aligned plain text of at most `columns` (WIDTH if None), as far as names allow it.

    A brief one has the totals, the warnings, the releases and one line for each catalog.
    """
    width = columns or WIDTH
    operators = _catalogs(plan.operators) if brief else _operators(plan.operators, width)
    parts = [
        "\n".join(_wrapped("", line, width) for line in _head(plan)) + "\n",
        _section("Warnings", [_wrapped("! ", text, width - 2) for text in plan.warnings]),
        _section("Notes", [_wrapped("- ", text, width - 2) for text in plan.notes]),
        _section("OpenShift releases", _releases(plan, width)),
        *operators,
    ]
    if plan.overlay:
        changes = [_wrapped("", text, width - 2) for text in plan.overlaid]
        parts.append(_section(f"Overlay {plan.overlay}", changes or ["changes nothing"]))
    if not brief:
        images = [(image.image.name, f"for {few(image.asked_by)}") for image in plan.images]
        parts.append(_section("Additional images", _table(images, width)))
        parts.append(_section("Clusters found", _clusters(plan.clusters, width)))
    return "\n".join(part for part in parts if part)


def _head(plan: FleetPlan) -> Iterator[str]:
    clusters = sum(cluster.kind == "cluster" for cluster in plan.clusters)
    catalogs = len({operator.catalog for operator in plan.operators})
    counts = [
        _count(len(plan.clusters) - clusters, "cluster set"),
        _count(clusters, "cluster"),
        _count(len(plan.releases), "release channel"),
        f"{_count(len(plan.operators), 'package')} of {_count(catalogs, 'catalog')}" if catalogs else "",
        _count(len(plan.images), "additional image"),
        _count(len(plan.warnings), "warning"),
    ]
    yield f"Plan: {', '.join(filter(None, counts))}"
    yield f"Values: {few_paths(plan.sources)}"
    yield from plan.source_notes
    if plan.version_origin:
        yield f"OpenShift {', '.join(plan.openshift_versions)}, from {plan.version_origin}"
    if plan.unchecked:
        every = len(plan.unchecked) == catalogs
        yield f"Not checked against catalogs{'' if every else f': {few_paths(plan.unchecked)}'}"
    known = [operator.size for operator in plan.operators if operator.size is not None]
    if known:
        unknown = len(plan.operators) - len(known)
        rest = f"; {_count(unknown, 'package')} of unknown size" if unknown else ""
        yield f"Size of the packages in an earlier run: {units.size(sum(known))}{rest}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _releases(plan: FleetPlan, width: int) -> list[str]:
    lines = _table([_release(release) for release in plan.releases], width) if plan.releases else []
    if path := plan.update_path:
        stops = [f"the newest of {channel}" for channel in path.channels]
        if len(stops) > SHOWN:
            stops[1:-1] = [f"and so on through {len(stops) - 2} minors"]
        way = [path.start, *stops[:-1], path.end or stops[-1]]
        lines.append(_wrapped("oc-mirror adds the updates: ", ", ".join(filter(None, way)), width - 2))
    return lines


def _release(release: Release) -> tuple[str, ...]:
    if not release.minimum:
        versions = "its newest release"
    elif release.minimum == release.maximum:
        versions = release.minimum
    else:
        versions = f"{release.minimum} to {release.maximum or 'its newest release'}"
    path = ", shortest upgrade path" if release.shortest_path else ""
    instead = f"; instead of {', '.join(release.instead_of)}" if release.instead_of else ""
    return (release.channel, versions + path, f"for {briefly(release.asked_by)}{instead}")


def _catalogs(operators: Sequence[Operator]) -> Iterator[str]:
    """Yield the section of a brief plan: a line for each catalog."""
    lines = [
        f"{catalog}  {_packages(list(of_catalog))}"
        for catalog, of_catalog in groupby(operators, key=lambda operator: operator.catalog)
    ]
    yield _section("Operators", lines)


def _operators(operators: Sequence[Operator], width: int) -> Iterator[str]:
    """Yield a section for each catalog."""
    for catalog, found in groupby(operators, key=lambda operator: operator.catalog):
        of_catalog = list(found)
        named = [operator for operator in of_catalog if operator.need.asked]
        rows = [row for operator in named for row in _rows(operator)]
        head = ("PACKAGE", "CHANNEL", "LABEL", "SIZE" if any(row[3] for row in rows) else "", "FOR")
        table = _table([head, *rows], width)
        lines = [table[0], *_with_required(table[1:], named, of_catalog, width)]
        title = _wrapped(f"Operators from {catalog}: ", _packages(of_catalog), width)
        yield _section(title, lines)


def _packages(operators: Sequence[Operator]) -> str:
    named = sum(bool(operator.need.asked) for operator in operators)
    required = len(operators) - named
    return f"{named}, and {required} that they require" if required else str(named)


def _rows(operator: Operator) -> list[tuple[str, ...]]:
    """Return a row for each channel: package, channel, what asks for it, size, for whom.

    Only the first row has the package's name and size.
    """
    size = "" if operator.size is None else units.size(operator.size)
    if not operator.channels:
        why = ", ".join(operator.need.asked or operator.need.required_by)
        return [(operator.package, "(head of each)", why, size, briefly(operator.asked_by))]
    return [
        (
            "" if index else operator.package,
            channel.name + _versions(channel),
            _why(channel),
            "" if index else size,
            briefly(channel.asked_by),
        )
        for index, channel in enumerate(operator.channels)
    ]


def _with_required(
    rows: Sequence[str], named: Sequence[Operator], operators: Sequence[Operator], width: int
) -> Iterator[str]:
    """Yield the rows of the named operators, each followed by what it requires that no label asks for."""
    remaining = iter(rows)
    for operator in named:
        for _row in operator.channels or (None,):
            yield next(remaining)
        for channel, required in sorted(_required(operator, operators).items()):
            from_channel = f" from {channel}" if channel else ""
            packages = ", ".join(map(_with_size, required))
            yield _wrapped(f"  brings{from_channel}: ", packages, width - 2)


def _with_size(operator: Operator) -> str:
    return operator.package if operator.size is None else f"{operator.package} ({units.size(operator.size)})"


def _required(operator: Operator, operators: Sequence[Operator]) -> dict[str, list[Operator]]:
    """Return the packages that an operator requires, directly or not, by the name of their channel."""
    needed, found = {operator.package}, dict[str, "list[Operator]"]()
    growing = True
    while growing:
        before = len(needed)
        for other in operators:
            required_by = {parent.split()[0] for parent in other.need.required_by}
            if other.package not in needed and not other.need.asked and required_by & needed:
                needed.add(other.package)
                for name in [channel.name for channel in other.channels] or [""]:
                    found.setdefault(name, []).append(other)
        growing = len(needed) > before
    return found


def _why(channel: Channel) -> str:
    """Return the labels that need a channel, and whether a default or an assumption names it, no label."""
    if not channel.need.asked:
        return str(channel.need)
    origins = channel.origin.split("; ")
    defaults = [origin for origin in origins if not origin.startswith(("label ", "required "))]
    word = "assumed" if any(origin.startswith("assumed") for origin in defaults) else "default"
    how = "" if not defaults else f" ({word})" if len(defaults) == len(origins) else f" ({word} too)"
    return ", ".join(channel.need.asked) + how


def _versions(channel: Channel) -> str:
    if not channel.minimum:
        return ""
    if channel.minimum == channel.maximum:
        return f" {channel.minimum}"
    return f" from {channel.minimum}" + (f" to {channel.maximum}" if channel.maximum else "")


def _clusters(clusters: Sequence[FoundCluster], width: int) -> list[str]:
    """Return the cluster sets, then the clusters that ask for another OpenShift than their set.

    `clusters` has all sets before all clusters.
    """
    sets = [one for one in clusters if one.kind != "cluster"]
    of_set = {one.name: one.version_requests for one in sets}
    alike: Counter[str] = Counter()
    others = []
    for one in clusters[len(sets) :]:
        if len(one.sets) == 1 and of_set.get(one.sets[0]) == one.version_requests:
            alike[one.sets[0]] += 1
        else:
            others.append(one)
    rows = [_cluster(one, alike[one.name]) for one in sets] + [_cluster(one) for one in others[:SHOWN]]
    lines = _table(rows, width)
    if len(others) > SHOWN:
        lines.append(f"and {len(others) - SHOWN} more clusters")
    return lines


def _cluster(cluster: FoundCluster, members: int = 0) -> tuple[str, ...]:
    versions = ", ".join(f"{request} ({request.channel})" for request in cluster.version_requests)
    sets = " or ".join(cluster.sets)
    alike = f", as {_count(members, 'cluster')} of it" if members else ""
    return (
        cluster.kind,
        cluster.name,
        f"of set {sets}" if sets else "",
        f"OpenShift {versions or 'no version of its own'}{alike}",
    )


def _section(title: str, lines: Sequence[str]) -> str:
    """Return a titled block, empty if there are no lines."""
    if not lines:
        return ""
    return "\n".join([title, *(textwrap.indent(line, "  ") for line in lines)]) + "\n"


def _table(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Return a text for each row, with aligned columns; the last column goes on below itself."""
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    texts = []
    for row in rows:
        cells = "".join(f"{cell.ljust(size)}  " for cell, size in zip(row[:-1], widths, strict=True) if size)
        texts.append(_wrapped(cells, row[-1], width - 2).rstrip())
    return texts


def _wrapped(start: str, text: str, width: int) -> str:
    """Return `start` and `text`, which goes on in further lines below its beginning.

    Where `start` leaves too little room, all of the text stands below it.
    """
    if len(start) + len(text) <= width:
        return start + text
    below = width - len(start) < _NARROWEST
    indentation = _INDENTATION if below else " " * len(start)
    room = max(width - len(indentation), _NARROWEST)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return (f"{start.rstrip()}\n{indentation}" if below else start) + f"\n{indentation}".join(lines)
