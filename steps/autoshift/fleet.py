"""The fleet as the values files describe it: cluster sets and clusters with their labels.

AutoShift renders `hubClusterSets`, `managedClusterSets` and `clusters` into ConfigMaps, and its policy
`cluster-labels` merges cluster over cluster set and drops what is blank
(policies/stable/cluster-labels/templates/policy-cluster-labels.yaml). This module reads the three maps;
`Fleet.members` yields every set and every cluster with the labels it really gets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from steps.autoshift.merging import merge
from steps.autoshift.names import few_paths
from steps.errors import InvalidInputError
from steps.yaml.text import Misread, Tree, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from steps.yaml.source import SourceFile

Kind = Literal["hub set", "managed set", "cluster"]
SECTIONS: Final[dict[str, Kind]] = {
    "hubClusterSets": "hub set",
    "managedClusterSets": "managed set",
    "clusters": "cluster",
}


@dataclass(frozen=True, slots=True)
class Group:
    """One entry of a section as written: a cluster set or a cluster. A blank label is still in `labels`."""

    kind: Kind
    name: str
    labels: Mapping[str, str]
    config: Mapping[str, Tree]

    def __str__(self) -> str:
        """Name it as a person would: `hub set hub`, `cluster edge-1`."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Member:
    """A cluster set (for whichever clusters belong to it) or a named cluster, with its effective labels.

    `base` is the set that a cluster takes its labels from, None for a set and for a cluster without one.
    """

    group: Group
    is_hub: bool
    labels: Mapping[str, str]
    config: Mapping[str, Tree]
    base: Group | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All groups, sorted by section and name; the folders of policies that are switched off; warnings."""

    groups: tuple[Group, ...]
    excluded_policies: frozenset[str]
    warnings: tuple[str, ...] = field(default=())

    def sets(self) -> list[Group]:
        """Return the cluster sets: hub sets first."""
        return [group for group in self.groups if group.kind != "cluster"]

    def members(self) -> Iterator[Member]:
        """Yield every set, then every cluster; a cluster of an unknown set once for each set there is."""
        sets = self.sets()
        for group in sets:
            yield _member(group, group, None)
        for cluster in self.groups[len(sets) :]:
            bases: list[Group | None] = [*self.bases(cluster)]
            for base in bases or [None]:
                yield _member(cluster, base, base)

    def bases(self, cluster: Group) -> list[Group]:
        """Find the sets that a cluster may take labels from: the one it names, else all of them.

        A cluster that names none is put into a set in ACM, out of sight of the files; a name that no file
        has leaves its own labels only.
        """
        named = cluster.config.get("clusterSet")
        return [group for group in self.sets() if not named or group.name == named]


def read_fleet(values: Mapping[str, Tree], sources: Sequence[SourceFile]) -> Fleet:
    """Read the fleet from merged values; `sources` are only looked at to name a line.

    Raises InvalidInputError where a section, set, cluster or label has the wrong shape, or nothing is there.
    """
    groups = [
        _group(sources, section, kind, name, entry)
        for section, kind in SECTIONS.items()
        for name, entry in sorted(_map(sources, values, [section]).items())
    ]
    if not groups:
        named = few_paths(source.path for source in sources) or "no file"
        raise InvalidInputError(
            f"{named}: no cluster set and no cluster ({', '.join(SECTIONS)})",
            "add the files of the cluster sets to values-file-path, separated by commas",
        )
    excluded = values.get("excludePolicies") or []
    if not isinstance(excluded, list) or not all(isinstance(name, str) for name in excluded):
        raise _wrong_shape(sources, ["excludePolicies"], "a list of policy folder names")
    fleet = Fleet(tuple(groups), frozenset(str(name).rpartition("/")[2] for name in excluded))
    return Fleet(fleet.groups, fleet.excluded_policies, tuple(_warnings(fleet)))


def _member(group: Group, base: Group | None, cluster_base: Group | None) -> Member:
    merged = dict(base.labels) | dict(group.labels) if base else group.labels
    config = merge(dict(base.config), dict(group.config)) if cluster_base and base else group.config
    return Member(
        group=group,
        is_hub=(base or group).kind == "hub set",
        labels={label: text for label, text in merged.items() if text},
        config=config,
        base=cluster_base,
    )


def _group(sources: Sequence[SourceFile], section: str, kind: Kind, name: str, entry: Tree) -> Group:
    path = [section, name]
    if entry is not None and not isinstance(entry, dict):
        raise _wrong_shape(sources, path, "a map with 'labels' and 'config'")
    body = entry or {}
    labels: dict[str, str] = {}
    for label, value in _map(sources, body, [*path, "labels"]).items():
        if isinstance(value, dict | list):
            raise _wrong_shape(sources, [*path, "labels", label], "a text (settings go under 'config')")
        labels[label] = value or ""  # a null is rendered as a blank
    config = _map(sources, body, [*path, "config"])
    if isinstance(config.get("clusterSet"), dict | list):
        raise _wrong_shape(sources, [*path, "config", "clusterSet"], "the name of a cluster set")
    return Group(kind, name, labels, config)


def _map(sources: Sequence[SourceFile], parent: Mapping[str, Tree], path: list[str]) -> dict[str, Tree]:
    value = parent.get(path[-1])
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_shape(sources, path, "a map")
    return value


def _wrong_shape(sources: Sequence[SourceFile], path: Sequence[str], expected: str) -> InvalidInputError:
    return InvalidInputError(
        f"{place(sources, path)}: {'.'.join(path)} is not {expected}", "correct the values file"
    )


def place(sources: Sequence[SourceFile], path: Sequence[str]) -> str:
    """Say `FILE, line N` for the key at `path`: in the last file that has it, as that one won the merge."""
    for source in reversed(sources):
        if line := line_of(source, path):
            return f"{source.path}, line {line}"
    return few_paths(source.path for source in sources)


def _warnings(fleet: Fleet) -> Iterator[str]:
    names = sorted({group.name for group in fleet.sets()})
    for group in fleet.groups:
        for label, text in group.labels.items():
            if isinstance(text, Misread):
                yield (
                    f"label {label} of {group} is {text} without quotes, which Helm reads as {text.helm}; "
                    f"taken as '{text}': put it in quotes"
                )
        if group.kind != "cluster":
            continue
        named = group.config.get("clusterSet")
        if named and named not in names:
            yield (
                f"{group} belongs to set '{named}', which no file describes: only its own labels count; "
                "add the file of that set"
            )
        elif not named:
            whose = f"as a member of each set there is ({', '.join(names)})" if names else "by its own labels"
            yield f"{group} names no config.clusterSet: mirrored for {whose}; name its set"
