"""From values files to plan: read and merge them, collect what every cluster needs, and unite that."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from steps.autoshift.additional_images import FeatureImage, images_of
from steps.autoshift.bootstrap import channel_gaps, read_charts
from steps.autoshift.catalog_sources import CatalogNames
from steps.autoshift.fleet import SECTIONS, Fleet, FleetCluster, location, read_fleet
from steps.autoshift.installation import ARCHITECTURES, Installation, os_image_architectures
from steps.autoshift.listing import few, few_paths, sorted_names
from steps.autoshift.mistakes import find_mistakes, misspelled_labels
from steps.autoshift.near_booleans import labels_not_true
from steps.autoshift.operators import GITOPS, known_operators, release_of
from steps.autoshift.plan import AdditionalImage, FleetPlan, FoundCluster
from steps.autoshift.policies import read_policies
from steps.autoshift.release_channels import position_of
from steps.autoshift.releases import (
    FORMS,
    VERSION_LABEL,
    VersionRequest,
    parse_version_request,
    put_right,
    upgrade_defaults,
    upgraded_by_default,
    upgraded_inexactly,
    version_requests_of,
)
from steps.autoshift.requirements import packages_wanted
from steps.autoshift.subscriptions import OperatorRequest, SubscriptionReader
from steps.autoshift.union import unite
from steps.autoshift.update_paths import ReleaseChannels, release_channels
from steps.autoshift.values import read_values
from steps.errors import InvalidInputError
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from steps.catalog.packages import Catalog
    from steps.yaml.source import SourceFile

MISTAKES: Final = 3  # of the values, named where they may be the reason of an error

# Takes packages by the reference of their catalog; returns those catalogs that could be read, by reference.
ReadCatalogs: TypeAlias = "Callable[[Mapping[str, frozenset[str]]], Mapping[str, Catalog]]"
# A cluster, or cluster set, with the releases that are mirrored for it.
Requesting: TypeAlias = "tuple[FleetCluster, frozenset[VersionRequest]]"


class NoVersionError(InvalidInputError):
    """Neither a label nor the parameter names an OpenShift version."""


def plan_fleet(
    values: Sequence[SourceFile],
    policies: Sequence[SourceFile] = (),
    *,
    openshift_version: str | None = None,
    operators_only: bool = False,
    openshift_only: bool = False,
    version_origin: str = "",
    release_channel: str = "",
    catalog_names: CatalogNames | None = None,
    source_notes: tuple[str, ...] = (),
    read_catalogs: ReadCatalogs | None = None,
    clusters: Collection[str] = (),
    cluster_sets: Collection[str] = (),
) -> FleetPlan:
    """Plan what the fleet of `values` (merged in order) needs.

    `policies` are the files of the same checkout that `is_policy_file` picks. `openshift_version` (X.Y,
    X.Y.Z, a range, an update path) replaces the versions of the labels, and is required if no label has any.
    `operators_only` plans no release and needs only the minor; `openshift_only` plans releases alone.
    `version_origin` says where `openshift_version` comes from if not from the parameter, `release_channel` is
    the kind of its channel (`stable`, `eus` …). `catalog_names` are the names of CatalogSources that a person
    maps to catalogs, `source_notes` sentences about the choice of `values`. `read_catalogs` reads packages
    from their catalogs; for a catalog that it does not return, the built-in facts decide. `clusters` and
    `cluster_sets` are the names of those that are planned for; of none given, all.

    Raises InvalidInputError, with file and line where a file is to blame, and its subclass NoVersionError if
    no label and no parameter names an OpenShift version.
    """
    merged, value_warnings = read_values(values, SECTIONS)
    fleet = read_fleet(merged, values).only(clusters, cluster_sets)
    warnings = _Warnings()
    reader = _reader(fleet, values, policies, warnings.add, catalog_names)
    charts = read_charts(policies)
    misspelled = misspelled_labels(fleet, reader.policies)
    mistakes = find_mistakes(merged, fleet, values, reader.policies, misspelled)
    given = _given(openshift_version, release_channel, version_origin or "the parameter openshift-version")
    requesting = _with_version_requests(fleet, values, given, warnings)
    minors = _minors(requesting, values, mistakes, operators_only=operators_only)
    needs = _collect(requesting, minors, None if openshift_only else reader, fleet.excluded_policies)
    _warn_of_near_booleans(requesting, reader, warnings)
    architectures = {Installation.of(cluster).architecture for cluster, _ in requesting}
    _warn_of_os_images(requesting, architectures, warnings)
    openshift = ReleaseChannels(()) if operators_only else release_channels(needs.releases)
    wanted = packages_wanted(needs.operators)
    united = unite(needs.operators, read_catalogs(wanted) if wanted and read_catalogs else {})
    return FleetPlan(
        sources=tuple(source.path for source in values),
        source_notes=source_notes,
        clusters=_found(requesting),
        minors=tuple(sorted(minors, key=natural)),
        releases=openshift.releases,
        update_path=openshift.update_path,
        operators=united.operators,
        images=tuple(
            AdditionalImage(image, sorted_names(needs.images[image])) for image in sorted(needs.images)
        ),
        version_origin=version_origin,
        lacks=united.lacks,
        unchecked=united.unchecked,
        notes=(*([] if operators_only else _upgrades_without_way(requesting)), *united.notes),
        architectures=tuple(sorted(architectures)),
        warnings=(
            *value_warnings,
            *fleet.warnings,
            *mistakes,
            *warnings.texts(),
            *openshift.warnings,
            *united.warnings,
            *([] if openshift_only else channel_gaps(charts, united.operators)),
        ),
    )


@dataclass(frozen=True, slots=True)
class ClusterNeeds:
    """What a cluster, or the clusters of a set, need: releases and operators as the values name them.

    `by_default` are the labels of its upgrade that are missing, each with AutoShift's default, empty where it
    is not known;
    `inexact` is the version of that upgrade where it is no release X.Y.Z.
    `without_catalog` are labels of operators whose catalog nobody describes, `strange` labels that are 'true'
    and that nobody knows.
    """

    cluster: FleetCluster
    requests: frozenset[VersionRequest]
    operators: frozenset[OperatorRequest]
    architecture: str
    excluded_policies: frozenset[str]
    without_catalog: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    by_default: tuple[tuple[str, str], ...] = ()
    inexact: str = ""

    def images(self, minor: str) -> list[str]:
        """Return the references of the images that no catalog names, for an OpenShift minor."""
        return sorted({image.name for image in images_of(self.cluster, minor, self.excluded_policies)})


def cluster_needs(
    values: Sequence[SourceFile],
    policies: Sequence[SourceFile] = (),
    *,
    openshift_version: str = "",
    catalog_names: CatalogNames | None = None,
    warn: Callable[[str], None] = lambda _text: None,
) -> Iterator[ClusterNeeds]:
    """Yield what each cluster set needs, then each cluster: one whose set is not known once for each set.

    Nothing is united and nothing is added, as a plan does. The arguments are those of `plan_fleet`. `warn`
    takes what is wrong with the files, such as a key that stands there twice. Raises InvalidInputError.
    """
    merged, warnings = read_values(values, SECTIONS)
    for text in warnings:
        warn(text)
    fleet = read_fleet(merged, values)
    given = _given(openshift_version, "", "the parameter openshift-version")
    reader = _reader(fleet, values, policies, lambda _text, _cluster: None, catalog_names)
    defaults = upgrade_defaults(policies)
    for cluster in fleet.clusters():
        operators = reader.requests(cluster)
        yield ClusterNeeds(
            cluster=cluster,
            requests=given
            or version_requests_of(cluster, lambda cluster, label: _locate(values, cluster, label)),
            operators=operators,
            architecture=Installation.of(cluster).architecture,
            excluded_policies=fleet.excluded_policies,
            without_catalog=tuple(reader.without_catalog(cluster, operators)),
            strange=tuple(reader.strange(cluster)),
            by_default=upgraded_by_default(cluster, defaults),
            inexact="" if given else upgraded_inexactly(cluster),
        )


def _reader(
    fleet: Fleet,
    values: Sequence[SourceFile],
    policies: Sequence[SourceFile],
    warn: Callable[[str, FleetCluster], None],
    catalog_names: CatalogNames | None,
) -> SubscriptionReader:
    known = known_operators(*release_of(fleet.release, fleet.labels))
    installed = read_policies(policies).with_known(known, fleet.excluded_policies)
    return SubscriptionReader(
        policies=installed,
        hub_setup=read_charts(policies).get(GITOPS, known[GITOPS]),
        warn=warn,
        locate=lambda cluster, label: _locate(values, cluster, label),
        catalogs=catalog_names or CatalogNames(),
        misspelled=misspelled_labels(fleet, installed),
    )


@dataclass(slots=True)
class _Warnings:
    """Warnings by text, with the clusters that each is about: a thousand clusters make a single line."""

    clusters: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, text: str, cluster: FleetCluster) -> None:
        self.clusters[text].add(str(cluster.entry))

    def texts(self) -> list[str]:
        return [f"{few(names)}: {text}" for text, names in sorted(self.clusters.items())]


def _given(version: str | None, channel: str, origin: str) -> frozenset[VersionRequest]:
    """Return the request of the parameter, as a set; empty if it is not given."""
    try:
        return frozenset({put_right(parse_version_request(version, channel))[0]}) if version else frozenset()
    except ValueError as error:
        hint = f"give the parameter openshift-version: {FORMS}"
        raise InvalidInputError(f"{origin}: {error}", hint) from error


def _with_version_requests(
    fleet: Fleet, values: Sequence[SourceFile], given: frozenset[VersionRequest], warnings: _Warnings
) -> list[Requesting]:
    """Pair every cluster with the given releases or, without these, with those that it requests."""
    paired = []
    for cluster in fleet.clusters():
        requests = _requests_of(cluster, values, warnings, named=not given)
        if given:
            if replaced := requests - given:
                before, instead = (", ".join(sorted(map(str, versions))) for versions in (replaced, given))
                warnings.add(
                    f"the parameter openshift-version {instead} takes the place of {before}", cluster
                )
        elif not requests:
            warnings.add(
                f"no label {VERSION_LABEL}: its operators are mirrored for every minor found", cluster
            )
        paired.append((cluster, given or requests))
    return paired


def _requests_of(
    cluster: FleetCluster, values: Sequence[SourceFile], warnings: _Warnings, *, named: bool
) -> frozenset[VersionRequest]:
    """Return the releases that a cluster requests, in channels that have them.

    If the releases `named` are those that count, warn of channels that do not have them.
    """
    for text in Installation.of(cluster).warnings:
        warnings.add(text, cluster)
    requests = set()
    for written in version_requests_of(cluster, lambda cluster, label: _locate(values, cluster, label)):
        request, wrong = put_right(written)
        requests.add(request)
        if wrong and named:
            warnings.add(wrong, cluster)
    return frozenset(requests)


def _warn_of_near_booleans(
    clusters: Sequence[Requesting], reader: SubscriptionReader, warnings: _Warnings
) -> None:
    """Warn of labels that look like 'true'; of the labels of operators the reader warns."""
    for cluster, _requests in clusters:
        for label in labels_not_true(cluster.labels):
            if not reader.is_operator(cluster, label):
                text = f"label {label} is '{cluster.labels[label]}', not 'true': to AutoShift it is not set"
                warnings.add(f"{text}; write 'true'", cluster)


def _warn_of_os_images(clusters: Sequence[Requesting], architectures: set[str], warnings: _Warnings) -> None:
    """Warn of hubs that can create clusters of an architecture that no cluster has."""
    for cluster, _requests in clusters:
        for name in sorted(os_image_architectures(cluster)):
            if "multi" not in architectures and ARCHITECTURES.get(name) not in architectures:
                text = f"config.disconnected.osImages has images of {name}, and no cluster is of it"
                hint = "no release of it is mirrored; set config.clusterInstall.cpuArch of such a cluster"
                warnings.add(f"{text}: {hint}", cluster)


def _upgrades_without_way(clusters: Sequence[Requesting]) -> list[str]:
    """Return notes on sets and clusters that are upgraded, where no earlier minor is mirrored."""
    found = _Warnings()
    oldest = min(position_of(minor) for _, requests in clusters for one in requests for minor in one.minors)
    for cluster, requests in clusters:
        if cluster.labels.get("openshift-upgrade") != "true" or VERSION_LABEL not in cluster.entry.labels:
            continue
        for target in requests:
            if position_of(target.minors[0]) == oldest and not target.is_path:
                found.add(
                    f"openshift-upgrade leads to {target}; for clusters of an earlier minor, give parameter "
                    f"openshift-version=X.Y.Z-{target.high or target.minor}, which mirrors the way",
                    cluster,
                )
    return found.texts()


def _minors(
    clusters: Sequence[Requesting],
    values: Sequence[SourceFile],
    mistakes: Sequence[str],
    *,
    operators_only: bool,
) -> set[str]:
    """Return the OpenShift minors of all requests.

    Raises NoVersionError if there is none, with the mistakes in the values, of which one may be the reason.
    """
    minors = {minor for _, requests in clusters for request in requests for minor in request.minors}
    if not minors:
        purpose = "the catalogs" if operators_only else "the release and the catalogs"
        perhaps = "".join(f"; {mistake}" for mistake in mistakes[:MISTAKES])
        raise NoVersionError(
            f"{few_paths(source.path for source in values)}: no label {VERSION_LABEL}, "
            f"which decides {purpose}{perhaps}",
            f"give the parameter openshift-version: {FORMS}",
        )
    return minors


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a cluster or cluster set needs mirrored; operators with the minor of their catalog."""

    releases: frozenset[VersionRequest]
    operators: frozenset[tuple[str, OperatorRequest]] = frozenset()
    images: frozenset[FeatureImage] = frozenset()

    def without(self, other: _Needs) -> _Needs:
        """Return what `other` does not need."""
        return _Needs(
            self.releases - other.releases, self.operators - other.operators, self.images - other.images
        )


@dataclass(frozen=True, slots=True)
class _FleetNeeds:
    """What the whole fleet needs mirrored, each with the names of the clusters and sets that need it."""

    releases: dict[VersionRequest, set[str]] = field(default_factory=lambda: defaultdict(set))
    operators: dict[tuple[str, OperatorRequest], set[str]] = field(default_factory=lambda: defaultdict(set))
    images: dict[FeatureImage, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, needs: _Needs, name: str) -> None:
        """Add the needs of the cluster or set `name`."""
        for release in needs.releases:
            self.releases[release].add(name)
        for operator in needs.operators:
            self.operators[operator].add(name)
        for image in needs.images:
            self.images[image].add(name)


def _collect(
    clusters: Sequence[Requesting],
    minors: set[str],
    reader: SubscriptionReader | None,
    excluded_policies: frozenset[str],
) -> _FleetNeeds:
    """Collect the needs of all clusters; without a reader, only the releases.

    A cluster counts only for what its set does not need already.
    """
    collected = _FleetNeeds()
    of_sets: dict[str, _Needs] = {}
    for cluster, requests in clusters:
        needs = _needs(cluster, requests, minors, reader, excluded_policies)
        if cluster.cluster_set is None:
            of_sets[str(cluster.entry)] = needs
        elif planned := of_sets.get(str(cluster.cluster_set)):
            needs = needs.without(planned)
        collected.add(needs, str(cluster.entry))
    return collected


def _needs(
    cluster: FleetCluster,
    requests: frozenset[VersionRequest],
    minors: set[str],
    reader: SubscriptionReader | None,
    excluded_policies: frozenset[str],
) -> _Needs:
    """Return what a cluster needs; for the minors that it requests, or for all minors if it requests none."""
    if not reader:
        return _Needs(requests)
    own_minors = {minor for request in requests for minor in request.minors} or minors
    operators = reader.requests(cluster)
    return _Needs(
        releases=requests,
        operators=frozenset((minor, operator) for minor in own_minors for operator in operators),
        images=frozenset(
            image for minor in own_minors for image in images_of(cluster, minor, excluded_policies)
        ),
    )


def _locate(values: Sequence[SourceFile], cluster: FleetCluster, label: str) -> str:
    """Return file and line of a cluster's label: at the cluster itself, else at its set."""
    for entry in filter(None, (cluster.entry, cluster.cluster_set)):
        if label in entry.labels:
            return location(values, [*entry.path, "labels", label])
    return few_paths(source.path for source in values)


def _found(clusters: Sequence[Requesting]) -> tuple[FoundCluster, ...]:
    """List each cluster set and cluster once, in the order of the fleet."""
    sets: dict[str, list[str]] = defaultdict(list)
    requests_of: dict[str, set[VersionRequest]] = defaultdict(set)
    for cluster, requests in clusters:
        name = str(cluster.entry)
        sets[name] += [cluster.cluster_set.name] if cluster.cluster_set else []
        requests_of[name] |= requests
    entries = {str(cluster.entry): cluster.entry for cluster, _ in clusters}
    return tuple(
        FoundCluster(entry.kind, entry.name, tuple(sets[name]), tuple(sorted(requests_of[name])))
        for name, entry in entries.items()
    )
