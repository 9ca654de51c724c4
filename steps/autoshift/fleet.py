"""The fleet that the values files describe: cluster sets and clusters with their labels.

AutoShift renders `hubClusterSets`, `managedClusterSets` and `clusters` into ConfigMaps, and its policy
`cluster-labels` merges the labels of a cluster over those of its cluster set and drops blank ones
(policies/stable/cluster-labels/templates/policy-cluster-labels.yaml). This module reads the three maps;
`Fleet.clusters` yields every cluster set and every cluster with its effective labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from steps.autoshift.listing import few, few_paths
from steps.autoshift.spelling import nearest
from steps.autoshift.values import merge
from steps.errors import InvalidInputError
from steps.yaml.nodes import line_of
from steps.yaml.text import Misread, Tree

if TYPE_CHECKING:
    from collections.abc import Collection, ItemsView, Iterator, Sequence

    from steps.yaml.source import SourceFile

Kind = Literal["hub set", "managed set", "cluster"]
SECTIONS: Final[dict[str, Kind]] = {
    "hubClusterSets": "hub set",
    "managedClusterSets": "managed set",
    "clusters": "cluster",
}
TOP_KEYS: Final = (*SECTIONS, "excludePolicies")
_ENTRY_KEYS: Final = frozenset({"labels", "config"})  # what autoshift/templates read of an entry


@dataclass(frozen=True, slots=True)
class FleetEntry:
    """An entry of a section as written: a cluster set or a cluster. Blank labels are still in `labels`.

    `others` are its keys that AutoShift does not read.
    """

    kind: Kind
    name: str
    labels: Mapping[str, str]
    config: Mapping[str, Tree]
    others: tuple[str, ...] = ()

    @property
    def path(self) -> list[str]:
        """The keys that lead to it in a values file."""
        return [next(name for name, kind in SECTIONS.items() if kind == self.kind), self.name]

    def __str__(self) -> str:
        """Return kind and name: `hub set hub`, `cluster edge-1`."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class EffectiveLabels(Mapping[str, str]):
    """The labels that a cluster has: its `own` over those of its set (`inherited`), without blank ones.

    They are not put together: a fleet may have ten thousand clusters with two hundred labels each.
    """

    own: Mapping[str, str]
    inherited: Mapping[str, str]

    def __getitem__(self, label: str) -> str:
        """Return the text of a label; a blank one hides that of the set."""
        text = self.own[label] if label in self.own else self.inherited[label]
        if not text:
            raise KeyError(label)
        return text

    def get(self, label: str, default: Any = None) -> Any:
        """Return the text of a label, or the default."""
        text = self.own.get(label)
        if text is None:
            text = self.inherited.get(label)
        return text or default

    def __iter__(self) -> Iterator[str]:
        """Give the labels of the set, then those of the cluster alone."""
        return (label for label in self._merged() if self.get(label))

    def __len__(self) -> int:
        """Count them."""
        return sum(1 for _ in self)

    def items(self) -> ItemsView[str, str]:
        """Return the labels with their texts."""
        return {label: text for label, text in self._merged().items() if text}.items()

    def _merged(self) -> dict[str, str]:
        return {**self.inherited, **self.own}


@dataclass(frozen=True, slots=True)
class FleetCluster:
    """A cluster with its effective labels and config; or a cluster set, for the clusters that belong to it.

    `cluster_set` is the set that a cluster takes its labels from; None for a set, and for a cluster without
    one.
    """

    entry: FleetEntry
    is_hub: bool
    labels: Mapping[str, str]
    config: Mapping[str, Tree]
    cluster_set: FleetEntry | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All entries, the folders of excluded policies, and warnings about the values.

    `entries` are in the order of SECTIONS, the sets before the clusters, and by name.
    `release` is the release or branch of AutoShift that the values name; blank if they name none. `chosen`
    are kinds and names of the sets and clusters that count; where it is empty, all do.
    """

    entries: tuple[FleetEntry, ...]
    excluded_policies: frozenset[str]
    release: str = ""
    warnings: tuple[str, ...] = field(default=())
    chosen: frozenset[str] = frozenset()

    @property
    def labels(self) -> frozenset[str]:
        """All labels, whatever they say."""
        return frozenset(label for entry in self.entries for label in entry.labels)

    def cluster_sets(self) -> list[FleetEntry]:
        """Return the cluster sets, hub sets first."""
        return list(takewhile(lambda entry: entry.kind != "cluster", self.entries))

    def only(self, clusters: Collection[str], cluster_sets: Collection[str]) -> Fleet:
        """Return the fleet of which only these clusters and cluster sets count; of none given, all.

        Raises InvalidInputError for a name that no cluster, or no set, has.
        """
        known_sets = self.cluster_sets()
        return replace(
            self,
            chosen=_named(cluster_sets, known_sets, "cluster-sets")
            | _named(clusters, self.entries[len(known_sets) :], "clusters"),
        )

    def clusters(self) -> Iterator[FleetCluster]:
        """Yield every cluster set, then every cluster, as far as they are `chosen`.

        A set is chosen with all its clusters. A cluster whose set is not known comes once for each set that
        it may belong to.
        """
        for cluster in self._all():
            if not self.chosen or not self.chosen.isdisjoint(map(str, (cluster.entry, cluster.cluster_set))):
                yield cluster

    def _all(self) -> Iterator[FleetCluster]:
        cluster_sets = self.cluster_sets()
        for entry in cluster_sets:
            yield FleetCluster(
                entry, entry.kind == "hub set", EffectiveLabels(entry.labels, {}), entry.config
            )
        for entry in self.entries[len(cluster_sets) :]:
            possible: list[FleetEntry | None] = [*self.sets_of(entry)]
            for cluster_set in possible or [None]:
                yield _cluster(entry, cluster_set)

    def sets_of(self, cluster: FleetEntry) -> list[FleetEntry]:
        """Return the sets that a cluster may take labels from: the one it names, else all of them.

        A cluster that names no set is put into one in ACM, which the files do not tell. If no file has the
        named set, the list is empty, and the cluster has its own labels only.
        """
        named = cluster.config.get("clusterSet")
        return [entry for entry in self.cluster_sets() if not named or entry.name == named]


def _named(names: Collection[str], entries: Sequence[FleetEntry], parameter: str) -> frozenset[str]:
    """Return kinds and names of those with these names, which a parameter gives. Raises InvalidInputError."""
    known = {entry.name for entry in entries}
    if unknown := sorted({*names} - known):
        near = nearest(unknown[0], known)
        there = f"there are: {few(known)}" if known else "there are none"
        raise InvalidInputError(
            f"the parameter {parameter} names {few(unknown)}, which no values file has",
            f"did you mean '{near}'?" if near else there,
        )
    return frozenset(str(entry) for entry in entries if entry.name in names)


def read_fleet(values: Mapping[str, Tree], sources: Sequence[SourceFile]) -> Fleet:
    """Read the fleet from merged values; `sources` serve to name file and line in errors.

    Raises InvalidInputError if a section, set, cluster or label has the wrong shape, stands where AutoShift
    does not read it, or has nearly the name of another; and if there is no entry.
    """
    _refuse_misspelled_sections(values, sources)
    entries = [
        _entry(sources, section, kind, name, body)
        for section, kind in SECTIONS.items()
        for name, body in sorted(_map(sources, values, [section]).items())
    ]
    if not entries:
        named = few_paths(source.path for source in sources) or "no file"
        alike = [key for key, value in values.items() if looks_like_sets(value)]
        instead = f", but {few_paths(alike)}" if alike else ""
        raise InvalidInputError(
            f"{named}: no cluster set and no cluster ({', '.join(SECTIONS)}){instead}",
            "add the files of the cluster sets to values-file-path, separated by commas",
        )
    excluded = values.get("excludePolicies") or []
    if not isinstance(excluded, list) or not all(isinstance(name, str) for name in excluded):
        raise _wrong_shape(sources, ["excludePolicies"], "a list of policy folder names")
    excluded_folders = frozenset(str(name).rpartition("/")[2] for name in excluded)
    fleet = Fleet(tuple(entries), excluded_folders, _release(values))
    return replace(fleet, warnings=tuple(_warnings(fleet)))


def _refuse_misspelled_sections(values: Mapping[str, Tree], sources: Sequence[SourceFile]) -> None:
    """Refuse a section whose name is misspelled, and labels above all sets: AutoShift reads neither."""
    for key in values:
        if key == "labels":
            hint = "write labels below the name of a set or cluster: hubClusterSets.NAME.labels"
        elif near := _section_meant(key, values[key]):
            hint = f"did you mean '{near}'?"
        else:
            continue
        raise InvalidInputError(
            f"{location(sources, [key])}: '{key}' stands where AutoShift does not read it", hint
        )


def _release(values: Mapping[str, Tree]) -> str:
    """Return the release or branch of AutoShift that Argo CD takes, as values name it.

    That is autoshiftOciVersion, or without it autoshiftGitBranchTag (autoshift/values/global.yaml,
    autoshift/templates/autoshift-app-set.yaml).
    """
    named = (values.get(key) for key in ("autoshiftOciVersion", "autoshiftGitBranchTag"))
    return next((text for text in named if isinstance(text, str) and text), "")


def _section_meant(key: str, value: Tree) -> str | None:
    """Return the section whose name a key nearly has; `cluster` is a common word, so its value decides."""
    near = "excludePolicies" if key == "excludePolicy" else nearest(key, TOP_KEYS)
    bodies = value.values() if isinstance(value, dict) else ()
    if near == "clusters" and not any(
        isinstance(body, dict) and _ENTRY_KEYS & body.keys() for body in bodies
    ):
        return None
    return near


def looks_like_sets(value: Tree) -> bool:
    """Tell whether a value is a map of maps with labels, as the sections are."""
    bodies = [body for body in value.values() if isinstance(body, dict)] if isinstance(value, dict) else []
    return bool(bodies) and all(isinstance(body.get("labels"), dict) for body in bodies)


def location(sources: Sequence[SourceFile], path: Sequence[str]) -> str:
    """Return `FILE, line N` of the key at `path`, in the last file that has it: that file won the merge."""
    for source in reversed(sources):
        if line := line_of(source, path):
            return f"{source.path}, line {line}"
    return few_paths(source.path for source in sources)


def _cluster(entry: FleetEntry, cluster_set: FleetEntry | None) -> FleetCluster:
    """Merge a cluster over its set."""
    if cluster_set is None:
        return FleetCluster(
            entry, is_hub=False, labels=EffectiveLabels(entry.labels, {}), config=entry.config
        )
    return FleetCluster(
        entry=entry,
        is_hub=cluster_set.kind == "hub set",
        labels=EffectiveLabels(entry.labels, cluster_set.labels),
        config=merge(dict(cluster_set.config), dict(entry.config)),
        cluster_set=cluster_set,
    )


def _entry(sources: Sequence[SourceFile], section: str, kind: Kind, name: str, body: Tree) -> FleetEntry:
    path = [section, name]
    if body is not None and not isinstance(body, dict):
        raise _wrong_shape(sources, path, "a map with 'labels' and 'config'")
    body = body or {}
    others = tuple(key for key in body if key not in _ENTRY_KEYS)
    _refuse_misplaced(sources, path, body, others)
    labels = _labels(sources, _map(sources, body, [*path, "labels"]), [*path, "labels"])
    config = _map(sources, body, [*path, "config"])
    if isinstance(config.get("clusterSet"), dict | list):
        raise _wrong_shape(sources, [*path, "config", "clusterSet"], "the name of a cluster set")
    return FleetEntry(kind, name, labels, config, others)


def _labels(sources: Sequence[SourceFile], written: Mapping[str, Tree], path: list[str]) -> Mapping[str, str]:
    """Return the labels as texts; a null is a blank."""
    for label, value in written.items():
        if isinstance(value, dict | list):
            raise _wrong_shape(sources, [*path, label], "a text (settings go under 'config')")
    if all(written.values()):
        return cast("Mapping[str, str]", written)  # as it is: a copy for each cluster would take memory
    return {label: str(value or "") for label, value in written.items()}


def _refuse_misplaced(
    sources: Sequence[SourceFile], path: Sequence[str], body: Mapping[str, Tree], others: Sequence[str]
) -> None:
    """Refuse a set or cluster whose labels AutoShift would pass over: misspelled, or not below `labels`."""
    for key in others:
        if nearest(key, ("labels",)) and "labels" not in body:
            raise InvalidInputError(
                f"{location(sources, [*path, key])}: {'.'.join(path)} has '{key}', which AutoShift does not "
                "read",
                "did you mean 'labels'?",
            )
    if others and len(others) == len(body) and not any(isinstance(value, dict) for value in body.values()):
        what = f"{'.'.join(path)} has no 'labels' but {', '.join(others[:3])}, which AutoShift does not read"
        hint = (
            "indent 'labels' to stand below the name of its set or cluster"
            if path[-1] in {"labels", "config"}
            else f"write these below {path[-1]}.labels"
        )
        raise InvalidInputError(f"{location(sources, [*path, others[0]])}: {what}", hint)


def _map(sources: Sequence[SourceFile], parent: Mapping[str, Tree], path: list[str]) -> dict[str, Tree]:
    """Return the map at the last key of `path` in `parent`, empty if it is missing or null."""
    value = parent.get(path[-1])
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_shape(sources, path, "a map")
    return value


def _wrong_shape(sources: Sequence[SourceFile], path: Sequence[str], expected: str) -> InvalidInputError:
    return InvalidInputError(
        f"{location(sources, path)}: {'.'.join(path)} is not {expected}", "correct the values file"
    )


def _warnings(fleet: Fleet) -> Iterator[str]:
    """Yield warnings of labels that Helm reads otherwise, and of clusters whose set is not known."""
    names = sorted({entry.name for entry in fleet.cluster_sets()})
    for entry in fleet.entries:
        for label, text in entry.labels.items():
            if isinstance(text, Misread):
                yield (
                    f"label {label} of {entry} is {text} without quotes, which Helm reads as {text.helm}; "
                    f"taken as '{text}': put it in quotes"
                )
        if entry.kind != "cluster":
            continue
        named = entry.config.get("clusterSet")
        if named and named not in names:
            yield (
                f"{entry} belongs to set '{named}', which no file describes: only its own labels count; "
                "add the file of that set"
            )
        elif not named:
            whose = f"as a member of each set there is ({', '.join(names)})" if names else "by its own labels"
            yield f"{entry} names no config.clusterSet: mirrored for {whose}; name its set"
