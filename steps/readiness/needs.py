"""What each cluster of a fleet needs: the release that it shall run, what runs now, operators, images (pure).

Equal needs are one object: a thousand clusters of five sets are judged five times, or as often as what runs
in them differs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.autoshift.catalog_sources import INDEXES, catalogs_of_block
from steps.autoshift.fleet import EffectiveLabels, FleetCluster, FleetEntry
from steps.autoshift.release_channels import minor_at, minor_of, position_of
from steps.autoshift.releases import MOST_MINORS
from steps.versions import precedence
from steps.yaml.text import text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from steps.autoshift.planning import ClusterNeeds
    from steps.autoshift.releases import VersionRequest
    from steps.autoshift.subscriptions import OperatorRequest

SHOWN: Final = 5
"""Packages that a sentence names."""
DISCONNECTED: Final = "disconnected-mirror"
"""The label by which AutoShift goes by the block `config.disconnected`."""
HUB: Final = "the hub"
FORMER: Final = "the former values"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCluster:
    """What the hub knows of a cluster; what it does not know is empty.

    `doubt` says why the version is not known. `operators` are the names of installed ClusterServiceVersions,
    by package.
    """

    name: str
    version: str = ""
    doubt: str = ""
    cluster_set: str = ""
    operators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a cluster needs of a mirror.

    `target` is the release that it shall run, None where the values name none; `also` are further
    releases, such as the one that it is installed with. `current` runs now, empty where that is not
    known; `doubt` says why not. `installed` are pairs of package and ClusterServiceVersion, as far as
    they are known; `knows_operators` tells whether somebody said which are installed. `images` are
    references that no catalog names. `without_catalog` and `strange` are labels that ask for something
    that nobody can look for; `by_default` those of its upgrade that are missing, so that AutoShift takes
    its own defaults, and `inexact` the version that AutoShift upgrades to where it is no release X.Y.Z.
    `block` are pairs of source and place of the catalogs in `config.disconnected`, None where AutoShift
    does not go by it. `mirrors` and `tag_mirrors` are pairs of source and mirror that AutoShift makes
    mirror sets of, by that block. `sources` are pairs of the label of an operator and the CatalogSource
    that its label `-source` names.
    """

    target: VersionRequest | None
    also: tuple[VersionRequest, ...]
    current: str
    architecture: str
    operators: frozenset[OperatorRequest]
    installed: tuple[tuple[str, str], ...]
    knows_operators: bool
    images: tuple[str, ...]
    without_catalog: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    by_default: tuple[tuple[str, str], ...] = ()
    inexact: str = ""
    doubt: str = ""
    block: tuple[tuple[str, str], ...] | None = None
    sources: tuple[tuple[str, str], ...] = ()
    mirrors: tuple[tuple[str, str], ...] = ()
    tag_mirrors: tuple[tuple[str, str], ...] = ()

    @property
    def minor(self) -> str:
        """The minor whose catalogs its operators come from; empty where it is not known."""
        if self.target:
            return self.target.minor
        return minor_of(self.current) if self.current else ""

    @property
    def minors(self) -> tuple[str, ...]:
        """The minors whose catalogs tell something: its own, and back to that of what runs now."""
        before = minor_of(self.current) if self.current else ""
        if not self.minor or not before:
            return tuple(filter(None, (self.minor or before,)))
        own, first = position_of(self.minor), position_of(before)
        if before.partition(".")[0] != self.minor.partition(".")[0] or own - first > MOST_MINORS:
            return (self.minor, before)
        return tuple(minor_at(position) for position in range(own, first - 1, -1)) or (self.minor, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNeed:
    """A cluster, or a set whose clusters nobody names, with what it needs.

    `kind` is as in the values. There are several `alternatives` where it is not known which of the `sets` it
    belongs to. `registry` is the mirror that its values name, empty for none. `told_by` says who knows what
    runs now.
    """

    name: str
    kind: str
    sets: tuple[str, ...]
    alternatives: tuple[Needs, ...]
    registry: str = ""
    told_by: str = ""

    @property
    def current(self) -> str:
        """What runs now; empty where that is not known."""
        return self.alternatives[0].current


def fleet_needs(
    found: Iterable[ClusterNeeds],
    *,
    hub: Sequence[HubCluster] | None = None,
    former: Mapping[str, str] | None = None,
) -> list[ClusterNeed]:
    """Return the needs of each cluster, by name, the hub's own sets first.

    `hub` are the clusters that a hub knows, None without one. `former` are the releases that the values named
    before, by kind and name (`cluster edge-1`), as far as they were single ones.

    A set stands for its clusters only where neither values nor hub name any of them. A cluster of a set of
    the hub and of a set of the same name is judged as a member of both.
    """
    known = {cluster.name: cluster for cluster in hub or ()}
    of_sets: dict[str, list[ClusterNeeds]] = defaultdict(list)
    of_clusters: dict[str, list[ClusterNeeds]] = defaultdict(list)
    for one in found:
        entry = one.cluster.entry
        if entry.kind == "cluster":
            of_clusters[entry.name].append(one)
        else:
            of_sets[entry.name].append(one)
    maker = _Maker(former, asks_hub=hub is not None)
    rows = [
        maker.row(name, _possible(needs, known.get(name)), known.get(name))
        for name, needs in of_clusters.items()
    ]
    for cluster in known.values():
        members = [_member(one, cluster.name) for one in of_sets.get(cluster.cluster_set, ())]
        if cluster.name not in of_clusters and members:
            rows.append(maker.row(cluster.name, members, cluster))
    if hub is None:
        named = {
            needs.cluster.cluster_set.name
            for many in of_clusters.values()
            for needs in many
            if needs.cluster.cluster_set
        }
        unnamed = [(name, one) for name, many in of_sets.items() if name not in named for one in many]
        rows += [maker.row(name, [one], None) for name, one in unnamed]
    order = {"hub set": 0, "managed set": 1, "cluster": 2}
    return sorted(rows, key=lambda row: (order[row.kind], row.name))


def unmanaged(found: Iterable[ClusterNeeds], hub: Iterable[HubCluster]) -> list[str]:
    """Return the names of the hub's clusters that the values say nothing of."""
    entries = [one.cluster.entry for one in found]
    clusters = {entry.name for entry in entries if entry.kind == "cluster"}
    sets = {entry.name for entry in entries if entry.kind != "cluster"}
    return sorted(one.name for one in hub if one.name not in clusters and one.cluster_set not in sets)


def unasked(rows: Iterable[ClusterNeed], hub: Iterable[HubCluster]) -> list[str]:
    """Return a sentence about installed operators that no values ask for, of which a name may be wrong."""
    asked = {operator.package for one in distinct(rows) for operator in one.operators}
    others = sorted({package for cluster in hub for package in cluster.operators} - asked)
    if not others:
        return []
    return [f"the hub names installed operators that no values ask for: {units.few(others, SHOWN)}"]


def moving(rows: Iterable[ClusterNeed], hub: Iterable[HubCluster]) -> list[str]:
    """Return sentences about clusters that are in another set on the hub than in the values."""
    sets = {one.name: one.cluster_set for one in hub if one.cluster_set}
    return [
        f"cluster {row.name} is in set {sets[row.name]} on the hub and judged in {row.sets[0]} of the values"
        for row in rows
        if row.kind == "cluster" and len(row.sets) == 1 and sets.get(row.name, row.sets[0]) != row.sets[0]
    ]


def former_releases(found: Iterable[ClusterNeeds]) -> dict[str, str]:
    """Return the release that earlier values name for each cluster and set, where it is a single one."""
    releases: dict[str, set[str]] = defaultdict(set)
    for one in found:
        target, _also = _targets(one.requests)
        releases[str(one.cluster.entry)].add(target.high if target and target.is_single else "")
    return {name: versions.pop() for name, versions in releases.items() if len(versions) == 1}


@dataclass(slots=True)
class _Maker:
    """Makes rows whose equal needs are the same object."""

    former: Mapping[str, str] | None
    asks_hub: bool
    _known: dict[Needs, Needs] = field(default_factory=dict)

    def row(self, name: str, found: Sequence[ClusterNeeds], hub: HubCluster | None) -> ClusterNeed:
        kind = found[0].cluster.entry.kind
        current = hub.version if hub else ""
        told_by = HUB if current else ""
        if not current:
            current = (self.former or {}).get(str(found[0].cluster.entry), "")
            told_by = FORMER if current else ""
        doubt = "" if current else self._doubt(hub)
        registries = {_registry(one.cluster) for one in found}
        return ClusterNeed(
            name=name,
            kind=kind,
            sets=tuple(one.cluster.cluster_set.name for one in found if one.cluster.cluster_set),
            alternatives=tuple(self._shared(one, current, hub, doubt) for one in found),
            registry=registries.pop() if len(registries) == 1 else "",
            told_by=told_by,
        )

    def _doubt(self, hub: HubCluster | None) -> str:
        """Return why it is not known what runs; empty where nobody was asked."""
        if hub:
            return hub.doubt
        said = "the hub does not know it" if self.asks_hub else ""
        former = "" if self.former is None else "the former values name no single release for it"
        return ", and ".join(filter(None, (said, former)))

    def _shared(self, found: ClusterNeeds, current: str, hub: HubCluster | None, doubt: str) -> Needs:
        target, also = _targets(found.requests)
        minor = target.minor if target else minor_of(current) if current else ""
        packages = {operator.package for operator in found.operators}
        known = hub.operators if hub else {}
        needs = Needs(
            target=target,
            also=also,
            current=current,
            architecture=found.architecture,
            operators=found.operators,
            installed=tuple(sorted((name, csv) for name, csv in known.items() if name in packages)),
            knows_operators=bool(known),
            images=tuple(found.images(minor)) if minor else (),
            without_catalog=found.without_catalog,
            strange=found.strange,
            by_default=found.by_default,
            inexact=found.inexact,
            doubt=doubt,
            block=_block(found.cluster),
            sources=tuple(sorted(_sources(found))),
            mirrors=_mirrors(found.cluster, "mirrors"),
            tag_mirrors=_mirrors(found.cluster, "tagMirrors"),
        )
        return self._known.setdefault(needs, needs)


def _targets(
    requests: Iterable[VersionRequest],
) -> tuple[VersionRequest | None, tuple[VersionRequest, ...]]:
    """Return the latest of the requested releases, and the others."""
    ordered = sorted(
        requests, key=lambda one: (position_of(one.minor), precedence(one.high or "99999.0.0"), one)
    )
    return (ordered[-1], tuple(ordered[:-1])) if ordered else (None, ())


def _possible(found: Sequence[ClusterNeeds], hub: HubCluster | None) -> Sequence[ClusterNeeds]:
    """Return the needs of a cluster in the set that the hub says it is in, if it says so."""
    named = [
        one
        for one in found
        if hub and one.cluster.cluster_set and one.cluster.cluster_set.name == hub.cluster_set
    ]
    return named or found


def _member(needs: ClusterNeeds, name: str) -> ClusterNeeds:
    """Return the needs of a cluster that no file names, as a member of a set."""
    cluster = needs.cluster
    entry = FleetEntry("cluster", name, {}, {})
    labels = EffectiveLabels({}, cluster.entry.labels)
    member = FleetCluster(entry, cluster.is_hub, labels, cluster.config, cluster.entry)
    return replace(needs, cluster=member)


def _block(cluster: FleetCluster) -> tuple[tuple[str, str], ...] | None:
    """Return the catalogs that AutoShift makes CatalogSources of, None where it takes those of OpenShift."""
    if cluster.labels.get(DISCONNECTED) != "true":
        return None
    return tuple(sorted(catalogs_of_block(cluster.config).items()))


def _mirrors(cluster: FleetCluster, key: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of source and mirror that AutoShift makes a mirror set of; none where it does not."""
    listed = _mirror_registry(cluster).get(key)
    if cluster.labels.get(DISCONNECTED) != "true" or not isinstance(listed, list):
        return ()
    pairs = [(text_at(one, "source"), text_at(one, "mirror")) for one in listed if isinstance(one, dict)]
    return tuple(pair for pair in pairs if all(pair))


def _sources(found: ClusterNeeds) -> Iterator[tuple[str, str]]:
    """Yield the labels of operators with the CatalogSource that they name, unless it is one of OpenShift."""
    for label in {operator.label for operator in found.operators}:
        name = found.cluster.labels.get(f"{label}-source")
        if name and name not in INDEXES:
            yield label, name


def _registry(cluster: FleetCluster) -> str:
    """Return the mirror registry that a cluster's values name: HOST[:PORT][/PATH], empty for none."""
    registry = _mirror_registry(cluster)
    if not text_at(registry, "host"):
        return ""
    return "/".join(filter(None, (text_at(registry, "host"), text_at(registry, "path").strip("/"))))


def _mirror_registry(cluster: FleetCluster) -> dict[str, Any]:
    """Return `config.disconnected.mirrorRegistry` of a cluster; empty where it is no map."""
    disconnected = cluster.config.get("disconnected")
    registry = disconnected.get("mirrorRegistry") if isinstance(disconnected, dict) else None
    return registry if isinstance(registry, dict) else {}


def distinct(rows: Iterable[ClusterNeed]) -> Iterator[Needs]:
    """Yield every need once."""
    yield from dict.fromkeys(needs for row in rows for needs in row.alternatives)
