"""Lists of names in a line of text: cluster sets before clusters, numbers by value, the rest counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps import units
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED: Final = 5  # how many are named before "and N more"


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Sort `hub set x`, `managed set x` and `cluster x`, without duplicates."""
    return tuple(sorted(set(names), key=lambda name: (name.startswith("cluster "), natural(name))))


def few(names: Iterable[str]) -> str:
    """Join the first NAMED of the sorted names, and count the others."""
    return units.few(sorted_names(names), NAMED)


def briefly(names: Iterable[str]) -> str:
    """Name one or two sets of the sorted names without their kind, and count the others, and the clusters.

    It fits into a line: `hub, stores`, `hub and 4 more sets, 12 clusters`, `cluster edge-1`.
    """
    ordered = sorted_names(names)
    clusters = [name for name in ordered if name.startswith("cluster ")]
    sets = [name.partition(" set ")[2] for name in ordered if not name.startswith("cluster ")]
    parts = [f"{sets[0]} and {len(sets) - 1} more sets"] if len(sets) > 2 else sets
    if clusters:
        parts = [*parts, clusters[0] if len(clusters) == 1 else f"{len(clusters)} clusters"]
    return ", ".join(parts)


def few_paths(paths: Iterable[str]) -> str:
    """Join the first NAMED of the paths in their order, and count the others.

    A fleet may have a values file for each of ten thousand clusters.
    """
    return units.few(tuple(paths), NAMED)
