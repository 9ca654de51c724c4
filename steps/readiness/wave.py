"""A wave: the clusters that a question is about (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steps.readiness.needs import ClusterNeed

SHOWN: Final = 10
"""Names in a hint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Names of clusters and of cluster sets; without any it is the whole fleet."""

    clusters: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()

    def of(self, fleet: Sequence[ClusterNeed]) -> list[ClusterNeed]:
        """Return the clusters of the fleet that it is about.

        A cluster that may be in one of several sets is in the wave of each. Raises NotFoundError for a name
        that nothing in the fleet has, since a wave must not begin because of a slip.
        """
        if not (self.clusters or self.sets):
            return list(fleet)
        for parameter, wanted, there in (
            ("clusters", self.clusters, {name for row in fleet for name in _clusters(row)}),
            ("cluster-sets", self.sets, {name for row in fleet for name in _sets(row)}),
        ):
            if absent := [name for name in wanted if name not in there]:
                raise NotFoundError(
                    f"{parameter}: neither the values nor the hub have {', '.join(absent)}",
                    f"there are: {', '.join(sorted(there)[:SHOWN]) or 'none'}",
                )
        return [row for row in fleet if self._has(row)]

    def _has(self, row: ClusterNeed) -> bool:
        return any(name in self.clusters for name in _clusters(row)) or any(
            name in self.sets for name in _sets(row)
        )


def _clusters(row: ClusterNeed) -> tuple[str, ...]:
    return (row.name,) if row.kind == "cluster" else ()


def _sets(row: ClusterNeed) -> tuple[str, ...]:
    return row.sets if row.kind == "cluster" else (row.name,)
